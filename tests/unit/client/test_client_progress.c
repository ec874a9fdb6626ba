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

UNIT(parts_of_running_jobs_count_and_what_was_done_before_has_no_rate)
{
	struct tool tool = {0};
	struct progress progress;

	progress_init(&progress, &tool, 0);
	progress.total = 10;
	progress.part = 2.5;
	progress_line(&progress, 1000, 200, false, line, sizeof(line));
	assert_non_null(strstr(line, "###"));
	assert_non_null(strstr(line, " 25%  0/10  0.0/s  3.0s left"));
	progress.done = 8;
	progress.part = 0;
	progress.before = 6;
	progress_line(&progress, 1000, 200, false, line, sizeof(line));
	assert_non_null(strstr(line, " 80%  8/10  2.0/s  1.0s left"));
	/* It ended, and is still in the parts that were told before. */
	progress.done = 10;
	progress.part = 1;
	progress.failed = 1;
	progress_line(&progress, 1000, 200, false, line, sizeof(line));
	assert_non_null(strstr(line, "100%  10/10  4.0/s  1.0s  1 failed"));
}

static const char *draw_single(double fraction, const char *note,
			       int64_t now_ms, size_t columns)
{
	struct tool tool = {0};
	struct progress progress;

	progress_init(&progress, &tool, 0);
	progress.single = true;
	progress.since_ms = 1000;
	progress.told_ms = 11000;
	progress.fraction = fraction;
	strcpy(progress.state, "running");
	strcpy(progress.note, note);
	progress_line(&progress, now_ms, columns, false, line, sizeof(line));
	return line;
}

UNIT(a_single_job_has_its_note_rate_and_time_left)
{
	assert_string_equal(draw_single(0.3, "30/100 loading", 11000, 79),
			    "######--------------  30%  30/100 loading  3.0/s"
			    "  23s left");
	assert_string_equal(draw_single(0.3, "loading", 11000, 50),
			    "###-------  30%  loading  23s left");
	assert_string_equal(draw_single(0.5, "", 11000, 50),
			    "#####-----  50%  10s left");
	assert_string_equal(draw_single(-1, "loading", 11000, 79),
			    "loading  10s");
	assert_string_equal(draw_single(-1, "", 11000, 79), "running  10s");
	assert_string_equal(draw_single(0, "", 11000, 50),
			    "----------   0%  10s");
	/* It goes on as it did, whenever that is looked at. */
	assert_string_equal(draw_single(0.3, "30/100", 21000, 50),
			    "###-------  30%  30/100  3.0/s  13s left");
	assert_string_equal(draw_single(0.3, "30/100", 41000, 50),
			    "###-------  30%  30/100  3.0/s  40s");
	assert_non_null(
		strstr(draw_single(0.5, "x\033[31my", 11000, 200), "x?[31my"));
}

UNIT(a_long_note_gets_what_the_rest_leaves)
{
	char note[PROGRESS_NOTE_BYTES];

	memset(note, 'n', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	for (size_t columns = 1; columns < 220; columns++) {
		draw_single(0.5, note, 11000, columns);
		assert_true(text_width(line) <= columns);
		if (columns > 40)
			assert_non_null(strstr(line, "10s left"));
	}
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

UNIT(a_single_job_is_told_to_a_pipe_only_when_asked_for)
{
	static struct quiet said;
	struct tool tool = {0};
	struct progress progress;

	for (int lines = 0; lines < 2; lines++) {
		quiet_begin(&said);
		progress_init(&progress, &tool, 0);
		progress.single = true;
		progress.lines = lines;
		for (int64_t i = 1; i <= 100; i++) {
			progress.fraction = (double)i / 100;
			progress_update(&progress, i * 1000);
		}
		quiet_end(&said);
		assert_int_equal(lines_of(said.text), lines ? 9 : 0);
	}
	/* It says nothing new: that is told each 30 s. */
	quiet_begin(&said);
	for (int64_t i = 101; i <= 161; i++)
		progress_update(&progress, i * 1000);
	quiet_end(&said);
	assert_int_equal(lines_of(said.text), 2);
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
		cmocka_unit_test(
			parts_of_running_jobs_count_and_what_was_done_before_has_no_rate),
		cmocka_unit_test(a_single_job_has_its_note_rate_and_time_left),
		cmocka_unit_test(a_long_note_gets_what_the_rest_leaves),
		cmocka_unit_test(fits_any_terminal_and_any_moment),
		cmocka_unit_test(
			a_single_job_is_told_to_a_pipe_only_when_asked_for),
		cmocka_unit_test(
			a_pipe_gets_a_line_each_tenth_but_not_each_millisecond),
		cmocka_unit_test(quiet_says_nothing),
	};

	return cmocka_run_group_tests_name("client progress", tests, NULL,
					   NULL);
}
