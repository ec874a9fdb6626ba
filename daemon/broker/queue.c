#include "daemon/broker/queue.h"

#include <errno.h>

#include "proto/limits.h"

bool queue_name_good(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return false;
	}
	return name.n > 0 && name.n <= LIMIT_NAME_BYTES;
}

static void drop(struct queues *queues, struct queue *queue)
{
	if (queue->set.overflow == STORE_OVERFLOW_BLOCK)
		queues->blocking--;
	HASH_DEL(queues->by_name, queue);
	queues->count--;
	free(queue->callbacks);
	free(queue);
}

void queues_fini(struct queues *queues)
{
	struct queue *queue, *next;

	HASH_ITER (hh, queues->by_name, queue, next)
		drop(queues, queue);
}

struct queue *queue_find(const struct queues *queues, struct slice name)
{
	struct queue *queue = NULL;

	if (name.n)
		HASH_FIND(hh, queues->by_name, name.p, name.n, queue);
	return queue;
}

struct store_queue queue_settings(const struct queues *queues,
				  struct slice name)
{
	const struct queue *queue = queue_find(queues, name);
	struct store_queue none = {.name = name};

	return queue ? queue->set : none;
}

static bool is_plain(const struct store_queue *set)
{
	return !set->paused && !set->max_length &&
	       set->overflow == STORE_OVERFLOW_REJECT && !set->callbacks.n;
}

static int add(struct queues *queues, struct slice name, struct queue **ret)
{
	struct queue *queue;

	if (queues->count >= LIMIT_LANES)
		return QUEUE_E_TOO_MANY;
	queue = calloc(1, sizeof(*queue) + name.n + 1);
	if (!queue)
		return -ENOMEM;
	memcpy(queue->text, name.p, name.n);
	queue->set.name = (struct slice){queue->text, name.n};
	HASH_ADD_KEYPTR(hh, queues->by_name, queue->text, name.n, queue);
	queues->count++;
	*ret = queue;
	return 0;
}

/* Who sets something else has what is there in @text: it stays. */
static int take_callbacks(struct queue *queue, struct slice text)
{
	char *copy = NULL;

	if (text.p == queue->callbacks)
		return 0;
	if (text.n) {
		copy = strndup(text.p, text.n);
		if (!copy)
			return -ENOMEM;
	}
	free(queue->callbacks);
	queue->callbacks = copy;
	queue->set.callbacks = (struct slice){copy, copy ? text.n : 0};
	return 0;
}

int queue_set(struct queues *queues, const struct store_queue *set)
{
	struct queue *queue = queue_find(queues, set->name);
	int r;

	if (is_plain(set)) {
		if (queue)
			drop(queues, queue);
		return 0;
	}
	if (!queue) {
		r = add(queues, set->name, &queue);
		if (r)
			return r;
	}
	r = take_callbacks(queue, set->callbacks);
	if (r)
		return r;
	queues->blocking += set->overflow == STORE_OVERFLOW_BLOCK;
	queues->blocking -= queue->set.overflow == STORE_OVERFLOW_BLOCK;
	queue->set.paused = set->paused;
	queue->set.max_length = set->max_length;
	queue->set.overflow = set->overflow;
	return 0;
}
