#pragma once

/*
 * Given: the jobs that a worker has. It was given them over its connection, or
 * it was found with them when the broker started (adopted).
 */

#include "daemon/broker/advance.h"
#include "daemon/broker/fleet.h"
#include "daemon/core/overrun.h"

struct given {
	struct sched_job sched; /* first: id, token, lane */
	uint32_t attempt;
	bool sent; /* it was written to a connection, or may have been */
	bool once;
	bool begun;	   /* it said so when it dialled in */
	bool cancel_asked; /* told again on every new connection */
	int64_t grace_ms;  /* of the cancel; negative: the daemon's own */
	bool memory;	   /* nobody waits for its commits */
	/* To tell of its end before it is committed; in the same block. */
	struct store_row *row;
	struct overrun overrun;	 /* of handlers; commands: zero */
	int64_t group;		 /* 0: none */
	const struct lane *home; /* of an adopted one; stays while it runs */
	struct advance *advance; /* owned; NULL: it has said nothing */
};

/** given_free() - it is in nobody's hands any more */
void given_free(struct given *given);

/** given_judge() - the worker's word of an end, before given_result() */
void given_judge(struct worker *worker, struct store_outcome *outcome);

/** given_advances() - it says how far it is; 0 or -ENOMEM */
must_check int given_advances(struct broker *broker, struct given *given,
			      const struct advance_word *word);

/** given_advance() - what a running job has said so far; NULL: nothing */
const struct advance *given_advance(struct broker *broker,
				    const struct store_row *row);

/** given_adopt() - an attempt that it was running when the broker ended */
must_check int given_adopt(struct worker *worker,
			   const struct store_running *running,
			   const struct lane *lane);

/** given_deliver() - a claim is committed: deliver it, or put it back */
void given_deliver(struct broker *broker, struct worker *worker,
		   struct lane *lane, const struct store_claim *claim);

/**
 * given_begin() - deliver a job that is not committed yet; it has a connection
 * @row:	what its end is told with, copied; NULL: it is told after a commit
 *
 * Return: 0 or -ENOMEM, then the worker has heard nothing.
 */
must_check int given_begin(struct broker *broker, struct worker *worker,
			   struct lane *lane, const struct store_claim *claim,
			   bool memory, const struct store_row *row);

/** given_find() - what the worker has with this token; NULL: nothing */
struct given *given_find(struct worker *worker, int64_t token);

/**
 * given_compare() - it dialled in: what it does not hold never reached it
 * @holding:	checked JSON, the list of its `ready`
 */
void given_compare(struct broker *broker, struct worker *worker,
		   struct slice holding);

/**
 * given_disown() - it was greeted: what it holds and nobody knows is to end
 *
 * It began under a broker that is gone, before a commit that never came; or its
 * end is under way, and the worker ignores this.
 */
void given_disown(struct worker *worker, struct slice holding);

/** given_begun() - it said that a job which came with descriptors runs now */
void given_begun(struct broker *broker, struct worker *worker, int64_t token);

/** given_resume() - it was greeted: say again what is asked to end */
void given_resume(struct worker *worker);

/** given_cancel() - end a running attempt; ignored when nobody holds it */
void given_cancel(struct broker *broker, const struct store_signal *signal);

/**
 * given_result() - the worker answered for a job, which leaves its hands
 * @run_ns:	how long it ran; negative: it did not, it was put back
 *
 * A token that it does not hold is ignored.
 */
void given_result(struct broker *broker, struct worker *worker, int64_t token,
		  int64_t run_ns, int64_t cpu_us);

/** given_is_enough() - has it work for a while, with more than half its credit? */
bool given_is_enough(const struct worker *worker);

/** given_free_adopted() - forget them; nothing is written to the store */
void given_free_adopted(struct worker *worker);
