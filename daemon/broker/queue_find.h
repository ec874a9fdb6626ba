#pragma once

/*
 * Queue find: the queues that there are, by name. A queue is there when it has
 * settings or jobs, ended ones among them; `default` always is. Whoever asks by
 * name finds `callbacks`, too, and what the configuration names.
 */

#include "daemon/broker/reader.h"

struct call;

struct queue_find {
	struct read_request request;
	struct call *call;
	struct arena answer;
	struct slice name; /* n 0: all */
	bool with_oldest;  /* asked for oldest_ms */
	void (*found)(struct queue_find *find);
	size_t step_at;
	/* For found(), sorted by name; they live until it returns. */
	struct slice *names;
	int64_t (*counts)[STATE_COUNT];
	int64_t *oldest_ms; /* 0: nothing is ready */
	size_t name_count;
};

/**
 * queue_find_start() - ask the store, then call found()
 * @find:	zeroed but for with_oldest, in the call's arena
 * @name:	one queue, copied; n 0: all
 *
 * Without such a queue the call is answered with NoSuchQueue, and with an error
 * too when the store cannot be asked; found() is not called then.
 */
void queue_find_start(struct call *call, struct queue_find *find,
		      struct slice name,
		      void (*found)(struct queue_find *find));
