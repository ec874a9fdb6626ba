#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#define PAGE 4096
#define JOBS 200

static int64_t root_of(struct fixture *f, const char *table)
{
	char query[128];
	sqlite3_stmt *stmt;
	int64_t page;

	snprintf(query, sizeof(query),
		 "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	assert_int_equal(
		sqlite3_prepare_v2(f->store->sql.db, query, -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	page = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return page;
}

/* What a disk does that lost a page which it had acknowledged. */
static void lose_page(struct fixture *f, int64_t page)
{
	static const char zeros[PAGE];
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/" STORE_FILE, f->directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, zeros, PAGE, (page - 1) * PAGE), PAGE);
	close(fd);
}

static void submit_some(struct fixture *f)
{
	for (int i = 0; i < JOBS; i++)
		fixture_submit(f, fixture_entry());
	fixture_reopen(f); /* the log is in the file now */
}

UNIT(a_whole_file_is_whole)
{
	struct fixture *f = *state;

	submit_some(f);
	assert_int_equal(store_examine(fixture_reader(f), &f->fault), 0);
	/* With what is only in the log, too. */
	fixture_submit(f, fixture_entry());
	assert_int_equal(store_examine(fixture_reader(f), &f->fault), 0);
}

UNIT(a_page_that_was_lost_is_found_and_named)
{
	struct fixture *f = *state;

	static const char *const parts[] = {"body", "job_ready"};

	submit_some(f);
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		int64_t page = root_of(f, parts[i]);
		int code;

		lose_page(f, page);
		fixture_reopen(f);
		code = store_examine(fixture_reader(f), &f->fault);
		if (code != STORE_E_CORRUPT ||
		    !strstr(f->fault.message, STORE_FILE) ||
		    !strstr(f->fault.message, i ? "job" : "body"))
			fail_msg("%s: %d, %s", parts[i], code,
				 f->fault.message);
	}
}

UNIT(an_interrupt_before_it_begins_does_nothing)
{
	struct fixture *f = *state;

	store_interrupt(fixture_reader(f));
	assert_int_equal(store_examine(fixture_reader(f), &f->fault), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_whole_file_is_whole),
		WITH_STORE(a_page_that_was_lost_is_found_and_named),
		WITH_STORE(an_interrupt_before_it_begins_does_nothing),
	};

	return cmocka_run_group_tests_name("sqlite_examine", tests, NULL, NULL);
}
