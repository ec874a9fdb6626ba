#pragma once

/* Listing: pages of jobs from the daemon, decoded. */

#include "client/selector.h"

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

/** listing_print_json() - [{...},...] */
void listing_print_json(const struct listing *listing);

/**
 * listing_print() - the table
 * @now_ms:	UTC
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int listing_print(struct tool *tool, const struct listing *listing,
			     int64_t now_ms);
