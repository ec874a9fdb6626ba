#include "daemon/store/sqlite_migrate.h"

#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_store.h"

/*
 * Version 1 is schema.sql as it was first released; what comes after is a step
 * here, and schema.sql says at once what all the steps lead to.
 */
static const struct migrate_step our_steps[] = {
	{1, ""},
	{2, "ALTER TABLE job ADD COLUMN expire INTEGER;"
	    "CREATE INDEX job_expire ON job (expire) "
	    "WHERE state < 4 AND expire > 0;"
	    "CREATE TABLE extra (id INTEGER PRIMARY KEY, retry TEXT, "
	    "word TEXT, keep INTEGER, purge_at INTEGER, tries INTEGER, "
	    "losses INTEGER);"
	    "CREATE INDEX extra_purge ON extra (purge_at) WHERE purge_at > 0;"
	    "CREATE TABLE uniq (uid INTEGER NOT NULL, word TEXT NOT NULL, "
	    "id INTEGER NOT NULL, PRIMARY KEY (uid, word)) WITHOUT ROWID;"
	    "CREATE TABLE queue (name TEXT PRIMARY KEY, "
	    "paused INTEGER NOT NULL, max_length INTEGER NOT NULL, "
	    "overflow INTEGER NOT NULL) WITHOUT ROWID;"},
	{3, "CREATE TABLE carried (id INTEGER PRIMARY KEY);"},
	/* Events are packed with lane and group. The old ones go, their
	 * numbers are not given again. */
	{4, "DELETE FROM event;"},
	{5, "ALTER TABLE extra ADD COLUMN callbacks TEXT;"
	    "ALTER TABLE extra ADD COLUMN follows INTEGER;"
	    "ALTER TABLE extra ADD COLUMN follows_group INTEGER;"
	    "CREATE INDEX extra_follows ON extra (follows) WHERE follows > 0;"
	    "ALTER TABLE queue ADD COLUMN callbacks TEXT;"
	    "ALTER TABLE grp ADD COLUMN callbacks TEXT;"
	    "ALTER TABLE grp ADD COLUMN told INTEGER NOT NULL DEFAULT 0;"
	    "CREATE INDEX grp_owing ON grp (id) "
	    "WHERE callbacks IS NOT NULL AND told = 0;"},
};

static int exec(struct sql *sql, const char *text)
{
	int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_error(sql, code);
}

static int read_version(struct sql *sql, int *ret)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(sql->db, "PRAGMA user_version", -1, &stmt,
				      NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return code == SQLITE_ROW ? 0 : sql_error(sql, code);
}

/* The first error is the one to tell of. */
static void undo(struct sql *sql)
{
	if (!sqlite3_get_autocommit(sql->db))
		sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
}

static int apply(struct sql *sql, const struct migrate_step *step)
{
	char version[48];
	int error = exec(sql, "BEGIN IMMEDIATE");

	snprintf(version, sizeof(version), "PRAGMA user_version = %d",
		 step->version);
	if (!error)
		error = exec(sql, step->text);
	if (!error)
		error = exec(sql, version);
	if (!error)
		error = exec(sql, "COMMIT");
	if (error)
		undo(sql);
	return error;
}

static int refuse(struct sql *sql, int error, int found, int known)
{
	if (sql->fault && error == STORE_E_NEWER)
		snprintf(sql->fault->message, sizeof(sql->fault->message),
			 "%.90s was written by a newer reeve (schema %d, this "
			 "one knows %d); left untouched: start that reeved, or "
			 "give another --state-dir",
			 sql->path, found, known);
	else if (sql->fault)
		snprintf(sql->fault->message, sizeof(sql->fault->message),
			 "%.90s: damaged: schema %d is none of reeve's; left "
			 "untouched",
			 sql->path, found);
	return error;
}

int migrate(struct sql *sql, const struct migrate_step *steps, size_t count,
	    int current, int *ret_from)
{
	int version = 0;
	int error = read_version(sql, &version);

	require(count && steps[count - 1].version == current);
	*ret_from = version;
	if (error)
		return error;
	if (version > current)
		return refuse(sql, STORE_E_NEWER, version, current);
	if (version < steps[0].version)
		return refuse(sql, STORE_E_CORRUPT, version, current);
	for (size_t i = 1; !error && i < count; i++) {
		require(steps[i].version == steps[i - 1].version + 1);
		if (steps[i].version > version)
			error = apply(sql, &steps[i]);
	}
	/* Who looks at the first page of the file alone sees it, too. */
	if (!error && version < current)
		error = exec(sql, "PRAGMA wal_checkpoint(TRUNCATE)");
	return error;
}

int migrate_to_ours(struct sql *sql)
{
	int from;

	return migrate(sql, our_steps, ARRAY_COUNT(our_steps), STORE_VERSION,
		       &from);
}
