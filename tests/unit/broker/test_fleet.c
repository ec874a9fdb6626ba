#include "daemon/broker/fleet.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define SECOND_NS INT64_C(1000000000)

static bool link_is_gone(struct stage *stage)
{
	return TAILQ_EMPTY(&stage->broker.fleet.links);
}

UNIT(a_worker_is_greeted_gets_jobs_and_is_settled)
{
	struct stage stage;
	int64_t token, job;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	assert_int_equal(stage.broker.fleet.count, 1);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	job = stage_job(&stage, worker, &token);
	assert_int_equal(job, 1);
	assert_int_equal(fleet_busy(&stage.broker.fleet), 1);
	stage_done(worker, job, token);
	stage_expect(stage_read(&stage, worker), "{\"settled\":[");
	assert_int_equal(fake_store_job(stage.store, 1)->state,
			 STATE_SUCCEEDED);
	assert_int_equal(stage_heard(&stage, CHANNEL_USEFUL).worker, 7);
	assert_int_equal(fleet_busy(&stage.broker.fleet), 0);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(its_row_is_written_with_its_first_claim)
{
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	assert_int_equal(stage.store->worker_count, 0);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, NULL);
	assert_int_equal(stage.store->worker_count, 1);
	assert_int_equal(stage.store->workers[0].id, 7);
	assert_int_equal(stage.store->workers[0].pid, getpid());
	stage_worker_died(&stage, 7, 9);
	close(worker);
	stage_settle(&stage);
	assert_int_equal(stage.store->worker_count, 0);
	close(client);
	stage_end(&stage);
}

UNIT(a_connection_that_nobody_announced_is_parked_then_closed)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	stage_announced(&stage);
	fd = stage_dial(&stage, 7, NULL);
	assert_true(stage_silent(&stage, fd));
	fleet_tick(&stage.broker, clock_mono_ns() + 4 * SECOND_NS);
	assert_false(link_is_gone(&stage));
	fleet_tick(&stage.broker, clock_mono_ns() + 6 * SECOND_NS);
	assert_true(link_is_gone(&stage));
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(a_worker_that_is_faster_than_its_announcement_is_not_refused)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	stage_announced(&stage);
	fd = stage_dial(&stage, 7, NULL);
	assert_true(stage_silent(&stage, fd));
	stage_worker_born(&stage, 7);
	stage_expect(stage_read(&stage, fd), "\"hello\":1");
	close(fd);
	stage_end(&stage);
}

UNIT(another_secret_is_nobody)
{
	struct stage stage;
	char text[256];
	int fd;

	stage_open(&stage);
	stage_worker_born(&stage, 7);
	stage_announced(&stage);
	fd = stage_connect(&stage, "workers");
	snprintf(text, sizeof(text),
		 "{\"ready\":1,\"secret\":\"%s\",\"worker\":7,\"pid\":%d,"
		 "\"holding\":[]}",
		 stage_secret(8), (int)getpid());
	stage_send(fd, text);
	assert_true(stage_silent(&stage, fd));
	assert_int_equal(stage.broker.fleet.count, 0);
	close(fd);
	stage_end(&stage);
}

