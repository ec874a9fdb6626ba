#include "daemon/broker/given.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#define CANCEL_1                                                               \
	"{\"method\":\"org.reeve.jobs.Cancel\",\"parameters\":"                \
	"{\"filter\":{\"ids\":[1]},\"grace_ms\":77,\"reason\":\"client\"}}"

UNIT(what_a_worker_does_not_hold_goes_back_uncharged)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, NULL);
	/* The line was lost: it dials in with empty hands. */
	worker = stage_redial(&stage, worker, 7, NULL);
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	assert_int_equal(fake_store_job(stage.store, 1)->attempt, 1);
	assert_int_equal(fake_store_job(stage.store, 1)->crashes, 0);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(what_it_holds_stays_with_it)
{
	struct stage stage;
	int64_t token;
	char holding[64];
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	snprintf(holding, sizeof(holding), "[{\"job\":1,\"token\":%lld}]",
		 (long long)token);
	worker = stage_redial(&stage, worker, 7, holding);
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->token, token);
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, worker), "{\"settled\":[");
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(a_cancel_reaches_a_worker_that_was_away)
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
	close(worker);
	stage_turn(&stage);
	stage_expect(stage_ask(&stage, client, CANCEL_1), "\"signalled\":1");
	snprintf(text, sizeof(text), "[{\"job\":1,\"token\":%lld}]",
		 (long long)token);
	worker = stage_dial(&stage, 7, text);
	stage_expect(stage_read(&stage, worker), "\"hello\":1");
	snprintf(text, sizeof(text),
		 "{\"cancel\":1,\"token\":%lld,\"grace_ms\":77,"
		 "\"reason\":\"client\"}",
		 (long long)token);
	assert_string_equal(stage_read(&stage, worker), text);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(a_cancel_that_an_earlier_broker_took_is_said_again)
{
	struct stage stage;
	struct fake_job *job;
	char text[128];
	int worker;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	job = fake_store_add(stage.store, STATE_RUNNING);
	job->worker = 7;
	job->cancel_asked = true;
	stage_start(&stage);
	stage_announced(&stage);
	snprintf(text, sizeof(text), "[{\"job\":1,\"token\":%lld}]",
		 (long long)job->token);
	worker = stage_dial(&stage, 7, text);
	stage_expect(stage_read(&stage, worker), "\"hello\":1");
	/* The job's own grace is not known any more: the worker's default. */
	snprintf(text, sizeof(text),
		 "{\"cancel\":1,\"token\":%lld,\"reason\":\"client\"}",
		 (long long)job->token);
	assert_string_equal(stage_read(&stage, worker), text);
	close(worker);
	stage_end(&stage);
}

UNIT(a_claim_for_a_worker_that_died_meanwhile_goes_back)
{
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(client, STAGE_SUBMIT);
	stage_turn(&stage);
	/* Dead, but its last words are still to be read. */
	stage_worker_died(&stage, 7, 9);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, client), "\"id\":1");
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->state, STATE_READY);
	assert_int_equal(fake_store_job(stage.store, 1)->crashes, 0);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(an_answer_for_an_unknown_token_is_settled_and_ignored)
{
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	stage_done(worker, 4711, 815);
	assert_string_equal(stage_read(&stage, worker), "{\"settled\":[815]}");
	close(worker);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_a_worker_does_not_hold_goes_back_uncharged),
		cmocka_unit_test(what_it_holds_stays_with_it),
		cmocka_unit_test(a_cancel_reaches_a_worker_that_was_away),
		cmocka_unit_test(
			a_cancel_that_an_earlier_broker_took_is_said_again),
		cmocka_unit_test(
			a_claim_for_a_worker_that_died_meanwhile_goes_back),
		cmocka_unit_test(
			an_answer_for_an_unknown_token_is_settled_and_ignored),
	};

	return cmocka_run_group_tests_name("given", tests, NULL, NULL);
}
