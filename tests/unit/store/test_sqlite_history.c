#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

struct seen {
	struct store_event events[64];
	char queues[64][16];
	size_t count, enough; /* enough 0: all of them */
};

static bool see(void *context, const struct store_event *event)
{
	struct seen *seen = context;

	assert_true(seen->count < ARRAY_COUNT(seen->events));
	snprintf(seen->queues[seen->count], sizeof(seen->queues[0]), "%.*s",
		 (int)event->queue.n, event->queue.p);
	seen->events[seen->count++] = *event;
	return seen->count != seen->enough;
}

static struct store_history look(struct fixture *f, int64_t from, uint32_t max,
				 struct seen *seen)
{
	struct store_history history;

	seen->count = 0;
	if (store_events(fixture_reader(f), from, max, see, seen, &history))
		fail_msg("the history cannot be read");
	for (size_t i = 1; i < seen->count; i++)
		assert_int_equal(seen->events[i].seq,
				 seen->events[i - 1].seq + 1);
	return history;
}

static void sql(struct fixture *f, const char *text)
{
	assert_int_equal(sqlite3_exec(f->store->sql.db, text, NULL, NULL, NULL),
			 SQLITE_OK);
}

/* Events 1 .. 4: two jobs, of which the first one runs and fails. */
static void two_jobs(struct fixture *f)
{
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;

	fixture_submit(f, entry);
	entry.lane = 1;
	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_true(fixture_finish(f, &claims[0], STORE_FAILED_ATTEMPT,
				   CAUSE_EXIT));
}

UNIT(an_event_says_of_which_job_queue_and_attempt_and_when)
{
	static const struct store_event expected[] = {
		{1, NOW, EVENT_SUBMITTED, CAUSE_NONE, 1, 0, 0},
		{2, NOW + 1, EVENT_SUBMITTED, CAUSE_NONE, 2, 0, 0},
		{3, NOW + 2, EVENT_STARTED, CAUSE_NONE, 1, 0, 1},
		{4, NOW + 3, EVENT_FAILED, CAUSE_EXIT, 1, 0, 1},
	};
	static const char *const queues[] = {"default", "other", "default",
					     "default"};
	struct fixture *f = *state;
	struct store_history history;
	struct seen seen = {0};

	f->now_ms = NOW;
	two_jobs(f);
	history = look(f, 1, 100, &seen);
	assert_int_equal(history.oldest, 1);
	assert_int_equal(history.head, 5);
	assert_int_equal(history.next, 5);
	assert_int_equal(seen.count, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct store_event *event = &seen.events[i];

		assert_int_equal(event->seq, expected[i].seq);
		assert_int_equal(event->at_ms, expected[i].at_ms);
		assert_int_equal(event->kind, expected[i].kind);
		assert_int_equal(event->cause, expected[i].cause);
		assert_int_equal(event->job, expected[i].job);
		assert_int_equal(event->attempt, expected[i].attempt);
		assert_string_equal(seen.queues[i], queues[i]);
	}
}

UNIT(an_event_names_its_jobs_group)
{
	struct fixture *f = *state;
	struct store_group_op group = {.kind = STORE_GROUP_OPEN, .uid = 1000};
	struct store_batch batch = fixture_batch(f);
	struct store_entry entry = fixture_entry();
	struct seen seen = {0};

	batch.groups = &group;
	batch.group_count = 1;
	fixture_write(f, &batch);
	entry.group = group.id;
	fixture_submit(f, entry);
	entry.group = 0;
	fixture_submit(f, entry);
	look(f, 0, 100, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.events[0].group, group.id);
	assert_int_equal(seen.events[1].group, 0);
}

