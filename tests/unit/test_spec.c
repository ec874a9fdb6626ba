#include "proto/spec.h"

#include <stdio.h>

#include "proto/json_in.h"
#include "proto/names.h"
#include "tests/helper/t.h"

static int decode(struct arena *arena, const char *text,
		  const struct spec *defaults, struct spec *ret,
		  struct schema_fault *ret_fault)
{
	struct json_fault fault;

	assert_int_equal(json_check(slice_of(text), &fault), 0);
	return spec_decode(arena, slice_of(text), defaults, "job", ret,
			   ret_fault);
}

static void refuse(const char *text, int error, const char *path)
{
	struct arena arena = {0};
	struct schema_fault fault = {0};
	struct spec spec = {0};

	assert_int_equal(decode(&arena, text, NULL, &spec, &fault), error);
	assert_string_equal(fault.path, path);
	assert_true(fault.message[0]);
	assert_int_equal(spec.has, 0);
	arena_fini(&arena);
}

UNIT(a_spec_has_its_defaults)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec spec;

	assert_int_equal(
		decode(&arena, "{\"argv\":[\"true\"]}", NULL, &spec, &fault),
		0);
	assert_true(slice_is(spec.handler, "exec"));
	assert_true(slice_is(spec.queue, "default"));
	assert_int_equal(spec.durability, DURABILITY_SYNC);
	assert_int_equal(spec.crash_limit, 3);
	assert_int_equal(spec.grace_ms, 10000);
	assert_int_equal(spec.orphans, ORPHANS_KILL);
	assert_true(SPEC_HAS(&spec, argv));
	assert_false(SPEC_HAS(&spec, queue));
	arena_fini(&arena);
}

UNIT(every_built_field_is_read)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec spec;

	assert_int_equal(
		decode(&arena,
		       "{\"shell\":\"thumbs\",\"queue\":\"q\",\"name\":\"n\","
		       "\"stdin64\":\"Zm8=\",\"context\":"
		       "{\"cwd\":\"/\",\"env\":{\"A\":\"b\"},\"env_mode\":"
		       "\"clean\",\"umask\":18,\"nice\":5,\"limits\":"
		       "{\"nofile\":9}},\"priority\":-7,\"delay_ms\":5,"
		       "\"hold\":true,\"timeout_ms\":6,\"grace_ms\":8,"
		       "\"once\":true,\"crash_limit\":1,\"orphans\":\"keep\","
		       "\"key\":\"k\",\"group\":4,\"durability\":\"sync\","
		       "\"tags\":{\"t\":\"u\"}}",
		       NULL, &spec, &fault),
		0);
	assert_true(slice_is(spec.shell, "thumbs"));
	assert_true(slice_is(spec.stdin64, "Zm8="));
	assert_int_equal(spec.priority, -7);
	assert_int_equal(spec.delay_ms, 5);
	assert_true(spec.hold && spec.once);
	assert_int_equal(spec.orphans, ORPHANS_KEEP);
	assert_int_equal(spec.group, 4);
	assert_true(slice_is(spec.tags, "{\"t\":\"u\"}"));
	arena_fini(&arena);
}

UNIT(a_handler_takes_args_and_nothing_that_only_a_process_has)
{
	static const char *const others[] = {
		"\"argv\":[\"a\"]", "\"shell\":\"a\"", "\"stdin\":\"\"",
		"\"stdin64\":\"\"", "\"context\":{}",  "\"orphans\":\"kill\"",
		"\"stdin_fd\":0",   "\"stdout_fd\":0", "\"stderr_fd\":0",
		"\"cwd_fd\":0",
	};
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec spec;

	assert_int_equal(decode(&arena,
				"{\"handler\":\"thumbs\",\"args\":{\"a\":1}}",
				NULL, &spec, &fault),
			 0);
	assert_true(slice_is(spec.handler, "thumbs"));
	assert_true(slice_is(spec.args, "{\"a\":1}"));
	arena_fini(&arena);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		char text[128], path[64];

		snprintf(text, sizeof(text), "{\"handler\":\"h\",%s}",
			 others[i]);
		snprintf(path, sizeof(path), "job.%.*s",
			 (int)(strchr(others[i] + 1, '"') - others[i] - 1),
			 others[i] + 1);
		refuse(text, SCHEMA_E_CONFLICT, path);
	}
}

