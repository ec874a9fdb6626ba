#include <errno.h>
#include <sqlite3.h>

#include "daemon/store/sqlite_filter.h"
#include "daemon/store/sqlite_row.h"
#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* Ids of all pages of a listing. */
static size_t list_all(struct fixture *f, struct store_filter filter,
		       bool newest_first, uint32_t max, int64_t *ids,
		       size_t room)
{
	size_t got = 0;
	int64_t after = 0;

	do {
		struct store_row *rows;
		size_t count;

		assert_int_equal(store_list(fixture_reader(f), &f->arena,
					    &filter, after, newest_first, false,
					    max, &rows, &count, &after),
				 0);
		assert_in_range(count, 0, max);
		for (size_t i = 0; i < count; i++) {
			assert_in_range(got, 0, room - 1);
			ids[got++] = rows[i].id;
		}
	} while (after);
	return got;
}

static int64_t count_all(struct fixture *f, struct store_filter filter)
{
	int64_t counts[STATE_COUNT] = {0};
	int64_t after = 0, sum = 0;

	do {
		assert_int_equal(store_count(fixture_reader(f), &f->arena,
					     &filter, after, counts, &after),
				 0);
	} while (after);
	for (int i = 0; i < STATE_COUNT; i++)
		sum += counts[i];
	return sum;
}

/*
 * Jobs 1 .. 10: 1, 2 succeeded; 3 failed (exit); 4 running; 5 cancelled;
 * 6 ready in lane other; 7 held, named, of uid 1001; 8 scheduled with tags;
 * 9, 10 ready in a group. Returns the group.
 */
static int64_t ten_jobs(struct fixture *f)
{
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_entry entries[10];
	struct store_batch batch = fixture_batch(f);
	struct store_claim *claims;
	int64_t five = 5;

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	for (int i = 0; i < 10; i++)
		entries[i] = fixture_entry();
	entries[4].priority = -1;
	entries[5].lane = 1;
	entries[6].hold = true;
	entries[6].name = SLICE("thumbnail");
	entries[6].key = SLICE("k7");
	entries[6].uid = 1001;
	entries[7].run_at_ms = NOW + 1000000;
	entries[7].tags = SLICE("{\"team\":\"a\\u00e9\",\"n\":\"1\"}");
	entries[8].group = entries[9].group = op.id;
	entries[8].priority = entries[9].priority = -2;
	batch = fixture_batch(f);
	batch.entries = entries;
	batch.entry_count = 10;
	fixture_write(f, &batch);
	assert_int_equal(fixture_claim(f, 4, &claims), 4);
	fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE);
	fixture_finish(f, &claims[1], STORE_SUCCEEDED, CAUSE_NONE);
	fixture_finish(f, &claims[2], STORE_FAILED_ATTEMPT, CAUSE_EXIT);
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &five, 1).changed, 1);
	return op.id;
}

#define EXPECT(filter, ...)                                                    \
	do {                                                                   \
		const int64_t want[] = {__VA_ARGS__};                          \
		int64_t ids[32];                                               \
		size_t n = list_all(f, filter, false, 2, ids, 32);             \
                                                                               \
		assert_int_equal(n, ARRAY_COUNT(want));                        \
		assert_memory_equal(ids, want, sizeof(want));                  \
		assert_int_equal(list_all(f, filter, true, 3, ids, 32), n);    \
		for (size_t i = 0; i < n; i++)                                 \
			assert_int_equal(ids[i], want[n - 1 - i]);             \
		assert_int_equal(count_all(f, filter), n);                     \
	} while (0)
#define FILTER(...) ((struct store_filter){__VA_ARGS__})

