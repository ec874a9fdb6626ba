/* Keys, unique words, full queues: what a submission is told. */

#include "daemon/broker/dry_run.h"
#include "daemon/broker/refusal.h"
#include "daemon/broker/room.h"
#include "daemon/broker/submission.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#define SUBMIT "org.reeve.jobs.Submit"
#define MANY "org.reeve.jobs.SubmitMany"
#define CONFIGURE "org.reeve.queues.Configure"
#define CANCEL "org.reeve.jobs.Cancel"
#define JOB(more) "{\"job\":{\"argv\":[\"a\"]" more "}}"
#define DRY(more) "{\"job\":{\"argv\":[\"a\"]" more "},\"dry_run\":true}"

UNIT(a_key_or_a_word_that_is_taken_is_a_duplicate)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, SUBMIT, JOB(",\"key\":\"k\",\"unique\":\"u\""));
	stage_expect(stage_call(&stage, fd, SUBMIT,
				JOB(",\"key\":\"k\",\"on_conflict\":"
				    "\"reject\"")),
		     "Duplicate\",\"parameters\":{\"key\":\"k\",\"id\":1,"
		     "\"message\":\"job 1 has the key 'k' already\"");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				JOB(",\"unique\":\"u\",\"on_conflict\":"
				    "\"reject\"")),
		     "has the unique word 'u' already");
	/* Nobody knows the key that a library makes. */
	stage_expect(stage_call(&stage, fd, SUBMIT,
				JOB(",\"unique\":\"u\",\"key\":"
				    "\"r0193f5ab12c0badc0de-00000000\","
				    "\"on_conflict\":\"reject\"")),
		     "Duplicate\",\"parameters\":{\"key\":\"u\",\"id\":1,"
		     "\"message\":\"job 1 has the unique word 'u' already\"");
	stage_expect(stage_call(&stage, fd, SUBMIT, JOB(",\"unique\":\"u\"")),
		     "\"id\":1,\"existing\":true");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				JOB(",\"key\":\"k\",\"on_conflict\":"
				    "\"replace\"")),
		     "\"id\":2,\"durability\"");
	assert_int_equal(fake_store_job(stage.store, 1)->state,
			 STATE_CANCELLED);
	stage_expect(stage_call(&stage, fd, MANY,
				"{\"jobs\":[{\"argv\":[\"a\"],\"key\":\"k\","
				"\"on_conflict\":\"reject\"},"
				"{\"argv\":[\"b\"]}]}"),
		     "\"ids\":[0,3],\"rejected\":[{\"index\":0,\"error\":"
		     "\"org.reeve.jobs.Duplicate\",\"field\":\"key\"");
	close(fd);
	stage_end(&stage);
}

UNIT(a_dry_run_says_what_the_submission_would_be_told)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, SUBMIT, JOB(",\"key\":\"k\""));
	stage_expect(stage_call(&stage, fd, SUBMIT, DRY(",\"key\":\"k\"")),
		     "{\"parameters\":{\"id\":1,\"existing\":true}}");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				DRY(",\"key\":\"k\",\"on_conflict\":"
				    "\"reject\"")),
		     "Duplicate");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				DRY(",\"key\":\"k\",\"on_conflict\":"
				    "\"replace\"")),
		     "{\"parameters\":{}}");
	stage_expect(stage_call(&stage, fd, SUBMIT, DRY(",\"group\":9")),
		     "NoSuchGroup");
	stage_call(&stage, fd, CONFIGURE,
		   "{\"name\":\"default\",\"max_length\":1}");
	stage_expect(stage_call(&stage, fd, SUBMIT, DRY("")), "QueueFull");
	assert_int_equal(stage.store->job_count, 1);
	close(fd);
	stage_end(&stage);
}

