#include "proto/callback.h"

#include <stdio.h>

#include "proto/names.h"
#include "proto/retry.h"
#include "tests/helper/t.h"

static int decode(struct arena *arena, const char *text, struct spec *ret,
		  struct schema_fault *ret_fault)
{
	struct json_fault fault;

	assert_int_equal(json_check(slice_of(text), &fault), 0);
	return spec_decode(arena, slice_of(text), NULL, "job", ret, ret_fault);
}

static void refuse(const char *text, int error, const char *path)
{
	struct arena arena = {0};
	struct schema_fault fault = {0};
	struct spec spec = {0};

	assert_int_equal(decode(&arena, text, &spec, &fault), error);
	assert_string_equal(fault.path, path);
	assert_true(fault.message[0]);
	assert_int_equal(spec.has, 0);
	arena_fini(&arena);
}

#define JOB(lists) "{\"argv\":[\"a\"]," lists "}"

UNIT(a_callback_has_its_defaults)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct retry_rule rule;
	struct spec spec;

	assert_int_equal(callback_decode(&arena, SLICE("{\"shell\":\"x\"}"),
					 "on_done[0]", &spec, &fault),
			 0);
	assert_true(slice_is(spec.handler, "exec"));
	assert_true(slice_is(spec.queue, "callbacks"));
	assert_int_equal(spec.timeout_ms, 30000);
	assert_int_equal(spec.expire_ms, 0);
	assert_int_equal(spec.priority, 0);
	assert_int_equal(
		retry_rule_decode(&arena, spec.retry, "", &rule, &fault), 0);
	assert_int_equal(retry_rule_check(&rule, "", &fault), 0);
	assert_int_equal(rule.max_attempts, 5);
	assert_int_equal(rule.backoff_ms, 1000);
	assert_int_equal(rule.backoff_max_ms, 60000);
	assert_true(rule.cause_bits & 1u << CAUSE_EXEC);
	arena_fini(&arena);
}

UNIT(what_it_gives_itself_stands)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec spec;

	assert_int_equal(
		callback_decode(&arena,
				SLICE("{\"handler\":\"h\",\"args\":{\"a\":1},"
				      "\"queue\":\"q\",\"timeout_ms\":0,"
				      "\"priority\":3,\"delay_ms\":5,"
				      "\"retry\":{\"max_attempts\":2},"
				      "\"tags\":{\"t\":\"u\"},\"keep_ms\":9}"),
				"on_done[0]", &spec, &fault),
		0);
	assert_true(slice_is(spec.queue, "q"));
	assert_int_equal(spec.timeout_ms, 0);
	assert_true(slice_is(spec.retry, "{\"max_attempts\":2}"));
	assert_true(slice_is(spec.args, "{\"a\":1}"));
	arena_fini(&arena);
}

UNIT(a_walk_finds_all_of_them_each_before_its_own)
{
	static const char *const paths[] = {
		"job.on_success[0]", "job.on_success[0].on_done[0]",
		"job.on_success[0].on_done[0].on_failure[0]",
		"job.on_success[1]", "job.on_done[0]"};
	struct arena arena = {0};
	struct schema_fault fault;
	struct callback_walk walk;
	struct callbacks callbacks;
	struct spec spec;
	bool found;

	assert_int_equal(
		decode(&arena,
		       JOB("\"on_done\":[{\"shell\":\"5\"}],\"on_failure\":[],"
			   "\"on_success\":[{\"shell\":\"1\",\"on_done\":"
			   "[{\"shell\":\"2\",\"on_failure\":[{\"shell\":"
			   "\"3\"}]}]},{\"shell\":\"4\"}]"),
		       &spec, &fault),
		0);
	callbacks = callbacks_of(&spec);
	assert_false(callbacks_are_none(&callbacks));
	callback_walk_begin(&walk, &arena, &callbacks, "job", &fault);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		assert_int_equal(callback_walk_next(&walk, &found), 0);
		assert_true(found);
		assert_string_equal(walk.path, paths[i]);
		assert_int_equal(walk.spec.shell.p[0], '1' + (int)i);
	}
	assert_int_equal(callback_walk_next(&walk, &found), 0);
	assert_false(found);
	arena_fini(&arena);
}

UNIT(empty_lists_are_no_callbacks)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct callbacks callbacks;
	struct spec spec;

	assert_int_equal(decode(&arena,
				JOB("\"on_done\":[],\"on_success\":null"),
				&spec, &fault),
			 0);
	callbacks = callbacks_of(&spec);
	assert_true(callbacks_are_none(&callbacks));
	arena_fini(&arena);
}

