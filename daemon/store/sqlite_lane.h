#pragma once

/*
 * Lanes: the names and counts of every lane, cached in the handle. Lanes are
 * never removed, their ids are dense from 1, a struct lane stays at its
 * address. The counts are those of the last commit; what a transaction adds is
 * kept apart until it is through.
 */

#include "daemon/store/sqlite_sql.h"

struct lane {
	int32_t id;
	struct slice queue, handler; /* owned */
	int64_t counts[STATE_COUNT]; /* committed */
	int64_t add[STATE_COUNT];    /* by the running transaction */
	struct lane *next_touched;
	bool touched;
	/* Copies in the arena of the running call, made when first needed. */
	struct slice lent_queue, lent_handler;
	uint64_t lent; /* lanes.call when they were made */
};

struct lanes {
	struct lane **items; /* items[id - 1] */
	size_t count, capacity;
	size_t committed; /* lanes behind it are the transaction's own */
	uint32_t *slots;  /* id by hash of the names, 0: free */
	size_t slot_count;
	struct lane *touched;
	size_t touched_count;
	uint64_t call; /* counts calls, so that lent copies become stale */
};

/** sqlite_lanes_fini() - free the cache */
void sqlite_lanes_fini(struct lanes *lanes);

/** sqlite_lanes_load() - read those that are not cached yet, all counts if @counts */
must_check int sqlite_lanes_load(struct lanes *lanes, struct sql *sql,
				 bool counts);

/** sqlite_lanes_find() - NULL when there is none */
struct lane *sqlite_lanes_find(const struct lanes *lanes, struct slice queue,
			       struct slice handler);

/** sqlite_lanes_by_id() - NULL when there is none */
struct lane *sqlite_lanes_by_id(const struct lanes *lanes, int64_t id);

/** sqlite_lanes_intern() - find it, or make it in the running transaction */
must_check int sqlite_lanes_intern(struct lanes *lanes, struct sql *sql,
				   struct slice queue, struct slice handler,
				   struct lane **ret);

/** sqlite_lane_add() - one job more (or fewer) in @state, in this transaction */
void sqlite_lane_add(struct lanes *lanes, struct lane *lane,
		     enum job_state state, int64_t add);

/** sqlite_lane_ready() - ready jobs, as the running transaction sees it */
int64_t sqlite_lane_ready(const struct lane *lane);

/** sqlite_lanes_flush() - one UPDATE for each touched lane */
must_check int sqlite_lanes_flush(struct lanes *lanes, struct sql *sql);

/** sqlite_lanes_commit() - what was added is true now; sqlite_lanes_rollback() - is not */
void sqlite_lanes_commit(struct lanes *lanes);
void sqlite_lanes_rollback(struct lanes *lanes);

/** sqlite_lane_lend() - its names as copies in @arena, made once a call */
must_check int sqlite_lane_lend(struct lanes *lanes, struct lane *lane,
				struct arena *arena, struct slice *ret_queue,
				struct slice *ret_handler);
