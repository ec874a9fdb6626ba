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
	words_quote(words, text, size);
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

UNIT(the_last_lines_are_quoted_as_one)
{
	assert_string_equal(quote(256), "");
	say("\n\n");
	assert_string_equal(quote(256), "");
	say("first\nFile \"x\", line 3\n    import\tnope\nNo module\n\n");
	assert_string_equal(quote(256),
			    "File \"x\", line 3; import nope; No module");
	/* Whole lines, or the end of the last one. */
	assert_string_equal(quote(26), "import nope; No module");
	assert_string_equal(quote(15), "No module");
	assert_string_equal(quote(7), "module");
	assert_string_equal(quote(1), "");
}

UNIT(a_long_last_line_is_quoted_to_its_end)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 5, " end", 5);
	for (int i = 0; i < 50; i++)
		say(text);
	assert_int_equal(strlen(quote(256)), 255);
	assert_string_equal(quote(256) + 251, " end");
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
			the_last_lines_are_quoted_as_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_long_last_line_is_quoted_to_its_end, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_passed_on_takes_no_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_writes_without_end_does_not_fill_memory, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
