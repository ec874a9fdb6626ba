#include <sqlite3.h>

#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

/* @count jobs that ended: every third failed. */
static void ended_jobs(struct fixture *f, uint32_t count, int64_t group)
{
	for (uint32_t i = 0; i < count; i++) {
		struct store_entry entry = fixture_entry();
		struct store_claim *claims;

		entry.key = SLICE("key-000000");
		entry.key.n = 4 + i % 7;
		entry.uid = (uint32_t)(f->now_ms - NOW);
		entry.group = group;
		fixture_submit(f, entry);
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		assert_true(fixture_finish(f, &claims[0],
					   i % 3 ? STORE_SUCCEEDED
						 : STORE_FAILED_ATTEMPT,
					   i % 3 ? CAUSE_NONE : CAUSE_EXIT));
	}
}

static struct store_batch purge(struct fixture *f, struct store_batch how)
{
	struct store_batch batch = fixture_batch(f);

	batch.purge_max = how.purge_max;
	batch.purge_succeeded_before_ms = how.purge_succeeded_before_ms;
	batch.purge_failed_before_ms = how.purge_failed_before_ms;
	batch.keep_done_max = how.keep_done_max;
	fixture_write(f, &batch);
	return batch;
}

static int64_t rows_in(struct fixture *f, const char *table)
{
	char *query = sqlite3_mprintf("SELECT count(*) FROM %s", table);
	sqlite3_stmt *stmt;
	int64_t count;

	assert_int_equal(
		sqlite3_prepare_v2(f->store->sql.db, query, -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_free(query);
	return count;
}

UNIT(what_succeeded_goes_before_what_failed)
{
	struct fixture *f = *state;
	struct store_batch batch;

	ended_jobs(f, 30, 0);
	batch = purge(f, (struct store_batch){
				 .purge_max = 1000,
				 .purge_succeeded_before_ms = f->now_ms});
	assert_int_equal(batch.lanes[0].counts[STATE_SUCCEEDED], 0);
	assert_int_equal(batch.lanes[0].counts[STATE_FAILED], 10);
	assert_false(batch.purge_more);
	assert_int_equal(rows_in(f, "done"), 10);
	assert_int_equal(rows_in(f, "body"), 10);
	assert_int_equal(rows_in(f, "key"), 10);
	fixture_verify(f);
	purge(f, (struct store_batch){.purge_max = 1000,
				      .purge_failed_before_ms = f->now_ms});
	assert_int_equal(rows_in(f, "done"), 0);
	assert_int_equal(rows_in(f, "body"), 0);
	assert_int_equal(rows_in(f, "key"), 0);
	fixture_verify(f);
}

UNIT(it_goes_in_small_batches_and_says_whether_more_is_left)
{
	struct fixture *f = *state;
	struct store_batch how = {.purge_max = 4};
	int rounds = 1;

	ended_jobs(f, 30, 0);
	how.purge_succeeded_before_ms = f->now_ms;
	while (purge(f, how).purge_more)
		rounds++;
	assert_in_range(rounds, 5, 8);
	/* A walk that ended begins again. */
	purge(f, how);
	purge(f, how);
	assert_int_equal(rows_in(f, "done"), 10);
	fixture_verify(f);
}

UNIT(young_jobs_stay)
{
	struct fixture *f = *state;
	int64_t middle;

	ended_jobs(f, 10, 0);
	middle = f->now_ms;
	ended_jobs(f, 10, 0);
	purge(f, (struct store_batch){.purge_max = 100,
				      .purge_succeeded_before_ms = middle,
				      .purge_failed_before_ms = middle});
	assert_int_equal(rows_in(f, "done"), 10);
	fixture_verify(f);
}

UNIT(too_many_means_the_first_ones_go)
{
	struct fixture *f = *state;

	ended_jobs(f, 20, 0);
	purge(f, (struct store_batch){.purge_max = 3, .keep_done_max = 15});
	assert_int_equal(rows_in(f, "done"), 17);
	purge(f, (struct store_batch){.purge_max = 100, .keep_done_max = 15});
	assert_int_equal(rows_in(f, "done"), 15);
	purge(f, (struct store_batch){.purge_max = 100, .keep_done_max = 15});
	assert_int_equal(rows_in(f, "done"), 15);
	assert_int_equal(fixture_row(f, 6).id, 6);
	fixture_verify(f);
}

static int64_t group_op(struct fixture *f, struct store_group_op op)
{
	struct store_batch batch = fixture_batch(f);

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	return op.id;
}

UNIT(a_closed_group_goes_with_its_last_job)
{
	struct fixture *f = *state;
	int64_t group =
		group_op(f, (struct store_group_op){.kind = STORE_GROUP_OPEN});
	int64_t empty =
		group_op(f, (struct store_group_op){.kind = STORE_GROUP_OPEN});
	struct store_batch how = {.purge_max = 100};

	ended_jobs(f, 6, group);
	how.purge_succeeded_before_ms = how.purge_failed_before_ms = f->now_ms +
								     1000;
	group_op(f, (struct store_group_op){.kind = STORE_GROUP_CLOSE,
					    .id = group});
	group_op(f, (struct store_group_op){.kind = STORE_GROUP_CLOSE,
					    .id = empty});
	purge(f, how);
	assert_int_equal(rows_in(f, "done"), 0);
	assert_int_equal(rows_in(f, "grp"), 0);
	fixture_verify(f);
}

UNIT(an_open_group_without_jobs_goes_when_it_was_not_used_for_long)
{
	struct fixture *f = *state;
	int64_t group =
		group_op(f, (struct store_group_op){.kind = STORE_GROUP_OPEN});
	int64_t held =
		group_op(f, (struct store_group_op){.kind = STORE_GROUP_OPEN});
	struct store_batch how = {.purge_max = 100, .keep_done_max = 1};

	group_op(f,
		 (struct store_group_op){.kind = STORE_GROUP_TIE, .id = held});
	f->now_ms += 1000;
	how.purge_succeeded_before_ms = f->now_ms;
	ended_jobs(f, 3, group);
	ended_jobs(f, 1, 0);
	purge(f, how);
	assert_int_equal(rows_in(f, "member"), 0);
	purge(f, how);
	assert_int_equal(rows_in(f, "grp"), 2);
	/* Its maker may still fill the one that is held. */
	how.purge_succeeded_before_ms = f->now_ms + 1000;
	purge(f, how);
	assert_int_equal(rows_in(f, "grp"), 1);
	assert_int_equal(rows_in(f, "grp WHERE tie = 1"), 1);
	group_op(f, (struct store_group_op){.kind = STORE_GROUP_ABANDON,
					    .id = held});
	purge(f, how);
	assert_int_equal(rows_in(f, "grp"), 0);
	fixture_verify(f);
}

UNIT(space_is_given_back)
{
	enum { MANY = 2000 };
	struct fixture *f = *state;
	struct store_entry *entries = calloc(MANY, sizeof(*entries));
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.all = true},
				    .uid = UINT32_MAX,
				    .max = 1000};
	char *big = malloc(8000);
	struct store_batch batch = fixture_batch(f);
	struct store_batch how = {.purge_max = 1000};
	int64_t before;

	assert_true(entries && big);
	memset(big, 'x', 8000);
	for (int i = 0; i < MANY; i++) {
		entries[i] = fixture_entry();
		entries[i].spec = (struct slice){big, 8000};
	}
	batch.entries = entries;
	batch.entry_count = MANY;
	fixture_write(f, &batch);
	fixture_reopen(f);
	before = store_size(f->store);
	assert_true(before > MANY * 8000);
	for (int i = 0; i < 2; i++) {
		batch = fixture_batch(f);
		batch.steers = &steer;
		batch.steer_count = 1;
		fixture_write(f, &batch);
	}
	how.purge_failed_before_ms = f->now_ms + 1000;
	for (int i = 0; i < 40; i++)
		purge(f, how);
	assert_int_equal(rows_in(f, "body"), 0);
	fixture_reopen(f);
	assert_true(store_size(f->store) < before / 2);
	fixture_verify(f);
	free(entries);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_succeeded_goes_before_what_failed),
		WITH_STORE(
			it_goes_in_small_batches_and_says_whether_more_is_left),
		WITH_STORE(young_jobs_stay),
		WITH_STORE(too_many_means_the_first_ones_go),
		WITH_STORE(a_closed_group_goes_with_its_last_job),
		WITH_STORE(
			an_open_group_without_jobs_goes_when_it_was_not_used_for_long),
		WITH_STORE(space_is_given_back),
	};

	return cmocka_run_group_tests_name("sqlite_purge", tests, NULL, NULL);
}
