#include "daemon/store/sqlite_feed.h"

#include <sqlite3.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* One number of a query over the feed. */
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

UNIT(its_rows_are_a_table)
{
	struct fixture *f = *state;
	struct feed *feed = &f->store->feed;
	struct slice *texts;

	assert_int_equal(ask(f, "SELECT count(*) FROM feed"), 0);
	for (int64_t i = 0; i < FEED_ROWS; i++) {
		assert_false(feed_is_full(feed));
		texts = feed_add(feed, (int64_t[]){i, -i, INT64_MAX}, 3);
		texts[3] = SLICE("abc");
	}
	assert_true(feed_is_full(feed));
	assert_int_equal(ask(f, "SELECT count(*) FROM feed"), FEED_ROWS);
	assert_int_equal(ask(f, "SELECT sum(c0 + c1) FROM feed"), 0);
	assert_int_equal(ask(f, "SELECT c1 FROM feed WHERE c0 = 17"), -17);
	assert_int_equal(ask(f, "SELECT max(c2) FROM feed"), INT64_MAX);
	assert_int_equal(ask(f, "SELECT count(*) FROM feed WHERE t3 = 'abc' "
				"AND t0 IS NULL"),
			 FEED_ROWS);
	feed_clear(feed);
	assert_int_equal(ask(f, "SELECT count(*) FROM feed"), 0);
}

UNIT(a_row_that_is_not_there_is_damage)
{
	struct fixture *f = *state;
	struct feed *feed = &f->store->feed;

	feed_add(feed, (int64_t[]){4711, 1, NOW, 1, 1}, 5);
	assert_int_equal(feed_run(feed, &f->store->sql, SQL_JOB_CLAIM),
			 STORE_E_CORRUPT);
	assert_int_equal(feed_run(feed, &f->store->sql, SQL_JOB_DROP),
			 STORE_E_CORRUPT);
	feed_clear(feed);
	assert_int_equal(feed_run(feed, &f->store->sql, SQL_JOB_DROP), 0);
}

UNIT(a_batch_may_be_larger_than_a_feed)
{
	enum { MANY = 3 * FEED_ROWS + 7 };
	struct fixture *f = *state;
	struct store_entry *entries = calloc(MANY, sizeof(*entries));
	struct store_outcome *outcomes = calloc(MANY, sizeof(*outcomes));
	struct store_batch batch = fixture_batch(f);
	struct store_claim *claims;
	size_t count;

	assert_true(entries && outcomes);
	for (int i = 0; i < MANY; i++)
		entries[i] = fixture_entry();
	batch.entries = entries;
	batch.entry_count = MANY;
	fixture_write(f, &batch);
	assert_int_equal(batch.lanes[0].counts[STATE_READY], MANY);
	count = fixture_claim(f, MANY + 10, &claims);
	assert_int_equal(count, MANY);
	for (size_t i = 0; i < count; i++) {
		outcomes[i] = (struct store_outcome){
			.job = claims[i].job,
			.token = claims[i].token,
			.kind = STORE_SUCCEEDED,
		};
		assert_true(slice_equal(claims[i].spec, entries[i].spec));
	}
	batch = fixture_batch(f);
	batch.outcomes = outcomes;
	batch.outcome_count = count;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, MANY);
	for (size_t i = 0; i < count; i++)
		assert_true(outcomes[i].accepted);
	fixture_verify(f);
	free(entries);
	free(outcomes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(its_rows_are_a_table),
		WITH_STORE(a_row_that_is_not_there_is_damage),
		WITH_STORE(a_batch_may_be_larger_than_a_feed),
	};

	return cmocka_run_group_tests_name("sqlite_feed", tests, NULL, NULL);
}
