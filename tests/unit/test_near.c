#include "proto/near.h"

#include "tests/helper/t.h"

static size_t distance(const char *a, const char *b)
{
	size_t n = near_distance(slice_of(a), slice_of(b));

	assert_int_equal(near_distance(slice_of(b), slice_of(a)), n);
	return n;
}

UNIT(letters_are_counted)
{
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("", "abc"), 3);
	assert_int_equal(distance("queue", "queue"), 0);
	assert_int_equal(distance("priorty", "priority"), 1);
	assert_int_equal(distance("quueue", "queue"), 1);
	assert_int_equal(distance("queeu", "queue"), 1);
	assert_int_equal(distance("durabilty", "durability"), 1);
	assert_int_equal(distance("tiemout", "timeout_ms"), 4);
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("ca", "abc"), 3);
}

UNIT(what_is_long_is_far)
{
	char text[NEAR_BYTES_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[NEAR_BYTES_MAX + 1] = 0;
	assert_int_equal(distance(text, text), NEAR_BYTES_MAX);
	text[NEAR_BYTES_MAX] = 0;
	assert_int_equal(distance(text, text), 0);
}

UNIT(short_names_allow_one_letter_long_ones_two)
{
	assert_true(near_enough(1, 4));
	assert_false(near_enough(2, 4));
	assert_true(near_enough(2, 6));
	assert_false(near_enough(3, 20));
	assert_false(near_enough(1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_are_counted),
		cmocka_unit_test(what_is_long_is_far),
		cmocka_unit_test(short_names_allow_one_letter_long_ones_two),
	};

	return cmocka_run_group_tests_name("near", tests, NULL, NULL);
}
