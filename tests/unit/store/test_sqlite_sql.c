#include "daemon/store/sqlite_sql.h"

#include <errno.h>
#include <sqlite3.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* The plan of a statement, lines joined by '|'. */
static void plan_of(struct fixture *f, enum sql_id id, char *ret, size_t room)
{
	char *query = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql_text_of(id));
	sqlite3_stmt *stmt;

	ret[0] = '\0';
	assert_int_equal(
		sqlite3_prepare_v2(f->store->sql.db, query, -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		strncat(ret, (const char *)sqlite3_column_text(stmt, 3),
			room - strlen(ret) - 1);
		strncat(ret, "|", room - strlen(ret) - 1);
	}
	sqlite3_finalize(stmt);
	sqlite3_free(query);
}

/* Does it walk over a whole table, or sort? The feed is in memory, and all of
 * it is meant. */
static bool walks(const char *plan)
{
	for (const char *at = plan; (at = strstr(at, "SCAN")); at++) {
		if (strncmp(at, "SCAN feed", 9) != 0)
			return true;
	}
	return strstr(plan, "TEMP B-TREE");
}

UNIT(what_runs_in_every_batch_never_scans)
{
	static const enum sql_id hot[] = {
		SQL_EXTRA_CALLBACKS, SQL_EXTRA_FOLLOWS,	    SQL_FOLLOWERS,
		SQL_GROUP_OWES,	     SQL_GROUP_TOLD,	    SQL_QUEUE_CALLBACKS,
		SQL_META_SET,	     SQL_LANE_COUNT,	    SQL_GROUP_GET,
		SQL_GROUP_COUNT,     SQL_GROUP_DROP,	    SQL_CONTEXT_HAS,
		SQL_CONTEXT_FIND,    SQL_CONTEXT_TEXT,	    SQL_CONTEXT_COUNT,
		SQL_CONTEXT_DROP,    SQL_WORKER_DROP,	    SQL_WORKER_PID,
		SQL_KEY_GET,	     SQL_KEY_DROP,	    SQL_JOB_GET,
		SQL_JOB_MOVE,	     SQL_JOB_FLAGS,	    SQL_JOB_DROP,
		SQL_JOB_OF_FEED,     SQL_JOB_ADD,	    SQL_BODY_ADD,
		SQL_DONE_ADD,	     SQL_BODY_GET,	    SQL_BODY_WORDS,
		SQL_BODY_DROP,	     SQL_DONE_DROP,	    SQL_DONE_GET,
		SQL_RESULT_GET,	     SQL_RESULT_DROP,	    SQL_ATTEMPT_LAST,
		SQL_ATTEMPT_DROP,    SQL_DUE_LIST,	    SQL_READY_LIST,
		SQL_READY_OF_LANE,   SQL_JOB_CLAIM,	    SQL_LIVE_AFTER,
		SQL_LIVE_BEFORE,     SQL_LIVE_GROUP_AFTER,  SQL_DONE_AFTER,
		SQL_DONE_BEFORE,     SQL_DONE_GROUP_AFTER,  SQL_RUNNING_AFTER,
		SQL_EVENT_PRUNE,     SQL_KEY_PUT,	    SQL_WORD_GET,
		SQL_WORD_PUT,	     SQL_WORD_DROP,	    SQL_EXTRA_GET,
		SQL_EXTRA_KEEP,	     SQL_EXTRA_DROP,	    SQL_JOB_CHANGE,
		SQL_JOB_EDIT,	     SQL_BODY_EDIT,	    SQL_DONE_FLAGS,
		SQL_DONE_DROP_FED,   SQL_ATTEMPT_OF_DONE,   SQL_ATTEMPT_LIST,
		SQL_EXPIRE_LIST,     SQL_READY_FIRST,	    SQL_PURGE_KEPT,
		SQL_EVENT_AT,	     SQL_EVENT_FROM,	    SQL_MEMBER_ADD,
		SQL_MEMBER_DROP,     SQL_LIVE_GROUP_BEFORE, SQL_RUNNING_ALL,
		SQL_RUNNING_BEFORE,  SQL_DONE_GROUP_BEFORE, SQL_RESULT_ADD,
		SQL_EXTRA_SPEC,	     SQL_JOB_EXPIRE,
	};
	struct fixture *f = *state;
	char plan[1024];

	for (size_t i = 0; i < ARRAY_COUNT(hot); i++) {
		plan_of(f, hot[i], plan, sizeof(plan));
		if (walks(plan))
			fail_msg("%s: %s", sql_text_of(hot[i]), plan);
	}
}

