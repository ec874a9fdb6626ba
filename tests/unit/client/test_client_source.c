#include "client/source.h"
#include "tests/helper/t.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];

static int setup(void **state)
{
	(void)state;
	return pipe(ends);
}

static int teardown(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void put(const char *bytes, size_t n)
{
	assert_int_equal(write(ends[1], bytes, n), (ssize_t)n);
}

static void put_eof(void)
{
	close(ends[1]);
	ends[1] = open("/dev/null", O_WRONLY);
}

UNIT(gives_lines_as_they_come_and_skips_empty_ones)
{
	struct source source;
	const char *item;

	source_stream(&source, ends[0], '\n');
	assert_int_equal(source_fill(&source), 0);
	assert_int_equal(source_next(&source, &item), SOURCE_E_LATER);
	put("a\n\nbc\nd", 7);
	assert_int_equal(source_fill(&source), 0);
	assert_int_equal(source.waiting, 2);
	assert_int_equal(source_total(&source), 0);
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "a");
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "bc");
	assert_int_equal(source_next(&source, &item), SOURCE_E_LATER);
	put("ef", 2);
	put_eof();
	assert_int_equal(source_fill(&source), 0);
	assert_int_equal(source_total(&source), 3);
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "def");
	assert_int_equal(source_next(&source, &item), SOURCE_E_END);
	source_fini(&source);
}

UNIT(items_may_end_with_nul)
{
	struct source source;
	const char *item;

	source_stream(&source, ends[0], '\0');
	put("a\nb\0c\0", 6);
	put_eof();
	assert_int_equal(source_fill(&source), 0);
	assert_int_equal(source_total(&source), 2);
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "a\nb");
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "c");
	assert_int_equal(source_next(&source, &item), SOURCE_E_END);
	source_fini(&source);
}

UNIT(arguments_are_items_too)
{
	char mark[] = ":::", a[] = "a", empty[] = "";
	char *args[] = {mark, a, empty, NULL};
	struct lists lists;
	struct source source;
	const char *item;

	assert_int_equal(lists_parse(&lists, args, 3), 0);
	source_lists(&source, &lists);
	assert_int_equal(source_total(&source), 2);
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "a");
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "");
	assert_int_equal(source_next(&source, &item), SOURCE_E_END);
	source_fini(&source);
}

UNIT(lists_are_combined_and_linked)
{
	char by[] = ":::", with[] = ":::+", a[] = "a", b[] = "b", c[] = "c";
	char x[] = "x", y[] = "y";
	char *args[] = {by, a, b, by, x, y, with, a, b, c, NULL};
	static const char *const expected[] = {"a x a", "a y b", "b x a",
					       "b y b"};
	struct lists lists;
	struct source source;
	const char *item;

	assert_int_equal(lists_parse(&lists, args, 10), 0);
	source_lists(&source, &lists);
	assert_int_equal(source_total(&source), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(source_next(&source, &item), 0);
		assert_string_equal(item, expected[i]);
		assert_int_equal(source.field_count, 3);
	}
	assert_int_equal(source_next(&source, &item), SOURCE_E_END);
	source_fini(&source);
	assert_int_equal(lists_parse(&lists, args, 1), 0);
	assert_int_equal(lists.total, 0);
}

UNIT(too_many_lists_are_refused)
{
	char by[] = ":::", a[] = "a";
	char *args[2 * (LISTS_MAX + 1)];
	struct lists lists;

	for (size_t i = 0; i < ARRAY_COUNT(args); i++)
		args[i] = i % 2 ? a : by;
	assert_int_equal(lists_parse(&lists, args, (int)ARRAY_COUNT(args)),
			 LISTS_E_MANY);
}

UNIT(a_line_has_columns)
{
	struct source source;
	const char *item;

	source_stream(&source, ends[0], '\n');
	source.column_end = ", ";
	put("a, b,c, \nalone\n", 15);
	assert_int_equal(source_fill(&source), 0);
	assert_int_equal(source_next(&source, &item), 0);
	assert_int_equal(source.field_count, 3);
	assert_string_equal(source.fields[1], "b,c");
	assert_string_equal(source.fields[2], "");
	assert_string_equal(item, "a b,c ");
	assert_int_equal(source_next(&source, &item), 0);
	assert_int_equal(source.field_count, 1);
	source_fini(&source);
}

UNIT(an_endless_line_is_refused_and_memory_stays_bounded)
{
	static char block[65536];
	struct source source;
	const char *item;
	size_t sent = 0;

	memset(block, 'x', sizeof(block));
	source_stream(&source, ends[0], '\n');
	while (sent < SOURCE_ITEM_BYTES + 2 * sizeof(block)) {
		put(block, 32768);
		sent += 32768;
		assert_int_equal(source_fill(&source), 0);
	}
	assert_int_equal(source_next(&source, &item), SOURCE_E_TOO_LONG);
	source_fini(&source);
}

UNIT(many_lines_in_odd_pieces_lose_nothing)
{
	struct source source;
	const char *item;
	char line[16];
	int64_t expected = 0;

	source_stream(&source, ends[0], '\n');
	for (int i = 0; i < 5000; i++) {
		int n = snprintf(line, sizeof(line), "%d\n", i);

		put(line, 1);
		assert_int_equal(source_fill(&source), 0);
		put(line + 1, (size_t)n - 1);
		if (i % 7)
			continue;
		assert_int_equal(source_fill(&source), 0);
		while (source_next(&source, &item) == 0)
			assert_int_equal(atoi(item), expected++);
	}
	put_eof();
	assert_int_equal(source_fill(&source), 0);
	while (source_next(&source, &item) == 0)
		assert_int_equal(atoi(item), expected++);
	assert_int_equal(expected, 5000);
	assert_int_equal(source.waiting, 0);
	source_fini(&source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_lines_as_they_come_and_skips_empty_ones),
		TEST(items_may_end_with_nul),
		TEST(arguments_are_items_too),
		TEST(lists_are_combined_and_linked),
		TEST(too_many_lists_are_refused),
		TEST(a_line_has_columns),
		TEST(an_endless_line_is_refused_and_memory_stays_bounded),
		TEST(many_lines_in_odd_pieces_lose_nothing),
	};

	return cmocka_run_group_tests_name("client source", tests, NULL, NULL);
}
