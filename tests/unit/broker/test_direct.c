#include "daemon/broker/direct.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#define JOB(fields)                                                            \
	"{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":"                \
	"{\"job\":{\"argv\":[\"true\"],\"name\":\"n\"" fields "}}"
#define MEMORY JOB(",\"durability\":\"memory\"") "}"
#define MEMORY_MORE JOB(",\"durability\":\"memory\"") ",\"more\":true}"
#define RESULT_MORE JOB(",\"durability\":\"result\"") ",\"more\":true}"

struct duo {
	struct stage stage;
	int client, worker;
};

/* A worker, and numbers in the broker's hands: the first of its kind goes the
 * ordinary way, and makes it ask for some. */
static void duo_open(struct duo *duo)
{
	int64_t id, token;

	stage_open(&duo->stage);
	duo->worker = stage_worker(&duo->stage, 7);
	duo->client = stage_client(&duo->stage);
	stage_expect(stage_ask(&duo->stage, duo->client, MEMORY),
		     "\"id\":1,\"durability\":\"sync\"");
	id = stage_job(&duo->stage, duo->worker, &token);
	stage_done(duo->worker, id, token);
	stage_settle(&duo->stage);
	assert_int_equal(duo->stage.broker.direct.next.left, 8);
}

static void duo_end(struct duo *duo)
{
	close(duo->client);
	close(duo->worker);
	stage_end(&duo->stage);
}

UNIT(a_memory_job_is_answered_begun_and_told_while_the_disk_stands_still)
{
	struct duo duo;
	const char *line;
	int64_t id, token;

	duo_open(&duo);
	fake_store_hold(duo.stage.store, true, true);
	line = stage_ask(&duo.stage, duo.client, MEMORY_MORE);
	stage_expect(line, "\"durability\":\"memory\"},\"continues\":true}");
	id = stage_number(line, "id");
	assert_int_equal(stage_job(&duo.stage, duo.worker, &token), id);
	stage_done(duo.worker, id, token);
	line = stage_read(&duo.stage, duo.client);
	stage_expect(line, "\"state\":\"succeeded\"");
	stage_expect(line, "\"name\":\"n\"");
	stage_expect(line, "\"exit_code\":0");
	fake_store_hold(duo.stage.store, false, false);
	stage_settle(&duo.stage);
	assert_int_equal(fake_store_job(duo.stage.store, id)->state,
			 STATE_SUCCEEDED);
	assert_int_equal(fake_store_job(duo.stage.store, id)->attempt, 1);
	duo_end(&duo);
}

UNIT(a_result_job_begins_at_once_and_its_end_is_told_after_the_commit)
{
	struct duo duo;
	const char *line;
	int64_t id, token;
	int writes;

	duo_open(&duo);
	writes = duo.stage.store->writes;
	line = stage_ask(&duo.stage, duo.client, RESULT_MORE);
	stage_expect(line, "\"durability\":\"result\"},\"continues\":true}");
	id = stage_number(line, "id");
	assert_int_equal(stage_job(&duo.stage, duo.worker, &token), id);
	fake_store_hold(duo.stage.store, true, true);
	stage_done(duo.worker, id, token);
	assert_true(stage_silent(&duo.stage, duo.client));
	fake_store_hold(duo.stage.store, false, false);
	stage_expect(stage_read(&duo.stage, duo.client),
		     "\"state\":\"succeeded\"");
	/* Begun and ended is one commit, or two if this took 2 ms. */
	assert_true(duo.stage.store->writes <= writes + 2);
	assert_int_equal(fake_store_job(duo.stage.store, id)->state,
			 STATE_SUCCEEDED);
	duo_end(&duo);
}

UNIT(a_result_that_is_not_on_disk_is_an_error)
{
	struct duo duo;
	const char *line;
	int64_t id, token;

	duo_open(&duo);
	fake_store_fail(duo.stage.store, STORE_E_FULL, 1);
	line = stage_ask(&duo.stage, duo.client, RESULT_MORE);
	id = stage_number(line, "id");
	assert_int_equal(stage_job(&duo.stage, duo.worker, &token), id);
	stage_done(duo.worker, id, token);
	stage_expect(stage_read(&duo.stage, duo.client),
		     "org.reeve.jobs.StorageFailed");
	/* What the worker said is kept: tried again with the next tick. */
	cycle_tick(&duo.stage.broker);
	stage_settle(&duo.stage);
	duo_end(&duo);
}

UNIT(a_memory_job_ends_also_without_its_record)
{
	struct duo duo;
	const char *line;
	int64_t id, token;

	duo_open(&duo);
	fake_store_fail(duo.stage.store, STORE_E_FULL, 1);
	line = stage_ask(&duo.stage, duo.client, MEMORY_MORE);
	id = stage_number(line, "id");
	stage_settle(&duo.stage);
	assert_int_equal(stage_job(&duo.stage, duo.worker, &token), id);
	stage_done(duo.worker, id, token);
	stage_expect(stage_read(&duo.stage, duo.client),
		     "\"state\":\"succeeded\"");
	stage_settle(&duo.stage);
	duo_end(&duo);
}

UNIT(whoever_asks_sees_a_job_that_was_answered_before_its_commit)
{
	struct duo duo;
	const char *line;
	char get[128];
	int other;

	duo_open(&duo);
	other = stage_client(&duo.stage);
	line = stage_ask(&duo.stage, duo.client, MEMORY);
	stage_expect(line, "\"durability\":\"memory\"");
	snprintf(get, sizeof(get),
		 "{\"method\":\"org.reeve.jobs.Get\",\"parameters\":"
		 "{\"ids\":[%lld]}}",
		 (long long)stage_number(line, "id"));
	stage_expect(stage_ask(&duo.stage, other, get),
		     "\"state\":\"running\"");
	close(other);
	duo_end(&duo);
}

UNIT(a_cancel_finds_a_job_that_was_answered_before_its_commit)
{
	struct duo duo;
	const char *line;
	char text[128];
	int64_t id, token;

	duo_open(&duo);
	id = stage_number(stage_ask(&duo.stage, duo.client, MEMORY), "id");
	stage_job(&duo.stage, duo.worker, &token);
	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Cancel\",\"parameters\":"
		 "{\"filter\":{\"ids\":[%lld]}}}",
		 (long long)id);
	stage_expect(stage_ask(&duo.stage, duo.client, text),
		     "\"signalled\":1");
	line = stage_read(&duo.stage, duo.worker);
	if (strstr(line, "settled"))
		line = stage_read(&duo.stage, duo.worker);
	snprintf(text, sizeof(text), "{\"cancel\":%lld,\"token\":%lld",
		 (long long)id, (long long)token);
	stage_expect(line, text);
	duo_end(&duo);
}

