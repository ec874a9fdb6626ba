#include "tests/helper/t.h"
#include "client/text.h"

static const char *fit(const char *text, size_t columns)
{
	static char ret[256];

	text_fit(text, columns, true, ret, sizeof(ret));
	return ret;
}

UNIT(counts_columns_not_bytes)
{
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("\u00fc"), 1);
	assert_int_equal(text_width("e\u0301"), 1);
	assert_int_equal(text_width("\u65e5\u672c"), 4);
	assert_int_equal(text_width("\xff\xfe"), 2);
}

UNIT(cuts_in_the_middle)
{
	assert_string_equal(fit("abcdefghij", 10), "abcdefghij");
	assert_string_equal(fit("abcdefghij", 5), "ab\u2026ij");
	assert_string_equal(fit("abcdefghij", 6), "abc\u2026ij");
	assert_int_equal(text_width(fit("\u65e5\u672c\u8a9e\u6587", 5)), 5);
	assert_string_equal(fit("abc", 1), "\u2026");
}

UNIT(marks_a_cut_in_ascii_too)
{
	char ret[32];

	text_fit("abcdefghij", 6, false, ret, sizeof(ret));
	assert_string_equal(ret, "ab..ij");
}

UNIT(nothing_moves_the_cursor)
{
	char text[] = "a\x1b[2Jb\rc\xc2\x85"
		      "d\u202ee\xff";

	text_clean(text);
	assert_string_equal(text, "a?[2Jb?c?d?e?");
	assert_string_equal(fit("\x1b[31mred", 20), "?[31mred");
	assert_string_equal(fit("two\nlines\tand ?", 20), "two lines and ?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_columns_not_bytes),
		cmocka_unit_test(cuts_in_the_middle),
		cmocka_unit_test(marks_a_cut_in_ascii_too),
		cmocka_unit_test(nothing_moves_the_cursor),
	};

	return cmocka_run_group_tests_name("client text", tests, NULL, NULL);
}
