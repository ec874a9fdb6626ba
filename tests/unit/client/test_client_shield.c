#include "client/shield.h"
#include "tests/helper/t.h"

static struct json_out out;

/* In pieces of @piece bytes, as a stream may have it. */
static const char *shielded(const char *text, size_t piece)
{
	struct shield shield = {0};
	struct slice left = slice_of(text);

	json_out_reset(&out);
	while (left.n > 0) {
		size_t n = left.n < piece ? left.n : piece;

		shield_write(&shield, (struct slice){left.p, n}, &out);
		left.p += n;
		left.n -= n;
	}
	json_out_byte(&out, '\0');
	assert_true(json_out_ok(&out));
	return out.p;
}

UNIT(orders_become_what_json_reads_as_the_same)
{
	for (size_t piece = 1; piece <= 64; piece++) {
		assert_string_equal(
			shielded("{\"a\":\"\xc2\x9b"
				 "2J\u202e\u2069\x7f\"}\n",
				 piece),
			"{\"a\":\"\\u009b2J\\u202e\\u2069\\u007f\"}\n");
	}
}

UNIT(letters_and_our_own_colours_stay)
{
	static const char text[] = "\x1b[31m\u00fc\u00a0\u65e5\U0001f600\t"
				   "\u200f\x1b[0m\r\n";

	for (size_t piece = 1; piece <= sizeof(text); piece++)
		assert_string_equal(shielded(text, piece), text);
}

UNIT(bytes_that_are_no_text_are_marked)
{
	for (size_t piece = 1; piece <= 8; piece++) {
		assert_string_equal(shielded("a\x9b\x62", piece), "a?b");
		assert_string_equal(shielded("\xe2\x80\n", piece), "?\n");
		assert_string_equal(shielded("\xed\xa0\x80z", piece), "?z");
		assert_string_equal(shielded("\xe2\xe2\x80\x94", piece),
				    "?\u2014");
	}
}

static int cleanup(void **state)
{
	(void)state;
	json_out_fini(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_become_what_json_reads_as_the_same),
		cmocka_unit_test(letters_and_our_own_colours_stay),
		cmocka_unit_test(bytes_that_are_no_text_are_marked),
	};

	return cmocka_run_group_tests_name("client shield", tests, NULL,
					   cleanup);
}
