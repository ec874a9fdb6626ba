#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

static struct store_claim submit_and_claim(struct fixture *f,
					   struct store_entry entry)
{
	struct store_claim *claims;

	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	return claims[0];
}

static void fail_with(struct fixture *f, const struct store_claim *claim,
		      enum job_cause cause, int32_t exit_code)
{
	struct store_outcome outcome = {
		.job = claim->job,
		.token = claim->token,
		.kind = STORE_FAILED_ATTEMPT,
		.cause = cause,
		.exit_code = exit_code,
	};
	struct store_batch batch = fixture_batch(f);

	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(f, &batch);
	assert_true(outcome.accepted);
}

static struct store_steer steer(struct fixture *f, struct store_steer how)
{
	struct store_batch batch = fixture_batch(f);

	how.uid = how.uid ? how.uid : UINT32_MAX;
	how.max = how.max ? how.max : 1000;
	batch.steers = &how;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	return how;
}

static int64_t failed_job(struct fixture *f, struct store_entry entry)
{
	struct store_claim claim = submit_and_claim(f, entry);

	fail_with(f, &claim, CAUSE_EXIT, 3);
	assert_int_equal(fixture_row(f, claim.job).state, STATE_FAILED);
	return claim.job;
}

UNIT(a_failed_job_lives_again_with_its_number_and_its_past)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_batch batch = fixture_batch(f);
	struct store_attempt *attempts;
	struct store_claim *claims;
	struct store_row row;
	size_t count;
	int64_t id;

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	entry.group = op.id;
	entry.key = SLICE("k");
	id = failed_job(f, entry);
	op.kind = STORE_GROUP_CLOSE;
	batch = fixture_batch(f);
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);

	assert_int_equal(fixture_steer(f, STORE_RETRY, &id, 1).changed, 1);
	row = fixture_row(f, id);
	assert_int_equal(row.state, STATE_READY);
	assert_int_equal(row.attempt, 1);
	assert_int_equal(row.exit_code, 3);
	assert_true(slice_is(row.key, "k"));
	assert_int_equal(row.group, op.id);
	fixture_verify(f);

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].attempt, 2);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	assert_int_equal(fixture_row(f, id).state, STATE_SUCCEEDED);
	assert_int_equal(store_attempts(fixture_reader(f), &f->arena, id,
					&attempts, &count),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(attempts[0].exit_code, 3);
	fixture_verify(f);
}

UNIT(one_more_try_or_all_of_them_anew)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	int64_t id;

	entry.max_attempts = 2; /* without a rule: at once */
	fixture_submit(f, entry);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		fail_with(f, &claims[0], CAUSE_EXIT, 3);
	}
	id = claims[0].job;
	assert_int_equal(fixture_row(f, id).state, STATE_FAILED);
	assert_int_equal(fixture_steer(f, STORE_RETRY, &id, 1).changed, 1);
	assert_int_equal(fixture_row(f, id).max_attempts, 3);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	fail_with(f, &claims[0], CAUSE_EXIT, 3);
	assert_int_equal(fixture_row(f, id).state, STATE_FAILED);

	/* Twice: what is added is what it had at first. */
	for (uint32_t tries = 5; tries <= 7; tries += 2) {
		assert_int_equal(
			steer(f, (struct store_steer){.kind = STORE_RETRY,
						      .filter = {.all = true},
						      .reset_attempts = true})
				.changed,
			1);
		assert_int_equal(fixture_row(f, id).max_attempts, tries);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(fixture_claim(f, 1, &claims), 1);
			fail_with(f, &claims[0], CAUSE_EXIT, 3);
		}
		assert_int_equal(fixture_row(f, id).state, STATE_FAILED);
		assert_int_equal(fixture_row(f, id).attempt, tries);
	}
	fixture_verify(f);
}

UNIT(lost_attempts_leave_one_more_loss)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	int64_t id;

	entry.crash_limit = 1;
	id = fixture_submit(f, entry);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		assert_true(fixture_finish(f, &claims[0], STORE_LOST,
					   CAUSE_WORKER_LOST));
		assert_int_equal(fixture_row(f, id).state, STATE_FAILED);
		assert_int_equal(fixture_steer(f, STORE_RETRY, &id, 1).changed,
				 1);
		fixture_verify(f);
	}
}

