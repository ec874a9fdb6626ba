#include "daemon/worker/command.h"
#include "daemon/worker/order.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <stdio.h>

static struct places places;
static struct order *order;
static struct arena arena;
static struct command_fault fault;

/* Build the command of a job with this spec. */
static int build(struct command *ret, const char *spec)
{
	char line[4096];

	snprintf(line, sizeof(line),
		 "{\"job\":17,\"attempt\":2,\"token\":91,\"group\":4,"
		 "\"context\":1,\"spec\":%s}",
		 spec);
	order_free(order);
	order = NULL;
	fault = (struct command_fault){0};
	assert_int_equal(order_new(&order, slice_of(line), &places, 0), 0);
	return command_build(ret, &arena, order, "/run/s", &fault);
}

static int setup(void **state)
{
	(void)state;
	places_init(&places);
	return places_add(&places, 1,
			  SLICE("{\"env\":{\"PATH\":\"/a:/b\",\"X\":\"y\"}}"));
}

static int teardown(void **state)
{
	(void)state;
	order_free(order);
	order = NULL;
	places_fini(&places);
	arena_fini(&arena);
	return 0;
}

UNIT(argv_is_taken_as_it_is)
{
	struct command command;

	assert_int_equal(build(&command,
			       "{\"argv\":[\"ls\",\"-l\",\"a b\",\"\","
			       "\"\\u00e9\"]}"),
			 0);
	assert_string_equal(command.argv[0], "ls");
	assert_string_equal(command.argv[2], "a b");
	assert_string_equal(command.argv[3], "");
	assert_string_equal(command.argv[4], "\xc3\xa9");
	assert_null(command.argv[5]);
	assert_false(command.has_input);
}

UNIT(shell_goes_to_sh)
{
	struct command command;

	assert_int_equal(build(&command, "{\"argv\":null,\"shell\":\"a | b\"}"),
			 0);
	assert_string_equal(command.argv[0], "/bin/sh");
	assert_string_equal(command.argv[1], "-c");
	assert_string_equal(command.argv[2], "a | b");
	assert_null(command.argv[3]);
	assert_string_equal(command.paths[0], "/bin/sh");
	assert_null(command.paths[1]);
}

UNIT(the_environment_gets_six_of_ours)
{
	static const char *const expected[] = {
		"PATH=/a:/b",	       "X=y",
		"REEVE_JOB=17",	       "REEVE_ATTEMPT=2",
		"REEVE_TOKEN=91",      "REEVE_GROUP=4",
		"REEVE_SOCKET=/run/s", "REEVE_PROGRESS_FD=3"};
	struct command command;

	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(build(&command, "{\"argv\":[\"x\"]}"), 0);
		for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
			assert_string_equal(command.envp[i], expected[i]);
		assert_null(command.envp[ARRAY_COUNT(expected)]);
	}
}

UNIT(a_callback_is_told_of_whom_it_follows)
{
	static const char *const expected[] = {
		"REEVE_PROGRESS_FD=3", "REEVE_OF_JOB=16",
		"REEVE_OF_STATE=failed", "REEVE_OF_EXIT_CODE=3",
		"REEVE_OF_NAME=a \"b\""};
	struct command command;

	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(build(&command,
				       "{\"argv\":[\"x\"],\"of\":{\"job\":16,"
				       "\"state\":\"failed\",\"exit_code\":3,"
				       "\"name\":\"a \\\"b\\\"\"}}"),
				 0);
		for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
			assert_string_equal(command.envp[7 + i], expected[i]);
		assert_null(command.envp[7 + ARRAY_COUNT(expected)]);
	}
	/* The next one follows nobody. */
	assert_int_equal(build(&command, "{\"argv\":[\"x\"]}"), 0);
	assert_null(command.envp[8]);
}

UNIT(what_is_told_of_another_job_is_not_taken_from_the_submitter)
{
	struct command command;

	assert_int_equal(places_add(&places, 1,
				    SLICE("{\"env\":{\"REEVE_OF_JOB\":\"9\","
					  "\"REEVE_OF\":\"y\"}}")),
			 0);
	assert_int_equal(build(&command, "{\"argv\":[\"x\"]}"), 0);
	assert_string_equal(command.envp[0], "REEVE_OF=y");
	assert_string_equal(command.envp[1], "REEVE_JOB=17");
}