UNIT(something_to_run_is_asked_for)
{
	refuse("{}", SCHEMA_E_MISSING, "job.argv");
	refuse("{\"argv\":[]}", SCHEMA_E_RANGE, "job.argv");
	refuse("{\"argv\":[\"\"]}", SCHEMA_E_RANGE, "job.argv[0]");
	refuse("{\"argv\":[\"a\",\"b\\u0000\"]}", SCHEMA_E_RANGE,
	       "job.argv[1]");
	refuse("{\"argv\":[\"a\",5]}", SCHEMA_E_KIND, "job.argv[1]");
	refuse("{\"argv\":\"a b\"}", SCHEMA_E_KIND, "job.argv");
	refuse("{\"shell\":\"\"}", SCHEMA_E_RANGE, "job.shell");
	refuse("{\"argv\":[\"a\"],\"shell\":\"b\"}", SCHEMA_E_CONFLICT,
	       "job.shell");
	refuse("{\"argv\":[\"a\"],\"args\":{}}", SCHEMA_E_CONFLICT, "job.args");
	refuse("{\"handler\":\"h\",\"argv\":[\"a\"]}", SCHEMA_E_CONFLICT,
	       "job.argv");
}

UNIT(contradictions_are_refused)
{
#define RUN "{\"argv\":[\"a\"],"
	refuse(RUN "\"delay_ms\":1,\"run_at_ms\":1}", SCHEMA_E_CONFLICT,
	       "job.run_at_ms");
	refuse(RUN "\"stdin\":\"\",\"stdin64\":\"\"}", SCHEMA_E_CONFLICT,
	       "job.stdin64");
	refuse(RUN "\"stdin64\":\"*\"}", SCHEMA_E_RANGE, "job.stdin64");
	refuse(RUN "\"durability\":\"memory\",\"once\":true}",
	       SCHEMA_E_CONFLICT, "job.once");
	refuse(RUN "\"durability\":\"result\",\"once\":true}",
	       SCHEMA_E_CONFLICT, "job.once");
	refuse(RUN "\"durability\":\"memory\",\"key\":\"k\"}",
	       SCHEMA_E_CONFLICT, "job.key");
	refuse(RUN "\"queue\":\"\"}", SCHEMA_E_RANGE, "job.queue");
	refuse(RUN "\"queue\":\"a\\nb\"}", SCHEMA_E_RANGE, "job.queue");
	refuse(RUN "\"name\":\"\\u0000\"}", SCHEMA_E_RANGE, "job.name");
	refuse(RUN "\"context\":{\"cwd\":\"x\"}}", SCHEMA_E_RANGE,
	       "job.context.cwd");
	refuse(RUN "\"context\":{\"cwd\":5}}", SCHEMA_E_KIND,
	       "job.context.cwd");
	refuse(RUN "\"context\":{\"env\":{\"a=\":\"\"}}}", SCHEMA_E_RANGE,
	       "job.context.env");
	refuse(RUN "\"context\":{\"umask\":512}}", SCHEMA_E_RANGE,
	       "job.context.umask");
	refuse(RUN "\"serial\":\"x\"}", SCHEMA_E_UNBUILT, "job.serial");
	refuse(RUN "\"priorty\":1}", SCHEMA_E_UNKNOWN, "job.priorty");
}