UNIT(a_pid_that_is_not_the_peers_closes_the_connection)
{
	struct stage stage;
	char text[256];
	int fd;

	stage_open(&stage);
	stage_worker_born(&stage, 7);
	fd = stage_connect(&stage, "workers");
	snprintf(text, sizeof(text),
		 "{\"ready\":1,\"secret\":\"%s\",\"worker\":7,\"pid\":%d}",
		 stage_secret(7), (int)getpid() + 1);
	stage_send(fd, text);
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(a_new_connection_takes_the_place_of_the_old_one)
{
	struct stage stage;
	int old, new;

	stage_open(&stage);
	old = stage_worker(&stage, 7);
	new = stage_dial(&stage, 7, NULL);
	stage_expect(stage_read(&stage, new), "\"hello\":1");
	stage_closed(&stage, old);
	assert_int_equal(stage.broker.fleet.count, 1);
	close(new);
	stage_end(&stage);
}

UNIT(a_worker_that_dials_before_all_were_named_still_gets_jobs)
{
	struct stage stage;
	int client, fd;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	stage_start(&stage);
	/* It knows us by its row, but not yet whether its parent lives. */
	fd = stage_dial(&stage, 7, NULL);
	assert_true(stage_silent(&stage, fd));
	stage_worker_born(&stage, 7);
	stage_announced(&stage);
	stage_expect(stage_read(&stage, fd), "\"hello\":1");
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	assert_int_equal(stage_job(&stage, fd, NULL), 1);
	close(fd);
	close(client);
	stage_end(&stage);
}

UNIT(a_worker_of_an_earlier_supervisor_gets_nothing_new)
{
	struct stage stage;
	int client, fd;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	stage_start(&stage);
	stage_announced(&stage);
	fd = stage_dial(&stage, 7, NULL);
	stage_expect(stage_read(&stage, fd), "\"hello\":1");
	assert_int_equal(stage.broker.fleet.count, 0);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_settle(&stage);
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(client);
	stage_end(&stage);
}

UNIT(without_descriptors_the_worker_waits_for_the_tick)
{
	struct rlimit before, none;
	struct stage stage;
	int fd;

	stage_open(&stage);
	stage_worker_born(&stage, 7);
	stage_announced(&stage);
	fd = stage_dial(&stage, 7, NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	stage_turn(&stage);
	assert_false(
		event_pending(stage.broker.fleet.listen_event, EV_READ, NULL));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	fleet_tick(&stage.broker, clock_mono_ns());
	stage_expect(stage_read(&stage, fd), "\"hello\":1");
	close(fd);
	stage_end(&stage);
}

UNIT(a_worker_that_does_not_answer_is_asked_then_ended)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_worker(&stage, 7);
	for (int i = 0; i < 59; i++)
		fleet_tick(&stage.broker, clock_mono_ns());
	stage_expect(stage_read(&stage, fd), "{\"ping\":");
	fleet_tick(&stage.broker, clock_mono_ns());
	assert_int_equal(stage_heard(&stage, CHANNEL_KILL).worker, 7);
	close(fd);
	stage_end(&stage);
}

UNIT(a_worker_that_answers_is_left_alone)
{
	struct channel_message message;
	struct stage stage;
	int fd, r;

	stage_open(&stage);
	fd = stage_worker(&stage, 7);
	for (int i = 1; i <= 200; i++) {
		fleet_tick(&stage.broker, clock_mono_ns());
		if (i % 50 == 0) {
			stage_send(fd, "{\"pong\":10}");
			stage_turn(&stage);
		}
	}
	while ((r = channel_receive(stage.supervisor, &message)) == 0)
		assert_int_not_equal(message.kind, CHANNEL_KILL);
	assert_int_equal(r, CHANNEL_E_EMPTY);
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_greeted_gets_jobs_and_is_settled),
		cmocka_unit_test(its_row_is_written_with_its_first_claim),
		cmocka_unit_test(
			a_connection_that_nobody_announced_is_parked_then_closed),
		cmocka_unit_test(
			a_worker_that_is_faster_than_its_announcement_is_not_refused),
		cmocka_unit_test(another_secret_is_nobody),
		cmocka_unit_test(
			a_pid_that_is_not_the_peers_closes_the_connection),
		cmocka_unit_test(
			a_new_connection_takes_the_place_of_the_old_one),
		cmocka_unit_test(
			a_worker_that_dials_before_all_were_named_still_gets_jobs),
		cmocka_unit_test(
			a_worker_of_an_earlier_supervisor_gets_nothing_new),
		cmocka_unit_test(
			without_descriptors_the_worker_waits_for_the_tick),
		cmocka_unit_test(
			a_worker_that_does_not_answer_is_asked_then_ended),
		cmocka_unit_test(a_worker_that_answers_is_left_alone),
	};

	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
