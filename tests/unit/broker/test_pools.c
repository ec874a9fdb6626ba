#include "daemon/broker/pools.h"
#include "tests/unit/broker/stage_pool.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/staff.h"

#define GET(id) "{\"ids\":[" #id "]}"

static struct stage stage;

static int set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_end(&stage);
	return 0;
}

static const char *call(int fd, const char *method, const char *params)
{
	return stage_call(&stage, fd, method, params);
}

UNIT(a_handler_job_goes_to_a_worker_of_its_pool_and_its_result_is_told)
{
	int client = stage_client(&stage), exec, worker;
	const char *line;
	int64_t token;

	stage_pools(&stage, STAGE_POOLS);
	exec = stage_worker(&stage, 7);
	worker = stage_handler(&stage, 8);
	assert_int_equal(stage_heard(&stage, CHANNEL_READY_WORKER).worker, 8);
	stage_thumb(&stage, client, "\"args\":{\"w\":[1, 2]},\"queue\":\"q\"");
	line = stage_read(&stage, worker);
	token = stage_number(line, "token");
	stage_expect(line, "\"handler\":\"thumb\",\"queue\":\"q\",\"spec\":"
			   "{\"args\":{\"w\":[1, 2]}}}");
	assert_true(stage_silent(&stage, exec));
	stage_send(worker, "{\"progress\":1,\"token\":1001,\"fraction\":0.5,"
			   "\"note\":\"half\"}");
	stage_turn(&stage);
	stage_expect(call(client, "org.reeve.jobs.Get", GET(1)),
		     token == 1001 ? "\"progress\":0.5,\"note\":\"half\""
				   : "running");
	stage_send(worker, "{\"log\":\"hello\",\"level\":\"info\",\"job\":1}");
	stage_send(worker, "{\"beat\":1,\"token\":1001,\"extend_ms\":5}");
	stage_send(worker,
		   "{\"done\":1,\"token\":1001,\"result\":{\"ok\":[]}}");
	stage_expect(stage_read(&stage, worker), "{\"settled\":[1001]}");
	line = call(client, "org.reeve.jobs.Get", GET(1));
	stage_expect(line, "\"state\":\"succeeded\"");
	stage_expect(line, "\"result\":{\"ok\":[]}");
	close(exec);
	close(worker);
	close(client);
}

UNIT(a_failure_has_type_message_and_trace)
{
	int client = stage_client(&stage), worker;
	const char *line;
	int64_t token;

	stage_pools(&stage, STAGE_POOLS);
	worker = stage_handler(&stage, 8);
	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	stage_fail(worker, 1, token, "KeyError");
	stage_expect(stage_read(&stage, worker), "settled");
	line = call(client, "org.reeve.jobs.Get", GET(1));
	stage_expect(line, "\"state\":\"failed\"");
	stage_expect(line, "\"cause\":\"handler\"");
	stage_expect(line, "\"failure\":{\"type\":\"KeyError\",\"message\":"
			   "\"said so\",\"trace\":\"line 1\"}");
	close(worker);
	close(client);
}

UNIT(what_nobody_serves_is_refused_with_what_there_is)
{
	int client = stage_client(&stage);
	const char *line;

	stage_pools(&stage, STAGE_POOLS);
	line = call(client, "org.reeve.jobs.Submit",
		    "{\"job\":{\"handler\":\"thump\"}}");
	stage_expect(line, "NoSuchHandler\",\"parameters\":{\"handler\":"
			   "\"thump\"");
	stage_expect(line, "there is exec, thumb, scale");
	close(client);
}

UNIT(jobs_of_a_pool_that_goes_wait_and_say_why_until_it_is_back)
{
	int client = stage_client(&stage), worker;
	const char *line;

	stage_pools(&stage, STAGE_POOLS);
	stage_thumb(&stage, client, NULL);
	stage_settle(&stage);
	stage_pools(&stage, "[" STAGE_EXEC "]");
	line = call(client, "org.reeve.jobs.Explain", "{\"id\":1}");
	stage_expect(line, "\"rule\":\"no_pool\"");
	stage_expect(line, "no pool serves handler 'thumb'");
	stage_pools(&stage, STAGE_POOLS);
	line = call(client, "org.reeve.jobs.Explain", "{\"id\":1}");
	stage_expect(line, "\"rule\":\"no_workers\"");
	worker = stage_handler(&stage, 8);
	assert_int_equal(stage_job(&stage, worker, NULL), 1);
	close(worker);
	close(client);
}

