#include "daemon/core/job.h"
#include "tests/helper/t.h"

enum { NOW = 1000000 };

static struct job_facts facts_in(enum job_state job_state)
{
	return (struct job_facts){
		.state = job_state,
		.attempt = job_state == STATE_RUNNING,
		.max_attempts = 1,
		.crash_limit = 3,
		.blocked = job_state == STATE_BLOCKED,
	};
}

/* Steps, and leaves the new facts in @facts. */
static struct job_step take(struct job_facts *facts, enum job_event event,
			    enum job_cause cause)
{
	struct job_step step;

	assert_int_equal(job_step(facts, event, cause, NOW, &step), 0);
	*facts = step.facts;
	return step;
}

static enum job_cause usual_cause(enum job_event event)
{
	if (event == JOB_FAIL)
		return CAUSE_EXIT;
	return event == JOB_LOST ? CAUSE_WORKER_LOST : CAUSE_NONE;
}

/* The diagram as a picture: where each event leads, '-' for nowhere. Letters
 * are the first ones of the states, C cancelled, X failed, U succeeded. */
UNIT(every_state_and_event_is_as_the_diagram_says)
{
	static const char letters[] = "HBSRNUXC";
	static const char *const rows[STATE_COUNT] = {
		/* REL HOLD UNBL DUE CLAIM OK FAIL LOST BACK CANC EXP RETRY
		 * CHANGE STRAND */
		[STATE_HELD] = "R--------CC-HX",
		[STATE_BLOCKED] = "-HR------CC-BX",
		[STATE_SCHEDULED] = "-H-R-----CC-RX",
		[STATE_READY] = "-H--N----CC-RX",
		[STATE_RUNNING] = "-----UXRRN----",
		[STATE_SUCCEEDED] = "-----------R--",
		[STATE_FAILED] = "-----------R--",
		[STATE_CANCELLED] = "-----------R--",
	};

	for (int i = 0; i < STATE_COUNT; i++) {
		for (int event = 0; event < JOB_EVENT_COUNT; event++) {
			struct job_facts facts = facts_in(i);
			struct job_step step = {.cause = CAUSE_COUNT};
			char expected = rows[i][event];
			int r = job_step(&facts, event, usual_cause(event), NOW,
					 &step);

			if (expected == '-') {
				assert_int_equal(r, JOB_E_WRONG_STATE);
				assert_int_equal(step.cause, CAUSE_COUNT);
				continue;
			}
			assert_int_equal(r, 0);
			assert_int_equal(letters[step.facts.state], expected);
			assert_int_equal(step.ended,
					 state_is_end(step.facts.state));
		}
	}
}

UNIT(a_new_job_begins_where_it_must_wait)
{
	assert_int_equal(job_first_state(true, true, NOW + 1, NOW), STATE_HELD);
	assert_int_equal(job_first_state(false, true, NOW + 1, NOW),
			 STATE_BLOCKED);
	assert_int_equal(job_first_state(false, false, NOW + 1, NOW),
			 STATE_SCHEDULED);
	assert_int_equal(job_first_state(false, false, NOW, NOW), STATE_READY);
	assert_int_equal(job_first_state(false, false, 0, NOW), STATE_READY);
}

UNIT(a_released_job_still_waits_for_its_time_and_for_others)
{
	struct job_facts facts = facts_in(STATE_HELD);

	facts.run_at_ms = NOW + 1;
	facts.blocked = true;
	take(&facts, JOB_RELEASE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_BLOCKED);
	take(&facts, JOB_UNBLOCK, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_SCHEDULED);
	take(&facts, JOB_HOLD, CAUSE_NONE);
	take(&facts, JOB_RELEASE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_SCHEDULED);
	take(&facts, JOB_DUE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_READY);
}