UNIT(tries_and_words_are_checked)
{
	refuse(RUN "\"retry\":{\"max_attempts\":0}}", SCHEMA_E_RANGE,
	       "job.retry.max_attempts");
	refuse(RUN "\"retry\":{\"causes\":[\"worker_lost\"]}}", SCHEMA_E_RANGE,
	       "job.retry.causes");
	refuse(RUN "\"retry\":{\"causes\":[]}}", SCHEMA_E_RANGE,
	       "job.retry.causes");
	refuse(RUN "\"retry\":3}", SCHEMA_E_KIND, "job.retry");
	/* A rule without a number means three tries. */
	refuse(RUN "\"once\":true,\"retry\":{}}", SCHEMA_E_CONFLICT,
	       "job.retry");
	refuse(RUN "\"on_conflict\":\"reject\"}", SCHEMA_E_CONFLICT,
	       "job.on_conflict");
	refuse(RUN "\"key\":\"k\",\"on_conflict\":\"win\"}", SCHEMA_E_WORD,
	       "job.on_conflict");
	refuse(RUN "\"durability\":\"memory\",\"unique\":\"u\"}",
	       SCHEMA_E_CONFLICT, "job.unique");
	refuse(RUN "\"unique\":\"\"}", SCHEMA_E_RANGE, "job.unique");
	refuse(RUN "\"expire_ms\":-1}", SCHEMA_E_RANGE, "job.expire_ms");
	refuse(RUN "\"keep_ms\":-1}", SCHEMA_E_RANGE, "job.keep_ms");
}

UNIT(tags_hold_no_control_characters)
{
	refuse(RUN "\"tags\":{\"\\u001b[2J\":\"x\"}}", SCHEMA_E_RANGE,
	       "job.tags");
	refuse(RUN "\"tags\":{\"a\":\"b\",\"x\":\"\\n\"}}", SCHEMA_E_RANGE,
	       "job.tags");
	refuse(RUN "\"tags\":{\"x\":\"\\u007f\"}}", SCHEMA_E_RANGE, "job.tags");
}

UNIT(tries_and_words_are_read)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec defaults, spec;

	assert_int_equal(decode(&arena,
				RUN
				"\"once\":true,\"retry\":{\"max_attempts\":1},"
				"\"unique\":\"u\",\"on_conflict\":\"replace\","
				"\"expire_ms\":5,\"keep_ms\":0}",
				NULL, &spec, &fault),
			 0);
	assert_true(slice_is(spec.retry, "{\"max_attempts\":1}"));
	assert_true(slice_is(spec.unique, "u"));
	assert_int_equal(spec.on_conflict, CONFLICT_REPLACE);
	assert_int_equal(spec.expire_ms, 5);
	assert_true(SPEC_HAS(&spec, keep_ms) && spec.keep_ms == 0);

	/* Defaults need no key; who takes them does. */
	assert_int_equal(spec_defaults_decode(
				 &arena, SLICE("{\"on_conflict\":\"reject\"}"),
				 "defaults", &defaults, &fault),
			 0);
	assert_int_equal(
		decode(&arena, RUN "\"key\":\"k\"}", &defaults, &spec, &fault),
		0);
	assert_int_equal(spec.on_conflict, CONFLICT_REJECT);
	arena_fini(&arena);
}

UNIT(limits_of_a_command_hold)
{
	static char text[3 * 1024 * 1024];
	size_t n = sizeof(text), at;
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec spec;

	at = (size_t)sprintf(text, "{\"argv\":[\"");
	memset(text + at, 'x', 131072);
	strcpy(text + at + 131072, "\"]}");
	assert_int_equal(decode(&arena, text, NULL, &spec, &fault),
			 SCHEMA_E_RANGE);
	assert_string_equal(fault.path, "job.argv[0]");
	strcpy(text + at + 131071, "\"]}");
	assert_int_equal(decode(&arena, text, NULL, &spec, &fault), 0);

	for (at = 9; at < 1200000; at += 100000) {
		memset(text + at, 'x', 100000);
		memcpy(text + at, at == 9 ? "\"" : ",\"", at == 9 ? 1 : 2);
		text[at + 99999] = '"';
	}
	strcpy(text + at, "]}");
	assert_int_equal(decode(&arena, text, NULL, &spec, &fault),
			 SCHEMA_E_RANGE);
	assert_string_equal(fault.path, "job.argv");

	memset(text, ' ', n - 1);
	memcpy(text, "{", 1);
	strcpy(text + n - 2, "}");
	assert_int_equal(decode(&arena, text, NULL, &spec, &fault),
			 SCHEMA_E_RANGE);
	assert_string_equal(fault.path, "job");
	arena_fini(&arena);
}

