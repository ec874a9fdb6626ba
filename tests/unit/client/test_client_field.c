#include "client/field.h"
#include "tests/helper/t.h"

UNIT(finds_members_and_has_defaults)
{
	struct slice object = SLICE("{\"n\":5,\"b\":true,\"t\":\"a\\u001bb\","
				    "\"l\":[1],\"o\":{\"x\":1},\"f\":1.5}");
	struct arena arena = {0};

	assert_int_equal(field_int(object, "n"), 5);
	assert_int_equal(field_int(object, "f"), 0);
	assert_int_equal(field_int(object, "t"), 0);
	assert_true(field_bool(object, "b"));
	assert_false(field_bool(object, "n"));
	assert_string_equal(field_text(&arena, object, "t"), "a?b");
	assert_string_equal(field_text(&arena, object, "nope"), "");
	assert_true(slice_is(field_list(object, "l"), "[1]"));
	assert_true(slice_is(field_list(object, "o"), "[]"));
	assert_true(slice_is(field_object(object, "o"), "{\"x\":1}"));
	assert_true(slice_is(field_object(object, "l"), "{}"));
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_members_and_has_defaults),
	};

	return cmocka_run_group_tests_name("client field", tests, NULL, NULL);
}
