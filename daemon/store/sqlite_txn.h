#pragma once

/*
 * The one transaction of a batch: what its phases share, and the phases
 * themselves, each in a file of its own.
 */

#include "daemon/store/sqlite_store.h"

/* Of a list in an arena that grows by doubling. */
struct room {
	size_t capacity;
};

/* Groups in a transaction: what is known of one (bits of tally_entry.mark). */
enum {
	GROUP_TAKES = 1 << 0,
	GROUP_REFUSES = 1 << 1,
	GROUP_PURGED = 1 << 2, /* a job of it was purged: it may go too */
	GROUP_CLOSED = 1 << 3,
};

struct txn {
	struct store *store;
	struct sql *sql;
	struct store_batch *batch;
	struct arena *arena;
	int64_t now_ms;
	struct counters next; /* as they are after COMMIT */
	struct lane **lanes;  /* of the batch's lanes */
	int64_t *contexts;    /* ids of the batch's contexts */
	/* Wants by lane: the first with room, and the one behind each. */
	uint32_t *want_of_lane, *want_behind;
	struct room claims, ended, signals, purged, owed_room;
	bool brief;	/* what is entered, or ends, never has a live row */
	int64_t due_ms; /* earliest that this transaction scheduled; 0: none */
	bool due_left;	/* look for the earliest: one that had a time went */
	/* Queues with a max_length, with callbacks; groups that owe some. */
	int64_t limited, ruled, owing;
	struct owed *owed; /* ends that owe callbacks (sqlite_follow.h) */
	size_t owed_count;
};
#define WANT_NONE UINT32_MAX

/**
 * txn_room() - room for one more in an array of the batch's arena
 * @array:	the array, moved when it grows
 *
 * Return: 0 or -ENOMEM.
 */
must_check int txn_room(struct txn *txn, struct room *room, void **array,
			size_t count, size_t bytes);

/** txn_event() - append to the batch's events; of @job its id, lane, group */
must_check int txn_event(struct txn *txn, enum event_kind kind,
			 const struct live *job, uint32_t attempt,
			 enum job_cause cause);

/**
 * txn_count() - a job leaves @from and comes to @to, in its lane and group
 *
 * STATE_COUNT stands for nowhere: it is new, or purged.
 */
must_check int txn_count(struct txn *txn, struct lane *lane, int64_t group,
			 enum job_state from, enum job_state to);

/* The phases, in order. Each: 0, STORE_E_* or negative errno. */
must_check int txn_lanes(struct txn *txn);
must_check int txn_contexts(struct txn *txn);
must_check int txn_wants(struct txn *txn);
must_check int txn_workers(struct txn *txn);
must_check int txn_begun(struct txn *txn);
must_check int txn_outcomes(struct txn *txn);
must_check int txn_strand(struct txn *txn);
must_check int txn_steer(struct txn *txn);
must_check int txn_groups(struct txn *txn);
must_check int txn_queues(struct txn *txn);
must_check int txn_edits(struct txn *txn);
must_check int txn_entries(struct txn *txn);
must_check int txn_promote(struct txn *txn);
must_check int txn_follow(struct txn *txn);
must_check int txn_claims(struct txn *txn);
must_check int txn_reserve(struct txn *txn);
must_check int txn_events(struct txn *txn);
must_check int txn_events_purge(struct txn *txn);
must_check int txn_purge(struct txn *txn);

/* Of claims, for direct starts. */
uint32_t txn_want(struct txn *txn, uint32_t lane);
must_check int txn_claim(struct txn *txn, uint32_t want,
			 const struct live *live, struct slice spec);

/**
 * txn_end() - a live job is over: move it to the finished ones
 * @live:	as stored until now
 * @step:	what core/job decided, step->ended
 * @outcome:	what its worker said, or why it cannot start; NULL: it was waiting
 * @reason:	why it was cancelled; n 0: none, or told before
 */
must_check int txn_end(struct txn *txn, const struct live *live,
		       const struct job_step *step,
		       const struct store_outcome *outcome,
		       struct slice reason);

/** txn_end_flush() - the rows of what ended; at the end of a phase */
must_check int txn_end_flush(struct txn *txn);

/** txn_move() - a live job goes on in another state; @live as before */
must_check int txn_move(struct txn *txn, const struct live *live,
			const struct job_step *step, int64_t seq);

/** txn_context() - its id, also when it is new; txn_count_context() - who names it */
must_check int txn_context(struct txn *txn, struct slice text, int64_t *ret_id);
must_check int txn_count_context(struct txn *txn, int64_t context, int64_t add);

/** txn_due() - something of this transaction is due, or expires, then */
void txn_due(struct txn *txn, int64_t at_ms);

/** txn_due_next() - the earliest that is due or expires; 0: none */
must_check int txn_due_next(struct sql *sql, int64_t *ret_ms);
