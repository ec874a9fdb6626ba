#include "client/shell_words.h"
#include "tests/helper/t.h"

#include <stdio.h>

/* The words of @text, joined by |. */
static void assert_words(const char *text, const char *joined)
{
	char line[256] = "", **words;
	const char *at;
	size_t n = 0;

	assert_int_equal(shell_words(text, &words, &at), 0);
	for (char **word = words; *word; word++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s",
				      word == words ? "" : "|", *word);
	free(words);
	assert_string_equal(line, joined);
}

static void assert_wrong(const char *text, int result, size_t offset)
{
	char **words;
	const char *at = NULL;

	assert_int_equal(shell_words(text, &words, &at), result);
	assert_int_equal((size_t)(at - text), offset);
}

UNIT(blanks_separate_words)
{
	assert_words("make", "make");
	assert_words("  make  -j8\tall\n", "make|-j8|all");
	assert_words("a b c d e f", "a|b|c|d|e|f");
	assert_words("caf\xc3\xa9 \xe2\x98\x83", "caf\xc3\xa9|\xe2\x98\x83");
}

UNIT(quotes_hold_words_together)
{
	assert_words("mail 'it is  so' me", "mail|it is  so|me");
	assert_words("mail \"it is 'so'\" me", "mail|it is 'so'|me");
	assert_words("a'b c'd\"e f\"g", "ab cde fg");
	assert_words("'' \"\" x ''", "||x|");
	assert_words("'\\n$x`' \"a|b;c\"", "\\n$x`|a|b;c");
}

UNIT(a_backslash_quotes_what_follows)
{
	assert_words("a\\ b c\\'d", "a b|c'd");
	assert_words("\\$x \\| \\\\", "$x|||\\");
	assert_words("\"\\$x \\\"q\\\" \\\\ \\n\"", "$x \"q\" \\ \\n");
	assert_words("a\\\nb c \\\n d", "ab|c|d");
	assert_words("\"a\\\nb\"", "ab");
}

UNIT(what_a_shell_looks_up_may_stand_as_it_is)
{
	assert_words("ls *.txt a?b [x] ~ #y a=b !z {1}",
		     "ls|*.txt|a?b|[x]|~|#y|a=b|!z|{1}");
	assert_words("cost 5$ \"7$\" $ x", "cost|5$|7$|$|x");
}

UNIT(quotes_that_stay_open_are_refused_with_their_place)
{
	assert_wrong("mail 'it is so", SHELL_WORDS_E_QUOTE, 5);
	assert_wrong("mail \"it is so", SHELL_WORDS_E_QUOTE, 5);
	assert_wrong("mail \"so\\\"", SHELL_WORDS_E_QUOTE, 5);
	assert_wrong("it's", SHELL_WORDS_E_QUOTE, 2);
	assert_wrong("a b\\", SHELL_WORDS_E_BACKSLASH, 3);
}

UNIT(what_only_a_shell_can_do_is_refused)
{
	assert_wrong("sort | head", SHELL_WORDS_E_SHELL, 5);
	assert_wrong("a;b", SHELL_WORDS_E_SHELL, 1);
	assert_wrong("a && b", SHELL_WORDS_E_SHELL, 2);
	assert_wrong("a >b", SHELL_WORDS_E_SHELL, 2);
	assert_wrong("a <b", SHELL_WORDS_E_SHELL, 2);
	assert_wrong("(a)", SHELL_WORDS_E_SHELL, 0);
	assert_wrong("mail $USER", SHELL_WORDS_E_SHELL, 5);
	assert_wrong("mail \"${USER}\"", SHELL_WORDS_E_SHELL, 6);
	assert_wrong("a `b`", SHELL_WORDS_E_SHELL, 2);
	assert_wrong("curl http://x/?a=1&b=2", SHELL_WORDS_E_SHELL, 18);
}

UNIT(a_line_without_words_is_refused)
{
	assert_wrong("", SHELL_WORDS_E_EMPTY, 0);
	assert_wrong(" \t\n", SHELL_WORDS_E_EMPTY, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_separate_words),
		cmocka_unit_test(quotes_hold_words_together),
		cmocka_unit_test(a_backslash_quotes_what_follows),
		cmocka_unit_test(what_a_shell_looks_up_may_stand_as_it_is),
		cmocka_unit_test(
			quotes_that_stay_open_are_refused_with_their_place),
		cmocka_unit_test(what_only_a_shell_can_do_is_refused),
		cmocka_unit_test(a_line_without_words_is_refused),
	};

	return cmocka_run_group_tests_name("client shell words", tests, NULL,
					   NULL);
}
