#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

static struct store_batch promote(struct fixture *f, uint32_t max)
{
	struct store_batch batch = fixture_batch(f);

	batch.promote_max = max;
	fixture_write(f, &batch);
	return batch;
}

UNIT(what_waits_too_long_is_cancelled_wherever_it_waits)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_batch batch;
	int64_t ids[3];

	/* The clock of the fixture moves with every write. */
	entry.expire_ms = NOW + 1000 - f->now_ms;
	ids[0] = fixture_submit(f, entry);
	entry.hold = true;
	entry.expire_ms = NOW + 1000 - f->now_ms;
	ids[1] = fixture_submit(f, entry);
	entry.hold = false;
	entry.run_at_ms = NOW + 5000;
	entry.expire_ms = NOW + 1000 - f->now_ms;
	ids[2] = fixture_submit(f, entry);
	f->now_ms = NOW + 998;
	batch = promote(f, 10);
	assert_int_equal(batch.ended_count, 0);
	assert_int_equal(batch.next_due_ms, NOW + 1000);
	f->now_ms = NOW + 1000;
	batch = promote(f, 2);
	assert_int_equal(batch.ended_count, 2);
	assert_int_equal(batch.next_due_ms, NOW + 1000);
	batch = promote(f, 2);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(batch.next_due_ms, 0);
	for (int i = 0; i < 3; i++) {
		struct store_row row = fixture_row(f, ids[i]);

		assert_int_equal(row.state, STATE_CANCELLED);
		assert_int_equal(row.cause, CAUSE_EXPIRED);
	}
	fixture_verify(f);
}

UNIT(what_runs_does_not_expire_but_what_waits_again_does)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	struct store_batch batch;

	entry.expire_ms = 1000;
	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	f->now_ms = NOW + 2000;
	batch = promote(f, 10);
	assert_int_equal(batch.ended_count, 0);
	assert_int_equal(batch.next_due_ms, 0);
	assert_true(fixture_finish(f, &claims[0], STORE_PUT_BACK, CAUSE_NONE));
	batch = promote(f, 10);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(batch.ended[0].cause, CAUSE_EXPIRED);
	assert_int_equal(batch.next_due_ms, 0);
	fixture_verify(f);
}

UNIT(the_time_of_the_next_is_known_after_a_restart)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_snapshot snapshot;
	struct store_batch batch;

	entry.run_at_ms = NOW + 7000;
	fixture_submit(f, entry);
	entry.run_at_ms = 0;
	entry.expire_ms = NOW + 6000 - f->now_ms;
	fixture_submit(f, entry);
	fixture_reopen(f);
	assert_int_equal(
		store_load(fixture_reader(f), &f->arena, &snapshot, &f->fault),
		0);
	assert_int_equal(snapshot.next_due_ms, NOW + 6000);
	f->now_ms = NOW + 6000;
	batch = promote(f, 10);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(batch.next_due_ms, NOW + 7000);
}

static size_t purge(struct fixture *f, int64_t before)
{
	struct store_batch batch = fixture_batch(f);

	batch.purge_max = 10;
	batch.purge_succeeded_before_ms = before;
	batch.purge_failed_before_ms = before;
	fixture_write(f, &batch);
	fixture_verify(f);
	return (size_t)(batch.changed_lane_count
				? batch.changed_lanes[0].counts[STATE_SUCCEEDED]
				: -1);
}

UNIT(each_job_is_kept_as_long_as_it_said)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	struct store_batch batch;
	struct store_outcome outcomes[3];

	entry.keep_ms = 0;
	fixture_submit(f, entry);
	entry.keep_ms = 1000;
	fixture_submit(f, entry);
	entry.keep_ms = -1;
	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 3, &claims), 3);
	for (int i = 0; i < 3; i++)
		outcomes[i] = (struct store_outcome){.job = claims[i].job,
						     .token = claims[i].token,
						     .kind = STORE_SUCCEEDED};
	batch = fixture_batch(f);
	batch.outcomes = outcomes;
	batch.outcome_count = 3;
	batch.purge_max = 10;
	fixture_write(f, &batch);
	/* Not in the batch in which it ends: its waiters hear of it. */
	assert_int_equal(fixture_row(f, 1).state, STATE_SUCCEEDED);
	assert_int_equal(purge(f, 0), 2);
	assert_int_equal(purge(f, f->now_ms + 100), 1);
	assert_int_equal(fixture_row(f, 2).state, STATE_SUCCEEDED);
	f->now_ms += 1000;
	assert_int_equal(purge(f, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_waits_too_long_is_cancelled_wherever_it_waits),
		WITH_STORE(what_runs_does_not_expire_but_what_waits_again_does),
		WITH_STORE(the_time_of_the_next_is_known_after_a_restart),
		WITH_STORE(each_job_is_kept_as_long_as_it_said),
	};

	return cmocka_run_group_tests_name("sqlite_due", tests, NULL, NULL);
}
