#include "daemon/store/sqlite_recent.h"

#include <sqlite3.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

static const struct live *known(const struct fixture *f, int64_t id)
{
	return recent_find(&f->store->recent, id);
}

/* What is remembered of a job is its row, cell by cell. */
static void check(struct fixture *f, int64_t id)
{
	struct feed *feed = &f->store->feed;
	const struct slice *want, *have;
	struct live row;
	bool found;

	assert_non_null(known(f, id));
	assert_int_equal(live_get(&f->store->sql, id, &row, &found), 0);
	assert_true(found);
	assert_memory_equal(&known(f, id)->facts, &row.facts,
			    sizeof(row.facts));
	want = live_feed(feed, &row);
	have = live_feed(feed, known(f, id));
	assert_memory_equal(feed->cells, feed->cells + FEED_CELLS,
			    (LIVE_FEED_GROUP + 1) * sizeof(*feed->cells));
	assert_true(slice_equal(want[FEED_REST], have[FEED_REST]));
	feed_clear(feed);
}

static struct store_entry odd_entry(void)
{
	struct store_entry entry = fixture_entry();

	entry.priority = 7;
	entry.uid = 12;
	entry.gid = 13;
	entry.timeout_ms = 1500;
	entry.grace_ms = 2500;
	entry.expire_ms = 86400000;
	entry.once = true;
	entry.run_at_ms = 1;
	entry.name = SLICE("name");
	return entry;
}

UNIT(a_claimed_job_is_known_as_its_row_is)
{
	struct fixture *f = *state;
	struct store_claim *claims;
	size_t count;

	fixture_submit(f, odd_entry());
	for (int i = 0; i < 20; i++)
		fixture_submit(f, fixture_entry());
	count = fixture_claim(f, 30, &claims);
	assert_int_equal(count, 21);
	for (size_t i = 0; i < count; i++)
		check(f, claims[i].job);
}

UNIT(a_job_that_begins_in_its_batch_is_known_as_its_row_is)
{
	struct fixture *f = *state;
	struct store_entry entries[] = {odd_entry(), odd_entry()};
	struct store_want want = {.worker = 1, .max = 2};
	struct store_batch batch = fixture_batch(f);

	batch.entries = entries;
	batch.entry_count = 2;
	batch.wants = &want;
	batch.want_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.claim_count, 2);
	check(f, entries[0].id);
	check(f, entries[1].id);
}

UNIT(a_job_that_began_before_its_batch_is_known_as_its_row_is)
{
	struct fixture *f = *state;
	struct store_worker worker = {.id = 1, .pid = 1, .start_ticks = 1};
	struct store_entry entry = odd_entry();
	struct store_batch batch = fixture_batch(f);

	batch.reserve = 1;
	fixture_write(f, &batch);
	entry.begun.job = batch.reserved_job;
	entry.begun.token = batch.reserved_token;
	entry.begun.worker = 1;
	batch = fixture_batch(f);
	batch.workers = &worker;
	batch.worker_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	check(f, entry.id);
}

UNIT(a_job_that_is_asked_to_end_is_read_again)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_steer steer = {
		.kind = STORE_CANCEL,
		.filter = {.ids = &id, .id_count = 1},
		.reason = SLICE("enough"),
		.uid = UINT32_MAX,
		.max = 1000,
	};
	struct store_claim *claims;
	struct store_batch batch;

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_null(known(f, id));
	assert_true(fixture_finish(f, claims, STORE_FAILED_ATTEMPT,
				   CAUSE_CANCELLED));
	assert_int_equal(fixture_row(f, id).state, STATE_CANCELLED);
	assert_true(slice_equal(fixture_row(f, id).reason, SLICE("enough")));
	fixture_verify(f);
}

UNIT(what_goes_on_or_ends_is_forgotten)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	int64_t id;

	entry.max_attempts = 2;
	id = fixture_submit(f, entry);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		check(f, id);
		assert_true(fixture_finish(f, claims, STORE_FAILED_ATTEMPT,
					   CAUSE_EXIT));
		assert_null(known(f, id));
	}
	assert_int_equal(fixture_row(f, id).state, STATE_FAILED);
	assert_false(
		fixture_finish(f, claims, STORE_FAILED_ATTEMPT, CAUSE_EXIT));
}

UNIT(what_is_taken_back_is_forgotten)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_want want = {.worker = 1, .max = 1};
	struct store_batch batch = fixture_batch(f);

	/* The last statement of the batch finds its table gone. */
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      "ALTER TABLE event RENAME TO gone", NULL,
				      NULL, NULL),
			 0);
	batch.entries = &entry;
	batch.entry_count = 1;
	batch.wants = &want;
	batch.want_count = 1;
	assert_int_not_equal(store_write(f->store, &batch, &f->fault), 0);
	assert_null(known(f, 1));
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      "ALTER TABLE gone RENAME TO event", NULL,
				      NULL, NULL),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_claimed_job_is_known_as_its_row_is),
		WITH_STORE(
			a_job_that_begins_in_its_batch_is_known_as_its_row_is),
		WITH_STORE(
			a_job_that_began_before_its_batch_is_known_as_its_row_is),
		WITH_STORE(a_job_that_is_asked_to_end_is_read_again),
		WITH_STORE(what_goes_on_or_ends_is_forgotten),
		WITH_STORE(what_is_taken_back_is_forgotten),
	};

	return cmocka_run_group_tests_name("sqlite_recent", tests, NULL, NULL);
}
