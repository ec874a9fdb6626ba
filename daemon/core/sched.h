#pragma once

/*
 * Scheduler: which worker gets jobs of which lane, who has what, who is to
 * give back. Pure: it is told what happened and answers with wants, recalls and
 * verdicts; the broker and the simulation carry them out.
 *
 * A worker runs its jobs in the order of delivery and writes each result before
 * it begins the next. So the first job without a result is the one that had
 * started, and at the worker's death only that one is charged. A concurrent
 * worker runs all that it has: all had started, and each has a clock of its own.
 *
 * Structs are embedded by their owners (the broker's worker and lane), which
 * keep them at the same address from add to remove.
 */

#include <sys/queue.h>

#include "daemon/core/credit.h"
#include "proto/base.h"

/* A lane: one queue and one handler, the unit of the ready order. */
struct sched_lane {
	TAILQ_ENTRY(sched_lane) link; /* in its pool's rotation */
	int32_t id;		      /* the store's number */
	uint32_t pool;
	uint64_t ready;	   /* committed, not claimed */
	uint64_t incoming; /* submitted in the batch that gathers */
	uint64_t asked;	   /* wanted in a batch that is not committed */
	uint64_t open;	   /* of these still to be wanted; 0: not linked */
	TAILQ_ENTRY(sched_lane) incoming_link; /* while incoming is not 0 */
	bool paused;			       /* by sched_lane_pause() */
	bool linked;			       /* in its pool's rotation */
};

/* A job that a worker has been given, in the order of delivery. */
struct sched_job {
	TAILQ_ENTRY(sched_job) link;
	int64_t id;
	int64_t token;
	struct sched_lane *lane; /* may be NULL: adopted */
	int64_t given_ns; /* monotonic; of a concurrent one: it runs since */
	bool recalled;	  /* asked back already */
};
TAILQ_HEAD(sched_jobs, sched_job);

struct sched_worker {
	TAILQ_ENTRY(sched_worker) link;
	uint32_t pool;
	bool leaving;	 /* gets nothing new: adopted, draining, retiring */
	bool resting;	 /* gets nothing new until it has rested */
	bool lost;	 /* sched_worker_lost() took its first job */
	bool busy;	 /* counted in its pool's busy ones */
	bool concurrent; /* all that it has run at once */
	struct credit credit;
	struct sched_jobs jobs;
	uint32_t job_count;
	uint32_t asked;	       /* wanted in batches that are not committed */
	int64_t head_since_ns; /* when the first job came first */
};

struct sched_pool {
	TAILQ_HEAD(, sched_worker) workers; /* idle ones first */
	TAILQ_HEAD(sched_lanes, sched_lane)
	lanes;			/* that have something; rotates */
	uint64_t open;		/* of all its lanes */
	uint32_t serving, busy; /* workers that do not leave; with work */
	bool paused;		/* nothing is wanted for it */
};

/* Pools by number, and a last one without workers, for lanes of no pool. */
#define SCHED_POOLS_MAX 65
#define SCHED_POOL_NONE 64

struct sched {
	struct sched_pool pools[SCHED_POOLS_MAX];
	TAILQ_HEAD(, sched_lane) incoming;
	size_t lane_count, worker_count;
	bool draining; /* nothing starts any more */
};

/** sched_init() - no workers, no lanes, not draining */
void sched_init(struct sched *sched);
/** sched_fini() - require() that all workers and lanes were removed */
void sched_fini(struct sched *sched);

/** sched_lane_add() - @lane stays the caller's; @pool below SCHED_POOLS_MAX */
void sched_lane_add(struct sched *sched, struct sched_lane *lane, int32_t id,
		    uint32_t pool);
/** sched_lane_move() - another pool serves it from now on */
void sched_lane_move(struct sched *sched, struct sched_lane *lane,
		     uint32_t pool);
/** sched_lane_remove() - nothing of it may be wanted any more */
void sched_lane_remove(struct sched *sched, struct sched_lane *lane);
/** sched_lane_ready() - the committed number of ready jobs */
void sched_lane_ready(struct sched *sched, struct sched_lane *lane,
		      uint64_t ready);
/** sched_lane_incoming() - @count more in the gathering batch */
void sched_lane_incoming(struct sched *sched, struct sched_lane *lane,
			 uint64_t count);
/** sched_lane_pause() - nothing of it is wanted until it goes on */
void sched_lane_pause(struct sched *sched, struct sched_lane *lane,
		      bool paused);

/** sched_pool_pause() - nothing is wanted for the pool until it goes on */
void sched_pool_pause(struct sched *sched, uint32_t pool, bool paused);

