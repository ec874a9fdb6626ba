#include "daemon/broker/advance.h"
#include "proto/arena.h"
#include "tests/helper/t.h"

#include <string.h>

static void say(struct advance *advance, const char *line)
{
	struct arena arena = {0};
	struct advance_word word;

	advance_read(slice_of(line), &arena, &word);
	advance_take(advance, &word);
	arena_fini(&arena);
}

/* What is shown after these words, each of the same job. */
static void expect(const char *const *lines, size_t count, const char *shown)
{
	struct advances all = LIST_HEAD_INITIALIZER(all);
	struct advance *advance = advance_new(&all, 1, 0, SLICE("q"));
	struct json_out out = {0};

	assert_non_null(advance);
	for (size_t i = 0; i < count; i++)
		say(advance, lines[i]);
	json_out_object(&out);
	advance_write(&out, advance, "progress");
	json_out_object_end(&out);
	json_out_byte(&out, 0);
	assert_string_equal(out.p, shown);
	json_out_fini(&out);
	advance_free(advance);
}

UNIT(the_last_word_holds)
{
	static const char *const lines[] = {
		"{\"progress\":1,\"fraction\":0.25,\"note\":\"a\"}",
		"{\"progress\":1,\"fraction\":0.5}",
		"{\"progress\":1,\"note\":\"b\"}",
	};

	expect(lines, 1, "{\"progress\":0.25,\"note\":\"a\"}");
	expect(lines, 2, "{\"progress\":0.5}");
	expect(lines, 3, "{\"progress\":0.5,\"note\":\"b\"}");
}

UNIT(what_makes_no_sense_is_left_out_or_bounded)
{
	static const char *const lines[] = {
		"{\"progress\":1,\"fraction\":\"x\",\"note\":7}",
		"{\"progress\":1,\"fraction\":-1}",
		"{\"progress\":1,\"fraction\":7}",
	};

	expect(lines, 2, "{}");
	expect(lines, 3, "{\"progress\":1}");
}

UNIT(a_long_note_is_cut_at_a_whole_character)
{
	struct advances all = LIST_HEAD_INITIALIZER(all);
	struct advance *advance = advance_new(&all, 1, 0, SLICE("q"));
	struct json_out out = {0};
	char line[1200] = "{\"progress\":1,\"note\":\"x";

	for (int i = 0; i < 300; i++)
		strncat(line, "\xc3\xa9", 3);
	strncat(line, "\"}", 3);
	assert_non_null(advance);
	say(advance, line);
	json_out_object(&out);
	advance_write(&out, advance, "progress");
	json_out_object_end(&out);
	assert_int_equal(out.n, strlen("{\"note\":\"\"}") + 255);
	json_out_fini(&out);
	advance_free(advance);
}

UNIT(what_those_of_a_group_say_is_added_up_until_they_end)
{
	struct advances all = LIST_HEAD_INITIALIZER(all);
	struct advance *a = advance_new(&all, 1, 7, SLICE("q")),
		       *b = advance_new(&all, 2, 7, SLICE("q")),
		       *other = advance_new(&all, 3, 8, SLICE("q"));

	assert_true(a && b && other);
	say(a, "{\"fraction\":0.25}");
	say(b, "{\"fraction\":0.5}");
	say(other, "{\"fraction\":1}");
	assert_true(advance_sum(&all, 7) == 0.75);
	say(b, "{\"note\":\"still\"}");
	assert_true(advance_sum(&all, 7) == 0.75);
	advance_free(a);
	assert_true(advance_sum(&all, 7) == 0.5);
	advance_free(b);
	assert_true(advance_sum(&all, 7) == 0);
	advance_free(other);
	advance_free(NULL);
	assert_true(LIST_EMPTY(&all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_word_holds),
		cmocka_unit_test(what_makes_no_sense_is_left_out_or_bounded),
		cmocka_unit_test(a_long_note_is_cut_at_a_whole_character),
		cmocka_unit_test(
			what_those_of_a_group_say_is_added_up_until_they_end),
	};

	return cmocka_run_group_tests_name("advance", tests, NULL, NULL);
}
