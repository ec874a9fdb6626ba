#include "daemon/store/sqlite_sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

/* The literals of the partial indexes (schema.sql, sqlite_sql.def). */
_Static_assert(STATE_SCHEDULED == 2 && STATE_READY == 3 && STATE_RUNNING == 4,
	       "the schema says 2, 3, 4");
_Static_assert(STATE_COUNT == 8, "lane and grp have a column for each state");

#define SQL(name, text) [SQL_##name] = text,
static const char *const texts[] = {
#include "daemon/store/sqlite_sql.def"
};
#undef SQL

const char *sql_text_of(enum sql_id id)
{
	require(id < SQL_COUNT);
	return texts[id];
}

void sql_fini(struct sql *sql)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(sql->stmts[i]);
		sql->stmts[i] = NULL;
	}
}

static void describe(struct sql *sql, const char *what, const char *why)
{
	if (sql->fault)
		snprintf(sql->fault->message, sizeof(sql->fault->message),
			 "%s: %s%s%s", sql->path, what, why ? ": " : "",
			 why ? why : "");
}

/* Quota and space are the same to us, but SQLite calls only one of them FULL.
 * A failed fsync is never that: what was written before it is in doubt. */
static bool out_of_space(struct sql *sql, int code)
{
	int error = sqlite3_system_errno(sql->db);

	return (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE) &&
	       (error == ENOSPC || error == EDQUOT);
}

int sql_error(struct sql *sql, int sqlite_code)
{
	int code = sqlite3_extended_errcode(sql->db);
	const char *why = sqlite3_errmsg(sql->db);

	/* The connection keeps the finer code, if it is of the same kind. */
	if ((code & 0xff) != (sqlite_code & 0xff)) {
		code = sqlite_code;
		why = sqlite3_errstr(sqlite_code);
	}
	if (sqlite_code == SQLITE_NOMEM) {
		describe(sql, "out of memory", NULL);
		return -ENOMEM;
	}
	if ((code & 0xff) == SQLITE_FULL || out_of_space(sql, code)) {
		describe(sql, "no space left", why);
		return STORE_E_FULL;
	}

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		describe(sql, "out of memory", NULL);
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		describe(sql, "damaged", why);
		return STORE_E_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		describe(sql, "another process keeps it locked", why);
		return -EBUSY;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
		describe(sql, "reading or writing failed", why);
		return STORE_E_IO;
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
		/* Our statements are fixed: a table or column is not there. */
		describe(sql, "damaged", why);
		return STORE_E_CORRUPT;
	case SQLITE_CONSTRAINT:
		describe(sql, "damaged: rows contradict each other", why);
		return STORE_E_CORRUPT;
	default:
		describe(sql, "unexpected", why);
		return -EINVAL;
	}
}

int sql_damaged(struct sql *sql, const char *what)
{
	describe(sql, "damaged", what);
	return STORE_E_CORRUPT;
}

struct sqlite3_stmt *sql_use(struct sql *sql, enum sql_id id, int *ret_error)
{
	int code;

	if (sql->stmts[id])
		return sql->stmts[id];

	code = sqlite3_prepare_v3(sql->db, texts[id], -1,
				  SQLITE_PREPARE_PERSISTENT, &sql->stmts[id],
				  NULL);
	if (code != SQLITE_OK)
		*ret_error = sql_error(sql, code);
	return sql->stmts[id];
}

void sql_bind_ints(struct sqlite3_stmt *stmt, const int64_t *values, int count)
{
	for (int i = 0; i < count; i++)
		require(sqlite3_bind_int64(stmt, i + 1, values[i]) ==
			SQLITE_OK);
}

/* Borrowed bytes need no memory, so only a mistake of ours can fail. */
void sql_bind_text(struct sqlite3_stmt *stmt, int at, struct slice text)
{
	int code = SQLITE_OK;

	if (text.n)
		code = sqlite3_bind_text64(stmt, at, text.p, text.n,
					   SQLITE_STATIC, SQLITE_UTF8);
	else
		code = sqlite3_bind_null(stmt, at);
	require(code == SQLITE_OK);
}

void sql_bind_blob(struct sqlite3_stmt *stmt, int at, struct slice bytes)
{
	int code = SQLITE_OK;

	if (bytes.n)
		code = sqlite3_bind_blob64(stmt, at, bytes.p, bytes.n,
					   SQLITE_STATIC);
	else
		code = sqlite3_bind_null(stmt, at);
	require(code == SQLITE_OK);
}

int sql_run(struct sql *sql, struct sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);
	int error = 0;

	while (code == SQLITE_ROW)
		code = sqlite3_step(stmt);
	if (code != SQLITE_DONE)
		error = sql_error(sql, code);
	sqlite3_reset(stmt);
	return error;
}

int sql_do(struct sql *sql, enum sql_id id, const int64_t *values, int count)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, id, &error);

	if (!stmt)
		return error;
	sql_bind_ints(stmt, values, count);
	return sql_run(sql, stmt);
}

int sql_row(struct sql *sql, struct sqlite3_stmt *stmt, bool *ret_row)
{
	int code = sqlite3_step(stmt);
	int error = 0;

	*ret_row = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return 0;
	if (code != SQLITE_DONE)
		error = sql_error(sql, code);
	sqlite3_reset(stmt);
	return error;
}

void sql_done(struct sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
}

int sql_number(struct sql *sql, enum sql_id id, int64_t *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, id, &error);
	bool row;

	*ret = 0;
	if (!stmt)
		return error;
	error = sql_row(sql, stmt, &row);
	if (error || !row)
		return error;
	*ret = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

int64_t sql_int(struct sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt, column);
}

struct slice sql_text(struct sqlite3_stmt *stmt, int column)
{
	const char *p = sqlite3_column_blob(stmt, column);
	int n = sqlite3_column_bytes(stmt, column);

	return (struct slice){p, p && n > 0 ? (size_t)n : 0};
}

int sql_copy(struct sqlite3_stmt *stmt, int column, struct arena *arena,
	     struct slice *ret)
{
	struct slice text = sql_text(stmt, column);

	if (!text.n) {
		*ret = (struct slice){NULL, 0};
		return 0;
	}
	return arena_copy(arena, text, ret);
}

int64_t sql_changes(struct sql *sql)
{
	return sqlite3_changes64(sql->db);
}

/* The end is prepared before the beginning: it must not fail for memory. */
int sql_begin_read(struct sql *sql)
{
	int error = 0;

	if (!sql_use(sql, SQL_COMMIT, &error) ||
	    !sql_use(sql, SQL_ROLLBACK, &error))
		return error;
	return sql_do(sql, SQL_BEGIN_READ, NULL, 0);
}

int sql_end_read(struct sql *sql)
{
	int error = sql_do(sql, SQL_COMMIT, NULL, 0);

	if (!error)
		return 0;
	/* The first error is the one to tell of. */
	if (!sqlite3_get_autocommit(sql->db)) {
		struct store_fault *fault = sql->fault;
		int undone;

		sql->fault = NULL;
		undone = sql_do(sql, SQL_ROLLBACK, NULL, 0);
		sql->fault = fault;
		return undone ? undone : error;
	}
	return error;
}
