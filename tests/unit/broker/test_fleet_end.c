#include "daemon/broker/fleet_end.h"
#include "tests/unit/broker/stage.h"

#include <signal.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/worker_link.h"

#define SUBMIT_ONCE                                                            \
	"{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":"                \
	"{\"job\":{\"argv\":[\"true\"],\"once\":true}}}"
#define SECOND_NS INT64_C(1000000000)

/* A worker with three jobs in its hands. */
static int give_three(struct stage *stage, int64_t tokens[3], const char *third)
{
	int worker = stage_worker(stage, 7);
	int client = stage_client(stage);

	fleet_find(&stage->broker.fleet, 7)->sched.credit.jobs = 8;
	stage_ask(stage, client, STAGE_SUBMIT);
	stage_ask(stage, client, STAGE_SUBMIT);
	stage_ask(stage, client, third);
	for (int i = 0; i < 3; i++)
		assert_int_equal(stage_job(stage, worker, &tokens[i]), i + 1);
	close(client);
	return worker;
}

static const struct fake_job *job(struct stage *stage, int64_t id)
{
	return fake_store_job(stage->store, id);
}

static bool worker_is_gone(struct stage *stage)
{
	return !stage->broker.fleet.by_id;
}

UNIT(only_the_job_that_had_started_is_charged)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	stage_worker_died(&stage, 7, SIGKILL);
	close(worker);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_int_equal(job(&stage, 2)->crashes, 0);
	assert_int_equal(job(&stage, 3)->crashes, 0);
	assert_string_equal(job(&stage, 1)->failure,
			    "{\"message\":\"its worker was killed by signal 9 "
			    "(Killed); the last of its output may be "
			    "missing\"}");
	assert_int_equal(stage.broker.fleet.count, 0);
	stage_end(&stage);
}

/* It says that it leaves, and ends by itself with three jobs in its hands. */
static void leave_with_three(struct stage *stage, const char *third,
			     const char *said)
{
	int64_t tokens[3];
	int worker = give_three(stage, tokens, third);

	stage_send(worker, said);
	close(worker);
	stage_worker_died(stage, 7, 2 << 8);
	stage_until(stage, worker_is_gone);
	stage_settle(stage);
}

UNIT(who_said_that_it_begins_nothing_more_had_begun_nothing)
{
	struct stage stage;

	stage_open(&stage);
	leave_with_three(&stage, SUBMIT_ONCE,
			 "{\"leaving\":true,\"idle\":true}");
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(job(&stage, i)->state, STATE_READY);
		assert_int_equal(job(&stage, i)->crashes, 0);
	}
	stage_end(&stage);
}

UNIT(who_leaves_behind_its_job_is_charged_for_it)
{
	struct stage stage;

	stage_open(&stage);
	leave_with_three(&stage, STAGE_SUBMIT, "{\"leaving\":true}");
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_int_equal(job(&stage, 2)->crashes, 0);
	stage_end(&stage);
}

UNIT(the_last_words_are_read_before_the_judgement)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	stage_done(worker, 1, tokens[0]);
	close(worker);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_int_equal(job(&stage, 2)->crashes, 1);
	assert_int_equal(job(&stage, 3)->crashes, 0);
	stage_end(&stage);
}

UNIT(a_connection_that_stays_open_is_waited_for_a_second)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_turn(&stage);
	assert_false(worker_is_gone(&stage));
	fleet_tick(&stage.broker, clock_mono_ns() + 2 * SECOND_NS);
	assert_true(worker_is_gone(&stage));
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	close(worker);
	stage_end(&stage);
}

UNIT(what_it_left_in_results_comes_off_before_the_rest_is_judged)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	close(worker);
	stage_turn(&stage);
	/* Away it finished the first and began the second. */
	stage_result_file(&stage, 1, tokens[0]);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_int_equal(job(&stage, 2)->crashes, 1);
	assert_int_equal(job(&stage, 3)->crashes, 0);
	assert_false(stage_has_result_file(&stage, tokens[0]));
	stage_end(&stage);
}

