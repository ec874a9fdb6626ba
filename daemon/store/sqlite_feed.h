#pragma once

/*
 * Feed: rows in memory that a statement reads like a table, so that one
 * statement works on hundreds of jobs. A statement for each job would open and
 * close the cursors of a table and all its indexes each time (half the time of
 * an insert, measured).
 *
 * To SQLite it is the table-valued module "feed" with the integers c0, c1 ...,
 * the texts t0 .. t3 and the blobs b4, b5. A row is valid until the feed is
 * cleared; texts and blobs are borrowed until then.
 */

#include "daemon/store/sqlite_pack.h"
#include "daemon/store/sqlite_sql.h"

enum {
	FEED_ROWS = 512,
	FEED_CELLS = 13,
	FEED_TEXTS = 6, /* those from FEED_REST on are blobs */
	FEED_REST = 4,
	FEED_LOG = 5,
};

struct feed {
	int64_t *cells;	       /* owned; FEED_ROWS * FEED_CELLS */
	struct slice *texts;   /* owned; FEED_ROWS * FEED_TEXTS */
	unsigned char *packed; /* owned; FEED_ROWS * REST_BYTES_MAX */
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

/** feed_rest() - b4 of the row that was added last: @fields, packed */
void feed_rest(struct feed *feed, const int64_t *fields, size_t count);

/** feed_clear() - no rows any more */
void feed_clear(struct feed *feed);

/**
 * feed_run() - one statement over all rows
 *
 * Return: 0; STORE_E_CORRUPT when it changed another number of rows than the
 *         feed has; else as sql_run().
 */
must_check int feed_run(struct feed *feed, struct sql *sql, enum sql_id id);
/** feed_run_some() - the same over @rows of them: the statement says which */
must_check int feed_run_some(struct sql *sql, enum sql_id id, size_t rows);

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
