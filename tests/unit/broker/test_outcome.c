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

UNIT(figures_that_cannot_be_are_not_known)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(parse("{\"done\":1,\"token\":2,\"cause\":\"none\","
			       "\"started_ms\":-9223372036854775808,"
			       "\"finished_ms\":9223372036854775807,"
			       "\"cpu_us\":-1,\"peak_kib\":-1}",
			       &outcome, &run_us),
			 0);
	assert_int_equal(outcome.started_ms, 0);
	assert_int_equal(outcome.finished_ms, 0);
	assert_int_equal(outcome.cpu_us, 0);
	assert_int_equal(outcome.peak_kib, 0);
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

UNIT(what_a_handler_returned_is_kept_as_it_wrote_it)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(parse("{\"done\":1,\"token\":2,\"result\":"
			       "[1, {\"a\":\"\\u00e9\"}]}",
			       &outcome, &run_us),
			 0);
	assert_int_equal(outcome.kind, STORE_SUCCEEDED);
	assert_int_equal(outcome.cause, CAUSE_NONE);
	assert_true(slice_is(outcome.result, "[1, {\"a\":\"\\u00e9\"}]"));
	assert_int_equal(parse("{\"done\":1,\"token\":2,\"result\":null}",
			       &outcome, &run_us),
			 0);
	assert_int_equal(outcome.result.n, 0);
	assert_int_equal(parse("{\"done\":1,\"token\":2,\"result\":0}",
			       &outcome, &run_us),
			 0);
	assert_true(slice_is(outcome.result, "0"));
	assert_int_equal(parse("{\"done\":1,\"token\":2,\"r\\u0065sult\":5}",
			       &outcome, &run_us),
			 0);
	assert_true(slice_is(outcome.result, "5"));
}

UNIT(why_a_handler_failed_is_kept_with_its_trace_and_its_wish)
{
	struct store_outcome outcome;
	int64_t run_us;

	assert_int_equal(
		parse("{\"fail\":17,\"token\":91,\"error\":{\"type\":"
		      "\"KeyError\",\"message\":\"'x'\",\"trace\":\"File 1\","
		      "\"more\":1},\"retry_ms\":5000,\"retry_after_ms\":6000,"
		      "\"run_us\":7}",
		      &outcome, &run_us),
		0);
	assert_int_equal(outcome.job, 17);
	assert_int_equal(outcome.kind, STORE_FAILED_ATTEMPT);
	assert_int_equal(outcome.cause, CAUSE_HANDLER);
	assert_true(slice_is(outcome.failure,
			     "{\"type\":\"KeyError\",\"message\":\"'x'\","
			     "\"trace\":\"File 1\"}"));
	assert_false(outcome.final);
	assert_true(outcome.has_pause);
	assert_int_equal(outcome.pause_ms, 5000);
	assert_int_equal(outcome.least_ms, 6000);
	assert_int_equal(run_us, 7);
	assert_int_equal(parse("{\"fail\":1,\"token\":2,\"error\":{},"
			       "\"retry\":false}",
			       &outcome, &run_us),
			 0);
	assert_true(outcome.final && !outcome.has_pause);
	assert_int_equal(parse("{\"fail\":1,\"token\":2,\"error\":{},"
			       "\"retry\":true,\"bury\":true}",
			       &outcome, &run_us),
			 0);
	assert_true(outcome.final);
}

UNIT(a_failure_that_is_too_long_is_cut)
{
	struct store_outcome outcome;
	char text[40000];
	int64_t run_us;
	size_t n = (size_t)snprintf(text, sizeof(text),
				    "{\"fail\":1,\"token\":2,\"error\":{"
				    "\"type\":\"");

	memset(text + n, 't', 1000);
	n += 1000;
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\",\"trace\":\"");
	memset(text + n, 'x', 30000);
	n += 30000;
	snprintf(text + n, sizeof(text) - n, "\"}}");
	assert_int_equal(parse(text, &outcome, &run_us), 0);
	assert_int_equal(outcome.failure.n,
			 strlen("{\"type\":\"\",\"trace\":\"\"}") + 256 +
				 16384);
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
		"{\"fail\":1,\"token\":2}",
		"{\"fail\":1,\"token\":2,\"error\":\"x\"}",
		"{\"fail\":1,\"error\":{}}",
		"{\"fail\":1,\"token\":2,\"error\":{\"type\":5}}",
		"{\"fail\":1,\"token\":2,\"error\":{},\"retry\":5}",
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
		OUTCOME_TEST(figures_that_cannot_be_are_not_known),
		OUTCOME_TEST(how_it_failed_is_kept),
		OUTCOME_TEST(an_output_file_is_described_not_copied),
		OUTCOME_TEST(what_a_handler_returned_is_kept_as_it_wrote_it),
		OUTCOME_TEST(
			why_a_handler_failed_is_kept_with_its_trace_and_its_wish),
		OUTCOME_TEST(a_failure_that_is_too_long_is_cut),
		OUTCOME_TEST(what_is_wrong_is_refused),
		OUTCOME_TEST(a_run_time_beyond_reason_does_not_overflow),
		OUTCOME_TEST(a_results_file_is_read_and_removed),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
