/* Progress: who has the token speaks for the job, until its attempt ends. */

#include "tests/unit/broker/stage_pool.h"

#include <stdio.h>
#include <unistd.h>

#define GET "org.reeve.jobs.Get"
#define GROUP "org.reeve.jobs.GetGroup"
#define PROGRESS "org.reeve.jobs.Progress"

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

static const char *call(int fd, const char *method, const char *params)
{
	return stage_call(&stage, fd, method, params);
}

UNIT(a_job_says_over_the_clients_socket_how_far_it_is)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	const char *line;
	int64_t token;

	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	assert_int_equal(token, 1001);
	stage_expect(call(client, PROGRESS,
			  "{\"id\":1,\"token\":1001,\"fraction\":0.25,"
			  "\"note\":\"a\"}"),
		     "{\"lost\":false}");
	stage_expect(call(client, GET, "{\"ids\":[1]}"),
		     "\"progress\":0.25,\"note\":\"a\"");
	call(client, PROGRESS, "{\"id\":1,\"token\":1001,\"fraction\":0.5}");
	line = call(client, GET, "{\"ids\":[1]}");
	stage_expect(line, "\"progress\":0.5");
	assert_null(strstr(line, "note"));
	close(worker);
	close(client);
}

UNIT(another_attempt_or_another_job_is_not_spoken_for)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	int64_t token;

	stage_thumb(&stage, client, NULL);
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	stage_expect(call(client, PROGRESS,
			  "{\"id\":1,\"token\":1000,\"fraction\":1}"),
		     "{\"lost\":true}");
	stage_expect(call(client, PROGRESS,
			  "{\"id\":2,\"token\":1001,\"fraction\":1}"),
		     "{\"lost\":true}");
	stage_expect(call(client, PROGRESS,
			  "{\"id\":1,\"token\":1001,\"fraction\":1.5}"),
		     "InvalidParameter");
	stage_expect(call(client, PROGRESS,
			  "{\"id\":1,\"token\":1001,\"fraction\":-1}"),
		     "InvalidParameter");
	assert_null(strstr(call(client, GET, "{\"ids\":[1]}"), "progress"));
	stage_send(worker, "{\"done\":1,\"token\":1001,\"result\":1}");
	stage_expect(stage_read(&stage, worker), "settled");
	stage_expect(call(client, PROGRESS,
			  "{\"id\":1,\"token\":1001,\"fraction\":1}"),
		     "{\"lost\":true}");
	close(worker);
	close(client);
}

UNIT(a_command_of_a_consumer_speaks_for_its_job_too)
{
	static const char reserve[] = "{\"handlers\":[\"resize\"],"
				      "\"wait_ms\":0}";
	int client = stage_client(&stage);
	char params[96];
	int64_t token;

	call(client, "org.reeve.consume.Reserve", reserve);
	call(client, "org.reeve.jobs.Submit",
	     "{\"job\":{\"handler\":\"resize\"}}");
	stage_settle(&stage);
	token = stage_number(call(client, "org.reeve.consume.Reserve", reserve),
			     "token");
	snprintf(params, sizeof(params),
		 "{\"id\":1,\"token\":%lld,\"fraction\":0.5}",
		 (long long)token);
	stage_expect(call(client, PROGRESS, params), "{\"lost\":false}");
	stage_expect(call(client, GET, "{\"ids\":[1]}"), "\"progress\":0.5");
	snprintf(params, sizeof(params),
		 "{\"id\":1,\"token\":%lld,\"fraction\":0.5}",
		 (long long)token + 1);
	stage_expect(call(client, PROGRESS, params), "{\"lost\":true}");
	close(client);
}

UNIT(a_group_is_as_far_as_its_jobs)
{
	int client = stage_client(&stage), worker = stage_handler(&stage, 8);
	const char *line;
	int64_t token;

	call(client, "org.reeve.jobs.OpenGroup", "{}");
	line = call(client, GROUP, "{\"group\":1}");
	assert_null(strstr(line, "\"progress\""));
	stage_thumb(&stage, client, "\"group\":1");
	call(client, "org.reeve.jobs.Submit",
	     "{\"job\":{\"argv\":[\"a\"],\"group\":1,\"hold\":true}}");
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	stage_expect(call(client, GROUP, "{\"group\":1}"), "\"progress\":0}");
	stage_send(worker, "{\"progress\":1,\"token\":1001,\"fraction\":0.5}");
	stage_turn(&stage);
	stage_expect(call(client, GROUP, "{\"group\":1}"),
		     "\"progress\":0.25}");
	stage_send(worker, "{\"fail\":1,\"token\":1001,\"error\":{}}");
	stage_expect(stage_read(&stage, worker), "settled");
	stage_expect(call(client, GROUP, "{\"group\":1}"), "\"progress\":0.5}");
	close(worker);
	close(client);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_job_says_over_the_clients_socket_how_far_it_is),
		CASE(another_attempt_or_another_job_is_not_spoken_for),
		CASE(a_command_of_a_consumer_speaks_for_its_job_too),
		CASE(a_group_is_as_far_as_its_jobs),
	};

	return cmocka_run_group_tests_name("call_progress", tests, NULL, NULL);
}
