#include "daemon/broker/worker_link.h"
#include "tests/unit/broker/stage.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define WITH_CONTEXT(cwd)                                                      \
	"{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":{\"job\":"       \
	"{\"argv\":[\"true\"],\"timeout_ms\":7,\"orphans\":\"keep\","          \
	"\"context\":{\"cwd\":\"" cwd "\"}}}}"

static struct worker_link *only_link(struct stage *stage)
{
	return TAILQ_FIRST(&stage->broker.fleet.links);
}

UNIT(a_job_comes_with_all_that_runs_it)
{
	struct stage stage;
	char text[400];
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, WITH_CONTEXT("/a"));
	assert_string_equal(stage_read(&stage, worker),
			    "{\"context\":1,\"value\":{\"cwd\":\"/a\"}}");
	snprintf(text, sizeof(text),
		 "{\"job\":1,\"attempt\":1,\"token\":%lld,\"group\":0,"
		 "\"context\":1,\"timeout_ms\":7,\"grace_ms\":10000,"
		 "\"orphans\":\"keep\",\"spec\":{\"argv\":[\"true\"]}}",
		 (long long)fake_store_job(stage.store, 1)->token);
	assert_string_equal(stage_read(&stage, worker), text);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(a_context_is_told_once_a_connection)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, WITH_CONTEXT("/a"));
	stage_expect(stage_read(&stage, worker), "{\"context\":1");
	stage_job(&stage, worker, &token);
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, worker), "settled");
	stage_ask(&stage, client, WITH_CONTEXT("/a"));
	stage_expect(stage_read(&stage, worker), "{\"job\":2");
	/* A new connection knows nothing. */
	worker = stage_redial(&stage, worker, 7, NULL);
	stage_expect(stage_read(&stage, worker), "{\"context\":1");
	stage_expect(stage_read(&stage, worker), "{\"job\":2");
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(results_of_one_batch_are_settled_in_one_line)
{
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fake_store_hold(stage.store, true, false);
	stage_done(worker, 1, 50);
	stage_turn(&stage);
	stage_done(worker, 2, 51);
	stage_done(worker, 3, 52);
	stage_turn(&stage);
	fake_store_hold(stage.store, false, false);
	assert_string_equal(stage_read(&stage, worker), "{\"settled\":[50]}");
	assert_string_equal(stage_read(&stage, worker),
			    "{\"settled\":[51,52]}");
	close(worker);
	stage_end(&stage);
}

UNIT(two_workers_are_settled_each_by_itself)
{
	struct stage stage;
	int a, b;

	stage_open(&stage);
	a = stage_worker(&stage, 7);
	b = stage_worker(&stage, 8);
	fake_store_hold(stage.store, true, false);
	stage_done(a, 1, 50);
	stage_turn(&stage);
	stage_done(a, 2, 51);
	stage_turn(&stage);
	stage_done(b, 3, 52);
	stage_turn(&stage);
	stage_done(a, 4, 53);
	stage_turn(&stage);
	fake_store_hold(stage.store, false, false);
	assert_string_equal(stage_read(&stage, a), "{\"settled\":[50]}");
	assert_string_equal(stage_read(&stage, b), "{\"settled\":[52]}");
	assert_string_equal(stage_read(&stage, a), "{\"settled\":[51]}");
	assert_string_equal(stage_read(&stage, a), "{\"settled\":[53]}");
	close(a);
	close(b);
	stage_end(&stage);
}

UNIT(what_is_put_back_is_ready_again)
{
	struct stage stage;
	int64_t token;
	char text[128];
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	stage_send(worker, "{\"leaving\":true}");
	snprintf(text, sizeof(text),
		 "{\"put_back\":[{\"job\":1,\"token\":%lld}]}",
		 (long long)token);
	stage_send(worker, text);
	stage_expect(stage_read(&stage, worker), "{\"settled\":[");
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->state, STATE_READY);
	assert_int_equal(fake_store_job(stage.store, 1)->attempt, 0);
	/* It is leaving: it does not come back to it. */
	assert_int_equal(fleet_busy(&stage.broker.fleet), 0);
	assert_int_equal(stage.broker.fleet.count, 0);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(whatever_is_no_statement_closes_the_connection)
{
	static const char *const bad[] = {
		"hello",
		"[1]",
		"{}",
		"7",
		"{\"done\":1}",
		"{\"done\":1,\"token\":2,\"cause\":\"none\",\"exit\":999}",
		"{\"done\":1,\"token\":2,\"cause\":\"none\",\"log64\":\"%\"}",
		"{\"ready\":1}",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct stage stage;
		int worker;

		stage_open(&stage);
		worker = stage_worker(&stage, 7);
		stage_send(worker, bad[i]);
		stage_closed(&stage, worker);
		/* It may come back. */
		worker = stage_dial(&stage, 7, NULL);
		stage_expect(stage_read(&stage, worker), "\"hello\":1");
		close(worker);
		stage_end(&stage);
	}
}