UNIT(who_leaves_may_be_gone_before_it_reads_that_all_is_settled)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	stage_send(worker, "{\"leaving\":true}");
	stage_turn(&stage);
	/* It was away too long and wrote its result down, then sent it too. */
	stage_result_file(&stage, 1, tokens[0]);
	stage_done(worker, 1, tokens[0]);
	stage_turn(&stage);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_false(stage_has_result_file(&stage, tokens[0]));
	close(worker);
	stage_end(&stage);
}

/* Whoever might have dialled in is waited for; now that time is over. */
static void die_now(struct stage *stage)
{
	stage_turn(stage);
	fleet_tick(&stage->broker, clock_mono_ns() + 2 * SECOND_NS);
	assert_true(worker_is_gone(stage));
}

UNIT(a_later_once_job_is_lost_when_nobody_heard_the_worker)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, SUBMIT_ONCE);
	/* The connection is closed by the broker: the worker goes on. */
	stage_send(worker, "not a statement");
	stage_closed(&stage, worker);
	stage_worker_died(&stage, 7, SIGKILL);
	die_now(&stage);
	stage_settle(&stage);
	close(worker);
	assert_int_equal(job(&stage, 2)->state, STATE_READY);
	assert_int_equal(job(&stage, 3)->state, STATE_FAILED);
	assert_int_equal(job(&stage, 3)->cause, CAUSE_WORKER_LOST);
	stage_end(&stage);
}

UNIT(a_later_once_job_of_a_worker_that_was_heard_goes_back)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, SUBMIT_ONCE);
	stage_worker_died(&stage, 7, SIGKILL);
	close(worker);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 3)->state, STATE_READY);
	stage_end(&stage);
}

UNIT(the_end_of_its_connection_may_come_before_the_news_of_its_death)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, SUBMIT_ONCE);
	close(worker);
	stage_turn(&stage);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_int_equal(job(&stage, 3)->state, STATE_READY);
	stage_end(&stage);
}

UNIT(a_later_once_job_that_it_said_to_have_begun_is_lost)
{
	int64_t tokens[3];
	struct stage stage;
	char holding[256];
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, SUBMIT_ONCE);
	snprintf(holding, sizeof(holding),
		 "[{\"job\":1,\"token\":%lld,\"started_ms\":5},"
		 "{\"job\":2,\"token\":%lld,\"started_ms\":6},"
		 "{\"job\":3,\"token\":%lld,\"started_ms\":7}]",
		 (long long)tokens[0], (long long)tokens[1],
		 (long long)tokens[2]);
	worker = stage_redial(&stage, worker, 7, holding);
	/* It dies before it has sent the results of the first two again. */
	close(worker);
	stage_turn(&stage);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 3)->state, STATE_FAILED);
	assert_int_equal(job(&stage, 3)->cause, CAUSE_WORKER_LOST);
	stage_end(&stage);
}

UNIT(what_it_said_on_a_connection_that_nobody_has_read_counts)
{
	int64_t tokens[3];
	struct stage stage;
	char holding[64];
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	stage_send(worker, "not a statement");
	stage_closed(&stage, worker);
	close(worker);
	snprintf(holding, sizeof(holding), "[{\"job\":1,\"token\":%lld}]",
		 (long long)tokens[0]);
	worker = stage_dial(&stage, 7, holding);
	stage_done(worker, 1, tokens[0]);
	close(worker);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	stage_end(&stage);
}

UNIT(what_it_said_before_it_was_known_whose_it_is_counts)
{
	int64_t tokens[3];
	struct stage stage;
	struct worker *known;
	char holding[64];
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	close(worker);
	stage_turn(&stage);
	known = fleet_find(&stage.broker.fleet, 7);
	known->announced = stage.broker.link.announced = false;
	snprintf(holding, sizeof(holding), "[{\"job\":1,\"token\":%lld}]",
		 (long long)tokens[0]);
	worker = stage_dial(&stage, 7, holding);
	stage_done(worker, 1, tokens[0]);
	close(worker);
	stage_turn(&stage);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_turn(&stage);
	assert_false(worker_is_gone(&stage));
	stage_announced(&stage);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	stage_end(&stage);
}

