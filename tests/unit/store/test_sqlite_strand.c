#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

#define LOST SLICE("{\"message\":\"gone\"}")

static struct store_entry carried(void)
{
	struct store_entry entry = fixture_entry();

	entry.descriptors = entry.once = true;
	return entry;
}

static struct store_batch strand(struct fixture *f)
{
	struct store_batch batch = fixture_batch(f);

	batch.strand = LOST;
	fixture_write(f, &batch);
	return batch;
}

static bool snapshot_has_some(struct fixture *f)
{
	struct store_snapshot snapshot;

	assert_int_equal(store_load(f->store, &f->arena, &snapshot, &f->fault),
			 0);
	return snapshot.descriptors;
}

UNIT(what_waits_for_lost_descriptors_fails_wherever_it_waits)
{
	struct fixture *f = *state;
	struct store_entry entry = carried();
	struct store_batch batch;
	int64_t ids[3], other = fixture_submit(f, fixture_entry());

	assert_false(snapshot_has_some(f));
	entry.stdout_given = true;
	ids[0] = fixture_submit(f, entry);
	entry.hold = true;
	entry.unique = SLICE("w");
	ids[1] = fixture_submit(f, entry);
	entry.hold = false;
	entry.unique = SLICE("x");
	entry.run_at_ms = NOW + 100000;
	entry.stderr_given = true;
	ids[2] = fixture_submit(f, entry);
	fixture_verify(f);
	fixture_reopen(f);
	assert_true(snapshot_has_some(f));
	batch = strand(f);
	assert_int_equal(batch.ended_count, 3);
	for (int i = 0; i < 3; i++) {
		struct store_row row = fixture_row(f, ids[i]);

		assert_int_equal(row.state, STATE_FAILED);
		assert_int_equal(row.cause, CAUSE_EXEC);
		assert_int_equal(row.attempt, 0);
		assert_int_equal(row.started_ms, 0);
		assert_int_equal(row.exit_code, -1);
		assert_true(slice_equal(row.failure, LOST));
		assert_true(row.descriptors && row.stdout_given);
		assert_int_equal(row.stderr_given, i == 2);
		assert_true(slice_equal(batch.ended[i].failure, LOST));
	}
	assert_int_equal(fixture_row(f, other).state, STATE_READY);
	assert_false(snapshot_has_some(f));
	assert_int_equal(strand(f).ended_count, 0);
	fixture_verify(f);
}

UNIT(what_runs_goes_on_and_what_never_began_fails_with_it)
{
	struct fixture *f = *state;
	struct store_claim *claims;
	struct store_outcome outcome = {.kind = STORE_PUT_BACK};
	struct store_batch batch;

	fixture_submit(f, carried());
	fixture_submit(f, carried());
	assert_int_equal(fixture_claim(f, 2, &claims), 2);
	assert_true(claims[0].descriptors && claims[0].once);
	outcome.job = claims[1].job;
	outcome.token = claims[1].token;
	batch = fixture_batch(f);
	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	batch.strand = LOST;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(batch.ended[0].id, claims[1].job);
	assert_int_equal(fixture_row(f, claims[0].job).state, STATE_RUNNING);
	assert_true(snapshot_has_some(f));
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	assert_false(snapshot_has_some(f));
	fixture_verify(f);
}

UNIT(nobody_tries_or_edits_what_was_given_descriptors)
{
	struct fixture *f = *state;
	int64_t ids[2] = {fixture_submit(f, carried()), 0};
	struct store_edit edit = {.uid = UINT32_MAX};
	struct store_steer steer;
	struct store_batch batch;

	edit.job = ids[0];
	edit.entry = fixture_entry();
	batch = fixture_batch(f);
	batch.edits = &edit;
	batch.edit_count = 1;
	fixture_write(f, &batch);
	assert_true(edit.found && edit.descriptors && !edit.edited);
	strand(f);
	steer = fixture_steer(f, STORE_RETRY, ids, 1);
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 0);
	assert_int_equal(fixture_row(f, ids[0]).state, STATE_FAILED);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			what_waits_for_lost_descriptors_fails_wherever_it_waits),
		WITH_STORE(
			what_runs_goes_on_and_what_never_began_fails_with_it),
		WITH_STORE(nobody_tries_or_edits_what_was_given_descriptors),
	};

	return cmocka_run_group_tests_name("sqlite_strand", tests, NULL, NULL);
}
