#include "daemon/store/sqlite_feed.h"

#include <errno.h>
#include <sqlite3.h>

/* So many rows in each, on average, are worth a statement for each. */
#define FEED_PART_MIN 4

struct feed_table {
	sqlite3_vtab base;
	const struct feed *feed;
};

struct feed_cursor {
	sqlite3_vtab_cursor base;
	size_t at;
};

static const struct feed *feed_of(sqlite3_vtab_cursor *cursor)
{
	return ((struct feed_table *)cursor->pVtab)->feed;
}

static int do_connect(sqlite3 *db, void *feed, int argc,
		      const char *const *argv, sqlite3_vtab **ret, char **error)
{
	struct feed_table *table;
	int code = sqlite3_declare_vtab(
		db, "CREATE TABLE feed (c0, c1, c2, c3, c4, c5, c6, c7, c8, "
		    "c9, c10, c11, c12, t0, t1, t2, t3, b4, b5)");

	(void)argc;
	(void)argv;
	(void)error;
	if (code != SQLITE_OK)
		return code;
	table = calloc(1, sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	table->feed = feed;
	*ret = &table->base;
	return SQLITE_OK;
}

static int do_disconnect(sqlite3_vtab *table)
{
	free(table);
	return SQLITE_OK;
}

/* Always the outer loop, from the first row to the last. */
static int do_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = FEED_ROWS;
	info->estimatedRows = FEED_ROWS;
	return SQLITE_OK;
}

static int do_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
	struct feed_cursor *cursor = calloc(1, sizeof(*cursor));

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*ret = &cursor->base;
	return SQLITE_OK;
}

static int do_close(sqlite3_vtab_cursor *cursor)
{
	free(cursor);
	return SQLITE_OK;
}

static int do_filter(sqlite3_vtab_cursor *cursor, int number, const char *text,
		     int argc, sqlite3_value **argv)
{
	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	((struct feed_cursor *)cursor)->at = 0;
	return SQLITE_OK;
}

static int do_next(sqlite3_vtab_cursor *cursor)
{
	((struct feed_cursor *)cursor)->at++;
	return SQLITE_OK;
}

static int do_eof(sqlite3_vtab_cursor *cursor)
{
	return ((struct feed_cursor *)cursor)->at >= feed_of(cursor)->rows;
}

static int do_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context,
		     int column)
{
	const struct feed *feed = feed_of(cursor);
	size_t at = ((struct feed_cursor *)cursor)->at;
	struct slice text;

	if (column < FEED_CELLS) {
		sqlite3_result_int64(
			context, feed->cells[at * FEED_CELLS + (size_t)column]);
		return SQLITE_OK;
	}
	column -= FEED_CELLS;
	text = feed->texts[at * FEED_TEXTS + (size_t)column];
	if (text.n && column >= FEED_REST)
		sqlite3_result_blob64(context, text.p, text.n, SQLITE_STATIC);
	else if (text.n)
		sqlite3_result_text64(context, text.p, text.n, SQLITE_STATIC,
				      SQLITE_UTF8);
	return SQLITE_OK;
}

static int do_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((struct feed_cursor *)cursor)->at;
	return SQLITE_OK;
}

/* No xCreate: the table is there under the module's name, and only there. */
static const sqlite3_module module = {
	.iVersion = 1,
	.xConnect = do_connect,
	.xBestIndex = do_best_index,
	.xDisconnect = do_disconnect,
	.xOpen = do_open,
	.xClose = do_close,
	.xFilter = do_filter,
	.xNext = do_next,
	.xEof = do_eof,
	.xColumn = do_column,
	.xRowid = do_rowid,
};

int feed_init(struct feed *feed, struct sql *sql)
{
	int code;

	feed->cells = calloc(FEED_ROWS * FEED_CELLS, sizeof(*feed->cells));
	feed->texts = calloc(FEED_ROWS * FEED_TEXTS, sizeof(*feed->texts));
	feed->packed = calloc(FEED_ROWS, REST_BYTES_MAX);
	if (!feed->cells || !feed->texts || !feed->packed)
		return -ENOMEM;
	code = sqlite3_create_module_v2(sql->db, "feed", &module, feed, NULL);
	return code == SQLITE_OK ? 0 : sql_error(sql, code);
}

void feed_fini(struct feed *feed)
{
	free(feed->cells);
	free(feed->texts);
	free(feed->packed);
	*feed = (struct feed){0};
}

bool feed_is_full(const struct feed *feed)
{
	return feed->rows == FEED_ROWS;
}

struct slice *feed_add(struct feed *feed, const int64_t *cells, size_t count)
{
	struct slice *texts = &feed->texts[feed->rows * FEED_TEXTS];

	require(feed->rows < FEED_ROWS && count <= FEED_CELLS);
	memcpy(&feed->cells[feed->rows * FEED_CELLS], cells,
	       count * sizeof(*cells));
	memset(texts, 0, FEED_TEXTS * sizeof(*texts));
	feed->rows++;
	return texts;
}

void feed_rest(struct feed *feed, const int64_t *fields, size_t count)
{
	size_t at = feed->rows - 1;

	require(feed->rows);
	feed->texts[at * FEED_TEXTS + FEED_REST] =
		rest_pack(fields, count, &feed->packed[at * REST_BYTES_MAX]);
}

void feed_clear(struct feed *feed)
{
	feed->rows = 0;
}

/* Every row of the feed must have met one of the database. */
static int run(struct sql *sql, enum sql_id id, const int64_t *values,
	       int count, size_t rows)
{
	int error = sql_do(sql, id, values, count);

	if (!error && sql_changes(sql) != (int64_t)rows)
		return sql_damaged(sql, "a job is not where it should be");
	return error;
}

int feed_run(struct feed *feed, struct sql *sql, enum sql_id id)
{
	return run(sql, id, NULL, 0, feed->rows);
}

int feed_run_some(struct sql *sql, enum sql_id id, size_t rows)
{
	return rows ? run(sql, id, NULL, 0, rows) : 0;
}

static const int64_t *row_of(const struct feed *feed, size_t at)
{
	return &feed->cells[at * FEED_CELLS];
}

static bool follows(const int64_t *row, const int64_t *next,
		    const int64_t *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (row[i] + steps[i] != next[i])
			return false;
	}
	return true;
}

/* Where the range that begins at @first ends. */
static size_t range_end(const struct feed *feed, size_t first,
			const int64_t *steps, size_t count)
{
	size_t at = first + 1;

	while (at < feed->rows &&
	       follows(row_of(feed, at - 1), row_of(feed, at), steps, count))
		at++;
	return at;
}

int feed_run_ranges(struct feed *feed, struct sql *sql, enum sql_id each,
		    enum sql_id range, const int64_t *steps, size_t count)
{
	int64_t values[FEED_CELLS + 1];
	size_t ranges = 0, last;
	int error = 0;

	for (size_t i = 0; i < feed->rows; ranges++)
		i = range_end(feed, i, steps, count);
	if (ranges > 1 && ranges * FEED_PART_MIN > feed->rows)
		return feed_run(feed, sql, each);
	for (size_t i = 0; !error && i < feed->rows; i = last) {
		const int64_t *row = row_of(feed, i);

		last = range_end(feed, i, steps, count);
		values[0] = row[0];
		values[1] = row_of(feed, last - 1)[0];
		memcpy(&values[2], &row[1], (count - 1) * sizeof(*row));
		error = run(sql, range, values, (int)count + 1, last - i);
	}
	return error;
}
