#include "proto/span.h"
#include "tests/helper/t.h"

static int64_t ms(const char *text)
{
	int64_t n = -1;

	return span_parse(text, &n) ? n : -1;
}

UNIT(a_time_is_numbers_with_units_from_the_largest_on)
{
	assert_int_equal(ms("0"), 0);
	assert_int_equal(ms("10"), 10000);
	assert_int_equal(ms("1.5"), 1500);
	assert_int_equal(ms("500ms"), 500);
	assert_int_equal(ms("1h30m"), 5400000);
	assert_int_equal(ms("1.5h"), 5400000);
	assert_int_equal(ms("1h1.125s"), 3601125);
	assert_int_equal(ms("1w2d3h4m5s6ms"), INT64_C(788645006));
}

UNIT(what_could_be_meant_in_two_ways_is_none)
{
	static const char *const bad[] = {
		"",	  "s",	 "-1s",	  "1h30",  "1h5.5",   "1 s",
		"10x",	  "0s5", "1sm",	  "30m1h", "1m1m",    "1.5h2m",
		"1.",	  ".5",	 "1.5ms", "1e3",   "1.2345s", " 1",
		"1.0001", "1h ", "+1",	  "0x10",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(ms(bad[i]), -1);
}

UNIT(nothing_overflows)
{
	assert_int_equal(ms("9007199254740992ms"), SPAN_MAX_MS);
	assert_int_equal(ms("9007199254740993ms"), -1);
	assert_int_equal(ms("9007199254740s993ms"), -1);
	assert_int_equal(ms("9007199254740w"), -1);
	assert_int_equal(ms("99999999999999999999"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_time_is_numbers_with_units_from_the_largest_on),
		cmocka_unit_test(what_could_be_meant_in_two_ways_is_none),
		cmocka_unit_test(nothing_overflows),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
