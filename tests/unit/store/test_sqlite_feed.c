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

/* Submit @count jobs; the id of the first. */
static int64_t submit(struct fixture *f, int64_t count)
{
	int64_t first = fixture_submit(f, fixture_entry());

	while (--count > 0)
		fixture_submit(f, fixture_entry());
	return first;
}

/* A feed of @count claims from the job @first on; no two of one range when
 * @apart. */
static void feed_claims(struct fixture *f, int64_t first, int64_t count,
			bool apart)
{
	for (int64_t i = 0; i < count; i++)
		feed_add(&f->store->feed,
			 (int64_t[]){first + i, 1, NOW, 1,
				     apart ? 1000 - i : 1000 + i},
			 5);
}

static int claim(struct fixture *f)
{
	return feed_run_ranges(&f->store->feed, &f->store->sql, SQL_JOB_CLAIM,
			       SQL_JOB_CLAIM_RANGE, (int64_t[]){1, 0, 0, 0, 1},
			       5);
}

UNIT(neighbours_are_changed_each_in_its_own_way)
{
	struct fixture *f = *state;
	int64_t first = submit(f, 30);

	/* Two ranges with a hole between them; another worker's in the second. */
	feed_claims(f, first, 10, false);
	feed_claims(f, first + 12, 10, false);
	f->store->feed.cells[15 * FEED_CELLS + 3] = 2;
	assert_int_equal(claim(f), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM feed JOIN job ON id = c0 "
				"WHERE state = 4 AND attempt = c1 AND "
				"started = c2 AND worker = c3 AND token = c4"),
			 20);
	assert_int_equal(ask(f, "SELECT count(*) FROM job WHERE state = 3"),
			 10);
	feed_clear(&f->store->feed);
}

UNIT(rows_that_are_no_neighbours_are_changed_as_well)
{
	struct fixture *f = *state;
	int64_t first = submit(f, 10);

	feed_claims(f, first, 10, true);
	assert_int_equal(claim(f), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM feed JOIN job ON id = c0 "
				"WHERE state = 4 AND token = c4"),
			 10);
	feed_clear(&f->store->feed);
}

UNIT(a_hole_in_a_range_is_damage)
{
	struct fixture *f = *state;
	int64_t first = submit(f, 8);

	feed_add(&f->store->feed, (int64_t[]){first + 4}, 1);
	assert_int_equal(
		feed_run(&f->store->feed, &f->store->sql, SQL_JOB_DROP), 0);
	feed_clear(&f->store->feed);
	feed_claims(f, first, 8, false);
	assert_int_equal(claim(f), STORE_E_CORRUPT);
	assert_int_equal(feed_run_ranges(&f->store->feed, &f->store->sql,
					 SQL_JOB_DROP, SQL_JOB_DROP_RANGE,
					 (int64_t[]){1}, 1),
			 STORE_E_CORRUPT);
	feed_clear(&f->store->feed);
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
		WITH_STORE(neighbours_are_changed_each_in_its_own_way),
		WITH_STORE(rows_that_are_no_neighbours_are_changed_as_well),
		WITH_STORE(a_hole_in_a_range_is_damage),
		WITH_STORE(a_batch_may_be_larger_than_a_feed),
	};

	return cmocka_run_group_tests_name("sqlite_feed", tests, NULL, NULL);
}