/* What the store must decide on, or has decided to let wait. */
UNIT(what_cannot_begin_at_once_is_sync_and_loses_nothing)
{
	static const char *const asked[] = {
		JOB(",\"durability\":\"memory\",\"hold\":true") "}",
		JOB(",\"durability\":\"memory\",\"delay_ms\":60000") "}",
		JOB(",\"durability\":\"result\",\"key\":\"k\"") ",\"more\":"
								"true}",
		JOB(",\"durability\":\"result\"") "}",
	};
	int clients[ARRAY_COUNT(asked)];
	struct duo duo;

	duo_open(&duo);
	for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
		clients[i] = stage_client(&duo.stage);
		stage_expect(stage_ask(&duo.stage, clients[i], asked[i]),
			     "\"durability\":\"sync\"");
	}
	/* The worker has two jobs now: nobody has room, and it waits. */
	stage_expect(stage_ask(&duo.stage, duo.client, MEMORY),
		     "\"durability\":\"sync\"");
	for (size_t i = 0; i < ARRAY_COUNT(asked); i++)
		close(clients[i]);
	duo_end(&duo);
}

UNIT(a_queue_with_a_limit_or_a_pause_begins_nothing_early)
{
	struct duo duo;

	duo_open(&duo);
	stage_call(&duo.stage, duo.client, "org.reeve.queues.Configure",
		   "{\"name\":\"q\",\"max_length\":5}");
	stage_expect(stage_ask(&duo.stage, duo.client,
			       JOB(",\"durability\":\"memory\",\"queue\":"
				   "\"q\"") "}"),
		     "\"durability\":\"sync\"");
	stage_call(&duo.stage, duo.client, "org.reeve.queues.Pause",
		   "{\"name\":\"default\"}");
	stage_expect(stage_ask(&duo.stage, duo.client, MEMORY),
		     "\"durability\":\"sync\"");
	duo_end(&duo);
}

