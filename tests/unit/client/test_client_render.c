#include "client/render.h"
#include "client/text.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

static const struct render_column columns[] = {
	{"ID", true, 0, 0},
	{"NAME", false, 0, 6},
	{"QUEUE", false, 2, 0},
	{"NOTE", false, 1, 0},
};

static const char *print(const struct screen *screen, const char *name)
{
	static struct quiet said;
	struct render render;

	render_init(&render, columns, ARRAY_COUNT(columns));
	render_row(&render);
	render_cell(&render, 0, RENDER_PLAIN, "%d", 7);
	render_cell(&render, 1, RENDER_RED, "%s", name);
	render_cell(&render, 2, RENDER_PLAIN, "default");
	render_row(&render);
	render_cell(&render, 0, RENDER_PLAIN, "1234");
	quiet_begin(&said);
	assert_true(render_print(&render, screen));
	quiet_end(&said);
	render_fini(&render);
	return said.text;
}

UNIT(a_pipe_gets_tabs_and_no_header)
{
	struct screen screen = {0};

	assert_string_equal(print(&screen, "a b"),
			    "7\ta b\tdefault\t\n1234\t\t\t\n");
}

UNIT(a_terminal_gets_aligned_columns_without_empty_ones)
{
	struct screen screen = {.terminal = true, .width = 40};

	assert_string_equal(print(&screen, "name"), "  ID  NAME  QUEUE\n"
						    "   7  name  default\n"
						    "1234        \n");
}

UNIT(names_are_cut_before_columns_are_left_out)
{
	struct screen screen = {.terminal = true, .width = 25};
	const char *text = print(&screen, "a-rather-long-name");

	assert_non_null(strstr(text, "default"));
	assert_non_null(strstr(text, ".."));
	screen.width = 20;
	text = print(&screen, "a-rather-long-name");
	assert_null(strstr(text, "default"));
	assert_non_null(strstr(text, "a-rath"));
}

UNIT(no_line_is_wider_than_the_terminal)
{
	for (int width = 20; width < 60; width++) {
		struct screen screen = {
			.terminal = true, .width = width, .unicode = true};
		char text[8192];
		char *rest = text, *line;

		snprintf(text, sizeof(text), "%s",
			 print(&screen, "a-rather-long-name-\u65e5\u672c"));
		while ((line = strsep(&rest, "\n")))
			assert_true(text_width(line) <= (size_t)width);
	}
}

UNIT(colours_only_where_wanted_and_escapes_of_others_never)
{
	struct screen screen = {.terminal = true, .width = 60, .colour = true};

	assert_non_null(strstr(print(&screen, "x"), "\033[31mx\033[0m"));
	assert_null(strstr(print(&screen, "\033[2J"), "\033[2J"));
	screen.colour = false;
	assert_null(strchr(print(&screen, "\033[2J"), '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_gets_tabs_and_no_header),
		cmocka_unit_test(
			a_terminal_gets_aligned_columns_without_empty_ones),
		cmocka_unit_test(names_are_cut_before_columns_are_left_out),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(
			colours_only_where_wanted_and_escapes_of_others_never),
	};

	return cmocka_run_group_tests_name("client render", tests, NULL, NULL);
}
