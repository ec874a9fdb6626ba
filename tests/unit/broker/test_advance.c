#include "daemon/broker/advance.h"
#include "tests/helper/t.h"

#include <string.h>

/* What is shown after these words, each of the same job. */
static void expect(const char *const *lines, size_t count, const char *shown)
{
	struct advance *advance = NULL;
	struct json_out out = {0};

	for (size_t i = 0; i < count; i++)
		assert_int_equal(advance_read(slice_of(lines[i]), &advance), 0);
	json_out_object(&out);
	advance_write(&out, advance);
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
	struct advance *advance = NULL;
	struct json_out out = {0};
	char line[1200] = "{\"progress\":1,\"note\":\"x";

	for (int i = 0; i < 300; i++)
		strncat(line, "\xc3\xa9", 3);
	strncat(line, "\"}", 3);
	assert_int_equal(advance_read(slice_of(line), &advance), 0);
	json_out_object(&out);
	advance_write(&out, advance);
	json_out_object_end(&out);
	assert_int_equal(out.n, strlen("{\"note\":\"\"}") + 255);
	json_out_fini(&out);
	advance_free(advance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_word_holds),
		cmocka_unit_test(what_makes_no_sense_is_left_out_or_bounded),
		cmocka_unit_test(a_long_note_is_cut_at_a_whole_character),
	};

	return cmocka_run_group_tests_name("advance", tests, NULL, NULL);
}