UNIT(what_it_waits_for_reaches_a_held_job)
{
	struct job_facts facts = facts_in(STATE_BLOCKED);
	struct job_facts other;
	struct job_step step;

	take(&facts, JOB_HOLD, CAUSE_NONE);
	other = facts;
	take(&facts, JOB_UNBLOCK, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_HELD);
	assert_int_equal(job_step(&facts, JOB_UNBLOCK, CAUSE_NONE, NOW, &step),
			 JOB_E_WRONG_STATE);
	take(&facts, JOB_RELEASE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_READY);

	step = take(&other, JOB_FAIL, CAUSE_DEPENDENCY);
	assert_int_equal(other.state, STATE_FAILED);
	assert_int_equal(step.cause, CAUSE_DEPENDENCY);
	assert_false(step.attempt_ended);
}

UNIT(a_success_is_an_end_with_no_cause)
{
	struct job_facts facts = facts_in(STATE_READY);
	struct job_step step = take(&facts, JOB_CLAIM, CAUSE_NONE);

	assert_int_equal(facts.attempt, 1);
	assert_false(step.attempt_ended || step.ended || step.kill);
	step = take(&facts, JOB_SUCCEED, CAUSE_NONE);
	assert_true(step.ended && step.attempt_ended && !step.keep_attempt);
	assert_int_equal(step.cause, CAUSE_NONE);
}

UNIT(a_failure_is_tried_again_later_until_no_attempt_is_left)
{
	struct job_facts facts = facts_in(STATE_READY);
	struct job_step step;

	facts.max_attempts = 2;
	facts.backoff_ms = 500;
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	step = take(&facts, JOB_FAIL, CAUSE_TIMEOUT);
	assert_int_equal(facts.state, STATE_SCHEDULED);
	assert_int_equal(facts.run_at_ms, NOW + 500);
	assert_int_equal(step.cause, CAUSE_TIMEOUT);
	assert_true(step.attempt_ended && step.keep_attempt && !step.ended);
	take(&facts, JOB_DUE, CAUSE_NONE);
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	step = take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_int_equal(facts.state, STATE_FAILED);
	assert_int_equal(facts.attempt, 2);
	assert_true(step.ended && !step.keep_attempt);
}

UNIT(a_retry_without_back_off_is_ready_at_once)
{
	struct job_facts facts = facts_in(STATE_RUNNING);

	facts.max_attempts = 2;
	take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_int_equal(facts.state, STATE_READY);
	assert_int_equal(facts.run_at_ms, 0);
}

UNIT(an_endless_back_off_does_not_overflow)
{
	struct job_facts facts = facts_in(STATE_RUNNING);

	facts.max_attempts = 2;
	facts.backoff_ms = INT64_MAX;
	take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_int_equal(facts.run_at_ms, INT64_MAX);
}

UNIT(lost_attempts_are_counted_apart_from_failures)
{
	struct job_facts facts = facts_in(STATE_READY);

	facts.max_attempts = 2;
	for (int i = 0; i < 2; i++) {
		take(&facts, JOB_CLAIM, CAUSE_NONE);
		take(&facts, JOB_LOST, CAUSE_WORKER_LOST);
		assert_int_equal(facts.state, STATE_READY);
	}
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	assert_int_equal(facts.attempt, 3);
	take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_int_equal(facts.state, STATE_READY);
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_int_equal(facts.state, STATE_FAILED);
	assert_int_equal(facts.crashes, 2);
}

UNIT(at_the_crash_limit_it_fails_with_that_cause)
{
	struct job_facts facts = facts_in(STATE_READY);
	struct job_step step;

	facts.crash_limit = 2;
	facts.max_attempts = 100;
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	step = take(&facts, JOB_LOST, CAUSE_HOST_LOST);
	assert_true(step.keep_attempt);
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	step = take(&facts, JOB_LOST, CAUSE_HOST_LOST);
	assert_int_equal(facts.state, STATE_FAILED);
	assert_int_equal(step.cause, CAUSE_HOST_LOST);
}

UNIT(a_once_job_never_gets_a_second_attempt)
{
	static const enum job_event ends[] = {JOB_FAIL, JOB_LOST};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		struct job_facts facts = facts_in(STATE_RUNNING);

		facts.once = true;
		facts.max_attempts = 10;
		take(&facts, ends[i], usual_cause(ends[i]));
		assert_int_equal(facts.state, STATE_FAILED);
	}
}

