#include "daemon/broker/overtime.h"
#include "tests/unit/broker/stage_pool.h"

#include <signal.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define S INT64_C(1000000000)
#define GET_1 "{\"ids\":[1]}"

static struct stage stage;
static int client, worker;
static int64_t token;

static int set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_pools(&stage, STAGE_POOLS);
	client = stage_client(&stage);
	worker = stage_handler(&stage, 8);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(worker);
	close(client);
	stage_end(&stage);
	return 0;
}

static void begin(const char *members)
{
	stage_thumb(&stage, client, members);
	assert_int_equal(stage_job(&stage, worker, &token), 1);
}

/* As if so much time had passed. */
static void look(int64_t from_now_ns)
{
	overtime_look(&stage.broker, clock_mono_ns() + from_now_ns);
	stage_turn(&stage);
}

static const char *job(void)
{
	stage_settle(&stage);
	return stage_call(&stage, client, "org.reeve.jobs.Get", GET_1);
}

UNIT(a_timeout_is_said_and_the_failure_that_answers_it_is_a_timeout)
{
	const char *line;

	begin("\"timeout_ms\":60000,\"grace_ms\":5000");
	look(59 * S);
	assert_true(stage_silent(&stage, worker));
	look(60 * S);
	line = stage_read(&stage, worker);
	stage_expect(line, "{\"cancel\":1,");
	stage_expect(line, "\"grace_ms\":5000,\"reason\":\"timeout\"");
	look(60 * S);
	assert_true(stage_silent(&stage, worker));
	stage_fail(worker, 1, token, "TimedOut");
	line = job();
	stage_expect(line, "\"state\":\"failed\"");
	stage_expect(line, "\"cause\":\"timeout\"");
	stage_expect(line, "\"type\":\"TimedOut\"");
	assert_true(stage_unheard(&stage, CHANNEL_TERM));
}

UNIT(a_success_that_comes_all_the_same_stays_one)
{
	begin("\"timeout_ms\":60000");
	look(60 * S);
	stage_done(worker, 1, token);
	stage_expect(job(), "\"state\":\"succeeded\"");
}

UNIT(who_does_not_listen_is_ended_and_the_attempt_is_a_timeout)
{
	const char *line;

	begin("\"timeout_ms\":60000,\"grace_ms\":5000");
	look(60 * S);
	look(66 * S);
	assert_int_equal(stage_heard(&stage, CHANNEL_TERM).worker, 8);
	look(68 * S);
	assert_int_equal(stage_heard(&stage, CHANNEL_KILL).worker, 8);
	stage_worker_died(&stage, 8, SIGKILL);
	close(worker);
	worker = stage_connect(&stage, "workers");
	stage_turn(&stage);
	line = job();
	stage_expect(line, "\"state\":\"failed\"");
	stage_expect(line, "\"cause\":\"timeout\"");
	stage_expect(line, "\"message\":\"it ran longer than its timeout of "
			   "60.0 s, and its worker was ended\"");
	stage_expect(line, "\"crashes\":0");
}

UNIT(a_cancelled_one_whose_worker_was_ended_is_cancelled)
{
	const char *line;

	begin("\"grace_ms\":5000");
	line = stage_call(&stage, client, "org.reeve.jobs.Cancel",
			  "{\"filter\":{\"ids\":[1]}}");
	stage_expect(line, "\"signalled\":1");
	stage_expect(stage_read(&stage, worker), "\"reason\":\"client\"");
	look(30 * S);
	assert_int_equal(stage_heard(&stage, CHANNEL_TERM).worker, 8);
	stage_worker_died(&stage, 8, SIGTERM);
	close(worker);
	worker = stage_connect(&stage, "workers");
	stage_turn(&stage);
	line = job();
	stage_expect(line, "\"state\":\"cancelled\"");
	stage_expect(line, "\"message\":\"it was cancelled, and its worker was "
			   "ended\"");
}

UNIT(who_was_away_is_told_when_it_is_back)
{
	char text[128];
	int64_t now_ns = clock_mono_ns();

	begin("\"timeout_ms\":60000");
	close(worker);
	stage_turn(&stage);
	overtime_look(&stage.broker, now_ns + 61 * S);
	snprintf(text, sizeof(text),
		 "[{\"job\":1,\"token\":%lld,\"started_ms\":1}]",
		 (long long)token);
	worker = stage_dial(&stage, 8, text);
	stage_expect(stage_read(&stage, worker), "\"hello\":1");
	stage_expect(stage_read(&stage, worker), "\"reason\":\"timeout\"");
}

UNIT(what_stands_behind_the_first_one_has_not_begun)
{
	int64_t next_ns;

	begin("\"timeout_ms\":60000");
	stage_thumb(&stage, client, "\"timeout_ms\":1");
	stage_settle(&stage);
	next_ns = overtime_look(&stage.broker, clock_mono_ns());
	assert_in_range(next_ns, clock_mono_ns() + 50 * S,
			clock_mono_ns() + 61 * S);
	assert_true(stage_silent(&stage, worker));
}

/* A poison job: its worker dies each time, whoever it is. */
UNIT(a_job_whose_workers_die_three_times_fails_and_those_behind_are_not_charged)
{
	const char *line;

	stage_thumb(&stage, client, NULL);
	for (int64_t id = 8; id < 11; id++) {
		struct worker *one = fleet_find(&stage.broker.fleet, id);

		assert_int_equal(stage_job(&stage, worker, &token), 1);
		if (id == 8) {
			/* One is prefetched behind it. */
			one->sched.credit.jobs = 2;
			stage_thumb(&stage, client, NULL);
			assert_int_equal(stage_job(&stage, worker, NULL), 2);
		}
		stage_worker_died(&stage, id, SIGSEGV);
		close(worker);
		worker = stage_connect(&stage, "workers");
		stage_turn(&stage);
		stage_settle(&stage);
		if (id == 10)
			break;
		close(worker);
		/* Its turn comes first again: the fake store goes by number. */
		worker = stage_handler(&stage, id + 1);
	}
	line = job();
	stage_expect(line, "\"state\":\"failed\"");
	stage_expect(line, "\"cause\":\"worker_lost\"");
	stage_expect(line, "\"crashes\":3");
	stage_expect(line, "its worker was killed by signal 11");
	line = stage_call(&stage, client, "org.reeve.jobs.Get",
			  "{\"ids\":[2]}");
	stage_expect(line, "\"state\":\"ready\"");
	stage_expect(line, "\"crashes\":0");
	stage_expect(line, "\"attempt\":0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_timeout_is_said_and_the_failure_that_answers_it_is_a_timeout,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_success_that_comes_all_the_same_stays_one, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			who_does_not_listen_is_ended_and_the_attempt_is_a_timeout,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_cancelled_one_whose_worker_was_ended_is_cancelled,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_was_away_is_told_when_it_is_back, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_stands_behind_the_first_one_has_not_begun, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_job_whose_workers_die_three_times_fails_and_those_behind_are_not_charged,
			set_up, tear_down),
	};

	return cmocka_run_group_tests_name("overtime", tests, NULL, NULL);
}
