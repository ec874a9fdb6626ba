#include "client/handler_args.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

static char joined[512], said[8192];

/* What the words come to, or the exit code. */
static int join(const char *a, const char *b)
{
	const char *const words[] = {a, b};
	struct tool tool = {0};
	struct json_out out = {0};
	struct quiet quiet;
	int result;

	quiet_begin(&quiet);
	result = handler_args_join(&tool, words, b ? 2 : a ? 1 : 0, &out);
	snprintf(said, sizeof(said), "%s", quiet_end(&quiet));
	snprintf(joined, sizeof(joined), "%.*s", (int)out.n,
		 out.p ? out.p : "");
	json_out_fini(&out);
	return result;
}

static void assert_joined(const char *a, const char *b, const char *json)
{
	assert_int_equal(join(a, b), 0);
	assert_string_equal(joined, json);
}

static void assert_refused(const char *a, const char *b, const char *why)
{
	assert_int_equal(join(a, b), EXIT_USAGE);
	assert_non_null(strstr(said, why));
}

UNIT(words_become_members_of_one_object)
{
	assert_joined(NULL, NULL, "{}");
	assert_joined("a=b", NULL, "{\"a\":\"b\"}");
	assert_joined("a=b=c", "n:=[1, {}]", "{\"a\":\"b=c\",\"n\":[1, {}]}");
	assert_joined("a=", "b=\"\\", "{\"a\":\"\",\"b\":\"\\\"\\\\\"}");
	assert_joined(" {\"a\": {\"b\":1}}", "c=d",
		      "{\"a\":{\"b\":1},\"c\":\"d\"}");
	assert_joined("{\"\\u0061\":1}", NULL, "{\"a\":1}");
	assert_joined(":=x", NULL, "{\":\":\"x\"}");
}

UNIT(what_is_no_json_is_told_with_its_place)
{
	assert_refused("{\"a\":1", NULL, "line 1, column 7, where it ends");
	assert_refused("{\n \"a\":1,}", NULL, "line 2, column 8: }");
	assert_refused("n:=1x", NULL, "line 1, column 2: x");
	assert_refused("n:=", NULL, "where it ends");
	assert_refused("[1]", NULL, "neither a JSON object");
	assert_refused("5", NULL, "neither a JSON object");
	assert_refused("=x", NULL, "neither a JSON object");
	assert_refused("a=\xff", NULL, "not UTF-8");
}

UNIT(a_member_that_is_given_twice_is_refused)
{
	assert_refused("a=1", "a=2", "a is given twice");
	assert_refused("{\"a\":1}", "a:=2", "a is given twice");
	assert_refused("{\"\\u0061\":1}", "a=2", "a is given twice");
	assert_joined("a=1", "aa=1", "{\"a\":\"1\",\"aa\":\"1\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_members_of_one_object),
		cmocka_unit_test(what_is_no_json_is_told_with_its_place),
		cmocka_unit_test(a_member_that_is_given_twice_is_refused),
	};

	return cmocka_run_group_tests_name("client handler args", tests, NULL,
					   NULL);
}
