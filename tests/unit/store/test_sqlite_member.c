/* Which jobs are of a group: ranges of ids, walked by both halves. */

#include "daemon/store/sqlite_store.h"

#include <sqlite3.h>

#include "tests/unit/store/fixture.h"

enum { JOBS = 24 };

static int64_t ask(struct fixture *f, const char *query)
{
	sqlite3_stmt *stmt;
	int64_t got;

	assert_int_equal(
		sqlite3_prepare_v2(f->store->sql.db, query, -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	got = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return got;
}

/* Groups 1 and 2. */
static void two_groups(struct fixture *f)
{
	struct store_group_op ops[] = {{.kind = STORE_GROUP_OPEN},
				       {.kind = STORE_GROUP_OPEN}};
	struct store_batch batch = fixture_batch(f);

	batch.groups = ops;
	batch.group_count = 2;
	fixture_write(f, &batch);
	assert_int_equal(ops[0].id, 1);
	assert_int_equal(ops[1].id, 2);
}

/* Of which group job i + 1 is: runs of 1, 2, 3 ... of them, in turns, and
 * after each two a job of none. */
static int64_t group_of(int job)
{
	int run = 1, at = 0;

	for (;; run++) {
		if (job < at + run)
			return 1 + run % 2;
		at += run;
		if (run % 2 == 0 && job == at++)
			return 0;
	}
}

static void enter(struct fixture *f)
{
	struct store_entry entries[JOBS];
	struct store_batch batch = fixture_batch(f);

	two_groups(f);
	batch = fixture_batch(f);
	for (int i = 0; i < JOBS; i++) {
		entries[i] = fixture_entry();
		entries[i].group = group_of(i);
	}
	batch.entries = entries;
	batch.entry_count = JOBS;
	fixture_write(f, &batch);
}

/* Some of both groups run, some ended. */
static void run_some(struct fixture *f)
{
	struct store_claim *claims;

	assert_int_equal(fixture_claim(f, JOBS / 2, &claims), JOBS / 2);
	for (int i = 0; i < JOBS / 2; i += 2)
		assert_true(fixture_finish(f, &claims[i], STORE_SUCCEEDED,
					   CAUSE_NONE));
}

/* The ids of a group in pages of @max, against those that are in it. */
static void expect_pages(struct fixture *f, int64_t group, bool newest,
			 uint32_t max)
{
	const struct store_filter filter = {.group = group};
	int64_t after = 0;
	int at = newest ? JOBS - 1 : 0, step = newest ? -1 : 1;

	do {
		struct store_row *rows;
		size_t count;

		assert_int_equal(store_list(fixture_reader(f), &f->arena,
					    &filter, after, newest, false, max,
					    &rows, &count, &after),
				 0);
		for (size_t i = 0; i < count; i++, at += step) {
			while (group_of(at) != group)
				at += step;
			assert_int_equal(rows[i].id, at + 1);
			assert_int_equal(rows[i].group, group);
		}
	} while (after);
	while (at >= 0 && at < JOBS && group_of(at) != group)
		at += step;
	assert_int_equal(at, newest ? -1 : JOBS);
}

UNIT(neighbours_of_a_group_are_one_row)
{
	struct fixture *f = *state;

	enter(f);
	assert_int_equal(ask(f, "SELECT first FROM member WHERE last = 7"), 5);
	assert_int_equal(ask(f, "SELECT count(*) FROM member"), 6);
	assert_int_equal(ask(f, "SELECT sum(last - first + 1) FROM member"),
			 ask(f, "SELECT count(*) FROM job WHERE "
				"field(rest, 7) > 0"));
	fixture_verify(f);
}

UNIT(a_group_is_walked_in_order_and_in_pages_of_any_size)
{
	struct fixture *f = *state;

	enter(f);
	run_some(f);
	for (int64_t group = 1; group <= 2; group++) {
		for (uint32_t max = 1; max <= JOBS; max++) {
			expect_pages(f, group, false, max);
			expect_pages(f, group, true, max);
		}
	}
	fixture_verify(f);
}

UNIT(a_group_is_cancelled_in_slices)
{
	const struct store_filter filter = {.group = 2};
	struct fixture *f = *state;
	struct store_steer steer = {
		.kind = STORE_CANCEL,
		.filter = filter,
		.uid = UINT32_MAX,
		.max = 2,
	};
	struct store_group group;
	int64_t changed = 0;

	enter(f);
	do {
		struct store_batch batch = fixture_batch(f);

		batch.steers = &steer;
		batch.steer_count = 1;
		fixture_write(f, &batch);
		changed += steer.changed;
		steer.after = steer.next;
	} while (steer.next);
	assert_int_equal(
		store_get_group(fixture_reader(f), &f->arena, 2, &group), 0);
	assert_int_equal(group.counts[STATE_CANCELLED], changed);
	assert_int_equal(group.counts[STATE_READY], 0);
	assert_int_equal(
		store_get_group(fixture_reader(f), &f->arena, 1, &group), 0);
	assert_int_equal(group.counts[STATE_CANCELLED], 0);
	fixture_verify(f);
}

/* Removed in no order: what is left is found until the last one goes. */
UNIT(a_row_goes_with_the_last_of_its_jobs)
{
	struct fixture *f = *state;
	struct store_group_op op = {.kind = STORE_GROUP_CLOSE, .id = 1};
	struct store_batch batch = fixture_batch(f);

	enter(f);
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	for (int i = 0; i < JOBS; i++) {
		int64_t id = 1 + i * 7 % JOBS;

		fixture_steer(f, STORE_CANCEL, &id, 1);
		fixture_steer(f, STORE_REMOVE, &id, 1);
		fixture_verify(f);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM member"), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM grp WHERE id = 1"), 0);
}

UNIT(a_job_that_lives_again_is_still_of_its_group)
{
	struct fixture *f = *state;
	const int64_t id = 5;

	enter(f);
	fixture_steer(f, STORE_CANCEL, &id, 1);
	expect_pages(f, 2, false, 3);
	fixture_steer(f, STORE_RETRY, &id, 1);
	assert_int_equal(fixture_row(f, id).state, STATE_READY);
	expect_pages(f, 2, true, 3);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(neighbours_of_a_group_are_one_row),
		WITH_STORE(a_group_is_walked_in_order_and_in_pages_of_any_size),
		WITH_STORE(a_group_is_cancelled_in_slices),
		WITH_STORE(a_row_goes_with_the_last_of_its_jobs),
		WITH_STORE(a_job_that_lives_again_is_still_of_its_group),
	};

	return cmocka_run_group_tests_name("sqlite_member", tests, NULL, NULL);
}
