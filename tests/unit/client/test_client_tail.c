#include "client/tail.h"
#include "tests/helper/t.h"

static struct tail tail;

static const char *of(const char *text, size_t lines)
{
	tail = (struct tail){.lines = lines};
	tail_add(&tail, text, strlen(text));
	tail_finish(&tail);
	return tail.text;
}

UNIT(keeps_the_last_lines)
{
	assert_string_equal(of("a\nb\nc\n", 2), "b\nc");
	assert_true(tail.cut);
	assert_string_equal(of("a\nb\nc", 3), "a\nb\nc");
	assert_false(tail.cut);
	assert_string_equal(of("", 3), "");
	assert_string_equal(of("\n\n", 3), "");
	assert_string_equal(of("a\n\nb", 2), "\nb");
}

UNIT(holds_no_more_than_it_may)
{
	static char text[3 * TAIL_BYTES];

	tail = (struct tail){.lines = 10};
	memset(text, 'x', sizeof(text));
	for (size_t i = 1; i < sizeof(text); i += 977)
		tail_add(&tail, text, i);
	tail_add(&tail, "\nlast", 5);
	tail_finish(&tail);
	assert_int_equal(strlen(tail.text), TAIL_BYTES);
	assert_true(tail.cut);
	assert_string_equal(tail.text + TAIL_BYTES - 5, "\nlast");
}

UNIT(is_safe_to_print)
{
	assert_string_equal(of("a\x1b[2J\n\tb\xff\n", 5), "a?[2J\n b?");
	tail = (struct tail){.lines = 5};
	tail_add(&tail, "a\0b", 3);
	tail_finish(&tail);
	assert_string_equal(tail.text, "a?b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_last_lines),
		cmocka_unit_test(holds_no_more_than_it_may),
		cmocka_unit_test(is_safe_to_print),
	};

	return cmocka_run_group_tests_name("client tail", tests, NULL, NULL);
}
