#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

/* Steer with any filter; all slices, until nothing is left. */
static uint32_t steer_all(struct fixture *f, struct store_steer steer,
			  uint32_t *ret_slices)
{
	uint32_t changed = 0;

	*ret_slices = 0;
	do {
		struct store_batch batch = fixture_batch(f);

		batch.steers = &steer;
		batch.steer_count = 1;
		fixture_write(f, &batch);
		changed += steer.changed + steer.signalled;
		steer.after = steer.next;
		++*ret_slices;
	} while (steer.next);
	return changed;
}

UNIT(what_waits_is_cancelled_at_once_with_its_reason)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_steer steer = {
		.kind = STORE_CANCEL,
		.filter = {.ids = &id, .id_count = 1},
		.uid = UINT32_MAX,
		.reason = SLICE("no longer needed"),
		.max = 1,
	};
	struct store_batch batch = fixture_batch(f);
	struct store_row row;

	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 1);
	assert_int_equal(steer.signalled, 0);
	assert_int_equal(steer.next, 0);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(batch.ended[0].state, STATE_CANCELLED);
	assert_true(slice_is(batch.ended[0].reason, "no longer needed"));
	row = fixture_row(f, id);
	assert_int_equal(row.state, STATE_CANCELLED);
	assert_int_equal(row.cause, CAUSE_CANCELLED);
	assert_int_equal(row.started_ms, 0);
	assert_true(slice_is(row.reason, "no longer needed"));
	fixture_verify(f);
}

UNIT(what_runs_is_marked_and_its_worker_told)
{
	struct fixture *f = *state;
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.all = true},
				    .uid = UINT32_MAX,
				    .reason = SLICE("enough"),
				    .grace_ms = -1,
				    .max = 10};
	struct store_batch batch;
	struct store_claim *claims, claim;
	struct store_row row;

	fixture_submit(f, fixture_entry());
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	claim = claims[0];
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.signalled, 1);
	assert_int_equal(steer.changed, 0);
	assert_int_equal(batch.signal_count, 1);
	assert_int_equal(batch.signals[0].job, claim.job);
	assert_int_equal(batch.signals[0].token, claim.token);
	assert_int_equal(batch.signals[0].worker, 1);
	assert_int_equal(batch.signals[0].grace_ms, 10000);
	row = fixture_row(f, claim.job);
	assert_int_equal(row.state, STATE_RUNNING);
	assert_true(row.cancel_asked);

	assert_true(
		fixture_finish(f, &claim, STORE_FAILED_ATTEMPT, CAUSE_SIGNAL));
	row = fixture_row(f, claim.job);
	assert_int_equal(row.state, STATE_CANCELLED);
	assert_int_equal(row.cause, CAUSE_CANCELLED);
	assert_true(slice_is(row.reason, "enough"));
	fixture_verify(f);
}

UNIT(a_held_job_waits_until_it_is_released)
{
	struct fixture *f = *state;
	struct store_claim *claims;
	int64_t ids[2];

	ids[0] = fixture_submit(f, fixture_entry());
	ids[1] = fixture_submit(f, fixture_entry());
	assert_int_equal(fixture_steer(f, STORE_HOLD, ids, 1).changed, 1);
	assert_int_equal(fixture_steer(f, STORE_HOLD, ids, 1).changed, 0);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].job, ids[1]);
	assert_int_equal(fixture_claim(f, 1, &claims), 0);
	/* The running one does not take it. */
	assert_int_equal(fixture_steer(f, STORE_HOLD, &ids[1], 1).changed, 0);
	assert_int_equal(fixture_steer(f, STORE_RELEASE, ids, 2).changed, 1);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].job, ids[0]);
	fixture_verify(f);
}

UNIT(strangers_jobs_do_not_exist)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.ids = &id, .id_count = 1},
				    .uid = 1001,
				    .max = 10};
	uint32_t slices;

	assert_int_equal(steer_all(f, steer, &slices), 0);
	steer.uid = 1000;
	assert_int_equal(steer_all(f, steer, &slices), 1);
}

UNIT(a_dry_run_changes_nothing)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.all = true},
				    .dry_run = true,
				    .uid = UINT32_MAX,
				    .max = 10};
	uint32_t slices;

	assert_int_equal(steer_all(f, steer, &slices), 1);
	assert_int_equal(fixture_row(f, id).state, STATE_READY);
	fixture_verify(f);
}

static void submit_many(struct fixture *f, size_t count, int64_t group)
{
	struct store_entry *entries = calloc(count, sizeof(*entries));
	struct store_batch batch = fixture_batch(f);

	assert_non_null(entries);
	for (size_t i = 0; i < count; i++) {
		entries[i] = fixture_entry();
		entries[i].lane = (uint32_t)i % 2;
		entries[i].group = group;
	}
	batch.entries = entries;
	batch.entry_count = count;
	fixture_write(f, &batch);
	free(entries);
}

UNIT(a_filter_over_many_goes_slice_by_slice)
{
	struct fixture *f = *state;
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.queue = SLICE("other")},
				    .uid = UINT32_MAX,
				    .max = 100};
	uint32_t slices;

	submit_many(f, 2000, 0);
	assert_int_equal(steer_all(f, steer, &slices), 1000);
	assert_in_range(slices, 10, 11);
	assert_int_equal(steer_all(f, steer, &slices), 0);
	fixture_verify(f);
}

