#include "tests/unit/broker/stage.h"

#include <unistd.h>

#define CANCEL "org.reeve.jobs.Cancel"
#define HOLD "org.reeve.jobs.Hold"
#define RELEASE "org.reeve.jobs.Release"

UNIT(many_jobs_are_steered_in_slices_and_answered_once)
{
	enum { JOBS = 2500 };
	struct stage stage;
	int fd, writes;

	stage_begin(&stage);
	for (int i = 0; i < JOBS; i++)
		fake_store_add(stage.store, STATE_READY);
	stage_start(&stage);
	fd = stage_client(&stage);
	writes = stage.store->writes;
	stage_expect(
		stage_call(&stage, fd, HOLD, "{\"filter\":{\"all\":true}}"),
		"\"count\":2500");
	assert_int_equal(stage.store->writes - writes, 3);
	stage_expect(
		stage_call(&stage, fd, RELEASE, "{\"filter\":{\"ids\":[1,2]}}"),
		"\"count\":2");
	stage_expect(stage_call(&stage, fd, CANCEL,
				"{\"filter\":{\"all\":true},\"dry_run\":true}"),
		     "\"cancelled\":2500,\"signalled\":0");
	assert_int_equal(fake_store_job(stage.store, 1)->state, STATE_READY);
	stage_expect(stage_call(&stage, fd, CANCEL,
				"{\"filter\":{\"all\":true},"
				"\"reason\":\"not needed\"}"),
		     "\"cancelled\":2500");
	assert_string_equal(fake_store_job(stage.store, JOBS)->reason,
			    "not needed");
	close(fd);
	stage_end(&stage);
}

UNIT(a_running_job_is_told_to_its_worker)
{
	struct stage stage;
	int fd, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	stage_ask(&stage, fd, STAGE_SUBMIT);
	stage_job(&stage, worker, NULL);
	stage_expect(stage_call(&stage, fd, CANCEL,
				"{\"filter\":{\"ids\":[1]},\"grace_ms\":5}"),
		     "\"cancelled\":0,\"signalled\":1");
	stage_expect(stage_read(&stage, worker), "{\"cancel\":1,");
	/* Once is enough. */
	stage_expect(
		stage_call(&stage, fd, CANCEL, "{\"filter\":{\"ids\":[1]}}"),
		"\"signalled\":0");
	assert_true(stage_silent(&stage, worker));
	close(worker);
	close(fd);
	stage_end(&stage);
}

UNIT(steering_goes_on_when_its_client_leaves)
{
	enum { JOBS = 2500 };
	struct stage stage;
	int fd;

	stage_begin(&stage);
	for (int i = 0; i < JOBS; i++)
		fake_store_add(stage.store, STATE_READY);
	stage_start(&stage);
	fd = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(fd, "{\"method\":\"" CANCEL "\",\"parameters\":"
		       "{\"filter\":{\"all\":true}}}");
	stage_turn(&stage);
	close(fd);
	stage_turn(&stage);
	fake_store_hold(stage.store, false, false);
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, JOBS)->state,
			 STATE_CANCELLED);
	stage_end(&stage);
}

UNIT(a_slice_that_fails_ends_it_with_the_error)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_READY);
	stage_start(&stage);
	fd = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(
		stage_call(&stage, fd, CANCEL, "{\"filter\":{\"all\":true}}"),
		"StorageFailed");
	close(fd);
	stage_end(&stage);
}

#define RETRY "org.reeve.jobs.Retry"
#define REMOVE "org.reeve.jobs.Remove"
#define CHANGE "org.reeve.jobs.Change"
#define EDIT "org.reeve.jobs.Edit"
#define GET_SPEC "org.reeve.jobs.GetSpec"

UNIT(ended_jobs_run_again_and_are_removed)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_FAILED);
	fake_store_add(stage.store, STATE_SUCCEEDED);
	fake_store_add(stage.store, STATE_CANCELLED);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, RETRY,
				"{\"filter\":{\"all\":true},"
				"\"dry_run\":true}"),
		     "\"count\":2");
	stage_expect(stage_call(&stage, fd, RETRY,
				"{\"filter\":{\"ids\":[2]},"
				"\"delay_ms\":60000}"),
		     "\"count\":1");
	assert_int_equal(fake_store_job(stage.store, 2)->state,
			 STATE_SCHEDULED);
	stage_expect(
		stage_call(&stage, fd, REMOVE, "{\"filter\":{\"all\":true}}"),
		"\"count\":2");
	stage_expect(stage_call(&stage, fd, REMOVE, "{\"filter\":{}}"),
		     "\"parameter\":\"filter\"");
	close(fd);
	stage_end(&stage);
}