UNIT(what_was_put_back_never_began)
{
	struct job_facts facts = facts_in(STATE_RUNNING);
	struct job_step step;

	facts.once = true;
	step = take(&facts, JOB_PUT_BACK, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_READY);
	assert_int_equal(facts.attempt, 0);
	assert_false(step.attempt_ended || step.keep_attempt || step.ended);
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	assert_int_equal(facts.attempt, 1);
}

UNIT(a_cancelled_running_job_ends_cancelled_whatever_comes)
{
	static const enum job_event ends[] = {JOB_FAIL, JOB_LOST, JOB_PUT_BACK};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		struct job_facts facts = facts_in(STATE_RUNNING);
		struct job_step step = take(&facts, JOB_CANCEL, CAUSE_NONE);

		facts.max_attempts = 10;
		assert_true(step.kill && !step.ended && facts.cancel_asked);
		/* Asked again: the signal goes out again. */
		step = take(&facts, JOB_CANCEL, CAUSE_NONE);
		assert_true(step.kill);
		step = take(&facts, ends[i], usual_cause(ends[i]));
		assert_int_equal(facts.state, STATE_CANCELLED);
		assert_int_equal(step.cause, CAUSE_CANCELLED);
		assert_false(facts.cancel_asked);
		assert_int_equal(step.attempt_ended, ends[i] != JOB_PUT_BACK);
	}
}

UNIT(a_success_that_came_before_the_cancel_took_hold_stays)
{
	struct job_facts facts = facts_in(STATE_RUNNING);

	take(&facts, JOB_CANCEL, CAUSE_NONE);
	take(&facts, JOB_SUCCEED, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_SUCCEEDED);
}

UNIT(a_waiting_job_is_cancelled_or_expires_at_once)
{
	struct job_facts facts = facts_in(STATE_READY);
	struct job_step step = take(&facts, JOB_CANCEL, CAUSE_NONE);

	assert_true(step.ended && !step.kill && !step.attempt_ended);
	assert_int_equal(step.cause, CAUSE_CANCELLED);
	facts = facts_in(STATE_SCHEDULED);
	step = take(&facts, JOB_EXPIRE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_CANCELLED);
	assert_int_equal(step.cause, CAUSE_EXPIRED);
}

UNIT(a_cause_that_no_worker_may_give_still_ends_the_attempt)
{
	for (int cause = 0; cause <= CAUSE_COUNT; cause++) {
		struct job_facts facts = facts_in(STATE_RUNNING);
		struct job_step step = take(&facts, JOB_FAIL, cause);

		assert_true(state_is_end(facts.state));
		assert_true(step.cause != CAUSE_NONE &&
			    step.cause != CAUSE_WORKER_LOST &&
			    step.cause != CAUSE_EXPIRED &&
			    step.cause < CAUSE_COUNT);
	}
}

/* Random walks: whatever comes, the facts hold and nothing leaves an end. */
UNIT(what_may_not_be_tried_again_fails_with_attempts_left)
{
	struct job_facts facts = facts_in(STATE_RUNNING);
	struct job_step step;

	facts.max_attempts = 5;
	facts.final = true;
	step = take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_true(step.ended);
	assert_int_equal(facts.state, STATE_FAILED);
}

UNIT(a_retry_of_what_ended_gives_one_try_more)
{
	struct job_facts facts = facts_in(STATE_FAILED);

	facts.attempt = 5;
	facts.crashes = 3;
	facts.max_attempts = 2;
	take(&facts, JOB_RETRY, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_READY);
	assert_int_equal(facts.attempt, 5);
	assert_int_equal(facts.max_attempts, 3);
	assert_int_equal(facts.crash_limit, 4);
	take(&facts, JOB_CLAIM, CAUSE_NONE);
	take(&facts, JOB_FAIL, CAUSE_EXIT);
	assert_int_equal(facts.state, STATE_FAILED);

	facts.run_at_ms = NOW + 1;
	take(&facts, JOB_RETRY, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_SCHEDULED);
}

UNIT(a_once_job_is_retried_only_if_it_never_ran)
{
	struct job_facts facts = facts_in(STATE_CANCELLED);
	struct job_step step;

	facts.once = true;
	facts.attempt = 1;
	assert_int_equal(job_step(&facts, JOB_RETRY, CAUSE_NONE, NOW, &step),
			 JOB_E_WRONG_STATE);
	facts.attempt = 0;
	take(&facts, JOB_RETRY, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_READY);
}

