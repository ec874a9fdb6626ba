#pragma once

/*
 * Steering: one slice of what a filter matches, collected first and changed
 * then. Live jobs: sqlite_steer.c, finished ones: sqlite_steer_done.c.
 */

#include "daemon/store/sqlite_filter.h"
#include "daemon/store/sqlite_txn.h"

struct slice_of {
	struct txn *txn;
	struct store_steer *steer;
	struct filter filter;
	struct live *live; /* those that match, at most steer->max */
	size_t count;
	size_t owing;	 /* of them: callbacks may follow their ends */
	int64_t last;	 /* the last id that was looked at */
	bool more;	 /* the scan stopped before its end */
	uint32_t states; /* states in which a job can match */
};

/** slice_is_full() - no more jobs, or no more looks */
bool slice_is_full(const struct slice_of *slice);

/** slice_states() - those asked for that some lane of the filter has */
uint32_t slice_states(const struct slice_of *slice, uint32_t among);

/** steer_done() - STORE_RETRY and STORE_REMOVE */
must_check int steer_done(struct slice_of *slice);

/** steer_changes() - would STORE_CHANGE do anything to this job? */
bool steer_changes(const struct txn *txn, const struct store_steer *steer,
		   const struct live *live);
/** steer_change() - which it then does */
must_check int steer_change(struct txn *txn, const struct store_steer *steer,
			    const struct live *live);
