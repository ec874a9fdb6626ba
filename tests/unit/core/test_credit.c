#include "tests/helper/t.h"
#include "daemon/core/credit.h"

#define US INT64_C(1000)
#define MS (1000 * US)

static void run_many(struct credit *credit, int count, int64_t run_ns)
{
	for (int i = 0; i < count; i++)
		credit_ran(credit, run_ns);
}

UNIT(it_starts_with_one_and_grows_by_one_a_run)
{
	struct credit credit;

	credit_init(&credit, CREDIT_MAX);
	assert_int_equal(credit.jobs, 1);
	for (uint32_t i = 2; i <= CREDIT_MAX; i++) {
		credit_ran(&credit, 10 * US);
		assert_int_equal(credit.jobs, i);
	}
	credit_ran(&credit, 0);
	assert_int_equal(credit.jobs, CREDIT_MAX);
}

UNIT(no_more_than_ten_milliseconds_of_work_is_queued)
{
	static const int64_t runs[] = {1 * MS, 2 * MS, 3 * MS, 9 * MS, 10 * MS};

	for (size_t i = 0; i < ARRAY_COUNT(runs); i++) {
		struct credit credit;

		credit_init(&credit, CREDIT_MAX);
		run_many(&credit, 1000, runs[i]);
		assert_int_equal(credit.jobs, 1 + CREDIT_QUEUED_NS / runs[i]);
	}
}

UNIT(one_long_job_brings_it_back_to_one)
{
	struct credit credit;

	credit_init(&credit, CREDIT_MAX);
	run_many(&credit, 100, 10 * US);
	credit_ran(&credit, 11 * MS);
	assert_int_equal(credit.jobs, 1);
}

UNIT(even_a_day_is_forgotten_after_some_hundred_runs)
{
	struct credit credit;

	credit_init(&credit, CREDIT_MAX);
	credit_ran(&credit, INT64_C(86400000) * MS);
	run_many(&credit, 100, 10 * US);
	assert_int_equal(credit.jobs, 1);
	run_many(&credit, 1200, 10 * US);
	assert_int_equal(credit.jobs, CREDIT_MAX);
}

UNIT(the_slow_ones_decide_not_the_mean)
{
	struct credit credit;

	credit_init(&credit, CREDIT_MAX);
	for (int i = 0; i < 50; i++) {
		run_many(&credit, 20, 10 * US);
		credit_ran(&credit, 5 * MS);
		assert_true(i == 0 || credit.jobs <= 3);
	}
}

UNIT(one_slower_run_in_many_is_not_counted)
{
	struct credit credit;

	credit_init(&credit, CREDIT_MAX);
	run_many(&credit, 1000, 10 * US);
	for (int i = 0; i < 50; i++) {
		credit_ran(&credit, 4 * MS);
		assert_int_equal(credit.jobs, CREDIT_MAX);
		run_many(&credit, 100, 10 * US);
	}
	/* The second of two counts, as far as both say the same. */
	credit_ran(&credit, 4 * MS);
	credit_ran(&credit, 2 * MS);
	assert_int_equal(credit.jobs, 6);
}

UNIT(a_pace_that_changes_is_learned)
{
	struct credit credit;

	credit_init(&credit, CREDIT_MAX);
	run_many(&credit, 1000, 10 * US);
	run_many(&credit, 2, 1 * MS);
	assert_int_equal(credit.jobs, 11);
	run_many(&credit, 2, 5 * MS);
	assert_int_equal(credit.jobs, 3);
}

UNIT(a_limit_of_one_stays_one)
{
	struct credit credit;

	credit_init(&credit, 1);
	run_many(&credit, 100, 0);
	assert_int_equal(credit.jobs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_with_one_and_grows_by_one_a_run),
		cmocka_unit_test(
			no_more_than_ten_milliseconds_of_work_is_queued),
		cmocka_unit_test(one_long_job_brings_it_back_to_one),
		cmocka_unit_test(
			even_a_day_is_forgotten_after_some_hundred_runs),
		cmocka_unit_test(the_slow_ones_decide_not_the_mean),
		cmocka_unit_test(one_slower_run_in_many_is_not_counted),
		cmocka_unit_test(a_pace_that_changes_is_learned),
		cmocka_unit_test(a_limit_of_one_stays_one),
	};

	return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