UNIT(what_succeeded_is_retried_only_when_it_is_named)
{
	struct fixture *f = *state;
	struct store_claim claim = submit_and_claim(f, fixture_entry());
	struct store_steer all = {.kind = STORE_RETRY, .filter = {.all = true}};

	assert_true(fixture_finish(f, &claim, STORE_SUCCEEDED, CAUSE_NONE));
	assert_int_equal(steer(f, all).changed, 0);
	all.dry_run = true;
	all.filter.states = 1u << STATE_SUCCEEDED;
	assert_int_equal(steer(f, all).changed, 1);
	assert_int_equal(fixture_row(f, claim.job).state, STATE_SUCCEEDED);
	assert_int_equal(fixture_steer(f, STORE_RETRY, &claim.job, 1).changed,
			 1);
	fixture_verify(f);
}

UNIT(a_once_job_that_ran_is_left_and_so_are_strangers)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	int64_t once, other;

	entry.once = true;
	once = failed_job(f, entry);
	entry.once = false;
	entry.uid = 1001;
	other = failed_job(f, entry);
	assert_int_equal(steer(f, (struct store_steer){.kind = STORE_RETRY,
						       .filter = {.all = true},
						       .uid = 1000})
				 .changed,
			 0);
	assert_int_equal(fixture_row(f, once).state, STATE_FAILED);
	assert_int_equal(fixture_row(f, other).state, STATE_FAILED);
	assert_int_equal(steer(f, (struct store_steer){.kind = STORE_RETRY,
						       .filter = {.all = true}})
				 .changed,
			 1);
	assert_int_equal(fixture_row(f, other).state, STATE_READY);
	fixture_verify(f);
}

UNIT(a_retry_can_wait_and_goes_slice_by_slice)
{
	struct fixture *f = *state;
	struct store_steer how = {.kind = STORE_RETRY,
				  .filter = {.all = true},
				  .uid = UINT32_MAX,
				  .run_at_ms = NOW + 5000,
				  .max = 3};
	uint32_t changed = 0;

	for (int i = 0; i < 10; i++)
		failed_job(f, fixture_entry());
	do {
		struct store_batch batch = fixture_batch(f);

		batch.steers = &how;
		batch.steer_count = 1;
		fixture_write(f, &batch);
		changed += how.changed;
		assert_in_range(how.changed, 0, 3);
		assert_int_equal(batch.next_due_ms, NOW + 5000);
		how.after = how.next;
	} while (how.next);
	assert_int_equal(changed, 10);
	assert_int_equal(fixture_row(f, 10).state, STATE_SCHEDULED);
	fixture_verify(f);
}

UNIT(what_ended_is_removed_whole_and_its_key_is_free)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_row *rows;
	size_t count, looked;
	int64_t id, live;

	entry.key = SLICE("k");
	entry.retry = SLICE("{\"max_attempts\":1}");
	id = failed_job(f, entry);
	live = fixture_submit(f, fixture_entry());
	assert_int_equal(steer(f, (struct store_steer){.kind = STORE_REMOVE,
						       .dry_run = true,
						       .filter = {.all = true}})
				 .changed,
			 1);
	assert_int_equal(steer(f, (struct store_steer){.kind = STORE_REMOVE,
						       .filter = {.all = true}})
				 .changed,
			 1);
	assert_int_equal(store_get(fixture_reader(f), &f->arena, &id, 1, false,
				   false, &rows, &count, &looked),
			 0);
	assert_int_equal(count, 0);
	assert_int_equal(fixture_row(f, live).state, STATE_READY);
	assert_true(fixture_submit(f, entry) > live);
	fixture_verify(f);
}

UNIT(a_group_takes_jobs_in_the_batch_that_removes_one_of_it)
{
	struct fixture *f = *state;
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_entry entry = fixture_entry();
	struct store_steer all = {.kind = STORE_REMOVE,
				  .filter = {.all = true},
				  .uid = UINT32_MAX,
				  .max = 10};
	struct store_batch batch = fixture_batch(f);

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	entry.group = op.id;
	failed_job(f, entry);
	batch = fixture_batch(f);
	batch.steers = &all;
	batch.steer_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(all.changed, 1);
	assert_int_equal(entry.what, STORE_NEW);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			a_failed_job_lives_again_with_its_number_and_its_past),
		WITH_STORE(one_more_try_or_all_of_them_anew),
		WITH_STORE(lost_attempts_leave_one_more_loss),
		WITH_STORE(what_succeeded_is_retried_only_when_it_is_named),
		WITH_STORE(a_once_job_that_ran_is_left_and_so_are_strangers),
		WITH_STORE(a_retry_can_wait_and_goes_slice_by_slice),
		WITH_STORE(what_ended_is_removed_whole_and_its_key_is_free),
		WITH_STORE(
			a_group_takes_jobs_in_the_batch_that_removes_one_of_it),
	};

	return cmocka_run_group_tests_name("sqlite_steer_done", tests, NULL,
					   NULL);
}
