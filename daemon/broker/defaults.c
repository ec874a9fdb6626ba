#include "daemon/broker/defaults.h"

#include <errno.h>

#include "proto/retry.h"

static const struct job_defaults built_in = {
	.timeout_ms = -1,
	.grace_ms = -1,
	.crash_limit = -1,
	.max_attempts = 1,
	.backoff_ms = RETRY_BACKOFF_MS_DEFAULT,
	.backoff_max_ms = RETRY_BACKOFF_MAX_MS_DEFAULT,
	.jitter = RETRY_JITTER_DEFAULT,
	.cause_bits = RETRY_CAUSES_DEFAULT,
	.max_length = -1,
	.overflow = -1,
};

void defaults_fini(struct defaults *defaults)
{
	HASH_CLEAR(hh, defaults->by_name);
	free(defaults->queues);
	free(defaults->config.list);
	*defaults = (struct defaults){0};
}

int defaults_take(struct defaults *defaults, struct defaults_config *config)
{
	struct defaults new = {.config = *config};

	require(config->count > 0);
	new.queues = calloc(config->count, sizeof(*new.queues));
	if (!new.queues)
		return -ENOMEM;
	for (size_t i = 1; i < config->count; i++) {
		struct defaults_queue *queue = &new.queues[i];

		queue->is = &config->list[i];
		HASH_ADD_KEYPTR(hh, new.by_name, queue->is->queue,
				strlen(queue->is->queue), queue);
	}
	defaults_fini(defaults);
	*defaults = new;
	*config = (struct defaults_config){0};
	return 0;
}

const struct job_defaults *defaults_find(const struct defaults *defaults,
					 struct slice queue)
{
	struct defaults_queue *found = NULL;

	if (!defaults->config.count)
		return &built_in;
	if (defaults->by_name && queue.n)
		HASH_FIND(hh, defaults->by_name, queue.p, queue.n, found);
	return found ? found->is : &defaults->config.list[0];
}