UNIT(who_confuses_jobs_and_tokens_is_ended)
{
	static const char *const words[] = {
		"{\"done\":6,\"token\":%lld,\"cause\":\"none\"}",
		"{\"fail\":6,\"token\":%lld,\"error\":{\"type\":\"x\"}}",
		"{\"put_back\":[{\"job\":6,\"token\":%lld}]}",
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		struct stage stage;
		int64_t token;
		char text[128];
		int client, worker;

		stage_open(&stage);
		worker = stage_worker(&stage, 7);
		client = stage_client(&stage);
		stage_ask(&stage, client, STAGE_SUBMIT);
		assert_int_equal(stage_job(&stage, worker, &token), 1);
		snprintf(text, sizeof(text), words[i], (long long)token);
		stage_send(worker, text);
		stage_closed(&stage, worker);
		assert_int_equal(stage_heard(&stage, CHANNEL_KILL).worker, 7);
		close(client);
		stage_end(&stage);
	}
}

UNIT(odd_but_harmless_lists_are_walked_in_peace)
{
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	stage_send(worker, "{\"put_back\":7}");
	stage_send(worker, "{\"put_back\":[1,null,[],{\"token\":\"x\"}]}");
	stage_send(worker, "{\"pong\":5}");
	stage_settle(&stage);
	worker = stage_redial(&stage, worker, 7, "[3,{},\"x\"]");
	worker = stage_redial(&stage, worker, 7, "{\"token\":5}");
	close(worker);
	stage_end(&stage);
}

UNIT(a_statement_before_ready_closes_the_connection)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_connect(&stage, "workers");
	stage_done(fd, 1, 2);
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(results_behind_a_parked_ready_are_read_when_it_is_known)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	stage_announced(&stage);
	fd = stage_dial(&stage, 7, NULL);
	stage_done(fd, 1, 50);
	assert_true(stage_silent(&stage, fd));
	stage_worker_born(&stage, 7);
	stage_expect(stage_read(&stage, fd),
		     ",\"store\":\"" FAKE_STORE_IDENTITY "\"}");
	assert_string_equal(stage_read(&stage, fd), "{\"settled\":[50]}");
	close(fd);
	stage_end(&stage);
}

UNIT(a_parked_connection_is_not_read_on)
{
	char text[4096];
	struct stage stage;
	size_t sent = 0;
	int fd;

	stage_open(&stage);
	stage_announced(&stage);
	fd = stage_dial(&stage, 7, NULL);
	stage_turn(&stage);
	memset(text, ' ', sizeof(text));
	for (int i = 0; i < 2000; i++) {
		ssize_t n = send(fd, text, sizeof(text),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		stage_turn(&stage);
	}
	assert_true(sent > 0);
	assert_true(only_link(&stage)->sock.in_capacity <= 4 * 65536);
	close(fd);
	stage_end(&stage);
}

UNIT(a_recall_names_the_job)
{
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	worker_link_recall(only_link(&stage), 17, 91);
	assert_string_equal(stage_read(&stage, worker),
			    "{\"recall\":[{\"job\":17,\"token\":91}]}");
	close(worker);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_comes_with_all_that_runs_it),
		cmocka_unit_test(a_context_is_told_once_a_connection),
		cmocka_unit_test(results_of_one_batch_are_settled_in_one_line),
		cmocka_unit_test(two_workers_are_settled_each_by_itself),
		cmocka_unit_test(what_is_put_back_is_ready_again),
		cmocka_unit_test(
			whatever_is_no_statement_closes_the_connection),
		cmocka_unit_test(who_confuses_jobs_and_tokens_is_ended),
		cmocka_unit_test(odd_but_harmless_lists_are_walked_in_peace),
		cmocka_unit_test(
			a_statement_before_ready_closes_the_connection),
		cmocka_unit_test(
			results_behind_a_parked_ready_are_read_when_it_is_known),
		cmocka_unit_test(a_parked_connection_is_not_read_on),
		cmocka_unit_test(a_recall_names_the_job),
	};

	return cmocka_run_group_tests_name("worker_link", tests, NULL, NULL);
}
