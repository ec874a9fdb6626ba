#pragma once

/*
 * Statements: prepared on first use and kept, bound with integers and borrowed
 * slices, their errors mapped in one place. Not for: deciding what an error
 * means for the handle; sqlite_write.c and sqlite_open.c do.
 *
 * A failure is described once, into the fault of the call that runs
 * (sql.fault), with the file's name.
 */

#include "daemon/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

#define SQL(name, text) SQL_##name,
enum sql_id {
#include "daemon/store/sqlite_sql.def"
	SQL_COUNT
};
#undef SQL

struct sql {
	struct sqlite3 *db;
	struct sqlite3_stmt *stmts[SQL_COUNT];
	const char *path;	   /* for messages; the store owns it */
	struct store_fault *fault; /* of the running call, may be NULL */
};

/* Finalizes every statement; the connection stays open. */
void sql_fini(struct sql *sql);

/**
 * sql_error() - name the error that the connection just had
 *
 * Return: STORE_E_*, -ENOMEM, -EBUSY (another process keeps the database
 *         locked) or -EINVAL for a mistake of ours.
 */
int sql_error(struct sql *sql, int sqlite_code);

/** sql_damaged() - the rows contradict each other: STORE_E_CORRUPT, named */
int sql_damaged(struct sql *sql, const char *what);

/** sql_use() - the statement, ready to be bound; NULL on failure (@ret_error) */
struct sqlite3_stmt *sql_use(struct sql *sql, enum sql_id id, int *ret_error);

/** sql_bind_ints() - parameters 1 .. count */
void sql_bind_ints(struct sqlite3_stmt *stmt, const int64_t *values, int count);
#define SQL_INTS(stmt, ...)                                                    \
	sql_bind_ints(stmt, (const int64_t[]){__VA_ARGS__},                    \
		      (int)ARRAY_COUNT(((const int64_t[]){__VA_ARGS__})))

/** sql_bind_text() - borrowed until the statement is bound again; n 0: NULL */
void sql_bind_text(struct sqlite3_stmt *stmt, int at, struct slice text);
void sql_bind_blob(struct sqlite3_stmt *stmt, int at, struct slice bytes);

/** sql_run() - to the end, then reset; for statements that give no rows */
must_check int sql_run(struct sql *sql, struct sqlite3_stmt *stmt);

/** sql_do() - sql_use(), the integers, sql_run() */
must_check int sql_do(struct sql *sql, enum sql_id id, const int64_t *values,
		      int count);
#define SQL_DO(sql, id, ...)                                                   \
	sql_do(sql, id, (const int64_t[]){__VA_ARGS__},                        \
	       (int)ARRAY_COUNT(((const int64_t[]){__VA_ARGS__})))

/**
 * sql_row() - the next row
 * @ret_row:	false at the end; the statement is reset then, and on failure.
 *		Who stops earlier calls sql_done().
 */
must_check int sql_row(struct sql *sql, struct sqlite3_stmt *stmt,
		       bool *ret_row);
void sql_done(struct sqlite3_stmt *stmt);

/** sql_int() - a column of the current row as an integer; NULL is 0 */
int64_t sql_int(struct sqlite3_stmt *stmt, int column);
/** sql_text() - the column's bytes, borrowed until the next sql_row() */
struct slice sql_text(struct sqlite3_stmt *stmt, int column);
/** sql_copy() - the column's bytes in the arena; NULL gives n 0 */
must_check int sql_copy(struct sqlite3_stmt *stmt, int column,
			struct arena *arena, struct slice *ret);

/** sql_begin_read() - a transaction that only reads; what ends it is ready */
must_check int sql_begin_read(struct sql *sql);
/** sql_end_read() - a transaction that stayed open would hold up the log */
must_check int sql_end_read(struct sql *sql);

/** sql_number() - the one number that a statement without parameters gives */
must_check int sql_number(struct sql *sql, enum sql_id id, int64_t *ret);

/** sql_changes() - rows changed by the last sql_run() */
int64_t sql_changes(struct sql *sql);

/** sql_text_of() - the text of a statement, for tests */
const char *sql_text_of(enum sql_id id);
