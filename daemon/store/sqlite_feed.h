#pragma once

/*
 * Feed: rows in memory that a statement reads like a table, so that one
 * statement works on hundreds of jobs. A statement for each job would open and
 * close the cursors of a table and all its indexes each time (half the time of
 * an insert, measured).
 *
 * To SQLite it is the table-valued module "feed" with the integers c0, c1 ...
 * and the texts t0 .. t3. A row is valid until the feed is cleared; texts are
 * borrowed until then.
 */

#include "daemon/store/sqlite_sql.h"

enum {
	FEED_ROWS = 512,
	FEED_CELLS = 26,
	FEED_TEXTS = 4,
};

struct feed {
	int64_t *cells;	     /* owned; FEED_ROWS * FEED_CELLS */
	struct slice *texts; /* owned; FEED_ROWS * FEED_TEXTS */
	size_t rows;
};

/** feed_init() - and make it known to the connection; STORE_E_* or -ENOMEM */
must_check int feed_init(struct feed *feed, struct sql *sql);
/** feed_fini() - after the connection was closed */
void feed_fini(struct feed *feed);

/** feed_is_full() - the next feed_add() would not fit */
bool feed_is_full(const struct feed *feed);

/**
 * feed_add() - one row
 * @cells:	c0 ..., @count of them; those behind keep what was there before
 *
 * Return: room for its FEED_TEXTS texts, empty.
 */
struct slice *feed_add(struct feed *feed, const int64_t *cells, size_t count);

/** feed_clear() - no rows any more */
void feed_clear(struct feed *feed);

/**
 * feed_run() - one statement over all rows
 *
 * Return: 0; STORE_E_CORRUPT when it changed another number of rows than the
 *         feed has; else as sql_run().
 */
must_check int feed_run(struct feed *feed, struct sql *sql, enum sql_id id);

/**
 * feed_run_ranges() - the same for ranges of rows that follow each other
 * @each:	the statement over all rows, when the ranges are short
 * @range:	its form for the jobs ?1 to ?2; ?3 ... are c1 ... of the first
 * @steps:	what is added to c0 ... from row to row of a range
 * @count:	so many cells are looked at
 *
 * Neighbours are found without a search, and changed without a list of them.
 * Return: as feed_run().
 */
must_check int feed_run_ranges(struct feed *feed, struct sql *sql,
			       enum sql_id each, enum sql_id range,
			       const int64_t *steps, size_t count);