UNIT(each_filter_finds_what_it_names)
{
	struct fixture *f = *state;
	int64_t group = ten_jobs(f);
	const int64_t named[] = {10, 3, 3, 99, 1};

	EXPECT(FILTER(.all = true), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
	EXPECT(FILTER(.ids = named, .id_count = 5), 1, 3, 10);
	EXPECT(FILTER(.queue = SLICE("other")), 6);
	EXPECT(FILTER(.queue = SLICE("other"), .older_than_ms = NOW * 2), 6);
	EXPECT(FILTER(.states = 1u << STATE_RUNNING), 4);
	EXPECT(FILTER(.states = 1u << STATE_RUNNING, .has_uid = true,
		      .uid = 1000),
	       4);
	EXPECT(FILTER(.states = 1u << STATE_READY | 1u << STATE_SUCCEEDED), 1,
	       2, 6, 9, 10);
	EXPECT(FILTER(.causes = 1u << CAUSE_EXIT | 1u << CAUSE_CANCELLED), 3,
	       5);
	EXPECT(FILTER(.name = SLICE("thumbnail")), 7);
	EXPECT(FILTER(.key = SLICE("k7")), 7);
	EXPECT(FILTER(.key = SLICE("k7"), .has_uid = true, .uid = 1001), 7);
	EXPECT(FILTER(.has_uid = true, .uid = 1001), 7);
	EXPECT(FILTER(.group = group), 9, 10);
	EXPECT(FILTER(.has_exit_code = true, .exit_code = 0), 1, 2);
	/* The same letter, once as itself and once escaped. */
	EXPECT(FILTER(.tags = SLICE("{\"team\":\"a\xc3\xa9\"}")), 8);
	EXPECT(FILTER(.tags = SLICE("{\"n\":\"1\",\"te\\u0061m\":\"a\xc3\xa9\""
				    "}")),
	       8);
	fixture_verify(f);
}

#define EXPECT_NONE(filter)                                                    \
	do {                                                                   \
		int64_t none[32];                                              \
                                                                               \
		assert_int_equal(list_all(f, filter, false, 5, none, 32), 0);  \
		assert_int_equal(count_all(f, filter), 0);                     \
	} while (0)

UNIT(what_does_not_match_is_not_found)
{
	struct fixture *f = *state;

	ten_jobs(f);
	EXPECT_NONE(FILTER(.queue = SLICE("nowhere")));
	EXPECT_NONE(FILTER(.handler = SLICE("nobody")));
	EXPECT_NONE(FILTER(.tags = SLICE("{\"team\":\"b\"}")));
	EXPECT_NONE(FILTER(.tags = SLICE("{\"n\":\"1\",\"m\":\"2\"}")));
	EXPECT_NONE(FILTER(.key = SLICE("k7"), .has_uid = true, .uid = 1000));
	EXPECT_NONE(FILTER(.newer_than_ms = NOW * 2));
	EXPECT_NONE(FILTER(.states = 1u << STATE_BLOCKED));
	EXPECT_NONE(FILTER(.group = 99));
	/* An empty list is not "any". */
	EXPECT_NONE(FILTER(.ids = (const int64_t[]){0}, .id_count = 0));
}

UNIT(rows_come_in_the_order_asked_and_unknown_ids_are_left_out)
{
	struct fixture *f = *state;
	const int64_t ids[] = {7, 99, 3, 4};
	struct store_row *rows;
	size_t count, looked;

	ten_jobs(f);
	assert_int_equal(store_get(fixture_reader(f), &f->arena, ids, 4, false,
				   false, &rows, &count, &looked),
			 0);
	assert_int_equal(count, 3);
	assert_int_equal(looked, 4);
	assert_int_equal(rows[0].id, 7);
	assert_int_equal(rows[1].id, 3);
	assert_int_equal(rows[2].id, 4);
	assert_int_equal(rows[0].spec.n, 0);
	assert_true(slice_is(rows[0].name, "thumbnail"));
	assert_int_equal(rows[2].worker, 1);
}

UNIT(a_reader_finds_lanes_that_came_after_it)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_row row;
	int64_t id;

	fixture_reader(f);
	f->lanes[2].queue = SLICE("brand-new");
	entry.lane = 2;
	id = fixture_submit(f, entry);
	row = fixture_row(f, id);
	assert_true(slice_is(row.queue, "brand-new"));
	EXPECT(FILTER(.queue = SLICE("brand-new"), .newer_than_ms = 1), id);
}

