#include "daemon/core/backoff.h"
#include "tests/helper/t.h"

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

UNIT(the_first_death_is_replaced_at_once)
{
	struct backoff backoff = {0};

	assert_int_equal(backoff_died(&backoff, 5 * S, MS, false), 5 * S);
	assert_false(backoff_degraded(&backoff, 5 * S));
}

UNIT(replacements_that_die_wait_longer_and_longer)
{
	static const int64_t waits[] = {0, 1, 2, 4, 8, 16, 32, 60, 60, 60};
	struct backoff backoff = {0};
	int64_t now = 100 * S;

	for (size_t i = 0; i < ARRAY_COUNT(waits); i++) {
		int64_t start = backoff_died(&backoff, now, MS, false);

		assert_int_equal(start, now + waits[i] * S);
		assert_int_equal(backoff_degraded(&backoff, now), waits[i] > 0);
		assert_false(backoff_degraded(&backoff, start));
		now = start + MS;
	}
}

UNIT(tries_of_two_processes_come_a_quarter_as_often)
{
	static const int64_t waits[] = {0, 4, 16, 60, 60};
	struct backoff backoff = {0};
	int64_t now = 100 * S;

	for (size_t i = 0; i < ARRAY_COUNT(waits); i++) {
		/* However long each took. */
		int64_t start = backoff_unborn(&backoff, now, 20 * S, 2);

		assert_int_equal(start, now + waits[i] * S);
		now = start + 20 * S;
	}
}

UNIT(a_pool_that_is_killed_at_once_is_one_death)
{
	struct backoff backoff = {0};

	for (int i = 0; i < 8; i++)
		assert_int_equal(
			backoff_died(&backoff, S + i * MS, S / 2, false),
			S + i * MS);
	/* The next generation: the first of it counts, and only that one. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(
			backoff_died(&backoff, 2 * S + i * MS, S / 2, false),
			3 * S);
}

UNIT(two_slots_in_turn_cannot_hide_a_row_of_deaths)
{
	struct backoff backoff = {0};
	int64_t born[2] = {S, S + S / 2};

	for (int i = 0; i < 20; i++) {
		int64_t now = born[i & 1] + 3 * MS;

		born[i & 1] = backoff_died(&backoff, now, 3 * MS, false);
	}
	assert_true(backoff.deaths >= 8);
}

UNIT(a_long_life_or_a_finished_job_clears_the_account)
{
	struct backoff backoff = {0};

	for (int i = 0; i < 5; i++)
		backoff_died(&backoff, (i + 1) * S, MS, false);
	assert_true(backoff_degraded(&backoff, 5 * S));
	assert_int_equal(backoff_died(&backoff, 6 * S, MS, true), 6 * S);
	assert_false(backoff_degraded(&backoff, 6 * S));

	for (int i = 0; i < 5; i++)
		backoff_died(&backoff, (10 + i) * S, MS, false);
	assert_int_equal(backoff_died(&backoff, 60 * S, BACKOFF_GOOD_NS, false),
			 60 * S);
	assert_int_equal(backoff.deaths, 0);

	backoff_died(&backoff, 70 * S, MS, false);
	backoff_died(&backoff, 71 * S, MS, false);
	backoff_worked(&backoff);
	assert_false(backoff_degraded(&backoff, 71 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_death_is_replaced_at_once),
		cmocka_unit_test(replacements_that_die_wait_longer_and_longer),
		cmocka_unit_test(
			tries_of_two_processes_come_a_quarter_as_often),
		cmocka_unit_test(a_pool_that_is_killed_at_once_is_one_death),
		cmocka_unit_test(two_slots_in_turn_cannot_hide_a_row_of_deaths),
		cmocka_unit_test(
			a_long_life_or_a_finished_job_clears_the_account),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
