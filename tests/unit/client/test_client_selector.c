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
	if (result == 0)
		result = selector_fold_nots(&tool, &selector);
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

static bool takes(const char *line, const char *job)
{
	char words[256], *rest = words, *word, *argv[8];
	struct selector selector = {0};
	struct tool tool = {0};
	int argc = 0;
	bool is;

	snprintf(words, sizeof(words), "%s", line);
	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	assert_int_equal(selector_parse(&tool, &selector, argc, argv), 0);
	is = selector_takes(&selector, slice_of(job), NOW_MS);
	selector_fini(&selector);
	return is;
}

UNIT(what_is_left_out_is_looked_at_job_by_job)
{
	static const char job[] =
		"{\"id\":7,\"state\":\"failed\",\"queue\":\"mail\","
		"\"handler\":\"exec\",\"name\":\"n\",\"uid\":1000,"
		"\"created_ms\":999000000,\"started_ms\":999000000,"
		"\"finished_ms\":999060000,\"cause\":\"exit\","
		"\"exit_code\":3,\"group\":5,\"tags\":{\"a\":\"b\"},"
		"\"spec\":{\"argv\":[\"convert\",\"a.png\"]}}";
	static const char *const out[] = {
		"not:queue=mail", "not:name=n",	      "not:5-8",
		"not:5-9:2",	  "not:tag:a=b",      "not:exit=3",
		"not:group=5",	  "not:uid=1000",     "not:cause=exit",
		"not:newer=1h",	  "not:older=10m",    "not:longer=50s",
		"longer=61s",	  "not:handler=exec", "not:queue=x not:7",
		"command=make",	  "not:command=a.p",  "command=convert.a",
	};
	static const char *const in[] = {
		"not:queue=x",	     "not:name=m",    "not:5-9:3",
		"not:tag:a=c",	     "not:tag:x=b",   "not:exit=4",
		"not:group=6",	     "not:uid=1",     "not:key=k",
		"not:cause=timeout", "not:newer=10m", "not:older=1h",
		"not:longer=70s",    "command=conv",  "not:command=make",
		"longer=1m",	     "not:exit=0",
	};

	for (size_t i = 0; i < ARRAY_COUNT(out); i++) {
		if (takes(out[i], job))
			fail_msg("%s takes it", out[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(in); i++) {
		if (!takes(in[i], job))
			fail_msg("%s leaves it out", in[i]);
	}
	/* A job that has not run has run no time, and has no exit code. */
	assert_false(takes("longer=1s", "{\"id\":1,\"created_ms\":1}"));
	assert_true(takes("not:exit=0", "{\"id\":1}"));
}

UNIT(states_that_are_left_out_are_asked_for_less)
{
	assert_string_equal(filter("not:ended not:waiting"),
			    "{\"states\":[\"running\"]}");
	assert_string_equal(filter("ended not:@failed"),
			    "{\"states\":[\"succeeded\",\"cancelled\"]}");
	assert_null(filter("failed not:failed"));
	assert_non_null(strstr(said.text, "no job can have all of this"));
	assert_null(filter("not:last"));
	assert_null(filter("not:not:failed"));
	assert_null(filter("not:"));
	assert_null(filter("not:fialed"));
	assert_non_null(strstr(said.text, "Did you mean failed?"));
}

UNIT(ranges_may_have_steps)
{
	assert_string_equal(filter("40-45:2"), "{\"ids\":[40,42,44]}");
	assert_string_equal(filter("1-3:9,7"), "{\"ids\":[1,7]}");
	assert_null(filter("1-3:"));
	assert_null(filter("1-3:0"));
	assert_null(filter("1:2"));
	assert_string_equal(filter("1-30000:3000"),
			    "{\"ids\":[1,3001,6001,9001,12001,15001,18001,"
			    "21001,24001,27001]}");
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
		cmocka_unit_test(what_is_left_out_is_looked_at_job_by_job),
		cmocka_unit_test(states_that_are_left_out_are_asked_for_less),
		cmocka_unit_test(ranges_may_have_steps),
		cmocka_unit_test(knows_an_empty_one_and_one_of_ids),
	};

	return cmocka_run_group_tests_name("client selector", tests, NULL,
					   NULL);
}