UNIT(a_row_that_contradicts_itself_is_damage)
{
	static const char *const damages[] = {
		"UPDATE job SET state = 9 WHERE id = 9",
		"UPDATE job SET state = 6 WHERE id = 9",
		/* created, max_attempts, crash_limit, ... crashes, cause */
		("UPDATE job SET state = 3, rest = rest(1, 1, 3, 0, 0, 0, 0, "
		 "0, 0, 0, 77) WHERE id = 9"),
		"UPDATE job SET rest = rest(1, 0, 3) WHERE id = 9",
		"UPDATE job SET rest = rest(1, 1, 3, 0, 0, 0, 0, 0, 0, 1)",
		"UPDATE job SET rest = rest(1, 4294967297, 3) WHERE id = 9",
		"UPDATE job SET rest = rest(1, 1, 3, 0, -1) WHERE id = 9",
		"UPDATE job SET rest = NULL WHERE id = 9",
		"UPDATE job SET rest = x'020206ff' WHERE id = 9",
		("UPDATE job SET rest = rest(1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, "
		 "1) WHERE id = 9"),
		("UPDATE job SET rest = rest(1, 1, 3), attempt = 1, flags = 1 "
		 "WHERE id = 9"),
		/* Moved to the finished ones, and not whole there either. */
		("DELETE FROM job WHERE id = 9; INSERT INTO done VALUES (9, 1, "
		 "5, 0, x'80', NULL)"),
		"UPDATE done SET rest = rest(1, 1, 3, 0, 1 << 32) WHERE id = 9",
		("UPDATE done SET rest = rest(1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, "
		 "0, -1) WHERE id = 9"),
		"UPDATE done SET rest = x'ffffffffffffffffffff7f' WHERE id = 9",
	};
	struct fixture *f = *state;
	const int64_t nine = 9;
	struct store_row *rows;
	size_t count, looked;

	ten_jobs(f);
	for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
		assert_int_equal(sqlite3_exec(f->store->sql.db, damages[i],
					      NULL, NULL, NULL),
				 SQLITE_OK);
		assert_int_equal(store_get(fixture_reader(f), &f->arena, &nine,
					   1, false, false, &rows, &count,
					   &looked),
				 STORE_E_CORRUPT);
		assert_int_equal(sqlite3_txn_state(f->reader->sql.db, NULL), 0);
	}
}

UNIT(no_transaction_stays_open)
{
	struct fixture *f = *state;
	struct store *reader = fixture_reader(f);
	struct store_filter all = {.all = true};
	struct store_row *rows;
	struct store_group group;
	struct store_lane *lanes;
	struct store_snapshot snapshot;
	int64_t counts[STATE_COUNT] = {0};
	int64_t next, one = 1;
	size_t count, looked;

	ten_jobs(f);
	assert_int_equal(store_list(reader, &f->arena, &all, 0, false, false, 1,
				    &rows, &count, &next),
			 0);
	assert_true(sqlite3_get_autocommit(reader->sql.db));
	assert_int_equal(sqlite3_txn_state(reader->sql.db, NULL), 0);
	all.newer_than_ms = 1;
	assert_int_equal(store_count(reader, &f->arena, &all, 0, counts, &next),
			 0);
	assert_int_equal(sqlite3_txn_state(reader->sql.db, NULL), 0);
	assert_int_equal(store_get(reader, &f->arena, &one, 1, true, true,
				   &rows, &count, &looked),
			 0);
	assert_int_equal(sqlite3_txn_state(reader->sql.db, NULL), 0);
	assert_int_equal(store_get_group(reader, &f->arena, 1, &group), 0);
	assert_int_equal(store_get_group(reader, &f->arena, 2, &group),
			 -ENOENT);
	assert_int_equal(store_lanes(reader, &f->arena, &lanes, &count), 0);
	assert_int_equal(store_load(reader, &f->arena, &snapshot, &f->fault),
			 0);
	assert_int_equal(sqlite3_txn_state(reader->sql.db, NULL), 0);
}

