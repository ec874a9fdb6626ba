#include "client/pattern.h"
#include "tests/helper/t.h"

#include <stdio.h>

static const char *shell(const char *text, const char *item, int64_t number)
{
	static char line[256];
	struct arena arena = {0};
	struct pattern pattern;
	struct reeve_spec spec;

	pattern_init(&pattern, NULL, text);
	assert_int_equal(pattern_fill(&pattern, &arena, item, number, &spec),
			 0);
	assert_null(spec.argv);
	snprintf(line, sizeof(line), "%s", spec.shell);
	arena_fini(&arena);
	return line;
}

UNIT(fills_every_place_of_every_argument)
{
	static const char *const argv[] = {"cp", "{}", "to/{}.{#}", NULL};
	struct arena arena = {0};
	struct pattern pattern;
	struct reeve_spec spec;

	pattern_init(&pattern, argv, NULL);
	assert_int_equal(pattern_fill(&pattern, &arena, "a b", 7, &spec), 0);
	assert_string_equal(spec.argv[0], "cp");
	assert_string_equal(spec.argv[1], "a b");
	assert_string_equal(spec.argv[2], "to/a b.7");
	assert_null(spec.argv[3]);
	arena_fini(&arena);
}

UNIT(without_a_place_the_item_comes_last)
{
	static const char *const argv[] = {"echo", "{#}", NULL};
	struct arena arena = {0};
	struct pattern pattern;
	struct reeve_spec spec;

	pattern_init(&pattern, argv, NULL);
	assert_int_equal(pattern_fill(&pattern, &arena, "x", 1, &spec), 0);
	assert_string_equal(spec.argv[1], "1");
	assert_string_equal(spec.argv[2], "x");
	assert_null(spec.argv[3]);
	arena_fini(&arena);
	assert_string_equal(shell("echo", "x", 1), "echo x");
}

UNIT(an_item_can_do_nothing_to_the_shell)
{
	assert_string_equal(shell("ls {} >{}.out", "a b", 1),
			    "ls 'a b' >'a b'.out");
	assert_string_equal(shell("ls {}", "'; rm -rf $HOME `x` #", 1),
			    "ls ''\\''; rm -rf $HOME `x` #'");
	assert_string_equal(shell("ls {}", "", 1), "ls ''");
	assert_string_equal(shell("exit $(({} % 7 + {#}))", "14", 3),
			    "exit $((14 % 7 + 3))");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_every_place_of_every_argument),
		cmocka_unit_test(without_a_place_the_item_comes_last),
		cmocka_unit_test(an_item_can_do_nothing_to_the_shell),
	};

	return cmocka_run_group_tests_name("client pattern", tests, NULL, NULL);
}
