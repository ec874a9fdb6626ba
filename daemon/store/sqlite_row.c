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

void live_rest(const struct live *live, int64_t ret[REST_OF_LIVE])
{
	const struct job_facts *facts = &live->facts;

	ret[REST_CREATED] = live->created_ms;
	ret[REST_MAX_ATTEMPTS] = facts->max_attempts;
	ret[REST_CRASH_LIMIT] = facts->crash_limit;
	ret[REST_GRACE] = live->grace_ms;
	ret[REST_UID] = live->uid;
	ret[REST_GID] = live->gid;
	ret[REST_CONTEXT] = live->context;
	ret[REST_GROUP] = live->group;
	ret[REST_TIMEOUT] = live->timeout_ms;
	ret[REST_CRASHES] = facts->crashes;
	ret[REST_CAUSE] = live->cause;
}

struct slice *live_feed(struct feed *feed, const struct live *live)
{
	const struct job_facts *facts = &live->facts;
	int64_t rest[REST_OF_LIVE];
	struct slice *texts = feed_add(feed,
				       (int64_t[]){
					       live->id,
					       live->lane,
					       facts->state,
					       -(int64_t)live->priority,
					       live->seq,
					       facts->attempt,
					       live->flags,
					       facts->run_at_ms,
					       live->started_ms,
					       live->worker,
					       live->token,
					       live->expire_ms,
					       live->group,
				       },
				       LIVE_FEED_GROUP + 1);

	live_rest(live, rest);
	feed_rest(feed, rest, REST_OF_LIVE);
	return texts;
}

static bool fits(int64_t value)
{
	return value >= 0 && value <= UINT32_MAX;
}

/* The fields that both tables have, in range: an enum, or a number that is
 * cut, must not be made of what a stranger wrote. */
static int read_rest(struct sql *sql, struct sqlite3_stmt *stmt, int column,
		     int64_t *fields, size_t count)
{
	if (!rest_unpack(sql_text(stmt, column), fields, count))
		return sql_damaged(sql, "what is packed in a row is cut");
	if (!fits(fields[REST_MAX_ATTEMPTS]) ||
	    !fits(fields[REST_CRASH_LIMIT]) || !fits(fields[REST_UID]) ||
	    !fits(fields[REST_GID]) || !fits(fields[REST_CRASHES]))
		return sql_damaged(sql, "a number in a row is too large");
	return 0;
}

