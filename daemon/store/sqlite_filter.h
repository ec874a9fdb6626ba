#pragma once

/*
 * Filters over rows, in C: a scan looks at a bounded number of rows and tests
 * each. What is cheap comes first; the words of a job (name, key, tags) are
 * read only when everything else matches.
 */

#include "daemon/store/sqlite_lane.h"
#include "daemon/store/sqlite_row.h"

/* What a step may look at: rows, a read of the words costs four of them. */
#define FILTER_STEP_ROWS 10000
#define FILTER_WORDS_COST 4
/* Callbacks of one job that a filter finds. */
#define FILTER_FOLLOWERS 4096

struct filter {
	const struct store_filter *of;
	struct sql *sql;
	struct lanes *lanes;  /* its cache may grow */
	struct arena scratch; /* words of rows that are looked at */
	int64_t left;	      /* of the step's budget */
	/* Does the lane match? 0 unknown, 1 yes, 2 no; of the last lane. */
	int32_t last_lane;
	bool last_matches;
};

#define STATES_LIVE                                                            \
	(1u << STATE_HELD | 1u << STATE_BLOCKED | 1u << STATE_SCHEDULED |      \
	 1u << STATE_READY | 1u << STATE_RUNNING)
#define STATES_ENDED                                                           \
	(1u << STATE_SUCCEEDED | 1u << STATE_FAILED | 1u << STATE_CANCELLED)

/** sqlite_filter_init() - with a step's whole budget; borrows all of it */
void sqlite_filter_init(struct filter *filter, const struct store_filter *of,
			struct sql *sql, struct lanes *lanes);
void sqlite_filter_fini(struct filter *filter);

/** sqlite_filter_states() - which states can match at all */
uint32_t sqlite_filter_states(const struct store_filter *of);

/** sqlite_filter_only_lanes() - does it ask for nothing but queue, handler, states? */
bool sqlite_filter_only_lanes(const struct store_filter *of);

/** sqlite_filter_lane() - does the lane match queue and handler? */
bool sqlite_filter_lane(const struct store_filter *of, const struct lane *lane);

/**
 * sqlite_filter_match() - does the row match?
 * @row:	names and words need not be filled in
 * @flags:	of the row, see FLAG_WORDS
 */
must_check int sqlite_filter_match(struct filter *filter,
				   const struct store_row *row, uint32_t flags,
				   bool *ret);

/**
 * sqlite_filter_ids() - the ids that it names, ascending, behind @after
 *
 * A key together with a uid names one at most; so does whom it follows name few.
 *
 * @ret_ids:	NULL: it names none, any job may match
 */
must_check int sqlite_filter_ids(struct filter *filter, struct arena *arena,
				 int64_t after, int64_t **ret_ids,
				 size_t *ret_count);