UNIT(a_worker_that_lacks_a_handler_is_refused)
{
	int fd;

	stage_pools(&stage, STAGE_POOLS);
	stage_pool_state(&stage, 1, NULL, 1);
	log_init("broker", (enum log_level)0);
	fd = stage_handler_dial(&stage, 8, "[\"thumb\"]");
	stage_closed(&stage, fd);
	assert_int_equal(stage_heard(&stage, CHANNEL_KILL).worker, 8);
	assert_true(stage_unheard(&stage, CHANNEL_READY_WORKER));
	/* The next try may serve it. */
	fd = stage_handler(&stage, 8);
	assert_int_equal(stage_heard(&stage, CHANNEL_READY_WORKER).worker, 8);
	close(fd);
}

UNIT(a_worker_that_only_dials_is_ended)
{
	int client = stage_client(&stage), fd;
	int64_t token;

	stage_pools(&stage, STAGE_POOLS);
	log_init("broker", (enum log_level)0);
	fd = stage_handler(&stage, 8);
	for (int i = 1; i < 20; i++)
		fd = stage_redial(&stage, fd, 8, NULL);
	/* One that does a job now and then may have a bad connection. */
	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, fd, &token), 1);
	stage_done(fd, 1, token);
	stage_expect(stage_read(&stage, fd), "settled");
	for (int i = 0; i < 20; i++)
		fd = stage_redial(&stage, fd, 8, NULL);
	assert_true(stage_unheard(&stage, CHANNEL_KILL));
	close(fd);
	stage_turn(&stage);
	fd = stage_dial(&stage, 8, NULL);
	stage_closed(&stage, fd);
	assert_int_equal(stage_heard(&stage, CHANNEL_KILL).worker, 8);
	close(client);
}

/* STAGE_IMG with one handler more. */
#define MORE                                                                   \
	"[" STAGE_EXEC ",{\"number\":1,\"name\":\"img\",\"kind\":2,"           \
	"\"min\":1,\"max\":8,\"idle_ms\":60000,\"ping_ms\":0,"                 \
	"\"retire_jobs\":0,\"retire_age_ms\":0,\"retire_kib\":0,"              \
	"\"jitter_permille\":0,\"broken\":0,"                                  \
	"\"handles\":[\"thumb\",\"scale\",\"crop\"]}]"

UNIT(a_handler_that_is_new_waits_for_workers_that_serve_it)
{
	int client = stage_client(&stage), old, new;
	const char *line;

	stage_pools(&stage, STAGE_POOLS);
	stage_pool_state(&stage, 1, NULL, 1);
	old = stage_handler(&stage, 8);
	stage_pools(&stage, MORE);
	stage_pool_state(&stage, 1, NULL, 2);
	call(client, "org.reeve.jobs.Submit",
	     "{\"job\":{\"handler\":\"crop\"}}");
	stage_settle(&stage);
	assert_true(stage_silent(&stage, old));
	line = call(client, "org.reeve.jobs.Explain", "{\"id\":1}");
	stage_expect(line, "do not serve it yet");
	/* What it knows it goes on with, also over a connection. */
	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, old, NULL), 2);
	staff_tick(&stage.broker, clock_mono_ns());
	assert_int_equal(stage_heard(&stage, CHANNEL_RETIRE).worker, 8);
	new = stage_handler_dial(&stage, 9, "[\"scale\",\"thumb\",\"crop\"]");
	fleet_find(&stage.broker.fleet, 9)->generation = 2;
	stage_expect(stage_read(&stage, new), "\"hello\":1");
	stage_expect(stage_read(&stage, old), "drain");
	assert_true(stage_silent(&stage, new));
	staff_tick(&stage.broker, clock_mono_ns());
	assert_int_equal(stage_job(&stage, new, NULL), 1);
	close(old);
	close(new);
	close(client);
}

UNIT(workers_of_a_pool_that_was_removed_leave)
{
	int client = stage_client(&stage), worker;
	struct channel_message heard;

	stage_pools(&stage, STAGE_POOLS);
	worker = stage_handler(&stage, 8);
	stage_pools(&stage, "[" STAGE_EXEC "]");
	staff_tick(&stage.broker, clock_mono_ns());
	heard = stage_heard(&stage, CHANNEL_RETIRE);
	assert_int_equal(heard.worker, 8);
	assert_int_equal(heard.value, 1);
	stage_expect(stage_read(&stage, worker), "drain");
	close(worker);
	/* One that was on its way. */
	worker = stage_handler(&stage, 9);
	staff_tick(&stage.broker, clock_mono_ns());
	stage_expect(stage_read(&stage, worker), "drain");
	close(worker);
	close(client);
}

