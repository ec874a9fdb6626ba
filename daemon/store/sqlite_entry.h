#pragma once

/*
 * New jobs, between deciding (sqlite_unique.c, sqlite_queue.c) and entering
 * (sqlite_entry.c).
 */

#include "daemon/store/sqlite_txn.h"

/* A queue with a max_length that an entry of this batch names. */
struct queue_room {
	struct slice name;
	int64_t max;
	struct lane **lanes; /* all of the queue */
	size_t lane_count;
	int64_t planned; /* new jobs of the unit that is being decided on */
	struct queue_room *next;
};

/* What the entries of one lane have in common, to know whether they may start
 * without going through the ready index. */
struct lane_plan {
	int32_t priority;
	bool seen, mixed;
	struct queue_room *room; /* NULL: no limit */
};

/* Whose key and whose word an entry takes; 0: nobody's. */
struct takeover {
	int64_t key, word;
};

struct entering {
	struct txn *txn;
	struct lane_plan *plans; /* by lane of the batch */
	struct queue_room *rooms;
	struct takeover *takeovers; /* by entry; NULL until one is needed */
	struct tally refused;	    /* units with a refusal */
};

/** entry_live() - what an entry becomes in @lane, but for facts, seq, context */
struct live entry_live(const struct txn *txn, const struct store_entry *entry,
		       const struct lane *lane, int64_t id);
/** entry_live_here() - the same in its own lane, with its context */
struct live entry_live_here(const struct txn *txn,
			    const struct store_entry *entry, int64_t id);
/** entry_facts() - how its life begins */
must_check int entry_facts(struct txn *txn, const struct store_entry *entry,
			   struct job_facts *ret);
/** entry_put() - its rows, counts and event; @entry lives until the flush */
must_check int entry_put(struct txn *txn, struct lane *lane,
			 const struct store_entry *entry,
			 const struct live *live);
/** entry_flush() - the rows of what was entered so far */
must_check int entry_flush(struct txn *txn);

/** queue_limited() - how many queues have a max_length */
must_check int queue_limited(struct sql *sql, int64_t *ret);
/** queue_rooms() - find those that this batch's entries go to */
must_check int queue_rooms(struct entering *entering);
/** queue_is_full() - with what is planned */
bool queue_is_full(const struct queue_room *room);

/**
 * unit_decide() - which entries of a unit are new jobs
 * @first, @last:	of one unit, or one entry; @last is behind
 *
 * Sets `what`; keys and words of those that are new are taken for the ids that
 * they will get. When one is refused none is taken.
 */
must_check int unit_decide(struct entering *entering, size_t first,
			   size_t last);

/** entry_take_over() - cancel those whose key or word entry @i has now */
must_check int entry_take_over(struct entering *entering, size_t i);
