#include "daemon/supervisor/words.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct words *words;
static int heard = -1, saved = -1;

/* What it passes on goes into a file of ours. */
static int set_up(__attribute__((unused)) void **state)
{
	heard = memfd_create("heard", 0);
	saved = dup(STDERR_FILENO);
	words = words_new();
	return words && dup2(heard, STDERR_FILENO) >= 0 ? 0 : -1;
}

static int tear_down(__attribute__((unused)) void **state)
{
	words_free(&words);
	assert_null(words);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(heard);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(words->fd, text, strlen(text)), strlen(text));
}

static const char *quote(size_t size)
{
	static char text[256];

	words_pass(words);
	words_quote(words, false, text, size);
	return text;
}

/* Of a filter, which its worker outlives for a moment. */
static const char *quote_filter(void)
{
	static char text[256];

	words_pass(words);
	words_quote(words, true, text, sizeof(text));
	return text;
}

UNIT(what_is_written_is_passed_on_as_it_is)
{
	char text[64] = "";

	say("one\ntw");
	words_pass(words);
	say("o\n");
	words_pass(words);
	words_pass(words);
	assert_int_equal(pread(heard, text, sizeof(text) - 1, 0), 8);
	assert_string_equal(text, "one\ntwo\n");
	/* The rest comes at the end. */
	say("three");
	words_free(&words);
	assert_int_equal(pread(heard, text, sizeof(text) - 1, 8), 5);
	words_pass(words);
}

UNIT(one_line_is_quoted_that_tells_most)
{
	static const struct {
		const char *said, *quoted;
	} cases[] = {
		{"", ""},
		{"\n\n", ""},
		{"loading\ncannot open x\n", "cannot open x"},
		{"a\tb  c\r\n", "a b c"},
		{"Traceback (most recent call last):\n"
		 "  File \"x.py\", line 3, in <module>\n    import nope\n"
		 "ModuleNotFoundError: No module named 'nope'\n",
		 "ModuleNotFoundError: No module named 'nope'"},
		{"  File \"x.py\", line 3\n    foo(\n       ^^^\n", "foo("},
		{"ValueError: first\nsecond\n", "ValueError: first"},
		{"throw new Error('boom')\n^\n\nError: boom\n"
		 "    at Object.<anonymous> (/x.js:1:7)\n\nNode.js v18.19.0\n",
		 "Error: boom"},
		{"panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n"
		 "\t/x.go:3 +0x1d\nexit status 2\n",
		 "panic: boom"},
		{"Error: of long ago\n1\n2\n3\n4\n5\n6\nthe end\n", "the end"},
		{"2026-11-21T21:26:07.061Z error worker cannot start 'x': No "
		 "such file or directory\n",
		 "cannot start 'x': No such file or directory"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct words *own = words;

		words = words_new();
		assert_non_null(words);
		say(cases[i].said);
		assert_string_equal(quote(256), cases[i].quoted);
		words_free(&words);
		words = own;
	}
	assert_string_equal(quote(256), "");
	say("No module");
	assert_string_equal(quote(7), "No mod");
	assert_string_equal(quote(1), "");
}

#define OUR_LINE                                                               \
	"2026-01-01T00:00:00.000Z error worker nothing gets done, leaving\n"

UNIT(what_a_filter_says_goes_before_what_its_worker_says)
{
	say("no dictionary\n" OUR_LINE);
	assert_string_equal(quote(256), "nothing gets done, leaving");
	assert_string_equal(quote_filter(), "no dictionary");
}

UNIT(of_a_filter_that_says_nothing_its_worker_tells)
{
	say(OUR_LINE);
	assert_string_equal(quote_filter(), "nothing gets done, leaving");
}

UNIT(of_a_line_without_end_is_quoted_what_is_known)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 50; i++)
		say(text);
	assert_int_equal(strlen(quote(256)), 255);
}

UNIT(what_was_passed_on_takes_no_memory)
{
	static char text[1 << 20];
	struct stat st;

	memset(text, 'y', sizeof(text) - 1);
	for (int i = 0; i < 8; i++) {
		say(text);
		words_pass(words);
		words_pass(words);
	}
	assert_int_equal(fstat(words->fd, &st), 0);
	assert_in_range(st.st_blocks * 512, 0, 1 << 16);
	assert_int_equal(fstat(heard, &st), 0);
	assert_int_equal(st.st_size, 8 * (sizeof(text) - 1));
}

UNIT(who_writes_without_end_does_not_fill_memory)
{
	static char text[1 << 20];
	struct stat st;

	memset(text, 'z', sizeof(text) - 1);
	for (int i = 0; i < 66; i++)
		say(text);
	words_pass(words);
	assert_int_equal(fstat(words->fd, &st), 0);
	assert_in_range(st.st_blocks * 512, 0, 1 << 16);
	assert_int_equal(fstat(heard, &st), 0);
	assert_in_range(st.st_size, 40, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_written_is_passed_on_as_it_is, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			one_line_is_quoted_that_tells_most, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_a_filter_says_goes_before_what_its_worker_says,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			of_a_filter_that_says_nothing_its_worker_tells, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			of_a_line_without_end_is_quoted_what_is_known, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_passed_on_takes_no_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_writes_without_end_does_not_fill_memory, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
