#pragma once

/* Worker: one of the fleet (daemon/broker/fleet.h). */

#include <event2/event.h>
#include <stddef.h>
#include <uthash.h>

#include "daemon/base/channel.h"
#include "daemon/core/backoff.h"
#include "daemon/core/bucket.h"
#include "daemon/core/sched.h"

struct broker;
struct worker_link;

struct worker {
	UT_hash_handle hh; /* by id */
	struct broker *broker;
	int64_t id; /* the supervisor's number, the row's id */
	struct sched_worker sched;
	uint32_t pool; /* number; SCHED_POOL_NONE: one that is not there */
	char pool_name[CHANNEL_POOL_BYTES];
	bool commands;	    /* its jobs are processes: it times them itself */
	bool concurrent;    /* all that it has run at once */
	int64_t generation; /* of its pool, when it was born */
	/* What it said it serves, raw list, owned; whether its pool has more. */
	struct slice handlers;
	bool lacking;
	struct worker_link *link; /* its connection, NULL: away */
	bool announced;		  /* a child of the living supervisor */
	bool scheduled;		  /* sched_worker_add() was called */
	bool row_known;		  /* its row is committed, or in a batch */
	bool counted;		  /* in fleet.count: it can get jobs */
	bool dead;		  /* only kept for batches that name it */
	bool up;		  /* who listens was told that it is here */
	bool proved;		  /* finished a job: the supervisor was told */
	bool heard;		  /* dialled in, and no word was lost since */
	bool accepted;		  /* the supervisor was told that it is ready */
	bool recycle;		  /* somebody asked for another in its place */
	bool retiring;		  /* its replacement was asked for, it serves */
	bool resigned;		  /* it said that it begins nothing more */
	bool drained;		  /* it was told to leave, or will be */
	int64_t died_ns; /* told dead, last words still to be read; 0: lives */
	int status;	 /* as waitpid() has it; -1: unknown */
	pid_t pid;
	int slot;
	int64_t start_ticks;
	uint8_t secret_hash[32];
	int pidfd; /* of adopted ones; -1 */
	struct event *pidfd_event;
	/* Found running in the store, until it dials in and tells. */
	struct sched_jobs adopted_jobs;
	int64_t since_ns; /* it is here, monotonic */
	int64_t since_ms, jobs_done, cpu_us;
	unsigned dials;		  /* since it did a job last */
	struct bucket log;	  /* what it says to the administrator */
	struct backoff unwilling; /* it puts back what it is given */
	int64_t rss_kib;	  /* when it was looked at last; 0: never */
};

/** worker_of() - whose part of the scheduler's picture it is */
static inline struct worker *worker_of(struct sched_worker *sched)
{
	return (struct worker *)((char *)sched -
				 offsetof(struct worker, sched));
}