UNIT(a_begun_job_whose_worker_dies_is_tried_again)
{
	struct duo duo;
	const char *line;
	int64_t id, token;
	int second;

	duo_open(&duo);
	line = stage_ask(&duo.stage, duo.client, MEMORY_MORE);
	id = stage_number(line, "id");
	stage_job(&duo.stage, duo.worker, &token);
	close(duo.worker);
	stage_turn(&duo.stage);
	stage_worker_died(&duo.stage, 7, 9);
	second = stage_worker(&duo.stage, 8);
	assert_int_equal(stage_job(&duo.stage, second, &token), id);
	assert_int_equal(fake_store_job(duo.stage.store, id)->crashes, 1);
	stage_done(second, id, token);
	stage_expect(stage_read(&duo.stage, duo.client),
		     "\"state\":\"succeeded\"");
	duo.worker = second;
	duo_end(&duo);
}

UNIT(what_a_worker_holds_and_nobody_knows_is_to_end)
{
	struct stage stage;
	int worker;

	stage_open(&stage);
	stage_worker_born(&stage, 7);
	stage_announced(&stage);
	worker = stage_dial(&stage, 7,
			    "[{\"job\":5,\"token\":6,\"started_ms\":1}]");
	stage_expect(stage_read(&stage, worker), "\"hello\":1");
	assert_string_equal(stage_read(&stage, worker),
			    "{\"cancel\":5,\"token\":6,\"reason\":\"client\"}");
	close(worker);
	stage_end(&stage);
}

UNIT(many_memory_jobs_ask_for_more_numbers_each_time)
{
	struct duo duo;
	int64_t last = 0;

	duo_open(&duo);
	for (int i = 0; i < 40; i++) {
		const char *line = stage_ask(&duo.stage, duo.client,
					     MEMORY_MORE);
		int64_t id = stage_number(line, "id"), token;

		assert_int_equal(stage_job(&duo.stage, duo.worker, &token), id);
		assert_true(id != last);
		last = id;
		stage_done(duo.worker, id, token);
		stage_expect(stage_read(&duo.stage, duo.client), "succeeded");
	}
	stage_settle(&duo.stage);
	assert_true(duo.stage.broker.direct.wanted >= 8);
	for (size_t i = 0; i < duo.stage.store->job_count; i++)
		assert_true(duo.stage.store->jobs[i].purged ||
			    duo.stage.store->jobs[i].state == STATE_SUCCEEDED);
	duo_end(&duo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_memory_job_is_answered_begun_and_told_while_the_disk_stands_still),
		cmocka_unit_test(
			a_result_job_begins_at_once_and_its_end_is_told_after_the_commit),
		cmocka_unit_test(a_result_that_is_not_on_disk_is_an_error),
		cmocka_unit_test(a_memory_job_ends_also_without_its_record),
		cmocka_unit_test(
			whoever_asks_sees_a_job_that_was_answered_before_its_commit),
		cmocka_unit_test(
			a_cancel_finds_a_job_that_was_answered_before_its_commit),
		cmocka_unit_test(
			what_cannot_begin_at_once_is_sync_and_loses_nothing),
		cmocka_unit_test(
			a_queue_with_a_limit_or_a_pause_begins_nothing_early),
		cmocka_unit_test(a_begun_job_whose_worker_dies_is_tried_again),
		cmocka_unit_test(
			what_a_worker_holds_and_nobody_knows_is_to_end),
		cmocka_unit_test(
			many_memory_jobs_ask_for_more_numbers_each_time),
	};

	return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