/** sched_worker_add() - @worker stays the caller's; credit starts at 1 */
void sched_worker_add(struct sched *sched, struct sched_worker *worker,
		      uint32_t pool, uint32_t credit_limit);

/**
 * sched_worker_concurrent() - it runs what it is given at once, up to @jobs
 *
 * Its credit is that from now on, whatever its jobs take; nothing is asked back.
 */
#define SCHED_CONCURRENT_MAX 4096
void sched_worker_concurrent(struct sched_worker *worker, uint32_t jobs);

/**
 * sched_start() - who may begin a job of @lane that the store does not have yet
 *
 * Nobody while anything of its pool waits, because it would be overtaken.
 *
 * Return: a worker with room, for sched_give(); NULL: let the job wait.
 */
struct sched_worker *sched_start(const struct sched *sched,
				 const struct sched_lane *lane);

struct sched_want {
	struct sched_lane *lane;
	struct sched_worker *worker; /* NULL: by sched_ask() */
	uint32_t max;
};

/**
 * sched_plan() - what to claim with the batch that is about to be sent
 * @ret:	room for @room wants
 *
 * Free credit goes round the lanes that have ready or incoming jobs, one job a
 * worker first, so that no worker idles while another has two. What is wanted
 * counts as used (asked) until sched_want_done() releases it. `incoming` of
 * every lane is 0 afterwards: it belongs to the batch that leaves.
 *
 * Return: how many wants were written.
 */
size_t sched_plan(struct sched *sched, struct sched_want *ret, size_t room);

/**
 * sched_ask() - at most @max jobs of the lane for somebody who is no worker
 *
 * Before sched_plan(), so that what comes in with this batch counts. The lane
 * goes behind the others of its pool.
 *
 * Return: the want, without worker; sched_want_done() releases it, too.
 */
struct sched_want sched_ask(struct sched *sched, struct sched_lane *lane,
			    uint32_t max);

/**
 * sched_want_done() - the batch with this want is through, failed or not
 *
 * Before sched_give() of what it brought. A want may bring less than it asked
 * for, even nothing: what was to come in may be held or scheduled.
 */
void sched_want_done(struct sched *sched, const struct sched_want *want);

/**
 * sched_give() - a claim is committed: the worker has the job
 * @job:	zeroed, with id, token and lane set; owned by the caller, stays
 *		put until it comes back from sched_end() or sched_worker_lost()
 */
void sched_give(struct sched *sched, struct sched_worker *worker,
		struct sched_job *job, int64_t now_ns);

/** sched_find() - the worker's job with this token, or NULL */
struct sched_job *sched_find(struct sched_worker *worker, int64_t token);

/**
 * sched_end() - the worker gave a result for the job, or put it back
 * @run_ns:	how long it ran, for the credit; negative: it did not run
 */
void sched_end(struct sched *sched, struct sched_worker *worker,
	       struct sched_job *job, int64_t run_ns, int64_t now_ns);

/**
 * sched_recall() - jobs to ask back from behind a long one
 * @ret:	room for @room entries
 * @ret_next_ns: when to call again, monotonic; INT64_MAX: no need
 *
 * A job that has waited behind the same running one for SCHED_RECALL_NS is
 * asked back, each once, newest first, and the credit of its worker is 1 again,
 * so that it does not come back at once. A full @ret means: call again.
 */
#define SCHED_RECALL_NS (100 * 1000 * 1000)
struct sched_recalled {
	struct sched_worker *worker;
	struct sched_job *job;
};
size_t sched_recall(struct sched *sched, int64_t now_ns,
		    struct sched_recalled *ret, size_t room,
		    int64_t *ret_next_ns);

/**
 * sched_worker_lost() - the worker is gone; takes its first job off
 * @ret_charged: true for the one that had started (the first of the list), of
 *		a concurrent worker for each
 *
 * Before it, sched_end() for every job whose end the worker left in results/.
 * Call it until it returns NULL, and sched_worker_remove() when nothing that it
 * was wanted for is under way any more.
 *
 * Return: the job, the caller's again; NULL when none is left.
 */
struct sched_job *sched_worker_lost(struct sched *sched,
				    struct sched_worker *worker,
				    bool *ret_charged);
/** sched_worker_remove() - it has no job, and none is asked for it */
void sched_worker_remove(struct sched *sched, struct sched_worker *worker);

/** sched_worker_rest() - gives it nothing new until it goes on */
void sched_worker_rest(struct sched *sched, struct sched_worker *worker,
		       bool resting);

/** sched_worker_leave() - gives it nothing new from now on */
void sched_worker_leave(struct sched *sched, struct sched_worker *worker);
