#include "daemon/store/sqlite_migrate.h"

#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_field.h"
#include "daemon/store/sqlite_store.h"

static int exec(struct sql *sql, const char *text)
{
	int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_error(sql, code);
}

/* Ids of one group that follow each other become one row of member. */
static int put_members(struct sql *sql, sqlite3_stmt *from)
{
	int64_t group = 0, first = 0, last = 0;
	int code, error = 0;

	while (!error && (code = sqlite3_step(from)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(from, 1);

		if (group == sqlite3_column_int64(from, 0) && id == last + 1) {
			last = id;
			continue;
		}
		if (group)
			error = SQL_DO(sql, SQL_MEMBER_ADD, group, last, first);
		group = sqlite3_column_int64(from, 0);
		first = last = id;
	}
	if (!error && code != SQLITE_DONE)
		error = sql_error(sql, code);
	if (!error && group)
		error = SQL_DO(sql, SQL_MEMBER_ADD, group, last, first);
	return error;
}

/* In the order of the indexes that version 5 had: nothing is sorted. */
static int make_members(struct sql *sql)
{
	static const char *const lists[] = {
		"SELECT grp, id FROM done INDEXED BY done_grp WHERE grp > 0 "
		"ORDER BY grp, id",
		"SELECT grp, id FROM job INDEXED BY job_grp WHERE grp > 0 "
		"ORDER BY grp, id",
	};
	int error = exec(sql, "CREATE TABLE member (grp INTEGER, last INTEGER, "
			      "first INTEGER NOT NULL, PRIMARY KEY (grp, "
			      "last)) WITHOUT ROWID");

	for (size_t i = 0; !error && i < ARRAY_COUNT(lists); i++) {
		sqlite3_stmt *from = NULL;
		int code = sqlite3_prepare_v2(sql->db, lists[i], -1, &from,
					      NULL);

		error = code == SQLITE_OK ? put_members(sql, from)
					  : sql_error(sql, code);
		sqlite3_finalize(from);
	}
	return error;
}

#define REST_OF_5                                                              \
	"created, max_attempts, crash_limit, grace, uid, gid, context, grp, "  \
	"timeout, crashes, cause"

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
	/* Rows of few columns (sqlite_pack.h), ranges for the two indexes on
	 * the group. Each row is written anew, in the order of ids. */
	{6,
	 "DROP INDEX job_ready; DROP INDEX job_due; DROP INDEX job_running;"
	 "DROP INDEX job_grp; DROP INDEX job_expire; DROP INDEX done_grp;"
	 "ALTER TABLE job RENAME TO job_5; ALTER TABLE done RENAME TO done_5;"
	 "CREATE TABLE job (id INTEGER PRIMARY KEY, lane INTEGER, "
	 "state INTEGER, priority INTEGER, seq INTEGER, attempt INTEGER, "
	 "flags INTEGER, run_at INTEGER, started INTEGER, worker INTEGER, "
	 "token INTEGER, expire INTEGER, rest BLOB);"
	 "CREATE INDEX job_ready ON job (lane, priority, seq) WHERE state = 3;"
	 "CREATE INDEX job_due ON job (run_at) WHERE state = 2;"
	 "CREATE INDEX job_running ON job (state) WHERE state = 4;"
	 "CREATE INDEX job_expire ON job (expire) "
	 "WHERE state < 4 AND expire > 0;"
	 "CREATE TABLE done (id INTEGER PRIMARY KEY, lane INTEGER, "
	 "state INTEGER, flags INTEGER, rest BLOB, result TEXT);"
	 "INSERT INTO job SELECT id, lane, state, priority, seq, attempt, "
	 "flags, run_at, started, worker, token, expire, rest(" REST_OF_5
	 ") FROM job_5 ORDER BY id;"
	 "INSERT INTO done SELECT id, lane, state, flags, rest(" REST_OF_5
	 ", -priority, attempt, run_at, started - created, finished - created, "
	 "exit_code, signal, cpu_us, peak_kib, stdout_bytes, stderr_bytes), "
	 "NULL FROM done_5 ORDER BY id;"
	 "DROP TABLE job_5; DROP TABLE done_5;",
	 make_members},
	{7, "ALTER TABLE meta ADD COLUMN identity BLOB;"
	    "UPDATE meta SET identity = randomblob(16);"},
	{8, "ALTER TABLE grp RENAME COLUMN created TO changed;"
	    "ALTER TABLE grp ADD COLUMN tie INTEGER NOT NULL DEFAULT 0;"
	    "CREATE INDEX grp_tied ON grp (id) WHERE tie = 1 AND closed = 0;"},
};

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
	if (!error && step->first)
		error = step->first(sql);
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
	int error = field_functions(sql);

	return error ? error
		     : migrate(sql, our_steps, ARRAY_COUNT(our_steps),
			       STORE_VERSION, &from);
}
