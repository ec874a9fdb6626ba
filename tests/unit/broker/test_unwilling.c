/* Workers that put back what they are given, and do none of it. */
#include "daemon/broker/unwilling.h"
#include "tests/unit/broker/stage_pool.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/given.h"
#include "daemon/broker/staff.h"

#define S INT64_C(1000000000)
#define POOLS "org.reeve.admin.Pools"

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

/* What it was given goes back: its token is settled. */
static void put_back(int worker)
{
	int64_t token;
	int64_t job = stage_job(&stage, worker, &token);
	char text[96], settled[48];

	snprintf(text, sizeof(text),
		 "{\"put_back\":[{\"job\":%lld,\"token\":%lld}]}",
		 (long long)job, (long long)token);
	snprintf(settled, sizeof(settled), "{\"settled\":[%lld]}",
		 (long long)token);
	stage_send(worker, text);
	stage_expect(stage_read(&stage, worker), settled);
	stage_settle(&stage);
}

static void tick(int64_t from_now_ns)
{
	staff_tick(&stage.broker, clock_mono_ns() + from_now_ns);
	stage_settle(&stage);
}

static const char *told(int client)
{
	return stage_call(&stage, client, POOLS, "{}");
}

static void expect_nothing_told(int client)
{
	assert_null(strstr(told(client), "\"reason\""));
}

UNIT(who_puts_back_again_and_again_rests_longer_each_time)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);

	stage_thumb(&stage, client, NULL);
	/* Once may be for a reason. */
	put_back(worker);
	tick(0);
	expect_nothing_told(client);
	put_back(worker);
	assert_true(stage_silent(&stage, worker));
	tick(0);
	assert_true(stage_silent(&stage, worker));
	stage_expect(told(client), "\"state\":\"running\",\"reason\":\"workers "
				   "of it put back the jobs that they get");
	tick(2 * S);
	put_back(worker);
	tick(1 * S);
	assert_true(stage_silent(&stage, worker));
	tick(3 * S);
	put_back(worker);
	tick(3 * S);
	assert_true(stage_silent(&stage, worker));
	stage_expect(told(client), "\"state\":\"degraded\",\"reason\":\"its "
				   "workers put back every job that they get");
	stage_expect(stage_call(&stage, client, "org.reeve.jobs.Explain",
				"{\"id\":1}"),
		     "\"rule\":\"degraded\",\"message\":\"pool img gets "
		     "nothing done: its workers put back every job");
	close(worker);
	close(client);
}

UNIT(who_does_a_job_is_trusted_again)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	int64_t token;

	stage_thumb(&stage, client, NULL);
	for (int i = 0; i < 4; i++) {
		put_back(worker);
		tick(10 * S);
	}
	stage_expect(told(client), "\"state\":\"degraded\"");
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, worker), "settled");
	tick(0);
	expect_nothing_told(client);
	stage_thumb(&stage, client, NULL);
	put_back(worker);
	assert_int_equal(stage_job(&stage, worker, NULL), 2);
	close(worker);
	close(client);
}

UNIT(another_worker_gets_what_one_puts_back)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	int other;

	stage_thumb(&stage, client, NULL);
	put_back(worker);
	put_back(worker);
	other = stage_handler(&stage, 9);
	assert_int_equal(stage_job(&stage, other, NULL), 1);
	tick(0);
	/* Not all are like that. */
	stage_expect(told(client), "\"state\":\"running\",\"reason\":");
	close(worker);
	close(other);
	close(client);
}

UNIT(what_was_given_before_it_counts_as_one)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	struct worker *one = fleet_find(&stage.broker.fleet, 8);
	struct given given = {.sched.given_ns = 5 * S};

	for (int i = 0; i < 5; i++)
		unwilling_put_back(&stage.broker, one, &given, 6 * S + i);
	assert_int_equal(one->unwilling.deaths, 1);
	given.sched.given_ns = 7 * S;
	unwilling_put_back(&stage.broker, one, &given, 30 * S);
	assert_int_equal(one->unwilling.deaths, 2);
	close(worker);
	close(client);
}

UNIT(who_was_asked_for_it_may_put_back)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	struct worker *one = fleet_find(&stage.broker.fleet, 8);
	struct given given = {.sched.recalled = true};

	unwilling_put_back(&stage.broker, one, &given, S);
	given = (struct given){.cancel_asked = true};
	unwilling_put_back(&stage.broker, one, &given, 2 * S);
	given = (struct given){0};
	one->sched.leaving = true;
	unwilling_put_back(&stage.broker, one, &given, 3 * S);
	one->sched.leaving = false;
	assert_int_equal(one->unwilling.deaths, 0);
	close(worker);
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_puts_back_again_and_again_rests_longer_each_time,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_does_a_job_is_trusted_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_worker_gets_what_one_puts_back, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_given_before_it_counts_as_one, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			who_was_asked_for_it_may_put_back, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("unwilling", tests, NULL, NULL);
}
