#include "daemon/base/clock.h"
#include "tests/helper/t.h"

UNIT(monotonic_time_never_goes_back)
{
	int64_t before = clock_mono_ns();

	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_mono_ns();

		assert_true(now >= before);
		before = now;
	}
}

UNIT(wall_time_is_in_milliseconds_of_this_century)
{
	const int64_t year_2024 = INT64_C(1704067200000);
	const int64_t year_2100 = INT64_C(4102444800000);

	assert_true(clock_wall_ms() > year_2024);
	assert_true(clock_wall_ms() < year_2100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(monotonic_time_never_goes_back),
		cmocka_unit_test(wall_time_is_in_milliseconds_of_this_century),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