UNIT(a_result_is_read_though_an_order_no_longer_reaches_it)
{
	int64_t tokens[3];
	struct stage stage;
	struct worker *known;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	known = fleet_find(&stage.broker.fleet, 7);
	stage_done(worker, 1, tokens[0]);
	close(worker);
	/* Writing finds out first that nobody is there. */
	worker_link_ping(known->link);
	if (!sock_flush(&known->link->sock))
		known->link->sock.events->broken(&known->link->sock);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_int_equal(job(&stage, 2)->crashes, 1);
	stage_end(&stage);
}

UNIT(a_worker_that_dies_while_a_batch_names_it_stays_until_it_is_through)
{
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(client, STAGE_SUBMIT);
	stage_turn(&stage);
	close(worker);
	stage_turn(&stage);
	stage_worker_died(&stage, 7, SIGKILL);
	assert_non_null(fleet_find(&stage.broker.fleet, 7));
	fake_store_hold(stage.store, false, false);
	stage_settle(&stage);
	assert_null(fleet_find(&stage.broker.fleet, 7));
	assert_int_equal(job(&stage, 1)->state, STATE_READY);
	assert_int_equal(stage.store->worker_count, 0);
	close(client);
	stage_end(&stage);
}

UNIT(the_same_when_the_batch_fails)
{
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(client, STAGE_SUBMIT);
	stage_turn(&stage);
	close(worker);
	stage_turn(&stage);
	stage_worker_died(&stage, 7, SIGKILL);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, client), "StorageFailed");
	assert_null(fleet_find(&stage.broker.fleet, 7));
	close(client);
	stage_end(&stage);
}

UNIT(a_death_that_is_told_twice_counts_once)
{
	int64_t tokens[3];
	struct stage stage;
	int worker;

	stage_open(&stage);
	worker = give_three(&stage, tokens, STAGE_SUBMIT);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_worker_died(&stage, 7, SIGKILL);
	close(worker);
	stage_until(&stage, worker_is_gone);
	stage_worker_died(&stage, 7, SIGKILL);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_job_that_had_started_is_charged),
		cmocka_unit_test(
			who_said_that_it_begins_nothing_more_had_begun_nothing),
		cmocka_unit_test(who_leaves_behind_its_job_is_charged_for_it),
		cmocka_unit_test(the_last_words_are_read_before_the_judgement),
		cmocka_unit_test(
			a_connection_that_stays_open_is_waited_for_a_second),
		cmocka_unit_test(
			what_it_left_in_results_comes_off_before_the_rest_is_judged),
		cmocka_unit_test(
			who_leaves_may_be_gone_before_it_reads_that_all_is_settled),
		cmocka_unit_test(
			a_later_once_job_is_lost_when_nobody_heard_the_worker),
		cmocka_unit_test(
			a_later_once_job_of_a_worker_that_was_heard_goes_back),
		cmocka_unit_test(
			the_end_of_its_connection_may_come_before_the_news_of_its_death),
		cmocka_unit_test(
			a_later_once_job_that_it_said_to_have_begun_is_lost),
		cmocka_unit_test(
			what_it_said_on_a_connection_that_nobody_has_read_counts),
		cmocka_unit_test(
			what_it_said_before_it_was_known_whose_it_is_counts),
		cmocka_unit_test(
			a_result_is_read_though_an_order_no_longer_reaches_it),
		cmocka_unit_test(
			a_worker_that_dies_while_a_batch_names_it_stays_until_it_is_through),
		cmocka_unit_test(the_same_when_the_batch_fails),
		cmocka_unit_test(a_death_that_is_told_twice_counts_once),
	};

	return cmocka_run_group_tests_name("fleet_end", tests, NULL, NULL);
}
