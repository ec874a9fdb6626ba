#include "client/pattern.h"
#include "tests/helper/t.h"

#include <stdio.h>

static int fill_one(const struct pattern *pattern, struct arena *arena,
		    const char *text, int64_t number, struct reeve_spec *ret)
{
	struct pattern_item item = {&text, 1, number};

	return pattern_fill(pattern, arena, &item, ret);
}

static const char *shell(const char *text, const char *item, int64_t number)
{
	static char line[256];
	struct arena arena = {0};
	struct pattern pattern;
	struct reeve_spec spec;

	pattern_init(&pattern, NULL, text, 1, NULL);
	assert_int_equal(fill_one(&pattern, &arena, item, number, &spec), 0);
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

	pattern_init(&pattern, argv, NULL, 1, NULL);
	assert_int_equal(fill_one(&pattern, &arena, "a b", 7, &spec), 0);
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

	pattern_init(&pattern, argv, NULL, 1, NULL);
	assert_int_equal(fill_one(&pattern, &arena, "x", 1, &spec), 0);
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

UNIT(parts_of_a_path)
{
	assert_string_equal(shell("{.} {/} {//} {/.}", "a/b.tar.gz", 1),
			    "a/b.tar b.tar.gz a b.tar");
	assert_string_equal(shell("{.} {/} {//} {/.}", "name", 1),
			    "name name . name");
	assert_string_equal(shell("{.} {//} {/.}", "/d.x/.rc", 1),
			    "/d.x/.rc /d.x .rc");
	assert_string_equal(shell("{//} {1/.}", "/x.c", 1), "/ x");
	assert_string_equal(shell("echo {.} {.", "it's.c", 1),
			    "echo 'it'\\''s' {.");
}

UNIT(what_names_no_column_stays)
{
	assert_string_equal(
		shell("grep 'x{3}' {1} {01} {x} {1#} {99999999999999"
		      "9999999999}",
		      "f", 1),
		"grep 'x{3}' f {01} {x} {1#} {999999999999999999999"
		"999}");
}

UNIT(another_mark_than_braces)
{
	static const char *const argv[] = {"cp", "%", "{}", "a%.{#}{/}", NULL};
	struct arena arena = {0};
	struct pattern pattern;
	struct reeve_spec spec;

	pattern_init(&pattern, argv, NULL, 1, "%");
	assert_int_equal(fill_one(&pattern, &arena, "x/y", 4, &spec), 0);
	assert_string_equal(spec.argv[1], "x/y");
	assert_string_equal(spec.argv[2], "{}");
	assert_string_equal(spec.argv[3], "ax/y.4y");
	assert_null(spec.argv[4]);
	arena_fini(&arena);
}

UNIT(columns_are_arguments_of_their_own)
{
	static const char *const argv[] = {"cp", "{}", "{2/}:{1}{3}", NULL};
	static const char *const plain[] = {"echo", NULL};
	static const char *const fields[] = {"a b", "d/e"};
	struct pattern_item item = {fields, 2, 1};
	struct arena arena = {0};
	struct pattern pattern;
	struct reeve_spec spec;

	pattern_init(&pattern, argv, NULL, 3, NULL);
	assert_int_equal(pattern_fill(&pattern, &arena, &item, &spec), 0);
	assert_string_equal(spec.argv[1], "a b");
	assert_string_equal(spec.argv[2], "d/e");
	assert_string_equal(spec.argv[3], "e:a b");
	assert_null(spec.argv[4]);
	pattern_init(&pattern, plain, NULL, 2, NULL);
	assert_int_equal(pattern_fill(&pattern, &arena, &item, &spec), 0);
	assert_string_equal(spec.argv[2], "d/e");
	assert_null(spec.argv[3]);
	pattern_init(&pattern, NULL, "echo {}", 2, NULL);
	assert_int_equal(pattern_fill(&pattern, &arena, &item, &spec), 0);
	assert_string_equal(spec.shell, "echo 'a b' d/e");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_every_place_of_every_argument),
		cmocka_unit_test(without_a_place_the_item_comes_last),
		cmocka_unit_test(parts_of_a_path),
		cmocka_unit_test(what_names_no_column_stays),
		cmocka_unit_test(another_mark_than_braces),
		cmocka_unit_test(columns_are_arguments_of_their_own),
		cmocka_unit_test(an_item_can_do_nothing_to_the_shell),
	};

	return cmocka_run_group_tests_name("client pattern", tests, NULL, NULL);
}
