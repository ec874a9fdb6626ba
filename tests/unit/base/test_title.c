#include "daemon/base/title.h"
#include "tests/helper/t.h"

#include <string.h>

/* Four arguments and what stands behind them. */
static char area[40];
static char *argv[5];

static void begin(void)
{
	static const char text[40] = "reeved\0template\0--x=1\0a b\0BEHIND=1";

	memcpy(area, text, sizeof(area));
	argv[0] = area;
	for (int i = 1; i < 4; i++)
		argv[i] = argv[i - 1] + strlen(argv[i - 1]) + 1;
	argv[4] = NULL;
	title_init(4, argv);
}

UNIT(a_title_is_three_arguments_and_nothing_is_left_of_the_old_ones)
{
	static const char expected[26] = "reeved\0worker\0p/1";

	begin();
	title_set("worker", "p/1");
	assert_memory_equal(area, expected, 26);
	assert_string_equal(area + 26, "BEHIND=1");
}

UNIT(a_long_one_is_cut_and_ends)
{
	begin();
	title_set("worker", "a-pool-with-a-long-name/127");
	assert_memory_equal(area, "reeved\0worker\0a-pool-with", 26);
	assert_string_equal(area + 26, "BEHIND=1");
}

UNIT(without_room_nothing_is_written)
{
	begin();
	title_init(0, argv);
	title_set("worker", "p/1");
	assert_string_equal(area + 7, "template");
	/* Not all in one piece: no further than the piece. */
	begin();
	argv[2] = argv[3];
	title_init(4, argv);
	title_set("worker", "p/1");
	assert_string_equal(area + 16, "--x=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_title_is_three_arguments_and_nothing_is_left_of_the_old_ones),
		cmocka_unit_test(a_long_one_is_cut_and_ends),
		cmocka_unit_test(without_room_nothing_is_written),
	};

	return cmocka_run_group_tests_name("title", tests, NULL, NULL);
}
