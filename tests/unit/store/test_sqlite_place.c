#include "daemon/store/sqlite_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

static void path_of(const struct fixture *f, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", f->directory, name);
}

static void move(const struct fixture *f, const char *from, const char *to)
{
	char a[128], b[128];

	path_of(f, from, a);
	path_of(f, to, b);
	assert_return_code(rename(a, b), errno);
}

static void put_empty(const struct fixture *f, const char *name)
{
	char path[128];
	int fd;

	path_of(f, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int submit(struct fixture *f)
{
	struct store_entry entry = fixture_entry();
	struct store_batch batch = fixture_batch(f);

	batch.entries = &entry;
	batch.entry_count = 1;
	return store_write(f->store, &batch, &f->fault);
}

/* What, which file, and what to do; and nothing is acknowledged any more. */
static void expect_gone(struct fixture *f, const char *name, const char *what)
{
	f->fault.message[0] = '\0';
	assert_int_equal(store_check(f->store, &f->fault), STORE_E_GONE);
	if (!strstr(f->fault.message, name) ||
	    !strstr(f->fault.message, what) ||
	    !strstr(f->fault.message, "put the file back"))
		fail_msg("says: %s", f->fault.message);
	assert_int_equal(submit(f), STORE_E_GONE);
	assert_int_equal(submit(f), STORE_E_IO);
}

UNIT(files_that_stay_are_well)
{
	struct fixture *f = *state;

	assert_int_equal(store_check(f->store, &f->fault), 0);
	assert_int_equal(submit(f), 0);
	f->store->checkpoint_pages = 1;
	assert_int_equal(submit(f), 0);
	assert_int_equal(submit(f), 0);
	assert_int_equal(store_check(f->store, &f->fault), 0);
}

UNIT(a_database_that_was_removed_takes_no_more)
{
	struct fixture *f = *state;

	assert_int_equal(submit(f), 0);
	move(f, STORE_FILE, "away");
	expect_gone(f, STORE_FILE, "was removed");
	move(f, "away", STORE_FILE);
}

UNIT(a_database_that_was_replaced_takes_no_more)
{
	struct fixture *f = *state;

	move(f, STORE_FILE, "away");
	put_empty(f, STORE_FILE);
	expect_gone(f, STORE_FILE, "was replaced");
	move(f, "away", STORE_FILE);
}

UNIT(a_log_that_was_removed_counts_as_well)
{
	struct fixture *f = *state;

	move(f, STORE_FILE "-wal", "away");
	expect_gone(f, STORE_FILE "-wal", "was removed");
	move(f, "away", STORE_FILE "-wal");
}

UNIT(closing_leaves_the_log_of_somebody_else_alone)
{
	struct fixture *f = *state;
	char path[128];

	assert_int_equal(submit(f), 0);
	move(f, STORE_FILE, "away");
	move(f, STORE_FILE "-wal", "away-wal");
	put_empty(f, STORE_FILE);
	put_empty(f, STORE_FILE "-wal");
	store_close(f->store);
	f->store = NULL;
	path_of(f, STORE_FILE "-wal", path);
	assert_int_equal(access(path, F_OK), 0);
	path_of(f, "away-wal", path);
	assert_int_equal(access(path, F_OK), 0);
}

UNIT(what_was_acknowledged_is_there_when_the_files_are_put_back)
{
	struct fixture *f = *state;
	struct store_config config = {.directory = f->directory};
	struct store_row *rows;
	int64_t id = 1;
	size_t count, looked;

	assert_int_equal(submit(f), 0);
	move(f, STORE_FILE, "away");
	assert_int_equal(submit(f), STORE_E_GONE);
	store_close(f->store);
	f->store = NULL;
	move(f, "away", STORE_FILE);
	assert_int_equal(store_open(&f->store, &config, &f->fault), 0);
	assert_int_equal(store_get(f->store, &f->arena, &id, 1, false, false,
				   &rows, &count, &looked),
			 0);
	assert_int_equal(count, 1);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(files_that_stay_are_well),
		WITH_STORE(a_database_that_was_removed_takes_no_more),
		WITH_STORE(a_database_that_was_replaced_takes_no_more),
		WITH_STORE(a_log_that_was_removed_counts_as_well),
		WITH_STORE(closing_leaves_the_log_of_somebody_else_alone),
		WITH_STORE(
			what_was_acknowledged_is_there_when_the_files_are_put_back),
	};

	return cmocka_run_group_tests_name("sqlite_place", tests, NULL, NULL);
}