UNIT(ready_jobs_of_a_queue_are_found_among_many_others)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.queue = SLICE("third")},
				    .uid = 1000,
				    .max = 100};
	uint32_t slices;

	for (int i = 0; i < 3; i++)
		submit_many(f, 5000, 0);
	entry.lane = 3;
	for (int i = 0; i < 5; i++)
		fixture_submit(f, entry);
	assert_int_equal(steer_all(f, steer, &slices), 5);
	assert_int_equal(slices, 1);
	/* There are none, and the counts know it. */
	assert_int_equal(steer_all(f, steer, &slices), 0);
	assert_int_equal(slices, 1);
	fixture_verify(f);
}

UNIT(what_waits_otherwise_and_what_runs_is_found_too)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_steer steer = {
		.kind = STORE_CANCEL,
		.filter = {.queue = SLICE("default"), .handler = SLICE("exec")},
		.uid = UINT32_MAX,
		.max = 3};
	struct store_claim *claims;
	uint32_t slices;

	entry.hold = true;
	fixture_submit(f, entry);
	entry.hold = false;
	for (int i = 0; i < 8; i++)
		fixture_submit(f, entry);
	entry.run_at_ms = NOW + 10000;
	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 2, &claims), 2);
	/* One held, six ready, two running, one scheduled. */
	assert_int_equal(steer_all(f, steer, &slices), 10);
	assert_int_equal(fixture_row(f, 1).state, STATE_CANCELLED);
	assert_int_equal(fixture_row(f, 10).state, STATE_CANCELLED);
	assert_true(fixture_row(f, 2).cancel_asked);
	fixture_verify(f);
}

UNIT(a_strangers_job_at_the_head_is_no_hindrance)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_steer steer = {.kind = STORE_HOLD,
				    .filter = {.queue = SLICE("default")},
				    .uid = 1000,
				    .max = 2};
	uint32_t slices;

	for (uint32_t i = 0; i < 12; i++) {
		entry.uid = i % 4 == 2 ? 1001 : 1000;
		fixture_submit(f, entry);
	}
	assert_int_equal(steer_all(f, steer, &slices), 9);
	assert_int_equal(fixture_row(f, 3).state, STATE_READY);
	assert_int_equal(fixture_row(f, 12).state, STATE_HELD);
	fixture_verify(f);
}

UNIT(a_slice_looks_at_a_bounded_number_of_rows)
{
	struct fixture *f = *state;
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.name = SLICE("none")},
				    .uid = UINT32_MAX,
				    .max = 100};
	struct store_batch batch;

	for (int i = 0; i < 3; i++)
		submit_many(f, 5000, 0);
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 0);
	assert_int_equal(steer.next, 10000);
	steer.after = steer.next;
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.next, 0);
}

UNIT(a_group_is_found_by_its_index)
{
	struct fixture *f = *state;
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_steer steer = {
		.kind = STORE_CANCEL, .uid = UINT32_MAX, .max = 1000};
	struct store_batch batch = fixture_batch(f);

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	for (int i = 0; i < 3; i++)
		submit_many(f, 5000, 0);
	submit_many(f, 10, op.id);
	steer.filter.group = op.id;
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 10);
	assert_int_equal(steer.next, 0);
	assert_int_equal(batch.changed_group_count, 1);
	assert_int_equal(batch.changed_groups[0].counts[STATE_CANCELLED], 10);
	fixture_verify(f);
}

UNIT(ids_in_any_order_and_twice_are_one_each)
{
	struct fixture *f = *state;
	int64_t ids[5];

	submit_many(f, 3, 0);
	ids[0] = 3;
	ids[1] = 1;
	ids[2] = 3;
	ids[3] = 99;
	ids[4] = 2;
	assert_int_equal(fixture_steer(f, STORE_CANCEL, ids, 5).changed, 3);
	fixture_verify(f);
}

UNIT(no_ids_are_no_jobs)
{
	struct fixture *f = *state;
	int64_t none = 0;

	submit_many(f, 3, 0);
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &none, 0).changed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_waits_is_cancelled_at_once_with_its_reason),
		WITH_STORE(what_runs_is_marked_and_its_worker_told),
		WITH_STORE(a_held_job_waits_until_it_is_released),
		WITH_STORE(strangers_jobs_do_not_exist),
		WITH_STORE(a_dry_run_changes_nothing),
		WITH_STORE(a_filter_over_many_goes_slice_by_slice),
		WITH_STORE(ready_jobs_of_a_queue_are_found_among_many_others),
		WITH_STORE(what_waits_otherwise_and_what_runs_is_found_too),
		WITH_STORE(a_strangers_job_at_the_head_is_no_hindrance),
		WITH_STORE(a_slice_looks_at_a_bounded_number_of_rows),
		WITH_STORE(a_group_is_found_by_its_index),
		WITH_STORE(ids_in_any_order_and_twice_are_one_each),
		WITH_STORE(no_ids_are_no_jobs),
	};

	return cmocka_run_group_tests_name("sqlite_steer", tests, NULL, NULL);
}