UNIT(claims_and_due_jobs_come_out_of_their_index_in_order)
{
	struct fixture *f = *state;
	char plan[1024];

	plan_of(f, SQL_READY_LIST, plan, sizeof(plan));
	assert_string_equal(plan,
			    "SEARCH job USING INDEX job_ready (lane=?)|"
			    "SEARCH body USING INTEGER PRIMARY KEY (rowid=?) "
			    "LEFT-JOIN|");
	plan_of(f, SQL_DUE_LIST, plan, sizeof(plan));
	assert_string_equal(plan, "SEARCH job USING INDEX job_due (run_at<?)|");
	plan_of(f, SQL_DUE_NEXT, plan, sizeof(plan));
	assert_string_equal(plan, "SCAN job USING INDEX job_due|");
	plan_of(f, SQL_EXPIRE_LIST, plan, sizeof(plan));
	assert_string_equal(
		plan,
		"SEARCH job USING INDEX job_expire (expire>? AND expire<?)|");
	plan_of(f, SQL_EXPIRE_NEXT, plan, sizeof(plan));
	assert_string_equal(plan,
			    "SEARCH job USING INDEX job_expire (expire>?)|");
	plan_of(f, SQL_READY_BEFORE, plan, sizeof(plan));
	assert_non_null(strstr(plan, "job_ready (lane=? AND (priority,seq)<"));
	plan_of(f, SQL_LIVE_GROUP_AFTER, plan, sizeof(plan));
	assert_string_equal(
		plan, "SEARCH member USING PRIMARY KEY (grp=? AND last>?)|"
		      "SEARCH job USING INTEGER PRIMARY KEY (rowid>? AND "
		      "rowid<?)|");
	plan_of(f, SQL_DONE_GROUP_BEFORE, plan, sizeof(plan));
	assert_string_equal(
		plan, "SEARCH member USING PRIMARY KEY (grp=? AND last<?)|"
		      "SCALAR SUBQUERY 1|SEARCH member USING PRIMARY KEY "
		      "(grp=? AND last>?)|"
		      "SEARCH done USING INTEGER PRIMARY KEY (rowid>? AND "
		      "rowid<?)|");
}

UNIT(the_database_is_set_up_as_meant)
{
	static const struct {
		const char *pragma;
		int64_t value;
	} facts[] = {
		{"PRAGMA application_id", STORE_APPLICATION_ID},
		{"PRAGMA user_version", STORE_VERSION},
		{"PRAGMA auto_vacuum", 2},
		{"PRAGMA synchronous", 2},
		{"PRAGMA journal_size_limit", 64 << 20},
		{"PRAGMA trusted_schema", 0},
		{"PRAGMA cell_size_check", 1},
		{"PRAGMA mmap_size", 0},
		{"PRAGMA wal_autocheckpoint", 0},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_COUNT(facts); i++) {
		sqlite3_stmt *stmt;

		assert_int_equal(sqlite3_prepare_v2(f->store->sql.db,
						    facts[i].pragma, -1, &stmt,
						    NULL),
				 SQLITE_OK);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		if (sqlite3_column_int64(stmt, 0) != facts[i].value)
			fail_msg("%s is %lld", facts[i].pragma,
				 sqlite3_column_int64(stmt, 0));
		sqlite3_finalize(stmt);
	}
	assert_int_equal(sqlite3_exec(f->store->sql.db, "PRAGMA journal_mode",
				      NULL, NULL, NULL),
			 SQLITE_OK);
}

UNIT(a_reader_cannot_write)
{
	struct fixture *f = *state;
	struct store *reader = fixture_reader(f);

	assert_int_equal(sqlite3_exec(reader->sql.db, "DELETE FROM job", NULL,
				      NULL, NULL),
			 SQLITE_READONLY);
}

UNIT(a_lock_of_another_process_is_named)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_batch batch = fixture_batch(f);
	struct store *other = fixture_reader(f);

	sqlite3_busy_timeout(f->store->sql.db, 1);
	sqlite3_exec(other->sql.db, "PRAGMA query_only = OFF", NULL, NULL,
		     NULL);
	assert_int_equal(sqlite3_exec(other->sql.db, "BEGIN IMMEDIATE", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	batch.entries = &entry;
	batch.entry_count = 1;
	assert_int_equal(store_write(f->store, &batch, &f->fault), -EBUSY);
	assert_non_null(strstr(f->fault.message, "another process"));
	sqlite3_exec(other->sql.db, "COMMIT", NULL, NULL, NULL);
	fixture_write(f, &batch);
	assert_int_equal(entry.id, 1);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_runs_in_every_batch_never_scans),
		WITH_STORE(
			claims_and_due_jobs_come_out_of_their_index_in_order),
		WITH_STORE(the_database_is_set_up_as_meant),
		WITH_STORE(a_reader_cannot_write),
		WITH_STORE(a_lock_of_another_process_is_named),
	};

	return cmocka_run_group_tests_name("sqlite_sql", tests, NULL, NULL);
}
