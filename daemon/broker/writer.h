#pragma once

/*
 * Writer: the one thread that changes the database. It has one batch at a time;
 * the loop gives it, the loop takes it back.
 */

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/broker/batch.h"

struct writer {
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	_Atomic(struct batch *) work; /* given, not yet begun */
	_Atomic(struct batch *) done; /* through, not yet taken */
	bool brisk; /* the thread's: the last batch came at once */
	_Atomic bool stop;
	int done_fd; /* eventfd: `done` is set */
	struct event *done_event;
	struct store *store;   /* the thread's while it runs */
	struct batch *current; /* the loop's view: what is out */
	int64_t sent_ns;       /* when it left, monotonic */
	int64_t slow_ns; /* decaying high estimate of a commit; 0: unknown */
	void (*finished)(void *owner, struct batch *batch);
	void *owner;
};

/**
 * writer_start() - begin; @store is the thread's until writer_stop()
 * @finished:	called in the loop for every batch that comes back
 *
 * Return: 0 or negative errno.
 */
must_check int writer_start(struct writer *writer, struct event_base *base,
			    struct store *store,
			    void (*finished)(void *, struct batch *),
			    void *owner);

/** writer_idle() - may a batch be sent? */
bool writer_idle(const struct writer *writer);

/** writer_send() - hand a batch over; only while idle */
void writer_send(struct writer *writer, struct batch *batch);

/**
 * writer_here() - commit in the caller's thread, without the thread's wake-up
 *
 * Only while idle. The store is handed over, never shared: the thread sleeps,
 * and the lock it gave the last batch back under orders what both see.
 */
void writer_here(struct writer *writer, struct batch *batch);

/**
 * writer_look() - take a finished batch back now, if there is one
 *
 * The loop hears of it anyway, but only after all the events that are already
 * there; asking between two of them costs a load, and the next batch leaves so
 * much earlier. May call `finished`, with all it does to connections.
 */
void writer_look(struct writer *writer);

/** writer_stop() - wait for the batch that is out, end the thread */
void writer_stop(struct writer *writer);
