#include "daemon/base/quantity.h"
#include "tests/helper/t.h"

static int64_t ms(const char *text)
{
	int64_t n = -1;

	return quantity_duration_ms(text, &n) ? n : -1;
}

static int64_t bytes(const char *text)
{
	int64_t n = -1;

	return quantity_bytes(text, &n) ? n : -1;
}

UNIT(a_time_is_a_number_and_a_unit)
{
	assert_int_equal(ms("0"), 0);
	assert_int_equal(ms("10"), 10000);
	assert_int_equal(ms("500ms"), 500);
	assert_int_equal(ms("5m"), 300000);
	assert_int_equal(ms("1h30m"), 5400000);
	assert_int_equal(ms("1.5h"), 5400000);
	assert_int_equal(ms("1w"), INT64_C(604800000));
}

UNIT(a_time_of_another_form_is_refused)
{
	static const char *const bad[] = {"",	 "s",	"-1s", "30m1h", "1h5",
					  "1 s", "10x", "0s5", "1sm"};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(ms(bad[i]), -1);
}

UNIT(nothing_overflows)
{
	assert_int_equal(ms("99999999999999999999"), -1);
	assert_int_equal(ms("9007199254740992ms"), INT64_C(1) << 53);
	assert_int_equal(ms("9007199254740993ms"), -1);
	assert_int_equal(ms("9007199254740992ms1ms"), -1);
	assert_int_equal(ms("9007199254740w"), -1);
	assert_int_equal(bytes("8192T"), INT64_C(1) << 53);
	assert_int_equal(bytes("8193T"), -1);
}

UNIT(sizes_are_powers_of_1024_and_counts_of_1000)
{
	int64_t n = 0;

	assert_int_equal(bytes("64K"), 65536);
	assert_int_equal(bytes("1g"), 1 << 30);
	assert_int_equal(bytes("1KB"), -1);
	assert_int_equal(bytes("K"), -1);
	assert_true(quantity_count("1M", &n));
	assert_int_equal(n, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_a_number_and_a_unit),
		cmocka_unit_test(a_time_of_another_form_is_refused),
		cmocka_unit_test(nothing_overflows),
		cmocka_unit_test(sizes_are_powers_of_1024_and_counts_of_1000),
	};

	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
