#include "proto/json_depth.h"

#include "tests/helper/t.h"

static bool is_deeper(const char *text, size_t depth)
{
	return json_is_deeper(slice_of(text), depth);
}

UNIT(depth_counts_lists_and_objects_inside_each_other)
{
	assert_false(is_deeper("1", 0));
	assert_true(is_deeper("[]", 0));
	assert_false(is_deeper("[{},[],{}]", 2));
	assert_true(is_deeper("[{\"a\":[]}]", 2));
	assert_false(is_deeper("[{\"a\":[]}]", 3));
	/* Far behind the deepest, and before it. */
	assert_true(is_deeper("[[[1]],2,3,4,5,6,7]", 2));
	assert_true(is_deeper("[1,2,3,4,5,6,7,[[]]]", 2));
}

UNIT(brackets_in_strings_do_not_count)
{
	assert_false(is_deeper("[\"[[[[\"]", 1));
	assert_false(is_deeper("[\"\\\"[[[\",\"\\\\\",1]", 1));
	assert_true(is_deeper("[\"\\\\\",[1]]", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			depth_counts_lists_and_objects_inside_each_other),
		cmocka_unit_test(brackets_in_strings_do_not_count),
	};

	return cmocka_run_group_tests_name("json_depth", tests, NULL, NULL);
}
