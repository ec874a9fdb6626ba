#include "daemon/store/sqlite_row.h"

#include <errno.h>

#include <sqlite3.h>

/* What a stranger wrote into the file must not become an enum out of range. */
static int check_words(struct sql *sql, int64_t state, int64_t cause)
{
	if (state < 0 || state >= STATE_COUNT)
		return sql_damaged(sql, "a job has an unknown state");
	if (cause < 0 || cause >= CAUSE_COUNT)
		return sql_damaged(sql, "a job has an unknown cause");
	return 0;
}

/* What core/job takes for granted of facts; a damaged row must not get there. */
static bool is_whole(const struct live *live)
{
	const struct job_facts *facts = &live->facts;
	bool running = facts->state == STATE_RUNNING;

	return !state_is_end(facts->state) && facts->max_attempts >= 1 &&
	       facts->crash_limit >= 1 && facts->crashes <= facts->attempt &&
	       facts->crashes <= facts->crash_limit &&
	       (!running || facts->attempt > facts->crashes) &&
	       (running || !facts->cancel_asked) &&
	       (!facts->blocked || facts->state == STATE_BLOCKED ||
		facts->state == STATE_HELD) &&
	       (!facts->once || facts->attempt == 0 ||
		(running && facts->attempt == 1));
}

void live_cells(const struct live *live, int64_t ret[LIVE_COLUMNS + 1])
{
	const struct job_facts *facts = &live->facts;
	const int64_t cells[LIVE_COLUMNS + 1] = {
		live->id,
		live->lane,
		facts->state,
		-(int64_t)live->priority,
		live->seq,
		facts->attempt,
		facts->max_attempts,
		facts->crashes,
		facts->crash_limit,
		live->cause,
		live->flags,
		live->uid,
		live->gid,
		live->context,
		live->group,
		live->created_ms,
		facts->run_at_ms,
		live->started_ms,
		live->timeout_ms,
		live->grace_ms,
		live->worker,
		live->token,
		live->expire_ms,
	};

	memcpy(ret, cells, sizeof(cells));
}

int live_read(struct sql *sql, struct sqlite3_stmt *stmt, struct live *ret)
{
	int64_t state = sql_int(stmt, 2);
	int64_t cause = sql_int(stmt, 9);
	uint32_t flags = (uint32_t)sql_int(stmt, 10);

	*ret = (struct live){
		.id = sql_int(stmt, 0),
		.lane = sql_int(stmt, 1),
		.facts =
			{
				.state = (enum job_state)state,
				.attempt = (uint32_t)sql_int(stmt, 5),
				.max_attempts = (uint32_t)sql_int(stmt, 6),
				.crashes = (uint32_t)sql_int(stmt, 7),
				.crash_limit = (uint32_t)sql_int(stmt, 8),
				.once = flags & FLAG_ONCE,
				.cancel_asked = flags & FLAG_CANCEL_ASKED,
				.blocked = state == STATE_BLOCKED ||
					   flags & FLAG_BLOCKED,
				.run_at_ms = sql_int(stmt, 16),
			},
		.priority = (int32_t)-sql_int(stmt, 3),
		.seq = sql_int(stmt, 4),
		.cause = (enum job_cause)cause,
		.flags = flags,
		.uid = (uint32_t)sql_int(stmt, 11),
		.gid = (uint32_t)sql_int(stmt, 12),
		.context = sql_int(stmt, 13),
		.group = sql_int(stmt, 14),
		.created_ms = sql_int(stmt, 15),
		.started_ms = sql_int(stmt, 17),
		.timeout_ms = sql_int(stmt, 18),
		.grace_ms = sql_int(stmt, 19),
		.worker = sql_int(stmt, 20),
		.token = sql_int(stmt, 21),
	};
	if (check_words(sql, state, cause))
		return STORE_E_CORRUPT;
	if (!is_whole(ret))
		return sql_damaged(sql, "a live job contradicts itself");
	return 0;
}

int live_get(struct sql *sql, int64_t id, struct live *ret, bool *ret_found)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_JOB_GET, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, ret_found);
	if (error || !*ret_found)
		return error;
	error = live_read(sql, stmt, ret);
	sql_done(stmt);
	return error;
}

void live_row(const struct live *live, struct store_row *ret)
{
	*ret = (struct store_row){
		.id = live->id,
		.state = live->facts.state,
		.cause = live->cause,
		.lane = (int32_t)live->lane,
		.priority = live->priority,
		.attempt = live->facts.attempt,
		.max_attempts = live->facts.max_attempts,
		.crashes = live->facts.crashes,
		.uid = live->uid,
		.group = live->group,
		.created_ms = live->created_ms,
		.run_at_ms = live->facts.run_at_ms,
		.started_ms = live->started_ms,
		.worker = live->worker,
		.exit_code = -1,
		.cancel_asked = live->facts.cancel_asked,
		.descriptors = live->flags & FLAG_CARRIED,
		.stdout_given = live->flags & FLAG_STDOUT_GIVEN,
		.stderr_given = live->flags & FLAG_STDERR_GIVEN,
	};
}

