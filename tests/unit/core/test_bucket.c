#include "tests/helper/t.h"
#include "daemon/core/bucket.h"

#define START (50 * BUCKET_NS)

static int take(struct bucket *bucket, int times, int64_t now_ns)
{
	int taken = 0;

	for (int i = 0; i < times; i++)
		taken += bucket_take(bucket, now_ns);
	return taken;
}

UNIT(a_burst_is_let_through_and_then_one_at_a_time)
{
	struct bucket bucket = {0};

	assert_int_equal(take(&bucket, 2 * BUCKET_BURST, START), BUCKET_BURST);
	assert_int_equal(take(&bucket, 5, START + BUCKET_NS - 1), 0);
	assert_int_equal(take(&bucket, 5, START + BUCKET_NS), 1);
	assert_int_equal(take(&bucket, 5, START + 7 * BUCKET_NS / 2), 2);
	/* The half is not lost. */
	assert_int_equal(take(&bucket, 5, START + 4 * BUCKET_NS), 1);
	/* However long it waits, it holds no more. */
	assert_int_equal(take(&bucket, 500, START + 9999 * BUCKET_NS),
			 BUCKET_BURST);
}

UNIT(who_is_slow_loses_nothing)
{
	struct bucket bucket = {0};

	for (int i = 0; i < 1000; i++)
		assert_true(bucket_take(&bucket, START + i * BUCKET_NS));
	assert_int_equal(bucket_dropped(&bucket, START + 1000 * BUCKET_NS), 0);
}

UNIT(what_was_dropped_is_told_once_when_there_is_room_for_it)
{
	struct bucket bucket = {0};

	take(&bucket, BUCKET_BURST + 7, START);
	assert_int_equal(bucket_dropped(&bucket, START), 0);
	assert_int_equal(bucket_dropped(&bucket, START + BUCKET_NS), 7);
	assert_int_equal(bucket_dropped(&bucket, START + BUCKET_NS), 0);
}

UNIT(a_clock_that_stands_does_no_harm)
{
	struct bucket bucket = {0};

	assert_true(bucket_take(&bucket, START));
	assert_true(bucket_take(&bucket, START - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_let_through_and_then_one_at_a_time),
		cmocka_unit_test(who_is_slow_loses_nothing),
		cmocka_unit_test(
			what_was_dropped_is_told_once_when_there_is_room_for_it),
		cmocka_unit_test(a_clock_that_stands_does_no_harm),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
