#include "daemon/config/member.h"
#include "tests/helper/t.h"

UNIT(numbers_have_to_be_there_and_within_their_bounds)
{
	struct slice object = SLICE("{\"a\":5,\"b\":\"x\"}");
	bool bad = false;

	assert_int_equal(member_int(object, "a", 0, 5, &bad), 5);
	assert_false(bad);
	assert_int_equal(member_int(object, "a", 6, 9, &bad), 6);
	assert_true(bad);
	bad = false;
	assert_int_equal(member_int(object, "b", -1, 9, &bad), -1);
	assert_true(bad);
	bad = false;
	member_int(object, "c", 0, 9, &bad);
	assert_true(bad);
}

UNIT(names_fit_are_not_empty_and_hold_no_zero)
{
	struct slice object = SLICE(
		"{\"a\":\"xyz\",\"b\":\"\",\"c\":\"\\u0000\","
		"\"d\":7}");
	struct arena arena = {0};
	char text[4];

	assert_int_equal(member_text(&arena, object, "a", text, 4), 0);
	assert_string_equal(text, "xyz");
	assert_int_equal(member_text(&arena, object, "a", text, 3),
			 MEMBER_E_FORM);
	assert_int_equal(member_text(&arena, object, "b", text, 4),
			 MEMBER_E_FORM);
	assert_int_equal(member_text(&arena, object, "c", text, 4),
			 MEMBER_E_FORM);
	assert_int_equal(member_text(&arena, object, "d", text, 4),
			 MEMBER_E_FORM);
	assert_int_equal(member_text(&arena, object, "e", text, 4),
			 MEMBER_E_FORM);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			numbers_have_to_be_there_and_within_their_bounds),
		cmocka_unit_test(names_fit_are_not_empty_and_hold_no_zero),
	};

	return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
