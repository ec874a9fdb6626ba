/* The reading half, what explains a job: its attempts, its place, its time. */

#include "daemon/store/sqlite_store.h"

#include <errno.h>

#include "daemon/store/sqlite_filter.h"

#define ATTEMPTS_SHOWN 1000
#define RUNS_MEANT 100

static int begin(struct store *store)
{
	store->lanes.call++;
	return sql_begin_read(&store->sql);
}

static int end(struct store *store, int error)
{
	int ended = sql_end_read(&store->sql);

	return error ? error : ended;
}

/* Attempts behind this number are told of by the job's own row. One that was
 * waiting when it ended has no end of an attempt in it. */
static int first_hidden(struct store *store, int64_t job, int64_t *ret)
{
	struct sql *sql = &store->sql;
	struct store_row row;
	struct live live;
	bool found;
	int error = live_get(sql, job, &live, &found);

	*ret = 0;
	if (error)
		return error;
	if (found) {
		*ret = live.facts.attempt;
		return 0;
	}
	error = finished_get(sql, job, &row, &live, &found);
	if (error || !found)
		return error;
	*ret = (int64_t)live.facts.attempt + !live.started_ms;
	return error;
}

static int read_attempt(struct sqlite3_stmt *stmt, struct arena *arena,
			struct store_attempt *ret)
{
	int64_t cause = sql_int(stmt, 1);

	*ret = (struct store_attempt){
		.number = (uint32_t)sql_int(stmt, 0),
		.cause = cause >= 0 && cause < CAUSE_COUNT
				 ? (enum job_cause)cause
				 : CAUSE_REJECTED,
		.core = sql_int(stmt, 2) & FLAG_CORE,
		.started_ms = sql_int(stmt, 3),
		.finished_ms = sql_int(stmt, 4),
		.exit_code = (int32_t)sql_int(stmt, 5),
		.signal = (int32_t)sql_int(stmt, 6),
		.cpu_us = sql_int(stmt, 7),
		.peak_kib = sql_int(stmt, 8),
	};
	return sql_copy(stmt, 9, arena, &ret->failure);
}

/* Read from the newest back, so that the last ones are there when not all
 * are. */
static int attempts(struct store *store, struct arena *arena, int64_t job,
		    struct store_attempt *rows, size_t *ret_count)
{
	struct sqlite3_stmt *stmt;
	int64_t hidden;
	size_t count = 0;
	bool row;
	int error = first_hidden(store, job, &hidden);

	if (error)
		return error;
	stmt = sql_use(&store->sql, SQL_ATTEMPT_LIST, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, job, hidden, ATTEMPTS_SHOWN);
	for (;;) {
		error = sql_row(&store->sql, stmt, &row);
		if (error || !row)
			break;
		require(count < ATTEMPTS_SHOWN);
		error = read_attempt(stmt, arena, &rows[count++]);
		if (error) {
			sql_done(stmt);
			break;
		}
	}
	for (size_t i = 0; i < count / 2; i++) {
		struct store_attempt other = rows[count - 1 - i];

		rows[count - 1 - i] = rows[i];
		rows[i] = other;
	}
	*ret_count = count;
	return error;
}

int store_attempts(struct store *store, struct arena *arena, int64_t job,
		   struct store_attempt **ret, size_t *ret_count)
{
	struct store_attempt *rows = arena_array(arena, ATTEMPTS_SHOWN,
						 sizeof(*rows));
	size_t count = 0;
	int error;

	if (!rows)
		return -ENOMEM;
	error = begin(store);
	if (error)
		return error;
	error = end(store, attempts(store, arena, job, rows, &count));
	if (error)
		return error;
	*ret = rows;
	*ret_count = count;
	return 0;
}