UNIT(a_stranded_job_fails_without_an_attempt)
{
	struct job_facts facts = facts_in(STATE_READY);
	struct job_step step;

	facts.once = true;
	step = take(&facts, JOB_STRAND, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_FAILED);
	assert_int_equal(step.cause, CAUSE_EXEC);
	assert_true(step.ended && !step.attempt_ended);
	assert_int_equal(facts.attempt, 0);
}

UNIT(a_new_time_moves_what_nobody_holds)
{
	struct job_facts facts = facts_in(STATE_READY);

	facts.run_at_ms = NOW + 1;
	take(&facts, JOB_CHANGE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_SCHEDULED);
	take(&facts, JOB_HOLD, CAUSE_NONE);
	take(&facts, JOB_CHANGE, CAUSE_NONE);
	assert_int_equal(facts.state, STATE_HELD);
}

UNIT(no_walk_leads_out_of_the_diagram)
{
	uint64_t seed = 1;

	for (int walk = 0; walk < 20000; walk++) {
		struct job_facts facts = facts_in(walk % STATE_RUNNING);
		uint32_t starts = 0;

		facts.once = walk & 8;
		facts.max_attempts = 1 + (uint32_t)(walk >> 4) % 3;
		facts.crash_limit = 1 + (uint32_t)(walk >> 6) % 3;
		facts.backoff_ms = walk & 512 ? 10 : 0;
		for (int i = 0; i < 60; i++) {
			struct job_facts before = facts;
			struct job_step step;
			enum job_event event;

			seed = seed * 6364136223846793005u +
			       1442695040888963407;
			event = (seed >> 33) % JOB_EVENT_COUNT;
			if (job_step(&facts, event, usual_cause(event), NOW,
				     &step))
				continue;
			assert_true(!state_is_end(before.state) ||
				    event == JOB_RETRY);
			facts = step.facts;
			job_facts_check(&facts);
			starts += event == JOB_CLAIM;
			starts -= event == JOB_PUT_BACK;
			assert_int_equal(facts.attempt, starts);
			assert_true(!facts.once || starts <= 1);
			assert_true(starts <=
				    facts.max_attempts + facts.crash_limit);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_and_event_is_as_the_diagram_says),
		cmocka_unit_test(a_new_job_begins_where_it_must_wait),
		cmocka_unit_test(
			a_released_job_still_waits_for_its_time_and_for_others),
		cmocka_unit_test(what_it_waits_for_reaches_a_held_job),
		cmocka_unit_test(a_success_is_an_end_with_no_cause),
		cmocka_unit_test(
			a_failure_is_tried_again_later_until_no_attempt_is_left),
		cmocka_unit_test(a_retry_without_back_off_is_ready_at_once),
		cmocka_unit_test(an_endless_back_off_does_not_overflow),
		cmocka_unit_test(lost_attempts_are_counted_apart_from_failures),
		cmocka_unit_test(at_the_crash_limit_it_fails_with_that_cause),
		cmocka_unit_test(a_once_job_never_gets_a_second_attempt),
		cmocka_unit_test(what_was_put_back_never_began),
		cmocka_unit_test(
			a_cancelled_running_job_ends_cancelled_whatever_comes),
		cmocka_unit_test(
			a_success_that_came_before_the_cancel_took_hold_stays),
		cmocka_unit_test(a_waiting_job_is_cancelled_or_expires_at_once),
		cmocka_unit_test(
			a_cause_that_no_worker_may_give_still_ends_the_attempt),
		cmocka_unit_test(
			what_may_not_be_tried_again_fails_with_attempts_left),
		cmocka_unit_test(a_retry_of_what_ended_gives_one_try_more),
		cmocka_unit_test(a_once_job_is_retried_only_if_it_never_ran),
		cmocka_unit_test(a_stranded_job_fails_without_an_attempt),
		cmocka_unit_test(a_new_time_moves_what_nobody_holds),
		cmocka_unit_test(no_walk_leads_out_of_the_diagram),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
