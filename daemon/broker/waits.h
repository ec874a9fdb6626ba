#pragma once

/*
 * Waits: who is to be told of the end of a job, or of a group. A waiter is
 * registered before the store is asked, so no end falls between.
 */

#include <sys/queue.h>
#include <uthash.h>

#include "daemon/store/store.h"

struct broker;
struct call;
struct waiter;

/* All waiters of one job, or of one group. */
struct wait_point {
	UT_hash_handle hh;
	int64_t id;
	bool detached; /* being told: nobody frees it meanwhile */
	TAILQ_HEAD(waiter_list, waiter) waiters;
};

struct waiter {
	TAILQ_ENTRY(waiter)
	link; /* at its point; embedded in the call's state */
	struct wait_point *point; /* NULL: not waiting */
	struct call *call;
	struct broker *owner; /* of one that has no call */
	bool early;	      /* needs nothing but the row: see waits_early() */
	/*
	 * A job ended (@row), or the group changed (@group); the other is
	 * NULL. Both NULL: its end cannot be told, waits.why says why. A job's waiter is called once and is off then; a group's is
	 * called for every job of it that ends, and stays.
	 */
	void (*told)(struct waiter *waiter, const struct store_row *row,
		     const struct store_group *group);
};

struct waits {
	struct wait_point *jobs, *groups;
	const char *why; /* while waits_failed() runs */
};

/** waits_job() - wait for a job's end; @waiter is the caller's; 0 or -ENOMEM */
must_check int waits_job(struct waits *waits, int64_t job,
			 struct waiter *waiter);
/** waits_group() - be told of every change of a group */
must_check int waits_group(struct waits *waits, int64_t group,
			   struct waiter *waiter);
/** waits_remove() - not any more; harmless when it is not waiting */
void waits_remove(struct waits *waits, struct waiter *waiter);

/** waits_ended() - tell those that wait for this job, or for its group */
void waits_ended(struct waits *waits, const struct store_row *row);
/**
 * waits_early() - a job ended, which is not committed yet
 *
 * Only those are told that never read the store; the others after the commit.
 */
void waits_early(struct waits *waits, const struct store_row *row);
/** waits_failed() - it cannot be told how this job ends; @why for people */
void waits_failed(struct waits *waits, int64_t job, const char *why);
/** waits_changed() - tell those that wait for this group */
void waits_changed(struct waits *waits, const struct store_group *group);

/** waits_fini() - nobody waits any more */
void waits_fini(struct waits *waits);
