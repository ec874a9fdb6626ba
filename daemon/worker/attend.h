#pragma once

/*
 * Attend: a second thread that does the worker's other duties while a handler
 * computes: it answers pings, gives back jobs that wait behind, takes cancels
 * and settlements, goes on dialling.
 *
 * One lock says who may touch the desk: the main thread holds it all the time
 * but while it is in a handler. The second thread only looks, every 20 ms while
 * jobs run, whether the same handler has not come back since; then it takes the
 * lock and runs the loop in the main thread's place. So short jobs pay for it
 * with two uncontended lock operations and no system call, an idle worker does
 * not wake up, and code that never asks whether it is cancelled still is a
 * worker that answers.
 *
 * It begins after the fork: the template has no threads.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "daemon/worker/serve.h"

#define ATTEND_TICK_NS 20000000

struct attend {
	pthread_mutex_t lock;
	pthread_t thread;
	sem_t wake;
	atomic_uint_fast64_t number; /* odd: a handler runs, this one */
	atomic_bool asleep;	     /* it waits for a job */
	atomic_bool over;
	struct serve *serve; /* the caller's */
};

/**
 * attend_init() - begin; the caller is the main thread, and holds the lock
 *
 * Return: 0 or negative errno.
 */
must_check int attend_init(struct attend *attend, struct serve *serve);

/** attend_fini() - end the thread; the caller holds the lock, not in a handler */
void attend_fini(struct attend *attend);

/** attend_leave() - the main thread goes into a handler */
void attend_leave(struct attend *attend);

/** attend_enter() - and is back */
void attend_enter(struct attend *attend);
