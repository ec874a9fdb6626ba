#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

static void set(struct fixture *f, struct store_queue queue)
{
	struct store_batch batch = fixture_batch(f);

	batch.queues = &queue;
	batch.queue_count = 1;
	fixture_write(f, &batch);
	fixture_verify(f);
}

static void enter(struct fixture *f, struct store_entry *entries, size_t count)
{
	struct store_batch batch = fixture_batch(f);

	batch.entries = entries;
	batch.entry_count = count;
	fixture_write(f, &batch);
	fixture_verify(f);
}

UNIT(settings_survive_a_restart_until_they_are_taken_back)
{
	struct fixture *f = *state;
	struct store_queue queue = {.name = SLICE("default"),
				    .paused = true,
				    .max_length = 7,
				    .overflow = STORE_OVERFLOW_BLOCK};
	struct store_snapshot snapshot;

	set(f, queue);
	queue.name = SLICE("other");
	set(f, queue);
	set(f, (struct store_queue){.name = SLICE("other")});
	fixture_reopen(f);
	assert_int_equal(
		store_load(fixture_reader(f), &f->arena, &snapshot, &f->fault),
		0);
	assert_int_equal(snapshot.queue_count, 1);
	assert_true(slice_is(snapshot.queues[0].name, "default"));
	assert_true(snapshot.queues[0].paused);
	assert_int_equal(snapshot.queues[0].max_length, 7);
	assert_int_equal(snapshot.queues[0].overflow, STORE_OVERFLOW_BLOCK);
}

UNIT(a_full_queue_takes_exactly_as_many_as_fit)
{
	struct fixture *f = *state;
	struct store_entry entries[8];
	struct store_claim *claims;

	set(f, (struct store_queue){.name = SLICE("default"), .max_length = 5});
	fixture_reopen(f); /* the limit is known without being set */
	for (uint32_t i = 0; i < 8; i++) {
		entries[i] = fixture_entry();
		entries[i].lane = i % 2 ? 2 : 0; /* two lanes of the queue */
		entries[i].hold = i == 0;
	}
	enter(f, entries, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(entries[i].what,
				 i < 5 ? STORE_NEW : STORE_REFUSED_FULL);
	/* Another queue has no limit, and what runs does not count. */
	entries[0].lane = 1;
	enter(f, entries, 1);
	assert_int_equal(entries[0].what, STORE_NEW);
	assert_int_equal(fixture_claim(f, 2, &claims), 2);
	enter(f, &entries[5], 3);
	assert_int_equal(entries[5].what, STORE_NEW);
	assert_int_equal(entries[6].what, STORE_NEW);
	assert_int_equal(entries[7].what, STORE_REFUSED_FULL);
	set(f, (struct store_queue){.name = SLICE("default")});
	enter(f, &entries[7], 1);
	assert_int_equal(entries[7].what, STORE_NEW);
}

UNIT(a_unit_fits_whole_or_not_at_all)
{
	struct fixture *f = *state;
	struct store_entry entries[6];

	set(f, (struct store_queue){.name = SLICE("default"), .max_length = 3});
	for (uint32_t i = 0; i < 6; i++) {
		entries[i] = fixture_entry();
		entries[i].unit = i < 4 ? 1 : 2;
	}
	entries[1].key = SLICE("k");
	enter(f, entries, 6);
	for (int i = 0; i < 3; i++)
		assert_int_equal(entries[i].what, STORE_REFUSED_DEPENDS);
	assert_int_equal(entries[3].what, STORE_REFUSED_FULL);
	assert_int_equal(entries[4].what, STORE_NEW);
	assert_int_equal(entries[5].what, STORE_NEW);
	/* The key of what was taken back is free. */
	entries[1].unit = 0;
	enter(f, &entries[1], 1);
	assert_int_equal(entries[1].what, STORE_NEW);
}

UNIT(what_is_there_already_needs_no_room_and_what_goes_makes_some)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	int64_t first;

	set(f, (struct store_queue){.name = SLICE("default"), .max_length = 1});
	entry.key = SLICE("k");
	entry.unique = SLICE("w");
	enter(f, &entry, 1);
	first = entry.id;
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_EXISTING);
	entry.on_conflict = CONFLICT_REPLACE;
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_NEW);
	assert_int_equal(entry.replaced, first);
	entry.key = entry.unique = (struct slice){NULL, 0};
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_REFUSED_FULL);
}

UNIT(a_limit_holds_for_the_batch_that_sets_it)
{
	struct fixture *f = *state;
	struct store_queue queue = {.name = SLICE("default"), .max_length = 1};
	struct store_entry entries[2] = {fixture_entry(), fixture_entry()};
	struct store_batch batch = fixture_batch(f);

	batch.queues = &queue;
	batch.queue_count = 1;
	batch.entries = entries;
	batch.entry_count = 2;
	fixture_write(f, &batch);
	assert_int_equal(entries[0].what, STORE_NEW);
	assert_int_equal(entries[1].what, STORE_REFUSED_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			settings_survive_a_restart_until_they_are_taken_back),
		WITH_STORE(a_full_queue_takes_exactly_as_many_as_fit),
		WITH_STORE(a_unit_fits_whole_or_not_at_all),
		WITH_STORE(
			what_is_there_already_needs_no_room_and_what_goes_makes_some),
		WITH_STORE(a_limit_holds_for_the_batch_that_sets_it),
	};

	return cmocka_run_group_tests_name("sqlite_queue", tests, NULL, NULL);
}
