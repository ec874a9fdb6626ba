#include "daemon/broker/staff.h"
#include "tests/unit/broker/stage_pool.h"

#include <unistd.h>

#include "daemon/base/clock.h"

#define S INT64_C(1000000000)

static struct stage stage;

static int set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_pools(&stage, STAGE_POOLS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_end(&stage);
	return 0;
}

static void tick(int64_t from_now_ns)
{
	staff_tick(&stage.broker, clock_mono_ns() + from_now_ns);
	stage_turn(&stage);
}

static struct served_pool *img(void)
{
	return pools_find(&stage.broker.pools, 1);
}

UNIT(a_pool_asks_for_its_minimum_and_grows_with_what_waits)
{
	int client = stage_client(&stage);
	struct channel_message heard;

	tick(0);
	heard = stage_heard(&stage, CHANNEL_SCALE);
	assert_int_equal(heard.pool_number, 1);
	assert_int_equal(heard.value, 2);
	for (int i = 0; i < 3; i++)
		stage_thumb(&stage, client, NULL);
	stage_settle(&stage);
	assert_int_equal(stage_heard(&stage, CHANNEL_SCALE).value, 3);
	assert_int_equal(img()->size.wanted, 3);
	close(client);
}

UNIT(who_is_too_many_leaves_and_gets_no_replacement)
{
	int a = stage_handler(&stage, 8), b = stage_handler(&stage, 9),
	    c = stage_handler(&stage, 10);
	struct channel_message heard;

	img()->size = (struct pool_size){
		.wanted = 3,
		.need = 3,
		.turn_ns = clock_mono_ns() + 60 * S,
	};
	tick(0);
	assert_true(stage_unheard(&stage, CHANNEL_RETIRE));
	tick(61 * S);
	tick(122 * S);
	heard = stage_heard(&stage, CHANNEL_RETIRE);
	assert_int_equal(heard.value, 1);
	/* It came first, so it is idle for longest. */
	assert_int_equal(heard.worker, 8);
	assert_string_equal(stage_read(&stage, a), "{\"drain\":true}");
	assert_true(stage_silent(&stage, b) && stage_silent(&stage, c));
	close(a);
	close(b);
	close(c);
}

UNIT(a_worn_worker_serves_until_its_replacement_does)
{
	int a = stage_handler(&stage, 8), b = stage_handler(&stage, 9), c;
	struct channel_message heard;

	tick(0);
	fleet_find(&stage.broker.fleet, 8)->jobs_done = 100;
	img()->rule.retire_jobs = 100;
	tick(S);
	heard = stage_heard(&stage, CHANNEL_RETIRE);
	assert_int_equal(heard.worker, 8);
	assert_int_equal(heard.value, 0);
	tick(2 * S);
	assert_true(stage_unheard(&stage, CHANNEL_RETIRE));
	assert_true(stage_silent(&stage, a));
	c = stage_handler(&stage, 10);
	assert_string_equal(stage_read(&stage, a), "{\"drain\":true}");
	assert_int_equal(stage.broker.sched.pools[1].serving, 2);
	assert_int_equal(img()->retiring, 0);
	close(a);
	close(b);
	close(c);
}

UNIT(a_worker_that_did_its_jobs_is_replaced_at_once)
{
	int a = stage_handler(&stage, 8), b = stage_handler(&stage, 9);
	struct worker *worker;

	tick(0);
	worker = fleet_find(&stage.broker.fleet, 8);
	img()->rule.retire_jobs = 100;
	worker->jobs_done = 99;
	staff_worked(&stage.broker, worker);
	stage_turn(&stage);
	assert_true(stage_unheard(&stage, CHANNEL_RETIRE));
	worker->jobs_done = 100;
	staff_worked(&stage.broker, worker);
	stage_turn(&stage);
	assert_int_equal(stage_heard(&stage, CHANNEL_RETIRE).worker, 8);
	worker->jobs_done = 101;
	staff_worked(&stage.broker, worker);
	/* One at a time: this one when there is room again. */
	worker = fleet_find(&stage.broker.fleet, 9);
	worker->jobs_done = 100;
	staff_worked(&stage.broker, worker);
	stage_turn(&stage);
	assert_true(stage_unheard(&stage, CHANNEL_RETIRE));
	close(a);
	close(b);
}