int live_read(struct sql *sql, struct sqlite3_stmt *stmt, struct live *ret)
{
	int64_t state = sql_int(stmt, 2);
	uint32_t flags = (uint32_t)sql_int(stmt, 6);
	int64_t rest[REST_OF_LIVE];
	int error = read_rest(sql, stmt, 11, rest, REST_OF_LIVE);

	if (!error)
		error = check_words(sql, state, rest[REST_CAUSE]);
	if (error)
		return error;
	*ret = (struct live){
		.id = sql_int(stmt, 0),
		.lane = sql_int(stmt, 1),
		.facts =
			{
				.state = (enum job_state)state,
				.attempt = (uint32_t)sql_int(stmt, 5),
				.max_attempts =
					(uint32_t)rest[REST_MAX_ATTEMPTS],
				.crashes = (uint32_t)rest[REST_CRASHES],
				.crash_limit = (uint32_t)rest[REST_CRASH_LIMIT],
				.once = flags & FLAG_ONCE,
				.cancel_asked = flags & FLAG_CANCEL_ASKED,
				.blocked = state == STATE_BLOCKED ||
					   flags & FLAG_BLOCKED,
				.run_at_ms = sql_int(stmt, 7),
			},
		.priority = (int32_t)-sql_int(stmt, 3),
		.seq = sql_int(stmt, 4),
		.cause = (enum job_cause)rest[REST_CAUSE],
		.flags = flags,
		.uid = (uint32_t)rest[REST_UID],
		.gid = (uint32_t)rest[REST_GID],
		.context = rest[REST_CONTEXT],
		.group = rest[REST_GROUP],
		.created_ms = rest[REST_CREATED],
		.started_ms = sql_int(stmt, 8),
		.timeout_ms = rest[REST_TIMEOUT],
		.grace_ms = rest[REST_GRACE],
		.worker = sql_int(stmt, 9),
		.token = sql_int(stmt, 10),
	};
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

/* A time of a finished job, as it is packed and back: modulo 2^64, so that
 * whatever stands there comes back. */
static int64_t since(int64_t at_ms, int64_t created_ms)
{
	return (int64_t)((uint64_t)at_ms - (uint64_t)created_ms);
}

static int64_t at(int64_t since_ms, int64_t created_ms)
{
	return (int64_t)((uint64_t)since_ms + (uint64_t)created_ms);
}

void finished_rest(const struct live *live, const struct store_row *row,
		   int64_t ret[REST_OF_DONE])
{
	live_rest(live, ret);
	ret[REST_CRASHES] = row->crashes;
	ret[REST_CAUSE] = row->cause;
	ret[REST_PRIORITY] = row->priority;
	ret[REST_ATTEMPT] = row->attempt;
	ret[REST_RUN_AT] = row->run_at_ms;
	ret[REST_STARTED] = since(row->started_ms, row->created_ms);
	ret[REST_FINISHED] = since(row->finished_ms, row->created_ms);
	ret[REST_EXIT_CODE] = row->exit_code;
	ret[REST_SIGNAL] = row->signal;
	ret[REST_CPU_US] = row->cpu_us;
	ret[REST_PEAK_KIB] = row->peak_kib;
	ret[REST_STDOUT_BYTES] = row->stdout_bytes;
	ret[REST_STDERR_BYTES] = row->stderr_bytes;
}

int finished_read(struct sql *sql, struct sqlite3_stmt *stmt,
		  struct store_row *ret, uint32_t *ret_flags,
		  int64_t *ret_context)
{
	int64_t state = sql_int(stmt, 2);
	uint32_t flags = (uint32_t)sql_int(stmt, 3);
	int64_t rest[REST_OF_DONE], created;
	int error = read_rest(sql, stmt, 4, rest, REST_OF_DONE);

	if (!error)
		error = check_words(sql, state, rest[REST_CAUSE]);
	if (!error && !fits(rest[REST_ATTEMPT]))
		error = sql_damaged(sql, "a number in a row is too large");
	if (error)
		return error;
	created = rest[REST_CREATED];
	*ret_flags = flags;
	*ret_context = rest[REST_CONTEXT];
	*ret = (struct store_row){
		.id = sql_int(stmt, 0),
		.state = (enum job_state)state,
		.cause = (enum job_cause)rest[REST_CAUSE],
		.lane = (int32_t)sql_int(stmt, 1),
		.priority = (int32_t)rest[REST_PRIORITY],
		.attempt = (uint32_t)rest[REST_ATTEMPT],
		.max_attempts = (uint32_t)rest[REST_MAX_ATTEMPTS],
		.crashes = (uint32_t)rest[REST_CRASHES],
		.uid = (uint32_t)rest[REST_UID],
		.group = rest[REST_GROUP],
		.created_ms = created,
		.run_at_ms = rest[REST_RUN_AT],
		.started_ms = at(rest[REST_STARTED], created),
		.finished_ms = at(rest[REST_FINISHED], created),
		.exit_code = (int32_t)rest[REST_EXIT_CODE],
		.signal = (int32_t)rest[REST_SIGNAL],
		.core = flags & FLAG_CORE,
		.cancel_asked = flags & FLAG_CANCEL_ASKED,
		.output_file = flags & FLAG_OUTPUT_FILE,
		.descriptors = flags & FLAG_CARRIED,
		.stdout_given = flags & FLAG_STDOUT_GIVEN,
		.stderr_given = flags & FLAG_STDERR_GIVEN,
		.cpu_us = rest[REST_CPU_US],
		.peak_kib = rest[REST_PEAK_KIB],
		.stdout_bytes = rest[REST_STDOUT_BYTES],
		.stderr_bytes = rest[REST_STDERR_BYTES],
	};
	return 0;
}

int finished_live(struct sql *sql, struct sqlite3_stmt *stmt, struct live *ret)
{
	int64_t rest[REST_OF_DONE];
	struct store_row row;
	uint32_t flags;
	int64_t context;
	int error = finished_read(sql, stmt, &row, &flags, &context);

	if (!error)
		error = read_rest(sql, stmt, 4, rest, REST_OF_DONE);
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
				.crash_limit = (uint32_t)rest[REST_CRASH_LIMIT],
				.once = flags & FLAG_ONCE,
				.run_at_ms = row.run_at_ms,
			},
		.priority = row.priority,
		.cause = row.cause,
		.flags = flags,
		.uid = row.uid,
		.gid = (uint32_t)rest[REST_GID],
		.context = context,
		.group = row.group,
		.created_ms = row.created_ms,
		.started_ms = row.started_ms,
		.timeout_ms = rest[REST_TIMEOUT],
		.grace_ms = rest[REST_GRACE],
	};
	if (!state_is_end(row.state) || !row.max_attempts ||
	    !ret->facts.crash_limit || row.crashes > row.attempt ||
	    row.crashes > ret->facts.crash_limit ||
	    (ret->facts.once && row.attempt > 1))
		return sql_damaged(sql, "a finished job contradicts itself");
	return 0;
}

int finished_get(struct sql *sql, int64_t id, struct store_row *ret,
		 struct live *ret_live, bool *ret_found)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_DONE_GET, &error);
	uint32_t flags;
	int64_t context;

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, ret_found);
	if (error || !*ret_found)
		return error;
	error = finished_read(sql, stmt, ret, &flags, &context);
	if (!error)
		error = finished_live(sql, stmt, ret_live);
	sql_done(stmt);
	return error;
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

int row_short(struct sql *sql, struct arena *arena, struct store_row *row)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_DONE_RESULT, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->id);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	error = sql_copy(stmt, 0, arena, &row->result);
	sql_done(stmt);
	return error;
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
