#include "daemon/broker/queue_file.h"

#include <errno.h>

#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"

int queue_file_set(struct broker *broker, const struct store_queue *set)
{
	struct batch *batch = broker->gathering;
	struct store_queue copy;
	size_t i;

	if (batch_add_queue(batch, set->name, &i))
		return -ENOMEM;
	copy = *set;
	copy.name = batch->store.queues[i].name;
	if (copy.callbacks.n &&
	    arena_copy(&batch->arena, copy.callbacks, &copy.callbacks)) {
		batch->store.queue_count--;
		return -ENOMEM;
	}
	batch->store.queues[i] = copy;
	lanes_pause(&broker->lanes, copy.name, copy.paused);
	return queue_set(&broker->queues, set);
}

static void take_one(struct broker *broker, const struct job_defaults *one)
{
	struct slice name = slice_of(one->queue);
	struct store_queue before = queue_settings(&broker->queues, name),
			   set = before;

	if (one->max_length >= 0)
		set.max_length = one->max_length;
	if (one->overflow >= 0)
		set.overflow = one->overflow ? STORE_OVERFLOW_BLOCK
					     : STORE_OVERFLOW_REJECT;
	if (set.max_length == before.max_length &&
	    set.overflow == before.overflow)
		return;
	set.name = name;
	if (queue_file_set(broker, &set))
		log_error("a queue is not as the configuration says: too many "
			  "have settings, or no memory queue=%s",
			  one->queue);
}

void queue_file_take(struct broker *broker)
{
	const struct defaults_config *config = &broker->defaults.config;

	/* Before it, a paused queue would be written as one that is not. */
	if (!broker->queues.loaded)
		return;
	for (size_t i = 1; i < config->count; i++)
		take_one(broker, &config->list[i]);
	cycle_kick(broker);
}

const char *queue_file_holds(const struct broker *broker, struct slice name,
			     bool length, bool overflow)
{
	const struct job_defaults *one = defaults_find(&broker->defaults, name);

	if (length && one->max_length >= 0)
		return "max_length";
	return overflow && one->overflow >= 0 ? "overflow" : NULL;
}
