#include "daemon/core/retry.h"
#include "daemon/store/sqlite_extra.h"
#include "tests/unit/store/fixture.h"

static const char rule[] = "{\"max_attempts\":3,\"backoff_ms\":1000,"
			   "\"jitter\":0,\"causes\":[\"exit\",\"timeout\"],"
			   "\"exit_codes\":[75]}";

static struct store_claim submit_and_claim(struct fixture *f,
					   struct store_entry entry)
{
	struct store_claim *claims;

	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	return claims[0];
}

/* The time of the batch. */
static int64_t fail_with(struct fixture *f, const struct store_claim *claim,
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
	return batch.now_ms;
}

/* Until its time has come, and then its claim. */
static struct store_claim wait_and_claim(struct fixture *f, int64_t id)
{
	struct store_batch batch;
	struct store_claim *claims;

	f->now_ms = fixture_row(f, id).run_at_ms;
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].job, id);
	return claims[0];
}

UNIT(a_failure_is_tried_again_later_and_later_until_the_last)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim claim;
	struct store_row row;
	int64_t at;

	entry.retry = slice_of(rule);
	claim = submit_and_claim(f, entry);
	at = fail_with(f, &claim, CAUSE_EXIT, 75);
	row = fixture_row(f, claim.job);
	assert_int_equal(row.state, STATE_SCHEDULED);
	assert_int_equal(row.max_attempts, 3);
	assert_int_equal(row.run_at_ms, at + 1000);
	assert_int_equal(row.exit_code, 75);

	claim = wait_and_claim(f, claim.job);
	assert_int_equal(claim.attempt, 2);
	at = fail_with(f, &claim, CAUSE_TIMEOUT, -1);
	row = fixture_row(f, claim.job);
	assert_int_equal(row.state, STATE_SCHEDULED);
	assert_int_equal(row.run_at_ms, at + 2000);
	fixture_verify(f);

	claim = wait_and_claim(f, claim.job);
	fail_with(f, &claim, CAUSE_EXIT, 75);
	row = fixture_row(f, claim.job);
	assert_int_equal(row.state, STATE_FAILED);
	assert_int_equal(row.attempt, 3);
	fixture_verify(f);
}

UNIT(what_the_rule_does_not_name_is_final)
{
	static const struct {
		enum job_cause cause;
		int32_t exit_code;
	} cases[] = {{CAUSE_EXIT, 1}, {CAUSE_SIGNAL, -1}, {CAUSE_EXEC, -1}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_entry entry = fixture_entry();
		struct store_claim claim;

		entry.retry = slice_of(rule);
		claim = submit_and_claim(f, entry);
		fail_with(f, &claim, cases[i].cause, cases[i].exit_code);
		assert_int_equal(fixture_row(f, claim.job).state, STATE_FAILED);
	}
	fixture_verify(f);
}

UNIT(the_delay_is_that_of_core_for_the_token)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct retry_rule read;
	struct schema_fault fault;
	struct store_claim claim;
	int64_t at;

	entry.retry = SLICE("{\"backoff_ms\":100000,\"jitter\":0.5}");
	assert_int_equal(retry_rule_decode(&f->arena, entry.retry, "retry",
					   &read, &fault),
			 0);
	claim = submit_and_claim(f, entry);
	at = fail_with(f, &claim, CAUSE_EXIT, 1);
	assert_int_equal(fixture_row(f, claim.job).run_at_ms,
			 at + retry_delay_ms(&read, 1, (uint64_t)claim.token));
}

UNIT(a_rule_without_back_off_is_ready_at_once_and_its_end_is_kept)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_attempt *attempts;
	struct store_claim claim, *claims;
	size_t count;

	entry.retry = SLICE("{\"max_attempts\":2,\"backoff_ms\":0}");
	claim = submit_and_claim(f, entry);
	fail_with(f, &claim, CAUSE_EXIT, 7);
	assert_int_equal(fixture_row(f, claim.job).state, STATE_READY);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(store_attempts(fixture_reader(f), &f->arena, claim.job,
					&attempts, &count),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(attempts[0].number, 1);
	assert_int_equal(attempts[0].cause, CAUSE_EXIT);
	assert_int_equal(attempts[0].exit_code, 7);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			a_failure_is_tried_again_later_and_later_until_the_last),
		WITH_STORE(what_the_rule_does_not_name_is_final),
		WITH_STORE(the_delay_is_that_of_core_for_the_token),
		WITH_STORE(
			a_rule_without_back_off_is_ready_at_once_and_its_end_is_kept),
	};

	return cmocka_run_group_tests_name("sqlite_retry", tests, NULL, NULL);
}
