#pragma once

/* Listing: pages of jobs from the daemon, decoded. */

#include "client/selector.h"
#include "client/table.h"

struct listing {
	struct reeve_job **jobs; /* owned */
	size_t count, capacity;
	bool more; /* there are others behind the limit */
};

/**
 * listing_load() - up to @limit more jobs that match, newest first
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int listing_load(struct tool *tool, struct listing *listing,
			    const struct selector *selector, size_t limit);

/** listing_sort() - oldest first; each job once */
void listing_sort(struct listing *listing);

/** listing_fini() - free what it holds */
void listing_fini(struct listing *listing);

/** listing_column() - the title of the ith column there is; NULL behind the last */
const char *listing_column(size_t i);

/** listing_table() - an empty table of jobs for `args`
 *
 * Return: 0, or the exit code, with the error said. */
must_check int listing_table(struct table *table, struct tool *tool,
			     const struct table_args *args);

/** listing_fill() - a row for each job; @now_ms: UTC */
void listing_fill(const struct listing *listing, struct table *table,
		  int64_t now_ms);