UNIT(reading_begins_anywhere_and_goes_on_where_it_stopped)
{
	enum { MANY = 7 };
	struct fixture *f = *state;
	struct store_batch batch = fixture_batch(f);
	struct store_entry entries[MANY];
	struct store_history history;
	struct seen seen = {0};

	for (size_t i = 0; i < MANY; i++)
		entries[i] = fixture_entry();
	batch.entries = entries;
	batch.entry_count = MANY;
	fixture_write(f, &batch);
	two_jobs(f);
	for (int64_t from = 1; from <= 11; from++) {
		history = look(f, from, 100, &seen);
		assert_int_equal(seen.count, 12 - from);
		assert_int_equal(seen.events[0].seq, from);
		history = look(f, from, 2, &seen);
		assert_int_equal(seen.count, from == 11 ? 1 : 2);
		assert_int_equal(history.next, from == 11 ? 12 : from + 2);
	}
	seen.enough = 3;
	history = look(f, 3, 100, &seen);
	assert_int_equal(seen.count, 3);
	assert_int_equal(history.next, 6);
	seen.enough = 0;
	look(f, -2, 100, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.events[0].seq, 10);
	look(f, -200, 100, &seen);
	assert_int_equal(seen.count, 11);
	history = look(f, 12, 100, &seen);
	assert_int_equal(seen.count, 0);
	assert_int_equal(history.next, 12);
	history = look(f, 1, 0, &seen);
	assert_int_equal(history.next, 1);
	assert_int_equal(history.head, 12);
}

UNIT(a_time_is_found_among_the_numbers)
{
	struct fixture *f = *state;
	int64_t found;

	assert_int_equal(store_event_at(fixture_reader(f), NOW, &found), 0);
	assert_int_equal(found, 1);
	for (int64_t i = 0; i < 20; i++) {
		f->now_ms = NOW + i * 10;
		fixture_submit(f, fixture_entry());
	}
	for (int64_t i = 0; i < 20; i++) {
		assert_int_equal(
			store_event_at(fixture_reader(f), NOW + i * 10, &found),
			0);
		assert_int_equal(found, i + 1);
		assert_int_equal(store_event_at(fixture_reader(f),
						NOW + i * 10 + 1, &found),
				 0);
		assert_int_equal(found, i + 2);
	}
	assert_int_equal(store_event_at(fixture_reader(f), 0, &found), 0);
	assert_int_equal(found, 1);
}

static void purge(struct fixture *f, int64_t before_ms, int64_t keep, bool more)
{
	struct store_batch batch = fixture_batch(f);

	batch.purge_max = 100;
	batch.purge_events_before_ms = before_ms;
	batch.keep_events_max = keep;
	fixture_write(f, &batch);
	assert_int_equal(batch.purge_more, more);
	fixture_verify(f);
}

UNIT(old_events_go_by_age_or_by_count_and_their_numbers_go_on)
{
	struct fixture *f = *state;
	struct store_history history;
	struct store_batch batch;
	struct seen seen = {0};

	f->now_ms = NOW;
	for (int i = 0; i < 20; i++)
		fixture_submit(f, fixture_entry());
	purge(f, 0, 0, false);
	assert_int_equal(look(f, 0, 100, &seen).oldest, 1);
	purge(f, NOW + 5, 0, false);
	assert_int_equal(look(f, 0, 100, &seen).oldest, 6);
	purge(f, 0, 4, false);
	history = look(f, 1, 100, &seen);
	assert_int_equal(history.oldest, 17);
	assert_int_equal(history.next, 21);
	assert_int_equal(seen.count, 4);
	purge(f, f->now_ms, 100, false);
	history = look(f, 0, 100, &seen);
	assert_int_equal(history.oldest, 21);
	assert_int_equal(history.head, 21);
	assert_int_equal(seen.count, 0);
	fixture_reopen(f);
	batch = fixture_batch(f);
	batch.entries = (struct store_entry[]){fixture_entry()};
	batch.entry_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.first_event, 21);
	fixture_verify(f);
}

