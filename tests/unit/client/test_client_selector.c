#include "client/selector.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

#define NOW_MS INT64_C(1000000000)

static struct quiet said;

/* The filter that @line makes; NULL when it is refused. */
static const char *filter(const char *line)
{
	static char words[256], text[1024];
	struct selector selector = {0};
	struct tool tool = {0};
	struct json_out out = {0};
	char *rest = words, *word;
	int result = 0;

	snprintf(words, sizeof(words), "%s", line);
	quiet_begin(&said);
	while (result == 0 && (word = strsep(&rest, " ")))
		result = selector_add(&tool, &selector, word);
	quiet_end(&said);
	selector_write(&selector, &out, NOW_MS);
	snprintf(text, sizeof(text), "%.*s", (int)json_out_slice(&out).n,
		 json_out_slice(&out).p);
	json_out_fini(&out);
	selector_fini(&selector);
	return result == 0 ? text : NULL;
}

UNIT(ids_ranges_and_lists_of_them)
{
	assert_string_equal(filter("42"), "{\"ids\":[42]}");
	assert_string_equal(filter("1-3,8 10"), "{\"ids\":[1,2,3,8,10]}");
}

UNIT(states_by_their_words_and_by_families)
{
	assert_string_equal(filter("failed"), "{\"states\":[\"failed\"]}");
	assert_string_equal(filter("@running"), "{\"states\":[\"running\"]}");
	assert_string_equal(filter("state=failed,cancelled"),
			    "{\"states\":[\"failed\",\"cancelled\"]}");
	assert_string_equal(filter("waiting"),
			    "{\"states\":[\"held\",\"blocked\",\"scheduled\","
			    "\"ready\"]}");
	assert_string_equal(
		filter("ended"),
		"{\"states\":[\"succeeded\",\"failed\",\"cancelled\"]}");
}

UNIT(pairs_are_joined_by_and)
{
	assert_string_equal(
		filter("failed queue=mail name=x group=7 exit=0 uid=5 key=k"),
		"{\"states\":[\"failed\"],\"queue\":\"mail\",\"name\":\"x\","
		"\"key\":\"k\",\"group\":7,\"exit_code\":0,\"uid\":5}");
	assert_string_equal(filter("cause=timeout"),
			    "{\"causes\":[\"timeout\"]}");
	assert_string_equal(filter("tag:lang=de"),
			    "{\"tags\":{\"lang\":\"de\"}}");
	assert_string_equal(filter("all"), "{\"all\":true}");
}

UNIT(ages_become_points_in_time)
{
	assert_string_equal(filter("newer=1m older=2s"),
			    "{\"newer_than_ms\":999940000,"
			    "\"older_than_ms\":999998000}");
}

UNIT(what_means_nothing_is_refused_by_name)
{
	static const char *const bad[] = {
		"0",
		"5-3",
		"1,",
		"1-",
		"7x",
		"fialed",
		"queue=",
		"state=nope",
		"newer=x",
		"cause=nope",
		"exit=x",
		"tag:x",
		"frob=1",
		"user=no-such-user-here",
		"99999999999999999999",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_null(filter(bad[i]));
	assert_null(filter("fialed"));
	assert_non_null(strstr(said.text, "Did you mean failed?"));
	assert_null(filter("1-10001"));
	assert_non_null(strstr(said.text, "more than 10000 ids"));
}

UNIT(knows_an_empty_one_and_one_of_ids)
{
	struct selector selector = {0};
	struct tool tool = {0};

	assert_true(selector_is_empty(&selector));
	assert_false(selector_is_ids(&selector));
	assert_int_equal(selector_add(&tool, &selector, "last"), 0);
	assert_true(selector_is_ids(&selector));
	assert_int_equal(selector_add(&tool, &selector, "3"), 0);
	assert_true(selector_is_ids(&selector));
	assert_int_equal(selector_add(&tool, &selector, "failed"), 0);
	assert_false(selector_is_ids(&selector));
	selector_fini(&selector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_ranges_and_lists_of_them),
		cmocka_unit_test(states_by_their_words_and_by_families),
		cmocka_unit_test(pairs_are_joined_by_and),
		cmocka_unit_test(ages_become_points_in_time),
		cmocka_unit_test(what_means_nothing_is_refused_by_name),
		cmocka_unit_test(knows_an_empty_one_and_one_of_ids),
	};

	return cmocka_run_group_tests_name("client selector", tests, NULL,
					   NULL);
}
