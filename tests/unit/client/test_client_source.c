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
	char a[] = "a", empty[] = "";
	char *args[] = {a, empty, NULL};
	struct source source;
	const char *item;

	source_args(&source, args, 2);
	assert_int_equal(source_total(&source), 2);
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "a");
	assert_int_equal(source_next(&source, &item), 0);
	assert_string_equal(item, "");
	assert_int_equal(source_next(&source, &item), SOURCE_E_END);
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
		TEST(an_endless_line_is_refused_and_memory_stays_bounded),
		TEST(many_lines_in_odd_pieces_lose_nothing),
	};

	return cmocka_run_group_tests_name("client source", tests, NULL, NULL);
}
