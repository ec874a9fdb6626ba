#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

UNIT(what_is_submitted_is_claimed_and_finished)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_claim *claims;
	struct store_row row;

	assert_int_equal(id, 1);
	assert_int_equal(fixture_claim(f, 8, &claims), 1);
	assert_int_equal(claims[0].job, id);
	assert_int_equal(claims[0].attempt, 1);
	assert_true(claims[0].token > 0);
	assert_true(slice_is(claims[0].spec, "{\"argv\":[\"true\"]}"));
	row = fixture_row(f, id);
	assert_int_equal(row.state, STATE_RUNNING);
	assert_int_equal(row.worker_pid, 4711);

	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	row = fixture_row(f, id);
	assert_int_equal(row.state, STATE_SUCCEEDED);
	assert_int_equal(row.exit_code, 0);
	assert_true(slice_is(row.queue, "default"));
	assert_true(slice_is(row.handler, "exec"));
	fixture_verify(f);
}

UNIT(an_outcome_with_a_stale_token_changes_nothing)
{
	struct fixture *f = *state;
	struct store_claim *claims, old;

	fixture_submit(f, fixture_entry());
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	old = claims[0];
	assert_true(fixture_finish(f, &old, STORE_PUT_BACK, CAUSE_NONE));
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].attempt, 1);
	assert_int_not_equal(claims[0].token, old.token);

	assert_false(fixture_finish(f, &old, STORE_SUCCEEDED, CAUSE_NONE));
	assert_int_equal(fixture_row(f, old.job).state, STATE_RUNNING);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	assert_false(
		fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	fixture_verify(f);
}

UNIT(higher_priority_runs_first_and_then_the_older_one)
{
	struct fixture *f = *state;
	struct store_entry entries[4];
	struct store_batch batch = fixture_batch(f);
	struct store_claim *claims;

	for (int i = 0; i < 4; i++)
		entries[i] = fixture_entry();
	entries[1].priority = 5;
	entries[3].priority = -5;
	batch.entries = entries;
	batch.entry_count = 4;
	fixture_write(f, &batch);
	assert_int_equal(fixture_claim(f, 10, &claims), 4);
	assert_int_equal(claims[0].job, entries[1].id);
	assert_int_equal(claims[1].job, entries[0].id);
	assert_int_equal(claims[2].job, entries[2].id);
	assert_int_equal(claims[3].job, entries[3].id);
	fixture_verify(f);
}

/* A batch that submits and wants at once. */
static void submit_and_want(struct fixture *f, struct store_entry *entries,
			    size_t count, struct store_want *want,
			    struct store_batch *ret)
{
	struct store_worker worker = {.id = 1};

	*ret = fixture_batch(f);
	ret->entries = entries;
	ret->entry_count = count;
	ret->workers = &worker;
	ret->worker_count = 1;
	ret->wants = want;
	ret->want_count = 1;
	fixture_write(f, ret);
}

UNIT(a_job_starts_at_once_when_a_worker_has_room)
{
	struct fixture *f = *state;
	struct store_entry entries[3] = {fixture_entry(), fixture_entry(),
					 fixture_entry()};
	struct store_want want = {.worker = 1, .max = 2};
	struct store_batch batch;

	submit_and_want(f, entries, 3, &want, &batch);
	assert_int_equal(batch.claim_count, 2);
	assert_int_equal(batch.claims[0].job, entries[0].id);
	assert_int_equal(batch.claims[1].job, entries[1].id);
	assert_int_equal(batch.lanes[0].counts[STATE_RUNNING], 2);
	assert_int_equal(batch.lanes[0].counts[STATE_READY], 1);
	/* submitted, started, submitted, started, submitted */
	assert_int_equal(batch.event_count, 5);
	fixture_verify(f);
}

UNIT(a_direct_start_does_not_overtake)
{
	struct fixture *f = *state;
	int64_t first = fixture_submit(f, fixture_entry());
	struct store_entry entries[2] = {fixture_entry(), fixture_entry()};
	struct store_want want = {.worker = 1, .max = 1};
	struct store_batch batch;

	submit_and_want(f, entries, 1, &want, &batch);
	assert_int_equal(batch.claim_count, 1);
	assert_int_equal(batch.claims[0].job, first);

	/* Nor does a low one overtake a high one of its own batch. */
	submit_and_want(f, entries, 0, &want, &batch);
	assert_int_equal(batch.claims[0].job, first + 1);
	entries[0] = entries[1] = fixture_entry();
	entries[1].priority = 1;
	submit_and_want(f, entries, 2, &want, &batch);
	assert_int_equal(batch.claim_count, 1);
	assert_int_equal(batch.claims[0].job, entries[1].id);
	fixture_verify(f);
}

UNIT(wants_are_served_in_order_and_not_beyond_their_room)
{
	struct fixture *f = *state;
	struct store_entry entries[5];
	struct store_want wants[3] = {{.worker = 1, .max = 1},
				      {.worker = 2, .max = 0},
				      {.worker = 3, .max = 3}};
	struct store_worker workers[3] = {{.id = 1}, {.id = 2}, {.id = 3}};
	struct store_batch batch = fixture_batch(f);

	for (int i = 0; i < 5; i++)
		entries[i] = fixture_entry();
	batch.entries = entries;
	batch.entry_count = 5;
	fixture_write(f, &batch);

	batch = fixture_batch(f);
	batch.workers = workers;
	batch.worker_count = 3;
	batch.wants = wants;
	batch.want_count = 3;
	fixture_write(f, &batch);
	assert_int_equal(batch.claim_count, 4);
	assert_int_equal(wants[0].got, 1);
	assert_int_equal(wants[1].got, 0);
	assert_int_equal(wants[2].got, 3);
	assert_int_equal(batch.claims[0].want, 0);
	assert_int_equal(batch.claims[3].want, 2);
	fixture_verify(f);
}

UNIT(numbers_go_on_after_a_restart_and_are_never_given_twice)
{
	struct fixture *f = *state;
	int64_t first = fixture_submit(f, fixture_entry());
	struct store_batch batch = fixture_batch(f);
	struct store_claim *claims;
	int64_t token;

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	token = claims[0].token;
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	batch.now_ms = f->now_ms += 1000;
	batch.purge_max = 100;
	batch.purge_succeeded_before_ms = f->now_ms;
	fixture_write(f, &batch);
	assert_int_equal(batch.lanes[0].counts[STATE_SUCCEEDED], 0);

	fixture_reopen(f);
	assert_int_equal(fixture_submit(f, fixture_entry()), first + 1);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_true(claims[0].token > token);
	fixture_verify(f);
}

UNIT(an_empty_batch_writes_nothing)
{
	struct fixture *f = *state;
	struct store_batch batch = fixture_batch(f);
	int64_t size;

	fixture_write(f, &batch);
	size = store_size(f->store);
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	assert_int_equal(store_size(f->store), size);
	assert_int_equal(batch.event_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_is_submitted_is_claimed_and_finished),
		WITH_STORE(an_outcome_with_a_stale_token_changes_nothing),
		WITH_STORE(higher_priority_runs_first_and_then_the_older_one),
		WITH_STORE(a_job_starts_at_once_when_a_worker_has_room),
		WITH_STORE(a_direct_start_does_not_overtake),
		WITH_STORE(wants_are_served_in_order_and_not_beyond_their_room),
		WITH_STORE(
			numbers_go_on_after_a_restart_and_are_never_given_twice),
		WITH_STORE(an_empty_batch_writes_nothing),
	};

	return cmocka_run_group_tests_name("sqlite_write", tests, NULL, NULL);
}