static int ahead(struct store *store, int64_t job, int64_t max, int64_t *ret)
{
	struct sqlite3_stmt *stmt;
	struct live live;
	bool found;
	int error = live_get(&store->sql, job, &live, &found);

	if (error)
		return error;
	if (!found || live.facts.state != STATE_READY)
		return -ENOENT;
	stmt = sql_use(&store->sql, SQL_READY_BEFORE, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, live.lane, -(int64_t)live.priority, live.seq, max);
	error = sql_row(&store->sql, stmt, &found);
	if (error || !found)
		return error;
	*ret = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

int store_attempt_log(struct store *store, struct arena *arena, int64_t job,
		      uint32_t attempt, struct slice *ret_log, bool *ret_file)
{
	struct sqlite3_stmt *stmt;
	bool found = false;
	int error;

	*ret_log = (struct slice){0};
	*ret_file = false;
	error = begin(store);
	if (error)
		return error;
	stmt = sql_use(&store->sql, SQL_ATTEMPT_LOG, &error);
	if (stmt) {
		SQL_INTS(stmt, job, attempt);
		error = sql_row(&store->sql, stmt, &found);
	}
	if (!error && found) {
		*ret_file = sql_int(stmt, 0) & FLAG_OUTPUT_FILE;
		error = sql_copy(stmt, 1, arena, ret_log);
		sql_done(stmt);
	}
	return end(store, error);
}

int store_ahead(struct store *store, int64_t job, int64_t max, int64_t *ret)
{
	int error = begin(store);

	*ret = 0;
	return error ? error : end(store, ahead(store, job, max, ret));
}

/* Is it one of those that are meant, and did it run? */
static int is_like(struct store *store, struct arena *scratch,
		   const struct store_row *row, uint32_t flags,
		   struct slice name, bool *ret)
{
	struct store_row words = {.id = row->id};
	int error;

	*ret = row->started_ms && row->finished_ms >= row->started_ms &&
	       row->state != STATE_CANCELLED;
	if (!*ret || !name.n)
		return 0;
	*ret = flags & FLAG_WORDS;
	if (!*ret)
		return 0;
	arena_reset(scratch);
	error = row_words(&store->sql, scratch, &words, false);
	*ret = !error && slice_equal(words.name, name);
	return error;
}

struct times {
	int64_t sum, count;
};

static int add_times(struct store *store, int32_t lane, struct slice name,
		     struct arena *scratch, struct times *times)
{
	int64_t left = FILTER_STEP_ROWS;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_DONE_BEFORE,
					    &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, INT64_MAX);
	while (left > 0 && times->count < RUNS_MEANT) {
		struct store_row row;
		int64_t context;
		uint32_t flags;
		bool found;

		error = sql_row(&store->sql, stmt, &found);
		if (error || !found)
			return error;
		error = finished_read(&store->sql, stmt, &row, &flags,
				      &context);
		left--;
		if (!error && row.lane != lane)
			continue;
		if (name.n && flags & FLAG_WORDS)
			left -= FILTER_WORDS_COST;
		if (!error)
			error = is_like(store, scratch, &row, flags, name,
					&found);
		if (error)
			break;
		if (!found)
			continue;
		times->sum += row.finished_ms - row.started_ms;
		times->count++;
	}
	sql_done(stmt);
	return error;
}

int store_run_time(struct store *store, struct slice queue,
		   struct slice handler, struct slice name, int64_t *ret_ms,
		   int64_t *ret_count)
{
	struct arena scratch = {0};
	struct times times = {0};
	struct lane *lane;
	int error = begin(store);

	*ret_ms = *ret_count = 0;
	if (error)
		return error;
	error = sqlite_lanes_load(&store->lanes, &store->sql, false);
	lane = sqlite_lanes_find(&store->lanes, queue, handler);
	if (!error && lane)
		error = add_times(store, lane->id, name, &scratch, &times);
	error = end(store, error);
	arena_fini(&scratch);
	if (error || !times.count)
		return error;
	*ret_ms = times.sum / times.count;
	*ret_count = times.count;
	return 0;
}

static int first_ready(struct store *store, int32_t lane, int64_t *ret_ms)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_READY_FIRST,
					    &error);
	struct live live;
	bool found;

	*ret_ms = 0;
	if (!stmt)
		return error;
	SQL_INTS(stmt, lane);
	error = sql_row(&store->sql, stmt, &found);
	if (error || !found)
		return error;
	error = live_read(&store->sql, stmt, &live);
	*ret_ms = sql_int(stmt, LIVE_COLUMNS);
	sql_done(stmt);
	if (!error && live.created_ms > *ret_ms)
		*ret_ms = live.created_ms;
	if (!error && live.facts.run_at_ms > *ret_ms)
		*ret_ms = live.facts.run_at_ms;
	return error;
}

int store_oldest_ready(struct store *store, struct slice queue, int64_t *ret_ms)
{
	int error = begin(store);

	*ret_ms = 0;
	if (error)
		return error;
	error = sqlite_lanes_load(&store->lanes, &store->sql, false);
	for (size_t i = 0; !error && i < store->lanes.count; i++) {
		const struct lane *lane = store->lanes.items[i];
		int64_t since;

		if (!slice_equal(lane->queue, queue))
			continue;
		error = first_ready(store, lane->id, &since);
		if (since && (!*ret_ms || since < *ret_ms))
			*ret_ms = since;
	}
	return end(store, error);
}
