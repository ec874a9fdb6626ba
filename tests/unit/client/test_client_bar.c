#include "client/bar.h"
#include "tests/helper/t.h"

static void draws(double share, int columns, bool unicode, const char *expected)
{
	char bar[BAR_BYTES];

	assert_string_equal(bar_write(share, columns, unicode, bar), expected);
}

UNIT(only_the_whole_fills_the_bar)
{
	draws(0, 4, false, "----");
	draws(0.5, 4, false, "##--");
	draws(0.999, 4, false, "###-");
	draws(1, 4, false, "####");
	draws(0.25, 4, true, "\u2588\u2591\u2591\u2591");
	draws(7, 3, false, "###");
	draws(-1, 3, false, "---");
	draws(0.0 / 0.0, 3, false, "---");
	draws(1, 0, false, "");
	assert_int_equal(bar_percent(0.29), 29);
	assert_int_equal(bar_percent(0.999), 99);
	assert_int_equal(bar_percent(1), 100);
	draws(1, BAR_COLUMNS_MAX, true,
	      "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
	      "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
	      "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
	      "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588");
}

UNIT(the_rest_takes_as_long_as_what_was_done)
{
	assert_int_equal(bar_left_ms(0.25, 1000), 3000);
	assert_int_equal(bar_left_ms(1, 1000), 0);
	assert_int_equal(bar_left_ms(0, 1000), -1);
	assert_int_equal(bar_left_ms(0.5, 0), -1);
	assert_int_equal(bar_left_ms(0.0 / 0.0, 1000), -1);
	assert_int_equal(bar_left_ms(1e-300, INT64_C(1) << 60), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_whole_fills_the_bar),
		cmocka_unit_test(the_rest_takes_as_long_as_what_was_done),
	};

	return cmocka_run_group_tests_name("client bar", tests, NULL, NULL);
}
