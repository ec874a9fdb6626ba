#include "daemon/store/sqlite_field.h"

#include <sqlite3.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* One value of a query, as SQLite writes it. */
static void expect(struct fixture *f, const char *query, const char *want)
{
	sqlite3_stmt *stmt;
	const char *got = NULL;

	assert_int_equal(
		sqlite3_prepare_v2(f->store->sql.db, query, -1, &stmt, NULL),
		SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		got = (const char *)sqlite3_column_text(stmt, 0);
	if (strcmp(got ? got : "-", want) != 0)
		fail_msg("%s: %s", query, got ? got : "-");
	sqlite3_finalize(stmt);
}

UNIT(a_field_of_what_is_packed_is_what_was_packed)
{
	struct fixture *f = *state;

	assert_int_equal(field_functions(&f->store->sql), 0);
	expect(f, "SELECT hex(rest(5, 0, -1))", "0A0001");
	expect(f, "SELECT hex(rest())", "");
	expect(f, "SELECT field(rest(5, 0, -1), 2)", "-1");
	expect(f, "SELECT field(rest(5, 0, -1), 3)", "0");
	expect(f, "SELECT field(NULL, 0)", "0");
	expect(f, "SELECT field(rest(1 << 62), 0) = 1 << 62", "1");
}

UNIT(a_field_of_damaged_bytes_is_null)
{
	struct fixture *f = *state;

	assert_int_equal(field_functions(&f->store->sql), 0);
	expect(f, "SELECT field(x'80', 0) IS NULL", "1");
	expect(f, "SELECT field(zeroblob(99), 0) IS NULL", "1");
	expect(f, "SELECT field(rest(1), -1) IS NULL", "1");
	expect(f, "SELECT field(rest(1), 22) IS NULL", "1");
	expect(f,
	       "SELECT rest(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "
	       "16, 17, 18, 19, 20, 21, 22, 23)",
	       "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_field_of_what_is_packed_is_what_was_packed),
		WITH_STORE(a_field_of_damaged_bytes_is_null),
	};

	return cmocka_run_group_tests_name("sqlite_field", tests, NULL, NULL);
}