UNIT(a_step_looks_at_a_bounded_number_of_rows)
{
	enum { MANY = 12000 };
	struct fixture *f = *state;
	struct store_entry *entries = calloc(MANY, sizeof(*entries));
	struct store_batch batch = fixture_batch(f);
	struct store_filter filter = {.name = SLICE("none")};
	struct store_row *rows;
	int64_t next;
	size_t count;

	assert_non_null(entries);
	for (int i = 0; i < MANY; i++)
		entries[i] = fixture_entry();
	batch.entries = entries;
	batch.entry_count = MANY;
	fixture_write(f, &batch);
	free(entries);
	assert_int_equal(store_list(fixture_reader(f), &f->arena, &filter, 0,
				    false, false, 10, &rows, &count, &next),
			 0);
	assert_int_equal(count, 0);
	assert_int_equal(next, FILTER_STEP_ROWS);
	assert_int_equal(store_list(fixture_reader(f), &f->arena, &filter, next,
				    false, false, 10, &rows, &count, &next),
			 0);
	assert_int_equal(next, 0);
}

/* A page alone: how many; each with a result, and a spec if asked. */
static size_t page_of(struct fixture *f, struct store_filter filter,
		      bool newest_first, bool with_spec, int64_t *after)
{
	struct store_row *rows;
	size_t count;

	assert_int_equal(store_list(fixture_reader(f), &f->arena, &filter,
				    *after, newest_first, with_spec, 1000,
				    &rows, &count, after),
			 0);
	for (size_t i = 0; i < count; i++) {
		assert_true(rows[i].result.n);
		assert_int_equal(rows[i].spec.n,
				 with_spec ? rows[i].result.n : 0);
	}
	return count;
}

/* Ended ones, each with a spec and a result of so many bytes. */
static void long_jobs(struct fixture *f, uint32_t count, size_t bytes)
{
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	char *text = calloc(1, bytes + 1);

	assert_non_null(text);
	memset(text, 'x', bytes);
	memcpy(text, "{\"shell\":\"", 10);
	memcpy(text + bytes - 2, "\"}", 2);
	entry.spec = (struct slice){text, bytes};
	for (uint32_t i = 0; i < count; i++)
		fixture_submit(f, entry);
	for (uint32_t i = 0; i < count; i++) {
		struct store_batch batch = fixture_batch(f);
		struct store_outcome outcome = {
			.kind = STORE_SUCCEEDED,
			.result = entry.spec,
		};

		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		outcome.job = claims->job;
		outcome.token = claims->token;
		batch.outcomes = &outcome;
		batch.outcome_count = 1;
		fixture_write(f, &batch);
		assert_true(outcome.accepted);
	}
	free(text);
}

UNIT(a_page_ends_before_its_texts_are_too_long)
{
	struct fixture *f = *state;
	const int64_t named[] = {1, 2, 3, 4, 5};
	int64_t after = 0;

	long_jobs(f, 5, 3 * 1024 * 1024);
	/* By id and back: two a page, and the last one alone. */
	for (int newest = 0; newest < 2; newest++) {
		struct store_filter filter = FILTER(.all = true);

		assert_int_equal(page_of(f, filter, newest, false, &after), 2);
		assert_int_equal(after, newest ? 4 : 2);
		assert_int_equal(page_of(f, filter, newest, false, &after), 2);
		assert_int_equal(after, newest ? 2 : 4);
		assert_int_equal(page_of(f, filter, newest, false, &after), 1);
		assert_int_equal(after, 0);
	}
	assert_int_equal(page_of(f, FILTER(.ids = named, .id_count = 5), false,
				 false, &after),
			 2);
	assert_int_equal(after, 2);
	/* What is read for a page is about what it holds. */
	arena_fini(&f->arena);
	after = 0;
	assert_int_equal(page_of(f, FILTER(.all = true), true, true, &after),
			 1);
	assert_int_equal(after, 5);
	assert_in_range(f->arena.used_bytes, 1, 2 * STORE_PAGE_BYTES);
	EXPECT(FILTER(.all = true), 1, 2, 3, 4, 5);
}

