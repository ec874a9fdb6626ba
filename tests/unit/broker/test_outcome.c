#include "daemon/broker/outcome.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/json_in.h"

static struct arena arena;

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static int parse(const char *text, struct store_outcome *ret, int64_t *run_us)
{
	struct json_fault fault;

	assert_int_equal(json_check(slice_of(text), &fault), 0);
	return outcome_parse(slice_of(text), &arena, ret, run_us);
}

UNIT(a_done_statement_becomes_an_outcome)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(
		parse("{\"done\":17,\"token\":91,\"cause\":\"none\","
		      "\"exit\":0,\"started_ms\":5,\"finished_ms\":9,"
		      "\"run_us\":812,\"cpu_us\":700,\"peak_kib\":1400,"
		      "\"stdout_bytes\":5,\"stderr_bytes\":6,"
		      "\"log64\":\"aGVsbG8=\"}",
		      &outcome, &run_us),
		0);
	assert_int_equal(outcome.job, 17);
	assert_int_equal(outcome.token, 91);
	assert_int_equal(outcome.kind, STORE_SUCCEEDED);
	assert_int_equal(outcome.cause, CAUSE_NONE);
	assert_int_equal(outcome.exit_code, 0);
	assert_int_equal(outcome.started_ms, 5);
	assert_int_equal(outcome.finished_ms, 9);
	assert_int_equal(outcome.cpu_us, 700);
	assert_int_equal(outcome.peak_kib, 1400);
	assert_int_equal(outcome.stdout_bytes, 5);
	assert_int_equal(outcome.stderr_bytes, 6);
	assert_int_equal(run_us, 812);
	assert_true(slice_is(outcome.log, "hello"));
	assert_false(outcome.output_file);
}

UNIT(how_it_failed_is_kept)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(parse("{\"done\":1,\"token\":2,\"cause\":\"signal\","
			       "\"signal\":11,\"core\":true}",
			       &outcome, &run_us),
			 0);
	assert_int_equal(outcome.kind, STORE_FAILED_ATTEMPT);
	assert_int_equal(outcome.signal, 11);
	assert_true(outcome.core);
	assert_int_equal(outcome.exit_code, -1);
	assert_int_equal(run_us, -1);
	assert_int_equal(parse("{\"done\":1,\"token\":2,\"cause\":\"exec\","
			       "\"errno\":2,\"message\":\"no \\\"x\\\"\"}",
			       &outcome, &run_us),
			 0);
	assert_true(slice_is(outcome.failure, "{\"type\":\"ENOENT\","
					      "\"message\":\"no \\\"x\\\"\"}"));
}

UNIT(an_output_file_is_described_not_copied)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(parse("{\"done\":1,\"token\":2,\"cause\":\"none\","
			       "\"file\":true,"
			       "\"file_bytes\":99,\"sha256\":\"ab\"}",
			       &outcome, &run_us),
			 0);
	assert_true(outcome.output_file);
	assert_true(slice_is(outcome.log, "{\"bytes\":99,\"sha256\":\"ab\"}"));
}

UNIT(what_is_wrong_is_refused)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"done\":1}",
		"{\"done\":0,\"token\":2,\"cause\":\"none\"}",
		"{\"done\":1,\"token\":-2,\"cause\":\"none\"}",
		"{\"done\":1.5,\"token\":2,\"cause\":\"none\"}",
		"{\"done\":1,\"token\":2}",
		"{\"done\":1,\"token\":2,\"cause\":\"bored\"}",
		"{\"done\":1,\"token\":2,\"cause\":7}",
		"{\"done\":1,\"token\":2,\"cause\":\"exit\",\"exit\":256}",
		"{\"done\":1,\"token\":2,\"cause\":\"exit\",\"exit\":-2}",
		"{\"done\":1,\"token\":2,\"cause\":\"signal\",\"signal\":65}",
		"{\"done\":1,\"token\":2,\"cause\":\"none\",\"log64\":\"!\"}",
		"{\"done\":1,\"token\":2,\"cause\":\"none\",\"log64\":[]}",
		"{\"done\":1,\"token\":2,\"cause\":\"exec\",\"message\":1}",
	};
	struct store_outcome outcome;
	int64_t run_us;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (parse(bad[i], &outcome, &run_us) != OUTCOME_E_BAD)
			fail_msg("accepted: %s", bad[i]);
	}
}

UNIT(a_run_time_beyond_reason_does_not_overflow)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(parse("{\"done\":1,\"token\":2,\"cause\":\"none\","
			       "\"run_us\":9223372036854775807}",
			       &outcome, &run_us),
			 0);
	assert_true(run_us <= INT64_MAX / 1000);
	assert_int_equal(parse("{\"done\":1,\"token\":2,\"cause\":\"none\","
			       "\"run_us\":-9223372036854775808}",
			       &outcome, &run_us),
			 0);
	assert_int_equal(run_us, -1);
}

static void write_result(const char *folder, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/results", folder);
	mkdir(path, 0700);
	strcat(path, "/91");
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

UNIT(a_results_file_is_read_and_removed)
{
	static const char *const bad[] = {
		"{\"put_back\":[]}\n",	"{\"put_back\":7}\n",
		"{\"put_back\":[7]}\n", "{\"put_back\":[{\"job\":17}]}\n",
		"[\"put_back\"]\n",
	};
	char folder[] = "/tmp/reeve-outcome-XXXXXX", path[128];
	struct store_outcome outcome;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome), -ENOENT);
	write_result(folder, "{\"done\":17,\"token\":91,\"cause\":\"none\"}\n");
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome), 0);
	assert_int_equal(outcome.job, 17);
	write_result(folder, "{\"done\":17,\"tok");
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome),
			 OUTCOME_E_BAD);
	write_result(folder, "{\"put_back\":[{\"job\":17,\"token\":91}]}\n");
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome), 0);
	assert_int_equal(outcome.kind, STORE_PUT_BACK);
	assert_int_equal(outcome.job, 17);
	assert_int_equal(outcome.token, 91);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		write_result(folder, bad[i]);
		assert_int_equal(outcome_load(folder, 91, &arena, &outcome),
				 OUTCOME_E_BAD);
	}
	write_result(folder, "");
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome),
			 OUTCOME_E_BAD);
	outcome_unlink(folder, 91);
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome), -ENOENT);
	/* A symlink is none of ours. */
	snprintf(path, sizeof(path), "%s/results/91", folder);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(outcome_load(folder, 91, &arena, &outcome), -ELOOP);
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	rmdir(folder);
}

#define OUTCOME_TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTCOME_TEST(a_done_statement_becomes_an_outcome),
		OUTCOME_TEST(how_it_failed_is_kept),
		OUTCOME_TEST(an_output_file_is_described_not_copied),
		OUTCOME_TEST(what_is_wrong_is_refused),
		OUTCOME_TEST(a_run_time_beyond_reason_does_not_overflow),
		OUTCOME_TEST(a_results_file_is_read_and_removed),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
