#include "daemon/broker/stop.h"
#include "tests/unit/broker/stage.h"

#include <unistd.h>

#define STOP(fields)                                                           \
	"{\"method\":\"org.reeve.admin.Shutdown\",\"parameters\":{" fields "}" \
	"}"

UNIT(leave_answers_and_tells_the_supervisor_at_once)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(stage_ask(&stage, client, STOP("")), "{\"parameters\":{}");
	assert_int_equal(stage_heard(&stage, CHANNEL_SHUTDOWN).stop,
			 STOP_LEAVE);
	close(client);
	stage_end(&stage);
}

UNIT(a_drain_starts_nothing_and_waits_for_what_runs)
{
	struct stage stage;
	int64_t token;
	int client, stopper, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stopper = stage_client(&stage);
	stage_send(stopper, STOP("\"mode\":\"drain\""));
	stage_turn(&stage);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT),
		     "org.reeve.jobs.Draining");
	assert_true(stage_silent(&stage, stopper));
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, stopper), "{\"parameters\":{}");
	assert_int_equal(stage_heard(&stage, CHANNEL_SHUTDOWN).stop,
			 STOP_DRAIN);
	assert_int_equal(fake_store_job(stage.store, 2)->state, STATE_READY);
	close(worker);
	close(client);
	close(stopper);
	stage_end(&stage);
}

UNIT(only_one_stop_at_a_time)
{
	struct stage stage;
	int a, b, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	a = stage_client(&stage);
	b = stage_client(&stage);
	stage_ask(&stage, a, STAGE_SUBMIT);
	stage_job(&stage, worker, NULL);
	stage_send(a, STOP("\"mode\":\"drain\""));
	stage_turn(&stage);
	stage_expect(stage_ask(&stage, b, STOP("\"mode\":\"drain\"")),
		     "org.reeve.jobs.Draining");
	close(a);
	close(b);
	close(worker);
	stage_end(&stage);
}

UNIT(a_drain_goes_on_when_its_client_leaves)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	stage_send(client, STOP("\"mode\":\"drain\""));
	stage_turn(&stage);
	close(client);
	stage_turn(&stage);
	assert_null(stage.broker.stop_call);
	stage_done(worker, 1, token);
	assert_int_equal(stage_heard(&stage, CHANNEL_SHUTDOWN).stop,
			 STOP_DRAIN);
	close(worker);
	stage_end(&stage);
}

UNIT(a_drain_that_takes_too_long_leaves)
{
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, NULL);
	stage_send(client, STOP("\"mode\":\"drain\",\"timeout_ms\":1000"));
	stage_turn(&stage);
	assert_true(stage.broker.stop_at_ns > 0);
	stage.broker.stop_at_ns = 1;
	stop_check(&stage.broker);
	stage_expect(stage_read(&stage, client), "{\"parameters\":{}");
	assert_int_equal(stage_heard(&stage, CHANNEL_SHUTDOWN).stop,
			 STOP_LEAVE);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(kill_cancels_every_running_job_however_many)
{
	enum { JOBS = 1500 };
	struct stage stage;
	int client;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	for (int i = 0; i < JOBS; i++)
		fake_store_add(stage.store, STATE_RUNNING)->worker = 7;
	stage_start(&stage);
	client = stage_client(&stage);
	stage_send(client, STOP("\"mode\":\"kill\""));
	stage_turn(&stage);
	stage_settle(&stage);
	for (int i = 1; i <= JOBS; i++)
		assert_true(fake_store_job(stage.store, i)->cancel_asked);
	close(client);
	stage_end(&stage);
}

UNIT(kill_is_tried_again_when_the_store_refused_it)
{
	struct stage stage;
	int client;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	fake_store_add(stage.store, STATE_RUNNING)->worker = 7;
	stage_start(&stage);
	client = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_send(client, STOP("\"mode\":\"kill\""));
	stage_turn(&stage);
	stage_settle(&stage);
	assert_true(fake_store_job(stage.store, 1)->cancel_asked);
	close(client);
	stage_end(&stage);
}

UNIT(the_supervisors_word_commits_what_is_there_and_ends_the_loop)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(client, STAGE_SUBMIT);
	stage_turn(&stage);
	stage_send(client, STAGE_SUBMIT);
	stage_turn(&stage);
	stop_now(&stage.broker);
	fake_store_hold(stage.store, false, false);
	event_base_dispatch(stage.broker.base);
	assert_int_equal(stage.store->job_count, 2);
	/* Each reply left once. */
	stage_expect(stage_read(&stage, client), "\"id\":1");
	stage_expect(stage_read(&stage, client), "\"id\":2");
	assert_true(stage_silent(&stage, client));
	close(client);
	stage_end(&stage);
}

UNIT(a_full_disk_does_not_keep_it_from_ending)
{
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fake_store_hold(stage.store, true, false);
	stage_done(worker, 1, 50);
	stage_turn(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1000);
	stop_now(&stage.broker);
	fake_store_hold(stage.store, false, false);
	/* The result stays with the worker: it is not settled. */
	event_base_dispatch(stage.broker.base);
	assert_true(stage_silent(&stage, worker));
	fake_store_fail(stage.store, 0, 0);
	close(worker);
	stage_end(&stage);
}

UNIT(nobody_who_stops_waits_for_a_long_purge)
{
	struct stage stage;
	int writes;

	stage_begin(&stage);
	for (int i = 0; i < 5000; i++)
		fake_store_add(stage.store, STATE_SUCCEEDED)->finished_ms = 1;
	stage_start(&stage);
	stage.config.keep_succeeded_ms = 1000;
	stage.broker.purge_at_ns = 0;
	fake_store_hold(stage.store, true, false);
	cycle_tick(&stage.broker);
	stage_turn(&stage);
	writes = stage.store->writes;
	stop_now(&stage.broker);
	fake_store_hold(stage.store, false, false);
	event_base_dispatch(stage.broker.base);
	assert_in_range(stage.store->writes - writes, 1, 2);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			leave_answers_and_tells_the_supervisor_at_once),
		cmocka_unit_test(
			a_drain_starts_nothing_and_waits_for_what_runs),
		cmocka_unit_test(only_one_stop_at_a_time),
		cmocka_unit_test(a_drain_goes_on_when_its_client_leaves),
		cmocka_unit_test(a_drain_that_takes_too_long_leaves),
		cmocka_unit_test(kill_cancels_every_running_job_however_many),
		cmocka_unit_test(kill_is_tried_again_when_the_store_refused_it),
		cmocka_unit_test(
			the_supervisors_word_commits_what_is_there_and_ends_the_loop),
		cmocka_unit_test(a_full_disk_does_not_keep_it_from_ending),
		cmocka_unit_test(nobody_who_stops_waits_for_a_long_purge),
	};

	return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