UNIT(a_wrong_callback_is_refused_with_its_place)
{
	refuse(JOB("\"on_done\":{}"), SCHEMA_E_KIND, "job.on_done");
	refuse(JOB("\"on_done\":[\"x\"]"), SCHEMA_E_KIND, "job.on_done[0]");
	refuse(JOB("\"on_failure\":[{\"shell\":\"a\"},{}]"), SCHEMA_E_MISSING,
	       "job.on_failure[1].argv");
	refuse(JOB("\"on_success\":[{\"argv\":[]}]"), SCHEMA_E_RANGE,
	       "job.on_success[0].argv");
	refuse(JOB("\"on_success\":[{\"shel\":\"a\"}]"), SCHEMA_E_UNKNOWN,
	       "job.on_success[0].shel");
	refuse(JOB("\"on_done\":[{\"shell\":\"a\",\"after\":[1]}]"),
	       SCHEMA_E_UNBUILT, "job.on_done[0].after");
	refuse(JOB("\"on_done\":[{\"shell\":\"a\",\"on_done\":[{\"handler\":"
		   "\"h\",\"argv\":[\"a\"]}]}]"),
	       SCHEMA_E_CONFLICT, "job.on_done[0].on_done[0].argv");
	refuse(JOB("\"on_done\":[{\"shell\":\"a\",\"retry\":"
		   "{\"max_attempts\":0}}]"),
	       SCHEMA_E_RANGE, "job.on_done[0].retry.max_attempts");
}

UNIT(what_only_a_submission_can_have_is_refused)
{
	static const char *const fields[][2] = {
		{"stdin", "\"\""},  {"stdin64", "\"\""},
		{"key", "\"k\""},   {"unique", "\"u\""},
		{"hold", "true"},   {"run_at_ms", "1"},
		{"once", "false"},  {"durability", "\"sync\""},
		{"group", "1"},	    {"stdin_fd", "0"},
		{"stdout_fd", "0"}, {"stderr_fd", "0"},
		{"cwd_fd", "0"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		char text[160], path[64];

		snprintf(text, sizeof(text),
			 JOB("\"on_done\":[{\"shell\":\"a\",\"%s\":%s}]"),
			 fields[i][0], fields[i][1]);
		snprintf(path, sizeof(path), "job.on_done[0].%s", fields[i][0]);
		refuse(text, SCHEMA_E_CONFLICT, path);
	}
}

UNIT(there_is_a_limit_to_how_many_and_how_deep)
{
	char text[1024] = "{\"argv\":[\"a\"],\"on_done\":[";

	for (int i = 0; i < LIMIT_CALLBACKS; i++)
		strcat(text, "{\"shell\":\"a\"},");
	strcat(text, "{\"shell\":\"a\"}]}");
	refuse(text, SCHEMA_E_RANGE, "job.on_done");
	refuse(JOB("\"on_done\":[{\"shell\":\"a\",\"on_done\":[{\"shell\":"
		   "\"b\",\"on_done\":[{\"shell\":\"c\",\"on_failure\":"
		   "[{\"shell\":\"d\"}]}]}]}]"),
	       SCHEMA_E_RANGE, "job.on_done[0].on_done[0].on_done[0]");
}

UNIT(a_job_in_memory_has_no_callbacks)
{
	refuse(JOB("\"durability\":\"memory\",\"on_done\":[{\"shell\":"
		   "\"a\"}]"),
	       SCHEMA_E_CONFLICT, "job.durability");
}

UNIT(defaults_may_have_callbacks_and_a_job_its_own_instead)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec defaults, spec;

	assert_int_equal(
		spec_defaults_decode(&arena,
				     SLICE("{\"on_done\":[{\"shell\":\"a\"}]}"),
				     "defaults", &defaults, &fault),
		0);
	assert_int_equal(spec_decode(&arena, SLICE("{\"argv\":[\"a\"]}"),
				     &defaults, "job", &spec, &fault),
			 0);
	assert_true(slice_is(spec.on_done, "[{\"shell\":\"a\"}]"));
	assert_int_equal(spec_decode(&arena, SLICE(JOB("\"on_done\":[]")),
				     &defaults, "job", &spec, &fault),
			 0);
	assert_true(slice_is(spec.on_done, "[]"));
	assert_int_equal(spec_defaults_decode(&arena,
					      SLICE("{\"on_done\":[{}]}"),
					      "defaults", &defaults, &fault),
			 SCHEMA_E_MISSING);
	assert_string_equal(fault.path, "defaults.on_done[0].argv");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_callback_has_its_defaults),
		cmocka_unit_test(what_it_gives_itself_stands),
		cmocka_unit_test(a_walk_finds_all_of_them_each_before_its_own),
		cmocka_unit_test(empty_lists_are_no_callbacks),
		cmocka_unit_test(a_wrong_callback_is_refused_with_its_place),
		cmocka_unit_test(what_only_a_submission_can_have_is_refused),
		cmocka_unit_test(there_is_a_limit_to_how_many_and_how_deep),
		cmocka_unit_test(a_job_in_memory_has_no_callbacks),
		cmocka_unit_test(
			defaults_may_have_callbacks_and_a_job_its_own_instead),
	};

	return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
