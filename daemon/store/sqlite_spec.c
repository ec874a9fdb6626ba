#include "daemon/store/sqlite_spec.h"

#include "daemon/store/sqlite_row.h"

static int spec_extra(struct sql *sql, struct arena *arena, int64_t id,
		      struct store_spec *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_EXTRA_SPEC, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	/* Those that it had before a retry raised them; never 0. */
	if (sql_int(stmt, 0))
		ret->max_attempts = (uint32_t)sql_int(stmt, 0);
	if (sql_int(stmt, 1))
		ret->crash_limit = (uint32_t)sql_int(stmt, 1);
	ret->keep_ms = sql_int(stmt, 2);
	error = sql_copy(stmt, 3, arena, &ret->retry);
	if (!error)
		error = sql_copy(stmt, 4, arena, &ret->unique);
	if (!error)
		error = sql_copy(stmt, 5, arena, &ret->callbacks);
	sql_done(stmt);
	return error;
}

/* One column of the row @id, if there is one: a number, or a text. */
static int one_of(struct sql *sql, enum sql_id statement, int64_t id,
		  int64_t *ret_number, struct arena *arena,
		  struct slice *ret_text)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, statement, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	if (ret_number)
		*ret_number = sql_int(stmt, 0);
	else
		error = sql_copy(stmt, 0, arena, ret_text);
	sql_done(stmt);
	return error;
}

int spec_read(struct sql *sql, struct arena *arena, int64_t id,
	      struct store_spec *ret)
{
	struct store_row row;
	struct live live;
	int64_t expire = 0;
	bool found;
	int error = live_get(sql, id, &live, &found);

	if (!error && found)
		error = one_of(sql, SQL_JOB_EXPIRE, id, &expire, NULL, NULL);
	else if (!error)
		error = finished_get(sql, id, &row, &live, &found);
	if (error)
		return error;
	if (!found)
		return sql_damaged(sql, "a job is there and is not");
	ret->timeout_ms = live.timeout_ms;
	ret->grace_ms = live.grace_ms;
	if (live.flags & FLAG_EXPIRE && expire)
		ret->expire_ms = expire - live.created_ms;
	ret->crash_limit = live.facts.crash_limit;
	ret->max_attempts = live.facts.max_attempts;
	ret->once = live.facts.once;
	ret->orphans_keep = live.flags & FLAG_ORPHANS_KEEP;
	if (live.context)
		error = one_of(sql, SQL_CONTEXT_TEXT, live.context, NULL, arena,
			       &ret->context);
	if (!error && live.flags & FLAGS_EXTRA)
		error = spec_extra(sql, arena, id, ret);
	if (!(live.flags & FLAG_KEEP))
		ret->keep_ms = -1;
	return error;
}
