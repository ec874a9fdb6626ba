#include "daemon/supervisor/nursery.h"
#include "tests/helper/t.h"

#define SECOND INT64_C(1000000000)

static struct nursery nursery;

static int tear_down(__attribute__((unused)) void **state)
{
	nursery_fini(&nursery);
	return 0;
}

static void put(pid_t pid, int status, int64_t now_ns)
{
	const struct reap_end end = {.status = status};

	nursery_put(&nursery, pid, &end, now_ns);
}

static int take(pid_t pid, int64_t now_ns)
{
	struct reap_end end;

	return nursery_take(&nursery, pid, now_ns, &end) ? end.status : -1;
}

UNIT(an_end_is_kept_until_somebody_asks)
{
	for (int i = 1; i <= 100; i++)
		put(i, 1000 + i, SECOND);
	assert_int_equal(take(50, 2 * SECOND), 1050);
	assert_int_equal(take(50, 2 * SECOND), -1);
	assert_int_equal(take(100, 2 * SECOND), 1100);
	assert_int_equal(take(1, 2 * SECOND), 1001);
}

UNIT(but_not_for_ever)
{
	put(1, 5, SECOND);
	put(2, 6, 5 * SECOND);
	assert_int_equal(take(1, SECOND + NURSERY_KEEP_NS), -1);
	assert_int_equal(take(2, SECOND + NURSERY_KEEP_NS), 6);
}

UNIT(of_two_with_the_same_pid_the_later_counts)
{
	put(1, 5, SECOND);
	put(1, 6, 2 * SECOND);
	assert_int_equal(take(1, 3 * SECOND), 6);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_teardown(test, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(an_end_is_kept_until_somebody_asks),
		EACH(but_not_for_ever),
		EACH(of_two_with_the_same_pid_the_later_counts),
	};

	return cmocka_run_group_tests_name("nursery", tests, NULL, NULL);
}
