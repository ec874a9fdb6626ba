#include "daemon/core/overrun.h"
#include "tests/helper/t.h"

#define S INT64_C(1000000000)

enum { HEAD = 100 };

static enum overrun_act step(struct overrun *overrun, int64_t now_ns)
{
	int64_t next_ns;

	return overrun_step(overrun, HEAD, now_ns, &next_ns);
}

UNIT(a_job_without_a_timeout_is_left_alone)
{
	struct overrun overrun = {.grace_ns = 1};
	int64_t next_ns;

	assert_false(overrun_watched(&overrun));
	assert_int_equal(overrun_step(&overrun, HEAD, INT64_MAX - 1, &next_ns),
			 OVERRUN_NOTHING);
	assert_int_equal(next_ns, INT64_MAX);
}

UNIT(a_timeout_is_told_then_termed_then_killed_once_each)
{
	struct overrun overrun = {.timeout_ns = 5 * S, .grace_ns = 2 * S};
	int64_t next_ns;

	assert_true(overrun_watched(&overrun));
	assert_int_equal(
		overrun_step(&overrun, HEAD, HEAD + 5 * S - 1, &next_ns),
		OVERRUN_NOTHING);
	assert_int_equal(next_ns, HEAD + 5 * S);
	assert_false(overrun.timed_out);
	assert_int_equal(overrun_step(&overrun, HEAD, HEAD + 5 * S, &next_ns),
			 OVERRUN_SAY);
	assert_int_equal(next_ns, HEAD + 7 * S);
	assert_true(overrun.timed_out);
	assert_int_equal(step(&overrun, HEAD + 7 * S - 1), OVERRUN_NOTHING);
	assert_int_equal(step(&overrun, HEAD + 7 * S), OVERRUN_TERM);
	assert_int_equal(step(&overrun, HEAD + 8 * S - 1), OVERRUN_NOTHING);
	assert_int_equal(step(&overrun, HEAD + 8 * S), OVERRUN_KILL);
	assert_int_equal(overrun_step(&overrun, HEAD, INT64_MAX, &next_ns),
			 OVERRUN_NOTHING);
	assert_int_equal(next_ns, INT64_MAX);
}

UNIT(a_cancelled_one_has_its_grace_and_is_not_timed_out)
{
	struct overrun overrun = {.timeout_ns = 5 * S, .grace_ns = 9 * S};

	overrun_ask(&overrun, 2 * S, HEAD + 1 * S);
	assert_true(overrun_watched(&overrun));
	assert_int_equal(step(&overrun, HEAD + 3 * S - 1), OVERRUN_NOTHING);
	assert_int_equal(step(&overrun, HEAD + 3 * S), OVERRUN_TERM);
	assert_int_equal(step(&overrun, HEAD + 4 * S), OVERRUN_KILL);
	assert_false(overrun.timed_out);
}

UNIT(the_grace_of_one_that_stands_behind_begins_when_it_comes_first)
{
	struct overrun overrun = {.grace_ns = 9 * S};

	overrun_ask(&overrun, 2 * S, HEAD - 50);
	assert_int_equal(step(&overrun, HEAD + 2 * S - 1), OVERRUN_NOTHING);
	assert_int_equal(step(&overrun, HEAD + 2 * S), OVERRUN_TERM);
}

UNIT(a_second_cancel_may_only_hurry)
{
	struct overrun overrun = {.timeout_ns = 1 * S, .grace_ns = 10 * S};

	assert_int_equal(step(&overrun, HEAD + 1 * S), OVERRUN_SAY);
	overrun_ask(&overrun, 20 * S, HEAD + 2 * S);
	assert_int_equal(overrun.grace_ns, 10 * S);
	overrun_ask(&overrun, 0, HEAD + 3 * S);
	assert_int_equal(step(&overrun, HEAD + 3 * S), OVERRUN_TERM);
	assert_true(overrun.timed_out);
	overrun_ask(&overrun, 0, HEAD + 3 * S);
	assert_int_equal(step(&overrun, HEAD + 3 * S), OVERRUN_NOTHING);
}

UNIT(no_timeout_is_too_long)
{
	struct overrun overrun = {.timeout_ns = INT64_MAX, .grace_ns = 1};
	int64_t next_ns;

	assert_int_equal(overrun_step(&overrun, HEAD, INT64_MAX - 1, &next_ns),
			 OVERRUN_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_without_a_timeout_is_left_alone),
		cmocka_unit_test(
			a_timeout_is_told_then_termed_then_killed_once_each),
		cmocka_unit_test(
			a_cancelled_one_has_its_grace_and_is_not_timed_out),
		cmocka_unit_test(
			the_grace_of_one_that_stands_behind_begins_when_it_comes_first),
		cmocka_unit_test(a_second_cancel_may_only_hurry),
		cmocka_unit_test(no_timeout_is_too_long),
	};

	return cmocka_run_group_tests_name("overrun", tests, NULL, NULL);
}