UNIT(a_job_that_is_longer_than_a_page_comes_alone)
{
	struct fixture *f = *state;
	int64_t after = 0;

	long_jobs(f, 3, STORE_PAGE_BYTES / 2 + 1);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
			page_of(f, FILTER(.all = true), false, true, &after),
			1);
		assert_int_equal(after, i == 3 ? 0 : i);
	}
}

UNIT(rows_by_id_come_a_few_at_a_time_when_they_are_long)
{
	static const int64_t ids[] = {5, 99, 1, 4, 98, 2};
	/* Two; what is not there costs nothing; the longest come alone. */
	static const size_t plain[] = {3, 3}, with_spec[] = {2, 1, 2, 1};
	struct fixture *f = *state;

	long_jobs(f, 5, 3 * 1024 * 1024);
	for (int spec = 0; spec < 2; spec++) {
		size_t done = 0, told = 0;

		for (int look = 0; done < ARRAY_COUNT(ids); look++) {
			struct store_row *rows;
			size_t count, looked;

			arena_fini(&f->arena);
			assert_int_equal(
				store_get(fixture_reader(f), &f->arena,
					  ids + done, ARRAY_COUNT(ids) - done,
					  spec, false, &rows, &count, &looked),
				0);
			assert_in_range(f->arena.used_bytes, 1,
					2 * STORE_PAGE_BYTES);
			done += looked;
			told += count;
			assert_int_equal(looked,
					 (spec ? with_spec : plain)[look]);
		}
		assert_int_equal(told, 4);
	}
}

UNIT(a_new_broker_is_told_all_that_runs)
{
	struct fixture *f = *state;
	struct store_snapshot snapshot;

	ten_jobs(f);
	fixture_reopen(f);
	assert_int_equal(
		store_load(fixture_reader(f), &f->arena, &snapshot, &f->fault),
		0);
	assert_int_equal(snapshot.lane_count, 4);
	assert_int_equal(snapshot.lanes[0].counts[STATE_RUNNING], 1);
	assert_int_equal(snapshot.lanes[0].counts[STATE_SUCCEEDED], 2);
	assert_int_equal(snapshot.worker_count, 1);
	assert_int_equal(snapshot.workers[0].pid, 4711);
	assert_true(slice_is(snapshot.workers[0].boot_id, "boot"));
	assert_int_equal(snapshot.running_count, 1);
	assert_int_equal(snapshot.running[0].job, 4);
	assert_int_equal(snapshot.running[0].worker, 1);
	assert_true(snapshot.running[0].token > 0);
	assert_int_equal(snapshot.next_due_ms, NOW + 1000000);
	assert_true(store_size(f->store) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(each_filter_finds_what_it_names),
		WITH_STORE(what_does_not_match_is_not_found),
		WITH_STORE(
			rows_come_in_the_order_asked_and_unknown_ids_are_left_out),
		WITH_STORE(a_reader_finds_lanes_that_came_after_it),
		WITH_STORE(a_row_that_contradicts_itself_is_damage),
		WITH_STORE(no_transaction_stays_open),
		WITH_STORE(a_step_looks_at_a_bounded_number_of_rows),
		WITH_STORE(a_page_ends_before_its_texts_are_too_long),
		WITH_STORE(a_job_that_is_longer_than_a_page_comes_alone),
		WITH_STORE(rows_by_id_come_a_few_at_a_time_when_they_are_long),
		WITH_STORE(a_new_broker_is_told_all_that_runs),
	};

	return cmocka_run_group_tests_name("sqlite_list", tests, NULL, NULL);
}