UNIT(descriptors_are_numbers_and_exclude_what_they_stand_for)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec spec;

	assert_int_equal(
		decode(&arena,
		       "{\"argv\":[\"a\"],\"stdin_fd\":0,"
		       "\"stdout_fd\":15,\"retry\":{\"max_attempts\":1}}",
		       NULL, &spec, &fault),
		0);
	assert_true(spec_has_descriptors(&spec));
	assert_true(SPEC_HAS(&spec, stdin_fd) && !SPEC_HAS(&spec, cwd_fd));
	assert_int_equal(spec.stdout_fd, 15);
	arena_fini(&arena);
	refuse("{\"argv\":[\"a\"],\"stdin_fd\":16}", SCHEMA_E_RANGE,
	       "job.stdin_fd");
	refuse("{\"argv\":[\"a\"],\"stderr_fd\":-1}", SCHEMA_E_RANGE,
	       "job.stderr_fd");
	refuse("{\"argv\":[\"a\"],\"stdin_fd\":0,\"stdin64\":\"\"}",
	       SCHEMA_E_CONFLICT, "job.stdin_fd");
	refuse("{\"argv\":[\"a\"],\"cwd_fd\":0,\"context\":{\"cwd\":\"/\"}}",
	       SCHEMA_E_CONFLICT, "job.cwd_fd");
	refuse("{\"argv\":[\"a\"],\"cwd_fd\":0,\"retry\":{}}",
	       SCHEMA_E_CONFLICT, "job.retry");
}

UNIT(defaults_fill_what_a_job_does_not_say)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct spec defaults, spec;

	assert_int_equal(
		spec_defaults_decode(&arena,
				     SLICE("{\"queue\":\"q\",\"shell\":\"a\","
					   "\"delay_ms\":5,\"stdin\":\"x\"}"),
				     "defaults", &defaults, &fault),
		0);
	assert_int_equal(decode(&arena, "{}", &defaults, &spec, &fault), 0);
	assert_true(slice_is(spec.queue, "q"));
	assert_true(slice_is(spec.shell, "a"));
	assert_int_equal(spec.delay_ms, 5);
	assert_true(SPEC_HAS(&spec, queue));

	assert_int_equal(decode(&arena,
				"{\"argv\":[\"b\"],\"run_at_ms\":9,"
				"\"stdin64\":\"\",\"queue\":\"r\"}",
				&defaults, &spec, &fault),
			 0);
	assert_true(slice_is(spec.queue, "r"));
	assert_false(SPEC_HAS(&spec, shell));
	assert_null(spec.shell.p);
	assert_int_equal(spec.delay_ms, 0);
	assert_null(spec.stdin_text.p);
	assert_int_equal(spec_defaults_decode(&arena, SLICE("{\"queue\":\"\"}"),
					      "defaults", &defaults, &fault),
			 SCHEMA_E_RANGE);
	assert_string_equal(fault.path, "defaults.queue");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_has_its_defaults),
		cmocka_unit_test(every_built_field_is_read),
		cmocka_unit_test(
			a_handler_takes_args_and_nothing_that_only_a_process_has),
		cmocka_unit_test(something_to_run_is_asked_for),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(tries_and_words_are_checked),
		cmocka_unit_test(tags_hold_no_control_characters),
		cmocka_unit_test(tries_and_words_are_read),
		cmocka_unit_test(limits_of_a_command_hold),
		cmocka_unit_test(
			descriptors_are_numbers_and_exclude_what_they_stand_for),
		cmocka_unit_test(defaults_fill_what_a_job_does_not_say),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