UNIT(a_purge_takes_small_steps)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	/* As if so many had been written. */
	sql(f, "UPDATE meta SET next_event = 300601;"
	       "INSERT INTO event SELECT value, 1, 1, x'000002000100' FROM "
	       "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + "
	       "1 FROM n WHERE value < 600) SELECT value FROM n);"
	       "INSERT INTO event VALUES (601, 300000, 1, x'00');");
	fixture_reopen(f);
	fixture_submit(f, fixture_entry());
	purge(f, 2, 0, true);
	assert_int_equal(look(f, 300601, 1, &seen).oldest, 257);
	purge(f, 2, 0, true);
	purge(f, 2, 0, true);
	assert_int_equal(look(f, 300601, 1, &seen).oldest, 300601);
	purge(f, 2, 0, false);
	assert_int_equal(look(f, 0, 1, &seen).oldest, 300601);
}

UNIT(who_listens_gets_them_with_the_batch)
{
	struct fixture *f = *state;
	struct store_batch batch = fixture_batch(f);
	struct store_entry entries[2] = {fixture_entry(), fixture_entry()};

	entries[1].lane = 1;
	batch.entries = entries;
	batch.entry_count = 2;
	fixture_write(f, &batch);
	assert_null(batch.events);
	assert_int_equal(batch.event_count, 2);
	batch = fixture_batch(f);
	batch.entries = entries;
	batch.entry_count = 2;
	batch.with_events = true;
	entries[0].id = entries[1].id = 0;
	fixture_write(f, &batch);
	assert_int_equal(batch.first_event, 3);
	assert_int_equal(batch.event_count, 2);
	assert_non_null(batch.events);
	assert_int_equal(batch.events[1].seq, 4);
	assert_int_equal(batch.events[1].job, entries[1].id);
	assert_int_equal(batch.events[1].at_ms, batch.now_ms);
	assert_true(slice_is(batch.events[0].queue, "default"));
	assert_true(slice_is(batch.events[1].queue, "other"));
}

UNIT(a_batch_with_too_many_tells_none_of_them)
{
	enum { MANY = STORE_EVENTS_TOLD + 1 };
	struct fixture *f = *state;
	struct store_batch batch = fixture_batch(f);
	struct store_entry *entries = calloc(MANY, sizeof(*entries));
	struct seen seen = {0};

	assert_non_null(entries);
	for (size_t i = 0; i < MANY; i++)
		entries[i] = fixture_entry();
	batch.entries = entries;
	batch.entry_count = MANY;
	batch.with_events = true;
	fixture_write(f, &batch);
	free(entries);
	assert_null(batch.events);
	assert_int_equal(batch.event_count, MANY);
	look(f, MANY, 100, &seen);
	assert_int_equal(seen.count, 1);
}

/* Whatever a damaged file holds is named, and nothing is made of it. */
UNIT(a_row_that_is_damaged_is_refused)
{
	static const char *const packed[] = {
		"x''",
		"x'00'",
		"x'ff0002000100'",
		"x'007f02000100'",
		"x'00000200018080'",
		"'text'",
		"12",
		"x'0000020001'",
		"x'000002ffffffffffffffffff0100'",
	};
	struct fixture *f = *state;

	fixture_submit(f, fixture_entry());
	for (size_t i = 0; i < ARRAY_COUNT(packed); i++) {
		struct store_history history;
		struct seen seen = {0};
		char text[128];

		snprintf(text, sizeof(text), "UPDATE event SET packed = %s",
			 packed[i]);
		sql(f, text);
		assert_int_equal(store_events(fixture_reader(f), 1, 10, see,
					      &seen, &history),
				 STORE_E_CORRUPT);
		assert_int_equal(seen.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			an_event_says_of_which_job_queue_and_attempt_and_when),
		WITH_STORE(an_event_names_its_jobs_group),
		WITH_STORE(
			reading_begins_anywhere_and_goes_on_where_it_stopped),
		WITH_STORE(a_time_is_found_among_the_numbers),
		WITH_STORE(
			old_events_go_by_age_or_by_count_and_their_numbers_go_on),
		WITH_STORE(a_purge_takes_small_steps),
		WITH_STORE(who_listens_gets_them_with_the_batch),
		WITH_STORE(a_batch_with_too_many_tells_none_of_them),
		WITH_STORE(a_row_that_is_damaged_is_refused),
	};

	return cmocka_run_group_tests_name("sqlite_history", tests, NULL, NULL);
}