UNIT(a_name_is_looked_for_along_the_jobs_path)
{
	const char **paths = command_paths(&arena, "x", "/a:/b/c");

	assert_string_equal(paths[0], "/a/x");
	assert_string_equal(paths[1], "/b/c/x");
	assert_null(paths[2]);
	paths = command_paths(&arena, "x", ":/a::");
	assert_string_equal(paths[0], "./x");
	assert_string_equal(paths[1], "/a/x");
	assert_string_equal(paths[2], "./x");
	assert_string_equal(paths[3], "./x");
	assert_null(paths[4]);
	paths = command_paths(&arena, "./x", "/a:/b");
	assert_string_equal(paths[0], "./x");
	assert_null(paths[1]);
	paths = command_paths(&arena, "x", "");
	assert_string_equal(paths[0], "./x");
	assert_null(paths[1]);
}

UNIT(input_is_text_or_base64)
{
	struct command command;

	assert_int_equal(
		build(&command, "{\"argv\":[\"x\"],\"stdin\":\"a\\u0000b\"}"),
		0);
	assert_true(command.has_input);
	assert_true(slice_equal(command.input, (struct slice){"a\0b", 3}));
	assert_int_equal(
		build(&command, "{\"argv\":[\"x\"],\"stdin64\":\"AP8=\"}"), 0);
	assert_true(slice_equal(command.input, (struct slice){"\0\377", 2}));
	assert_int_equal(build(&command, "{\"argv\":[\"x\"],\"stdin\":\"\"}"),
			 0);
	assert_false(command.has_input);
}

UNIT(what_is_no_command_is_refused_by_name)
{
	static const struct {
		const char *spec, *message;
		int error;
	} bad[] = {
		{"{}", "argv is empty", EINVAL},
		{"{\"argv\":[]}", "argv is empty", EINVAL},
		{"{\"argv\":\"ls\"}", "argv is empty", EINVAL},
		{"{\"argv\":[1]}", "not a string", EINVAL},
		{"{\"argv\":[\"a\",\"b\\u0000\"]}", "NUL", EINVAL},
		{"{\"argv\":[\"\"]}", "empty", ENOENT},
		{"{\"shell\":\"\\u0000\"}", "NUL", EINVAL},
		{"{\"argv\":[\"x\"],\"stdin64\":\"!\"}", "base64", EINVAL},
		{"[]", "no command", EINVAL},
		{"null", "no command", EINVAL},
	};
	struct command command;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(build(&command, bad[i].spec), COMMAND_E_FAULT);
		assert_non_null(strstr(fault.message, bad[i].message));
		assert_int_equal(fault.error, bad[i].error);
	}
}

UNIT(an_order_needs_a_job_a_token_and_a_known_context)
{
	struct order *got;

	assert_int_equal(order_new(&got, SLICE("{\"job\":1}"), &places, 0),
			 ORDER_E_BAD);
	assert_int_equal(
		order_new(&got, SLICE("{\"job\":0,\"token\":1}"), &places, 0),
		ORDER_E_BAD);
	assert_int_equal(
		order_new(&got, SLICE("{\"job\":1,\"token\":1.5}"), &places, 0),
		ORDER_E_BAD);
	assert_int_equal(
		order_new(&got, SLICE("{\"job\":1,\"token\":1,\"context\":9}"),
			  &places, 0),
		ORDER_E_PLACE);
	assert_int_equal(
		order_new(&got,
			  SLICE("{\"job\":1,\"token\":2,\"orphans\":\"keep\","
				"\"timeout_ms\":3,\"grace_ms\":null}"),
			  &places, 77),
		0);
	assert_true(got->keep);
	assert_int_equal(got->timeout_ms, 3);
	assert_int_equal(got->grace_ms, 77);
	assert_int_equal(got->place->env_count, 6);
	order_free(got);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(argv_is_taken_as_it_is),
		CASE(shell_goes_to_sh),
		CASE(the_environment_gets_six_of_ours),
		CASE(a_callback_is_told_of_whom_it_follows),
		CASE(what_is_told_of_another_job_is_not_taken_from_the_submitter),
		CASE(a_name_is_looked_for_along_the_jobs_path),
		CASE(input_is_text_or_base64),
		CASE(what_is_no_command_is_refused_by_name),
		CASE(an_order_needs_a_job_a_token_and_a_known_context),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
