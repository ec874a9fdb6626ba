#include "client/duration.h"
#include "tests/helper/t.h"

static int64_t parsed(const char *text)
{
	int64_t ms = -1;

	return duration_parse(text, &ms) ? ms : -1;
}

UNIT(reads_every_unit_and_their_sums)
{
	assert_int_equal(parsed("500ms"), 500);
	assert_int_equal(parsed("90s"), 90000);
	assert_int_equal(parsed("90"), 90000);
	assert_int_equal(parsed("5m"), 300000);
	assert_int_equal(parsed("2h30m"), 9000000);
	assert_int_equal(parsed("1d2h3m4s5ms"), 93784005);
	assert_int_equal(parsed("1w2d"), 777600000);
	assert_int_equal(parsed("1.5h"), 5400000);
	assert_int_equal(parsed("0"), 0);
}

UNIT(refuses_what_is_no_time)
{
	static const char *const bad[] = {
		"",	  "x",
		"5x",	  "-1s",
		"1s2h",	  "1h1h",
		"1h30",	  "1.5h2m",
		"1.",	  ".5s",
		" 5s",	  "5 s",
		"1e3",	  "99999999999999999999s",
		"36501d",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(parsed(bad[i]), -1);
}

UNIT(says_it_shortly)
{
	char text[DURATION_BYTES];

	assert_string_equal(duration_format(0, text), "0ms");
	assert_string_equal(duration_format(999, text), "999ms");
	assert_string_equal(duration_format(1449, text), "1.4s");
	assert_string_equal(duration_format(41000, text), "41s");
	assert_string_equal(duration_format(134000, text), "2m14s");
	assert_string_equal(duration_format(3 * 3600000 + 300000, text),
			    "3h05m");
	assert_string_equal(duration_format(2 * 86400000 + 4 * 3600000, text),
			    "2d04h");
	assert_string_equal(duration_format(-1, text), "-");
}

UNIT(says_sizes)
{
	char text[DURATION_BYTES];

	assert_string_equal(duration_bytes(0, text), "0 B");
	assert_string_equal(duration_bytes(1023, text), "1023 B");
	assert_string_equal(duration_bytes(1536, text), "1.5 KiB");
	assert_string_equal(duration_bytes(INT64_C(5) << 40, text), "5.0 TiB");
}

UNIT(reads_sizes)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
		{"0", 0},
		{"512", 512},
		{"64K", 65536},
		{"1.5k", 1536},
		{"2G", INT64_C(2) << 30},
		{"2GiB", INT64_C(2) << 30},
		{"3MB", 3 << 20},
		{"10B", 10},
		{"7T", INT64_C(7) << 40},
	};
	static const char *const bad[] = {
		"", "K", "-1", "1.5", "1X", "1K2", "1 K", "99999999T", "1iB"};
	int64_t bytes;

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		assert_true(duration_bytes_parse(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(duration_bytes_parse(bad[i], &bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_unit_and_their_sums),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(says_it_shortly),
		cmocka_unit_test(says_sizes),
		cmocka_unit_test(reads_sizes),
	};

	return cmocka_run_group_tests_name("client duration", tests, NULL,
					   NULL);
}