int finished_read(struct sql *sql, struct sqlite3_stmt *stmt,
		  struct store_row *ret, uint32_t *ret_flags,
		  int64_t *ret_context)
{
	int64_t state = sql_int(stmt, 2);
	int64_t cause = sql_int(stmt, 3);
	uint32_t flags = (uint32_t)sql_int(stmt, 9);

	*ret_flags = flags;
	*ret_context = sql_int(stmt, 12);
	*ret = (struct store_row){
		.id = sql_int(stmt, 0),
		.state = (enum job_state)state,
		.cause = (enum job_cause)cause,
		.lane = (int32_t)sql_int(stmt, 1),
		.priority = (int32_t)-sql_int(stmt, 4),
		.attempt = (uint32_t)sql_int(stmt, 5),
		.max_attempts = (uint32_t)sql_int(stmt, 6),
		.crashes = (uint32_t)sql_int(stmt, 7),
		.uid = (uint32_t)sql_int(stmt, 10),
		.group = sql_int(stmt, 13),
		.created_ms = sql_int(stmt, 14),
		.run_at_ms = sql_int(stmt, 15),
		.started_ms = sql_int(stmt, 16),
		.finished_ms = sql_int(stmt, 17),
		.exit_code = (int32_t)sql_int(stmt, 20),
		.signal = (int32_t)sql_int(stmt, 21),
		.core = flags & FLAG_CORE,
		.cancel_asked = flags & FLAG_CANCEL_ASKED,
		.output_file = flags & FLAG_OUTPUT_FILE,
		.descriptors = flags & FLAG_CARRIED,
		.stdout_given = flags & FLAG_STDOUT_GIVEN,
		.stderr_given = flags & FLAG_STDERR_GIVEN,
		.cpu_us = sql_int(stmt, 22),
		.peak_kib = sql_int(stmt, 23),
		.stdout_bytes = sql_int(stmt, 24),
		.stderr_bytes = sql_int(stmt, 25),
	};
	return check_words(sql, state, cause);
}

int finished_live(struct sql *sql, struct sqlite3_stmt *stmt, struct live *ret)
{
	struct store_row row;
	uint32_t flags;
	int64_t context;
	int error = finished_read(sql, stmt, &row, &flags, &context);

	if (error)
		return error;
	*ret = (struct live){
		.id = row.id,
		.lane = row.lane,
		.facts =
			{
				.state = row.state,
				.attempt = row.attempt,
				.max_attempts = row.max_attempts,
				.crashes = row.crashes,
				.crash_limit = (uint32_t)sql_int(stmt, 8),
				.once = flags & FLAG_ONCE,
				.run_at_ms = row.run_at_ms,
			},
		.priority = row.priority,
		.cause = row.cause,
		.flags = flags,
		.uid = row.uid,
		.gid = (uint32_t)sql_int(stmt, 11),
		.context = context,
		.group = row.group,
		.created_ms = row.created_ms,
		.started_ms = row.started_ms,
		.timeout_ms = sql_int(stmt, 18),
		.grace_ms = sql_int(stmt, 19),
	};
	if (!state_is_end(row.state) || !row.max_attempts ||
	    !ret->facts.crash_limit || row.crashes > row.attempt ||
	    row.crashes > ret->facts.crash_limit ||
	    (ret->facts.once && row.attempt > 1))
		return sql_damaged(sql, "a finished job contradicts itself");
	return 0;
}

int row_words(struct sql *sql, struct arena *arena, struct store_row *row,
	      bool with_spec)
{
	enum sql_id id = with_spec ? SQL_BODY_GET : SQL_BODY_WORDS;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, id, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->id);
	error = sql_row(sql, stmt, &found);
	if (error)
		return error;
	if (!found)
		return sql_damaged(sql, "a job has no body");
	error = sql_copy(stmt, 0, arena, &row->name);
	if (!error)
		error = sql_copy(stmt, 1, arena, &row->key);
	if (!error)
		error = sql_copy(stmt, 2, arena, &row->tags);
	if (!error && with_spec)
		error = sql_copy(stmt, 3, arena, &row->spec);
	sql_done(stmt);
	return error;
}

int row_follows(struct sql *sql, struct store_row *row)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_EXTRA_FOLLOWS, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->id);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	row->follows = sql_int(stmt, 0);
	row->follows_group = sql_int(stmt, 1);
	sql_done(stmt);
	return 0;
}

int row_callbacks(struct sql *sql, struct arena *arena, struct store_row *row)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_FOLLOWERS, &error);
	int64_t ids[FOLLOWERS_SHOWN], *copy;
	size_t count = 0;
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->id, 0, FOLLOWERS_SHOWN);
	for (;;) {
		error = sql_row(sql, stmt, &found);
		if (error)
			return error;
		if (!found)
			break;
		require(count < FOLLOWERS_SHOWN);
		ids[count++] = sql_int(stmt, 0);
	}
	copy = arena_array(arena, count, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, ids, count * sizeof(*copy));
	row->callbacks = copy;
	row->callback_count = count;
	return 0;
}

int row_result(struct sql *sql, struct arena *arena, struct store_row *row,
	       bool with_log)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_RESULT_GET, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->id);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	error = sql_copy(stmt, 0, arena, &row->reason);
	if (!error)
		error = sql_copy(stmt, 1, arena, &row->failure);
	if (!error)
		error = sql_copy(stmt, 2, arena, &row->result);
	if (!error && with_log)
		error = sql_copy(stmt, 3, arena, &row->log);
	sql_done(stmt);
	return error;
}

int row_attempt(struct sql *sql, struct arena *arena, struct store_row *row,
		bool with_log)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_ATTEMPT_LAST, &error);
	bool found;
	uint32_t flags;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->id);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	flags = (uint32_t)sql_int(stmt, 0);
	row->core = flags & FLAG_CORE;
	row->output_file = flags & FLAG_OUTPUT_FILE;
	row->exit_code = (int32_t)sql_int(stmt, 3);
	row->signal = (int32_t)sql_int(stmt, 4);
	row->cpu_us = sql_int(stmt, 5);
	row->peak_kib = sql_int(stmt, 6);
	row->stdout_bytes = sql_int(stmt, 7);
	row->stderr_bytes = sql_int(stmt, 8);
	error = sql_copy(stmt, 9, arena, &row->failure);
	if (!error && with_log)
		error = sql_copy(stmt, 10, arena, &row->log);
	sql_done(stmt);
	return error;
}
