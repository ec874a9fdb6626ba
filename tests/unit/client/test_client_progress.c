#include "client/progress.h"
#include "client/text.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

static char line[512];

static const char *draw(int64_t done, int64_t total, int64_t now_ms,
			size_t columns)
{
	struct tool tool = {0};
	struct progress progress;

	progress_init(&progress, &tool, 0);
	progress.done = done;
	progress.total = total;
	progress_line(&progress, now_ms, columns, true, line, sizeof(line));
	return line;
}

UNIT(shows_share_rate_and_time_left)
{
	draw(25, 100, 5000, 200);
	assert_non_null(strstr(line, " 25%"));
	assert_non_null(strstr(line, "25/100"));
	assert_non_null(strstr(line, "5.0/s"));
	assert_non_null(strstr(line, "15s left"));
	draw(3, 0, 1000, 200);
	assert_string_equal(line, "3 done  3.0/s  1.0s");
}

UNIT(fits_any_terminal_and_any_moment)
{
	for (size_t columns = 1; columns < 100; columns++)
		assert_true(text_width(draw(50, 100, 1000, columns)) <=
			    columns);
	draw(0, 100, 0, 80);
	draw(100, 100, 0, 80);
	draw(INT64_C(1) << 40, INT64_C(1) << 41, 1, 80);
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

UNIT(a_pipe_gets_a_line_each_tenth_but_not_each_millisecond)
{
	static struct quiet said;
	struct tool tool = {0};
	struct progress progress;

	quiet_begin(&said);
	progress_init(&progress, &tool, 0);
	progress.total = 100;
	for (int64_t i = 1; i <= 100; i++) {
		progress.done = i;
		progress_update(&progress, i * 1000);
	}
	quiet_end(&said);
	assert_int_equal(lines_of(said.text), 9);

	quiet_begin(&said);
	progress_init(&progress, &tool, 0);
	progress.total = 100;
	for (int64_t i = 1; i <= 100; i++) {
		progress.done = i;
		progress_update(&progress, i);
	}
	quiet_end(&said);
	assert_string_equal(said.text, "");
}

UNIT(quiet_says_nothing)
{
	static struct quiet said;
	struct tool tool = {.quiet = true};
	struct progress progress;

	quiet_begin(&said);
	progress_init(&progress, &tool, 0);
	progress_update(&progress, 200000);
	quiet_end(&said);
	assert_string_equal(said.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_share_rate_and_time_left),
		cmocka_unit_test(fits_any_terminal_and_any_moment),
		cmocka_unit_test(
			a_pipe_gets_a_line_each_tenth_but_not_each_millisecond),
		cmocka_unit_test(quiet_says_nothing),
	};

	return cmocka_run_group_tests_name("client progress", tests, NULL,
					   NULL);
}