UNIT(a_rule_is_stored_whole)
{
	struct fake_job *job;
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, SUBMIT,
		   JOB(",\"retry\":{\"exit_codes\":[7]},\"expire_ms\":5000,"
		       "\"keep_ms\":0"));
	job = fake_store_job(stage.store, 1);
	assert_int_equal(job->max_attempts, 3);
	assert_int_equal(job->expire_ms, 5000);
	assert_int_equal(job->keep_ms, 0);
	assert_string_equal(job->retry,
			    "{\"max_attempts\":3,\"backoff_ms\":1000,"
			    "\"backoff_max_ms\":600000,\"jitter\":0.2,"
			    "\"causes\":[\"exit\",\"signal\",\"timeout\","
			    "\"memory\",\"handler\"],\"exit_codes\":[7]}");
	close(fd);
	stage_end(&stage);
}

UNIT(a_full_queue_refuses_and_says_its_limit)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, CONFIGURE,
		   "{\"name\":\"default\",\"max_length\":1}");
	stage_call(&stage, fd, SUBMIT, JOB(""));
	stage_expect(stage_call(&stage, fd, SUBMIT, JOB("")),
		     "QueueFull\",\"parameters\":{\"queue\":\"default\","
		     "\"limit\":1,\"retry_after_ms\":");
	stage_expect(stage_call(&stage, fd, SUBMIT, JOB(",\"queue\":\"b\"")),
		     "\"id\":2");
	close(fd);
	stage_end(&stage);
}

UNIT(a_full_queue_that_blocks_lets_its_submitters_wait_in_order)
{
	struct stage stage;
	int fd, first, second, gone;

	stage_open(&stage);
	fd = stage_client(&stage);
	first = stage_client(&stage);
	second = stage_client(&stage);
	gone = stage_client(&stage);
	stage_call(&stage, fd, CONFIGURE,
		   "{\"name\":\"default\",\"max_length\":1,"
		   "\"overflow\":\"block\"}");
	stage_call(&stage, fd, SUBMIT, JOB(""));
	stage_send(gone, STAGE_SUBMIT);
	stage_settle(&stage);
	stage_send(first, STAGE_SUBMIT);
	stage_settle(&stage);
	stage_send(second, "{\"method\":\"" MANY "\",\"parameters\":{\"jobs\":"
			   "[{\"argv\":[\"a\"]},{\"argv\":[\"b\"],"
			   "\"queue\":\"other\"}]}}");
	stage_settle(&stage);
	assert_true(stage_silent(&stage, first));
	assert_true(stage_silent(&stage, second));
	assert_int_equal(stage.broker.rooms.count, 3);
	/* Others go on, and who hangs up waits no more. */
	stage_expect(stage_call(&stage, fd, SUBMIT, JOB(",\"queue\":\"b\"")),
		     "\"id\":3");
	close(gone);
	stage_settle(&stage);
	conns_tick(&stage.broker, 1);
	assert_int_equal(stage.broker.rooms.count, 2);

	stage_call(&stage, fd, CANCEL, "{\"filter\":{\"ids\":[1]}}");
	stage_expect(stage_read(&stage, first), "\"id\":4");
	assert_true(stage_silent(&stage, second));
	stage_call(&stage, fd, CANCEL, "{\"filter\":{\"ids\":[4]}}");
	stage_expect(stage_read(&stage, second),
		     "\"ids\":[5,2],\"rejected\":[]");
	assert_int_equal(stage.broker.rooms.count, 0);
	assert_int_equal(stage.broker.rooms.bytes, 0);
	close(fd);
	close(first);
	close(second);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_or_a_word_that_is_taken_is_a_duplicate),
		cmocka_unit_test(
			a_dry_run_says_what_the_submission_would_be_told),
		cmocka_unit_test(a_rule_is_stored_whole),
		cmocka_unit_test(a_full_queue_refuses_and_says_its_limit),
		cmocka_unit_test(
			a_full_queue_that_blocks_lets_its_submitters_wait_in_order),
	};

	return cmocka_run_group_tests_name("call_conflict", tests, NULL, NULL);
}
