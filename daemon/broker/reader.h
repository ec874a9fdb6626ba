#pragma once

/*
 * Reader: the one thread that answers queries from the database, in short steps
 * without an open transaction. A request that is not done after its step goes to
 * the end of the line: nobody waits behind a big one.
 */

#include <event2/event.h>
#include <pthread.h>
#include <sys/queue.h>

#include "daemon/store/store.h"

#define READER_AGAIN 1

struct read_request {
	TAILQ_ENTRY(read_request) link;
	/* In the thread. 0: done; READER_AGAIN: another step; negative errno. */
	int (*step)(struct store *store, struct read_request *request);
	/* In the loop, once, with the last result. */
	void (*done)(struct read_request *request, int result);
	int result;
};
TAILQ_HEAD(read_requests, read_request);

struct reader {
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct read_requests todo, done; /* under lock */
	bool stop;			 /* under lock */
	int done_fd;
	int failed; /* the loop's: STORE_E_CORRUPT or _IO of a request */
	struct event *done_event;
	struct store *store;
};

/** reader_start() - @store was opened with `reader`; the thread's until stop */
must_check int reader_start(struct reader *reader, struct event_base *base,
			    struct store *store);

/** reader_ask() - @request is the reader's until its done() is called */
void reader_ask(struct reader *reader, struct read_request *request);

/** reader_stop() - ends the thread; open requests end with -ECANCELED */
void reader_stop(struct reader *reader);
