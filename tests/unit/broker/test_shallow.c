#include "daemon/broker/shallow.h"
#include "tests/helper/t.h"

static struct arena arena;

static int tear_down(__attribute__((unused)) void **state)
{
	arena_fini(&arena);
	return 0;
}

static void becomes(const char *text, const char *want)
{
	struct slice got;

	assert_int_equal(shallow_result(slice_of(text), &arena, &got), 0);
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

UNIT(the_result_becomes_null_wherever_it_stands)
{
	becomes("{\"done\":1,\"result\":[[1],{\"a\":[]}],\"token\":2}",
		"{\"done\":1,\"result\":null,\"token\":2}");
	becomes(" {\"done\":1,\"token\":2,\"result\" : {\"x\":\"]}\\\"\"}}",
		" {\"done\":1,\"token\":2,\"result\" : null}");
	/* A value of that name, and a name deeper down, are something else. */
	becomes("{\"a\":\"result\",\"b\":{\"result\":[1]},\"result\":[2]}",
		"{\"a\":\"result\",\"b\":{\"result\":[1]},\"result\":null}");
}

UNIT(what_has_none_is_left_alone)
{
	static const char *const texts[] = {
		"",
		"{",
		"{\"done\":1}",
		"{\"done\":1,\"result\":7}",
		"{\"done\":1,\"result\":[[1]",
		"]]]}}}",
		"{\"a\":\"result\",\"b\"[1]}",
		"\"\\",
		"{\"result\":\"\\",
	};
	struct slice got;

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		assert_int_equal(
			shallow_result(slice_of(texts[i]), &arena, &got),
			SHALLOW_E_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			the_result_becomes_null_wherever_it_stands, tear_down),
		cmocka_unit_test_teardown(what_has_none_is_left_alone,
					  tear_down),
	};

	return cmocka_run_group_tests_name("shallow", tests, NULL, NULL);
}
