#include "daemon/store/sqlite_wal.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/helper/t.h"

/* The layer below: SQLite's own, with the log's writes counted and refused. */
static sqlite3_vfs *real;
static sqlite3_vfs counting;
static sqlite3_io_methods counting_methods;
static const sqlite3_io_methods *real_methods;
static int writes, syncs, refuse_writes;

static int do_write(sqlite3_file *file, const void *bytes, int n,
		    sqlite3_int64 at)
{
	writes++;
	if (refuse_writes && refuse_writes-- == 1)
		return SQLITE_FULL;
	return real_methods->xWrite(file, bytes, n, at);
}

static int do_sync(sqlite3_file *file, int flags)
{
	syncs++;
	return real_methods->xSync(file, flags);
}

static int do_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
		   int flags, int *ret_flags)
{
	int code = real->xOpen(vfs, name, file, flags, ret_flags);

	if (code == SQLITE_OK && flags & SQLITE_OPEN_WAL) {
		real_methods = file->pMethods;
		counting_methods = *real_methods;
		counting_methods.xWrite = do_write;
		counting_methods.xSync = do_sync;
		file->pMethods = &counting_methods;
	}
	return code;
}

static char directory[64], path[96];
static sqlite3 *db, *other;

static int run(sqlite3 *handle, const char *sql)
{
	return sqlite3_exec(handle, sql, NULL, NULL, NULL);
}

static int64_t number(sqlite3 *handle, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void assert_whole(int64_t rows)
{
	assert_int_equal(number(other, "SELECT count(*) FROM t"), rows);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), rows);
	assert_int_equal(number(other, "SELECT integrity_check = 'ok' FROM "
				       "pragma_integrity_check"),
			 1);
}

static int set_up(void **state)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/reeve-wal-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/db", directory);
	assert_int_equal(wal_init(), 0);
	assert_int_equal(sqlite3_open_v2(path, &db, flags, WAL_VFS), SQLITE_OK);
	assert_int_equal(run(db, "PRAGMA journal_mode = WAL;"
				 "PRAGMA wal_autocheckpoint = 0;"
				 "PRAGMA synchronous = FULL;"
				 "CREATE TABLE t (x);"
				 "INSERT INTO t VALUES (1)"),
			 SQLITE_OK);
	assert_int_equal(sqlite3_open_v2(path, &other, flags, NULL), SQLITE_OK);
	assert_whole(1);
	writes = syncs = refuse_writes = 0;
	return 0;
}

static int tear_down(void **state)
{
	char name[128];

	(void)state;
	sqlite3_close(other);
	sqlite3_close(db);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path,
			 i == 0	  ? ""
			 : i == 1 ? "-wal"
				  : "-shm");
		unlink(name);
	}
	rmdir(directory);
	return 0;
}

#define MANY                                                                   \
	"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "                \
	"WHERE i < 1000) INSERT INTO t SELECT randomblob(900) FROM n;"

UNIT(a_small_commit_is_one_write_and_one_sync)
{
	assert_int_equal(run(db, "INSERT INTO t VALUES (randomblob(20000))"),
			 SQLITE_OK);
	assert_int_equal(writes, 1);
	assert_int_equal(syncs, 1);
	assert_whole(2);
}

UNIT(a_long_commit_goes_on_as_it_comes)
{
	assert_int_equal(run(db, MANY), SQLITE_OK);
	assert_true(writes > 100);
	assert_int_equal(syncs, 1);
	assert_whole(1001);
	/* The next small one is gathered again. */
	writes = 0;
	assert_int_equal(run(db, "INSERT INTO t VALUES (2)"), SQLITE_OK);
	assert_int_equal(writes, 1);
	assert_whole(1002);
}

UNIT(what_was_spilled_and_rolled_back_does_no_harm)
{
	assert_int_equal(run(db, "PRAGMA cache_size = 5; BEGIN;" MANY
				 "UPDATE t SET x = 7; ROLLBACK"),
			 SQLITE_OK);
	assert_whole(1);
	assert_int_equal(run(db, "BEGIN; INSERT INTO t VALUES (3);" MANY
				 "UPDATE t SET x = 8 WHERE rowid % 7 = 0;"
				 "COMMIT"),
			 SQLITE_OK);
	assert_whole(1002);
}

UNIT(a_write_that_fails_fails_its_commit_and_no_other)
{
	refuse_writes = 1;
	assert_int_equal(run(db, "INSERT INTO t VALUES (4)"), SQLITE_FULL);
	assert_int_equal(syncs, 0);
	assert_whole(1);
	assert_int_equal(run(db, "INSERT INTO t VALUES (5)"), SQLITE_OK);
	assert_whole(2);
	refuse_writes = 1;
	assert_int_not_equal(run(db, "BEGIN;" MANY "COMMIT"), SQLITE_OK);
	run(db, "ROLLBACK");
	assert_whole(2);
	assert_int_equal(run(db, "BEGIN;" MANY "COMMIT"), SQLITE_OK);
	assert_whole(1002);
}

UNIT(a_checkpoint_and_a_new_round_of_the_log_find_everything)
{
	for (int i = 0; i < 20; i++) {
		assert_int_equal(run(db, "INSERT INTO t VALUES (6)"),
				 SQLITE_OK);
		if (i % 5 == 0)
			assert_int_equal(
				run(db, "PRAGMA wal_checkpoint(RESTART)"),
				SQLITE_OK);
	}
	assert_whole(21);
	assert_int_equal(run(db, "PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
	assert_whole(21);
}

#define WAL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WAL_TEST(a_small_commit_is_one_write_and_one_sync),
		WAL_TEST(a_long_commit_goes_on_as_it_comes),
		WAL_TEST(what_was_spilled_and_rolled_back_does_no_harm),
		WAL_TEST(a_write_that_fails_fails_its_commit_and_no_other),
		WAL_TEST(
			a_checkpoint_and_a_new_round_of_the_log_find_everything),
	};

	real = sqlite3_vfs_find(NULL);
	counting = *real;
	counting.zName = "counting";
	counting.xOpen = do_open;
	sqlite3_vfs_register(&counting, 1);
	return cmocka_run_group_tests_name("sqlite_wal", tests, NULL, NULL);
}