UNIT(waiting_jobs_change_and_are_edited)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_HELD);
	fake_store_add(stage.store, STATE_SUCCEEDED);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, CHANGE,
				"{\"filter\":{\"all\":true},\"priority\":5,"
				"\"queue\":\"q\"}"),
		     "\"count\":1");
	assert_string_equal(fake_store_job(stage.store, 1)->queue, "q");
	stage_expect(
		stage_call(&stage, fd, CHANGE, "{\"filter\":{\"all\":true}}"),
		"nothing to change");
	stage_expect(stage_call(&stage, fd, EDIT,
				"{\"id\":1,\"job\":{\"shell\":\"b\"}}"),
		     "{\"parameters\":{}}");
	assert_string_equal(fake_store_job(stage.store, 1)->spec,
			    "{\"shell\":\"b\"}");
	stage_expect(stage_call(&stage, fd, EDIT,
				"{\"id\":2,\"job\":{\"shell\":\"b\"}}"),
		     "WrongState\",\"parameters\":{\"id\":2,\"state\":"
		     "\"succeeded\"");
	stage_expect(stage_call(&stage, fd, EDIT,
				"{\"id\":9,\"job\":{\"shell\":\"b\"}}"),
		     "NoSuchJob");
	stage_expect(stage_call(&stage, fd, EDIT,
				"{\"id\":1,\"job\":{\"shell\":\"b\","
				"\"key\":\"k\"}}"),
		     "\"parameter\":\"job.key\"");
	close(fd);
	stage_end(&stage);
}

UNIT(what_a_job_is_can_be_read_and_given_back)
{
	static const char whole[] =
		"{\"handler\":\"exec\",\"queue\":\"q\",\"name\":\"n\","
		"\"argv\":[\"a\",\"b\"],\"stdin\":\"in\",\"context\":"
		"{\"cwd\":\"/tmp\",\"nice\":3},\"priority\":4,\"timeout_ms\":5,"
		"\"grace_ms\":6,\"expire_ms\":900000,\"keep_ms\":0,"
		"\"crash_limit\":8,\"retry\":{\"max_attempts\":2,";
	char text[1024];
	struct stage stage;
	int fd;

	stage_begin(&stage);
	stage_start(&stage);
	fd = stage_client(&stage);
	snprintf(text, sizeof(text),
		 "{\"job\":%s\"backoff_ms\":9},\"unique\":\"u\",\"hold\":true,"
		 "\"orphans\":\"keep\",\"tags\":{\"k\":\"v\"}}}",
		 whole);
	stage_expect(stage_call(&stage, fd, "org.reeve.jobs.Submit", text),
		     "\"id\":1");
	stage_expect(stage_call(&stage, fd, GET_SPEC, "{\"id\":1}"), whole);
	stage_expect(stage_call(&stage, fd, GET_SPEC, "{\"id\":1}"),
		     "\"orphans\":\"keep\",\"unique\":\"u\",\"tags\":"
		     "{\"k\":\"v\"}}");
	stage_expect(stage_call(&stage, fd, GET_SPEC, "{\"id\":7}"),
		     "NoSuchJob");
	stage.store->fail_reads = STORE_E_IO;
	stage_expect(stage_call(&stage, fd, GET_SPEC, "{\"id\":1}"),
		     "StorageFailed");
	stage.store->fail_reads = 0;
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ended_jobs_run_again_and_are_removed),
		cmocka_unit_test(waiting_jobs_change_and_are_edited),
		cmocka_unit_test(what_a_job_is_can_be_read_and_given_back),
		cmocka_unit_test(
			many_jobs_are_steered_in_slices_and_answered_once),
		cmocka_unit_test(a_running_job_is_told_to_its_worker),
		cmocka_unit_test(steering_goes_on_when_its_client_leaves),
		cmocka_unit_test(a_slice_that_fails_ends_it_with_the_error),
	};

	return cmocka_run_group_tests_name("call_steer", tests, NULL, NULL);
}
