#include "daemon/core/retry.h"
#include "tests/helper/t.h"

static const struct retry_rule usual = {
	.max_attempts = 3,
	.backoff_ms = 1000,
	.backoff_max_ms = 600000,
	.cause_bits = RETRY_CAUSES_DEFAULT,
};

UNIT(only_the_causes_of_the_rule_are_tried_again)
{
	assert_true(retry_applies(&usual, CAUSE_EXIT, 1));
	assert_true(retry_applies(&usual, CAUSE_TIMEOUT, -1));
	assert_false(retry_applies(&usual, CAUSE_EXEC, -1));
	assert_false(retry_applies(&usual, CAUSE_CANCELLED, -1));
}

UNIT(exit_codes_narrow_the_cause_exit_and_nothing_else)
{
	struct retry_rule rule = usual;

	rule.codes[0] = 75;
	rule.codes[1] = 111;
	rule.code_count = 2;
	assert_true(retry_applies(&rule, CAUSE_EXIT, 75));
	assert_true(retry_applies(&rule, CAUSE_EXIT, 111));
	assert_false(retry_applies(&rule, CAUSE_EXIT, 1));
	assert_true(retry_applies(&rule, CAUSE_SIGNAL, -1));
}

UNIT(the_delay_doubles_up_to_its_limit)
{
	assert_int_equal(retry_delay_ms(&usual, 1, 5), 1000);
	assert_int_equal(retry_delay_ms(&usual, 2, 5), 2000);
	assert_int_equal(retry_delay_ms(&usual, 10, 5), 512000);
	assert_int_equal(retry_delay_ms(&usual, 11, 5), 600000);
	assert_int_equal(retry_delay_ms(&usual, UINT32_MAX, 5), 600000);
}

UNIT(no_delay_stays_none_and_a_long_one_is_cut)
{
	struct retry_rule rule = usual;

	rule.backoff_ms = 0;
	assert_int_equal(retry_delay_ms(&rule, 1000, 5), 0);
	rule.backoff_ms = 700000;
	assert_int_equal(retry_delay_ms(&rule, 1, 5), 600000);
}

UNIT(jitter_spreads_the_delay_to_both_sides)
{
	struct retry_rule rule = usual;
	int64_t least = INT64_MAX, most = 0;

	rule.jitter = 0.2;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		int64_t delay = retry_delay_ms(&rule, 1, seed);

		assert_in_range(delay, 800, 1200);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	assert_in_range(least, 800, 820);
	assert_in_range(most, 1180, 1200);
	assert_int_equal(retry_delay_ms(&rule, 1, 7),
			 retry_delay_ms(&rule, 1, 7));
}

UNIT(a_handler_may_end_it_or_set_the_pause_but_never_add_a_try)
{
	const struct retry_wish none = {.pause_ms = -1},
				later = {.pause_ms = 5},
				after = {.pause_ms = -1, .least_ms = 2000},
				never = {.final = true, .pause_ms = 5};
	int64_t backoff_ms = 1000;
	bool final = false;

	retry_answer(&none, &final, &backoff_ms);
	assert_false(final);
	assert_int_equal(backoff_ms, 1000);
	retry_answer(&later, &final, &backoff_ms);
	assert_false(final);
	assert_int_equal(backoff_ms, 5);
	retry_answer(&after, &final, &backoff_ms);
	assert_int_equal(backoff_ms, 2000);
	backoff_ms = 3000;
	retry_answer(&after, &final, &backoff_ms);
	assert_int_equal(backoff_ms, 3000);
	retry_answer(&never, &final, &backoff_ms);
	assert_true(final);
	retry_answer(&later, &final, &backoff_ms);
	assert_true(final);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_causes_of_the_rule_are_tried_again),
		cmocka_unit_test(
			exit_codes_narrow_the_cause_exit_and_nothing_else),
		cmocka_unit_test(the_delay_doubles_up_to_its_limit),
		cmocka_unit_test(no_delay_stays_none_and_a_long_one_is_cut),
		cmocka_unit_test(jitter_spreads_the_delay_to_both_sides),
		cmocka_unit_test(
			a_handler_may_end_it_or_set_the_pause_but_never_add_a_try),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
