#include "daemon/broker/carry.h"
#include "daemon/broker/cause_text.h"
#include "tests/unit/broker/stage.h"

#include <unistd.h>

#define EXPLAIN "org.reeve.jobs.Explain"

UNIT(a_waiting_job_tells_the_first_thing_that_blocks_it)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_HELD);
	fake_store_add(stage.store, STATE_SCHEDULED)->run_at_ms = 9000000000000;
	fake_store_add(stage.store, STATE_READY);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":1}"),
		     "{\"rule\":\"held\",\"message\":\"it is held until "
		     "somebody releases it\",\"remedy\":\"reeve release 1\"}");
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":2}"),
		     "not to start before its time, in ");
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":2}"),
		     "\"at_ms\":9000000000000}");
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":2}"),
		     "\"expected_start_ms\":9000000000000");
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":3}"),
		     "\"rule\":\"no_workers\"");
	stage_call(&stage, fd, "org.reeve.queues.Pause", "{}");
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":3}"),
		     "\"remedy\":\"reeve queue resume default\"");
	stage_expect(stage_call(&stage, fd, EXPLAIN, "{\"id\":4}"),
		     "NoSuchJob");
	close(fd);
	stage_end(&stage);
}

UNIT(an_expected_start_comes_from_how_long_others_took)
{
	struct stage stage;
	const char *line;
	int fd, worker;

	stage_begin(&stage);
	for (int i = 0; i < 4; i++)
		fake_store_add(stage.store, STATE_READY);
	stage.store->run_time_ms = 60000;
	stage_start(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	stage_job(&stage, worker, NULL);
	line = stage_call(&stage, fd, EXPLAIN, "{\"id\":4}");
	stage_expect(line, "1 of 1 workers are busy");
	stage_number(line, "expected_start_ms");
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(an_ended_job_tells_its_attempts)
{
	struct fake_job *job;
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	job = fake_store_add(stage.store, STATE_FAILED);
	job->attempt = 2;
	job->max_attempts = 2;
	job->cause = CAUSE_SIGNAL;
	job->signal = 9;
	job->attempts[0] = (struct store_attempt){
		.number = 1, .cause = CAUSE_EXIT, .exit_code = 3};
	job->attempt_count = 1;
	stage_start(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, EXPLAIN, "{\"id\":1}");
	stage_expect(line, "{\"rule\":\"exit\",\"message\":\"attempt 1 ended "
			   "with exit code 3\",\"attempt\":1}");
	stage_expect(line, "attempt 2 was ended by signal 9");
	stage_expect(line, "\"remedy\":\"reeve retry 1\"");
	stage_expect(line, "\"summary\":\"job 1 failed: attempt 2 was ended");
	close(fd);
	stage_end(&stage);
}

/* A failure whose message is "x", then @count times the character "é". */
static char *long_failure(size_t count)
{
	char *text = calloc(1, 2 * count + 20), *p = text;

	assert_non_null(text);
	p = stpcpy(p, "{\"message\":\"x");
	while (count--)
		p = stpcpy(p, "\xc3\xa9");
	stpcpy(p, "\"}");
	return text;
}

UNIT(who_was_retried_by_hand_made_more_attempts_than_its_rule_has)
{
	static const char *const said[] = {"follows: 1 of 1 was made",
					   "follows: 3 were made"};
	struct stage stage;
	int fd;

	stage_begin(&stage);
	for (uint32_t i = 0; i < 2; i++) {
		struct fake_job *job = fake_store_add(stage.store,
						      STATE_FAILED);

		job->attempt = i ? 3 : 1;
		job->max_attempts = 1;
		job->cause = CAUSE_EXIT;
		job->exit_code = 1;
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	for (int i = 0; i < 2; i++)
		stage_expect(stage_call(&stage, fd, EXPLAIN,
					i ? "{\"id\":2}" : "{\"id\":1}"),
			     said[i]);
	close(fd);
	stage_end(&stage);
}

UNIT(what_a_failure_says_ends_in_a_whole_character)
{
	struct fake_job *job;
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	for (size_t i = 0; i < 2; i++) {
		job = fake_store_add(stage.store, STATE_FAILED);
		job->attempt = job->max_attempts = 1;
		job->cause = CAUSE_EXEC;
		job->failure = long_failure(i ? 1000 : 300);
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, EXPLAIN, "{\"id\":1}");
	stage_expect(line, "\xc3\xa9\",\"remedy\"");
	stage_expect(line, "\xc3\xa9\"}");
	line = stage_call(&stage, fd, EXPLAIN, "{\"id\":2}");
	stage_expect(line, "\xc3\xa9\xe2\x80\xa6\",\"remedy\"");
	stage_expect(line, "\xc3\xa9\xe2\x80\xa6\"}");
	close(fd);
	stage_end(&stage);
}

UNIT(a_job_whose_descriptors_were_lost_is_told_all_and_sent_nowhere)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	for (uint32_t i = 0; i < 2; i++) {
		struct fake_job *job = fake_store_add(stage.store,
						      STATE_FAILED);

		job->attempt = i;
		job->max_attempts = 1;
		job->cause = CAUSE_EXEC;
		job->descriptors = true;
		job->failure = strdup(carry_lost_failure.p);
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	for (int i = 0; i < 2; i++) {
		line = stage_call(&stage, fd, EXPLAIN,
				  i ? "{\"id\":2}" : "{\"id\":1}");
		stage_expect(line, "before it could start; submit it again\"");
		assert_null(strstr(line, "remedy"));
	}
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_waiting_job_tells_the_first_thing_that_blocks_it),
		cmocka_unit_test(
			an_expected_start_comes_from_how_long_others_took),
		cmocka_unit_test(an_ended_job_tells_its_attempts),
		cmocka_unit_test(
			who_was_retried_by_hand_made_more_attempts_than_its_rule_has),
		cmocka_unit_test(what_a_failure_says_ends_in_a_whole_character),
		cmocka_unit_test(
			a_job_whose_descriptors_were_lost_is_told_all_and_sent_nowhere),
	};

	return cmocka_run_group_tests_name("call_explain", tests, NULL, NULL);
}
