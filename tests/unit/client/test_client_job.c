#include "client/job.h"
#include "tests/helper/t.h"

static struct reeve_job *parse(const char *json)
{
	struct reeve_job *job = NULL;

	return reeve_job_parse(json, &job) == 0 ? job : NULL;
}

UNIT(reads_everything_that_the_daemon_tells)
{
	AUTO(reeve_job_free)
	struct reeve_job *job = parse(
		"{\"id\":7,\"state\":\"failed\",\"queue\":\"q\\u00fc\","
		"\"handler\":\"exec\",\"name\":\"n\",\"priority\":-3,"
		"\"attempt\":2,\"max_attempts\":3,\"crashes\":1,\"uid\":1000,"
		"\"created_ms\":10,\"started_ms\":20,\"finished_ms\":30,"
		"\"cause\":\"exit\",\"exit_code\":3,\"group\":5,\"key\":\"k\","
		"\"cpu_us\":9,\"peak_kib\":8,\"stdout_bytes\":6,"
		"\"stderr_bytes\":0,\"failure\":{\"type\":\"T\",\"message\":"
		"\"m\"},\"tags\":{\"a\":\"b\"},\"later\":[1,{}],"
		"\"spec\":{\"argv\":[\"sh\",\"-c\",\"it's\",\"\"]}}");

	assert_non_null(job);
	assert_int_equal(job->id, 7);
	assert_int_equal(job->state, REEVE_FAILED);
	assert_int_equal(job->cause, REEVE_CAUSE_EXIT);
	assert_string_equal(job->queue, "q\u00fc");
	assert_int_equal(job->priority, -3);
	assert_int_equal(job->exit_code, 3);
	assert_int_equal(job->group, 5);
	assert_string_equal(job->failure, "m");
	assert_string_equal(job->failure_type, "T");
	assert_string_equal(job->command, "sh -c 'it'\\''s' ''");
	assert_int_equal(job->stderr_bytes, 0);
	assert_true(reeve_job_ended(job));
}

UNIT(a_handlers_job_has_args_a_result_and_a_trace)
{
	AUTO(reeve_job_free)
	struct reeve_job *job = parse(
		"{\"id\":7,\"state\":\"running\",\"handler\":\"thumb\","
		"\"result\":{\"w\":[1, 2]},\"progress\":0.25,\"note\":\"n\","
		"\"failure\":{\"type\":\"T\",\"message\":\"m\",\"trace\":"
		"\"a\\nb\"},\"spec\":{\"args\":{\"path\":\"a\"}}}");

	assert_non_null(job);
	assert_string_equal(job->result, "{\"w\":[1, 2]}");
	assert_string_equal(job->args, "{\"path\":\"a\"}");
	assert_string_equal(job->command, "thumb {\"path\":\"a\"}");
	assert_string_equal(job->failure_trace, "a\nb");
	assert_string_equal(job->note, "n");
	assert_true(job->progress > 0.2 && job->progress < 0.3);
}

UNIT(a_key_that_a_library_made_is_nobodys_word_for_the_job)
{
	static const struct {
		const char *json, *key, *left;
	} cases[] = {
		{"{\"id\":1,\"key\":\"r1a1fff234aada0c35f4-00000000\",\"uid\":"
		 "0}",
		 "", "{\"id\":1,\"uid\":0}"},
		{"{\"id\":1 , \"key\" : \"py-00112233445566778a-000000000012\" "
		 "}",
		 "", "{\"id\":1}"},
		{"{\"key\":\"r1a1fff234aada0c35f4-000000000\",\"id\":1}", "",
		 "{\"id\":1}"},
		{"{\"id\":1,\"key\":\"r1a1fff234aada0c35f4-0000000\"}",
		 "r1a1fff234aada0c35f4-0000000", NULL},
		{"{\"id\":1,\"key\":\"r1a1fff234aada0c35f-100000000\"}",
		 "r1a1fff234aada0c35f-100000000", NULL},
		{"{\"id\":1,\"key\":\"report\",\"uid\":0}", "report", NULL},
		{"{\"id\":1,\"key\":\"py-3\"}", "py-3", NULL},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		AUTO(reeve_job_free)
		struct reeve_job *job = parse(cases[i].json);

		assert_non_null(job);
		assert_int_equal(job->id, 1);
		assert_string_equal(job->key, cases[i].key);
		assert_string_equal(job->json, cases[i].left ? cases[i].left
							     : cases[i].json);
	}
}

UNIT(what_is_not_told_has_a_value_of_its_own)
{
	AUTO(reeve_job_free)
	struct reeve_job *job = parse("{\"id\":1,\"state\":\"ready\","
				      "\"group\":null,\"cause\":\"new_word\"}");

	assert_non_null(job);
	assert_int_equal(job->exit_code, -1);
	assert_int_equal(job->cpu_us, -1);
	assert_int_equal(job->stdout_bytes, -1);
	assert_string_equal(job->name, "");
	assert_string_equal(job->result, "null");
	assert_string_equal(job->args, "");
	assert_string_equal(job->failure_trace, "");
	assert_true(job->progress < 0);
	assert_string_equal(job->command, "");
	assert_int_equal(job->cause, REEVE_CAUSE_OTHER);
	assert_string_equal(reeve_cause_name(job->cause), "other");
	assert_false(reeve_job_ended(job));
}

UNIT(a_daemon_that_talks_nonsense_is_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"id\":0}",
		"{\"id\":1.5}",
		"{\"id\":\"1\"}",
		"{\"id\":1,\"state\":\"sleepy\"}",
		"{\"id\":1,\"state\":3}",
		"{\"id\":1,\"name\":3}",
		"{\"id\":1,\"exit_code\":\"0\"}",
		"{\"id\":1,\"spec\":{\"argv\":[3]}}",
		"{\"id\":1}x",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_null(parse(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handlers_job_has_args_a_result_and_a_trace),
		cmocka_unit_test(reads_everything_that_the_daemon_tells),
		cmocka_unit_test(
			a_key_that_a_library_made_is_nobodys_word_for_the_job),
		cmocka_unit_test(what_is_not_told_has_a_value_of_its_own),
		cmocka_unit_test(a_daemon_that_talks_nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("client job", tests, NULL, NULL);
}