UNIT(a_pool_that_is_made_anew_replaces_all_of_its_workers)
{
	int workers[4], count = 2;
	int64_t id = 10;

	workers[0] = stage_handler(&stage, 8);
	workers[1] = stage_handler(&stage, 9);
	tick(0);
	stage_pool_state(&stage, 1, NULL, 2);
	while (count < 4) {
		struct channel_message heard;
		struct worker *worker;

		tick(S);
		heard = stage_heard(&stage, CHANNEL_RETIRE);
		workers[count] = stage_handler_dial(&stage, id, NULL);
		stage_expect(stage_read(&stage, workers[count]), "hello");
		worker = fleet_find(&stage.broker.fleet, id++);
		worker->generation = 2;
		count++;
		stage_expect(
			stage_read(&stage, workers[heard.worker == 8 ? 0 : 1]),
			"drain");
		assert_true(stage.broker.sched.pools[1].serving >= 2);
	}
	tick(S);
	assert_true(stage_unheard(&stage, CHANNEL_RETIRE));
	for (int i = 0; i < count; i++)
		close(workers[i]);
}

UNIT(who_was_away_when_it_was_to_leave_hears_it_when_it_is_back)
{
	int a = stage_handler(&stage, 8), b = stage_handler(&stage, 9);

	img()->size.wanted = 2;
	close(a);
	stage_turn(&stage);
	staff_resize(&stage.broker, 1, 1, 1);
	assert_int_equal(stage_heard(&stage, CHANNEL_RESIZE).pool_max, 1);
	tick(0);
	assert_int_equal(stage_heard(&stage, CHANNEL_RETIRE).value, 1);
	a = stage_dial(&stage, 8, NULL);
	stage_expect(stage_read(&stage, a), "hello");
	stage_expect(stage_read(&stage, a), "drain");
	close(a);
	close(b);
}

UNIT(jobs_of_a_broken_pool_fail_if_they_are_to)
{
	int client = stage_client(&stage);
	const char *line;

	stage_thumb(&stage, client, NULL);
	stage_settle(&stage);
	log_init("broker", LOG_ERROR);
	stage_pool_state(&stage, 1, "preload failed: \"x\"", 1);
	tick(0);
	stage_settle(&stage);
	line = stage_call(&stage, client, "org.reeve.jobs.Get",
			  "{\"ids\":[1]}");
	stage_expect(line, "\"state\":\"ready\"");
	stage.broker.pools.config.list[1].broken = POOL_BROKEN_FAIL;
	tick(0);
	stage_settle(&stage);
	line = stage_call(&stage, client, "org.reeve.jobs.Get",
			  "{\"ids\":[1]}");
	stage_expect(line, "\"state\":\"failed\"");
	stage_expect(line, "\"cause\":\"exec\"");
	stage_expect(line, "no worker of pool img can be started: preload "
			   "failed: \\\"x\\\"");
	close(client);
}

UNIT(the_memory_of_a_process_is_known)
{
	assert_true(staff_rss_kib(getpid()) > 100);
	assert_int_equal(staff_rss_kib(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_pool_asks_for_its_minimum_and_grows_with_what_waits,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_is_too_many_leaves_and_gets_no_replacement, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_worn_worker_serves_until_its_replacement_does, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_worker_that_did_its_jobs_is_replaced_at_once, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_pool_that_is_made_anew_replaces_all_of_its_workers,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_was_away_when_it_was_to_leave_hears_it_when_it_is_back,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			jobs_of_a_broken_pool_fail_if_they_are_to, set_up,
			tear_down),
		cmocka_unit_test(the_memory_of_a_process_is_known),
	};

	return cmocka_run_group_tests_name("staff", tests, NULL, NULL);
}