UNIT(a_list_that_is_wrong_leaves_the_last_one)
{
	int client = stage_client(&stage);

	stage_pools(&stage, STAGE_POOLS);
	log_init("broker", (enum log_level)0);
	stage_pools(&stage, "[{\"number\":1}]");
	assert_non_null(pools_find(&stage.broker.pools, 1));
	stage_thumb(&stage, client, NULL);
	close(client);
}

UNIT(a_program_is_not_asked_for_a_sign_of_life_while_it_has_a_job)
{
	int client = stage_client(&stage), worker;
	int64_t token;

	stage_pools(&stage, STAGE_POOLS);
	worker = stage_handler(&stage, 8);
	stage_thumb(&stage, client, NULL);
	stage_job(&stage, worker, &token);
	for (int i = 0; i < 100; i++)
		fleet_tick(&stage.broker, clock_mono_ns());
	assert_true(stage_silent(&stage, worker));
	assert_true(stage_unheard(&stage, CHANNEL_KILL));
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, worker), "settled");
	for (int i = 0; i < 10; i++)
		fleet_tick(&stage.broker, clock_mono_ns());
	stage_expect(stage_read(&stage, worker), "{\"ping\":");
	close(worker);
	close(client);
}

UNIT(a_result_that_is_nested_too_deep_fails_its_job_alone)
{
	int client = stage_client(&stage), worker;
	char line[512], deep[2 * 80 + 1];
	int64_t token;

	memset(deep, '[', 80);
	memset(deep + 80, ']', 80);
	deep[160] = '\0';
	stage_pools(&stage, STAGE_POOLS);
	worker = stage_handler(&stage, 8);
	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	snprintf(line, sizeof(line),
		 "{\"done\":1,\"result\":%s,\"token\":%lld,\"run_us\":5}", deep,
		 (long long)token);
	stage_send(worker, line);
	snprintf(line, sizeof(line), "{\"settled\":[%lld]}", (long long)token);
	stage_expect(stage_read(&stage, worker), line);
	stage_expect(call(client, "org.reeve.jobs.Get", GET(1)),
		     "\"failure\":{\"type\":\"ResultNotJSON\",\"message\":"
		     "\"the result is nested too deep\"}");
	/* The worker goes on. */
	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, worker, NULL), 2);
	/* What else is too deep is nothing that anybody means. */
	snprintf(line, sizeof(line), "{\"log\":%s}", deep);
	stage_send(worker, line);
	stage_closed(&stage, worker);
	close(client);
}

UNIT(a_degraded_pool_says_why_its_jobs_wait)
{
	int client = stage_client(&stage);
	const char *line;

	stage_pools(&stage, STAGE_POOLS);
	log_init("broker", LOG_ERROR);
	stage_pool_state(&stage, 1, "preload failed: KeyError: 'x'", 1);
	stage_thumb(&stage, client, NULL);
	line = call(client, "org.reeve.jobs.Explain", "{\"id\":1}");
	stage_expect(line, "\"rule\":\"degraded\"");
	stage_expect(line, "preload failed: KeyError: 'x'");
	stage_expect(call(client, "org.reeve.admin.Status", "{}"),
		     "pool img is degraded: preload failed");
	line = call(client, "org.reeve.admin.Pools", "{}");
	stage_expect(line, "\"state\":\"degraded\",\"reason\":\"preload");
	stage_pool_state(&stage, 1, NULL, 1);
	stage_expect(call(client, "org.reeve.admin.Pools", "{}"),
		     "\"name\":\"img\",\"kind\":\"worker\",\"state\":"
		     "\"running\"");
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_handler_job_goes_to_a_worker_of_its_pool_and_its_result_is_told,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_failure_has_type_message_and_trace, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_nobody_serves_is_refused_with_what_there_is,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			jobs_of_a_pool_that_goes_wait_and_say_why_until_it_is_back,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_worker_that_lacks_a_handler_is_refused, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_worker_that_only_dials_is_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_handler_that_is_new_waits_for_workers_that_serve_it,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			workers_of_a_pool_that_was_removed_leave, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_list_that_is_wrong_leaves_the_last_one, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_program_is_not_asked_for_a_sign_of_life_while_it_has_a_job,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_result_that_is_nested_too_deep_fails_its_job_alone,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_degraded_pool_says_why_its_jobs_wait, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("broker pools", tests, NULL, NULL);
}
