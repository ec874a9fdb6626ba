/*
 * store_examine(): does the file hold together?
 *
 * PRAGMA quick_check, table by table: each is a read transaction of its own, so
 * that the log can begin anew in between.
 */

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_store.h"

/* The first finding is enough: the file is not to be trusted. */
static int examine_table(struct sql *sql, const char *table)
{
	char text[128], what[160];
	sqlite3_stmt *stmt = NULL;
	const char *found = NULL;
	int code, error = 0;

	snprintf(text, sizeof(text), "PRAGMA quick_check('%.64s')", table);
	code = sqlite3_prepare_v2(sql->db, text, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		found = (const char *)sqlite3_column_text(stmt, 0);
	if (found && strcmp(found, "ok") != 0) {
		snprintf(what, sizeof(what), "table %.64s: %.80s", table,
			 found);
		error = sql_damaged(sql, what);
	} else if (code == SQLITE_INTERRUPT) {
		error = -ECANCELED;
	} else if (code != SQLITE_ROW && code != SQLITE_DONE) {
		error = sql_error(sql, code);
	}
	sqlite3_finalize(stmt);
	return error;
}

int store_examine(struct store *store, struct store_fault *ret_fault)
{
	static const char query[] =
		"SELECT name FROM sqlite_schema WHERE type = 'table' "
		"AND name NOT LIKE 'sqlite_%'";
	char names[32][64];
	sqlite3_stmt *stmt = NULL;
	size_t count = 0;
	int code, error = 0;

	store->sql.fault = ret_fault;
	code = sqlite3_prepare_v2(store->sql.db, query, -1, &stmt, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(stmt);
		if (code == SQLITE_ROW && count < ARRAY_COUNT(names))
			snprintf(names[count++], sizeof(names[0]), "%s",
				 (const char *)sqlite3_column_text(stmt, 0));
	}
	sqlite3_finalize(stmt);
	if (code != SQLITE_DONE)
		error = sql_error(&store->sql, code);
	for (size_t i = 0; i < count && !error; i++)
		error = examine_table(&store->sql, names[i]);
	store->sql.fault = NULL;
	return error;
}

void store_interrupt(struct store *store)
{
	sqlite3_interrupt(store->sql.db);
}
