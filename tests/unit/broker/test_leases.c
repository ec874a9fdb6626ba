/*
 * Leases and reservations on the stage: two clients as consumers.
 */

#include "daemon/broker/leases.h"
#include "tests/unit/broker/stage_pool.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/unread.h"
#include "proto/limits.h"

#define RESERVE "org.reeve.consume.Reserve"
#define SETTLE "org.reeve.consume.Settle"
#define ONCE "{\"handlers\":[\"resize\"],\"wait_ms\":0}"
#define MANY "{\"handlers\":[\"resize\"],\"max\":9}"
#define STANDING                                                               \
	"{\"method\":\"" RESERVE "\",\"parameters\":{\"handlers\":"            \
	"[\"resize\"],\"max\":2},\"more\":true}"
#define SECOND_NS INT64_C(1000000000)

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

/* A consumer that has looked once: its handler is known. */
static int consumer(void)
{
	int fd = stage_client(&stage);

	stage_expect(call(fd, RESERVE, ONCE), "{\"leases\":[]}");
	return fd;
}

static void submit(int fd, const char *members)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"job\":{\"handler\":\"resize\"%s}}",
		 members);
	stage_expect(call(fd, "org.reeve.jobs.Submit", text), "\"id\":");
}

static const char *settle(int fd, int64_t job, int64_t token)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "{\"outcomes\":[{\"id\":%lld,\"token\":%lld,"
		 "\"result\":[7]}]}",
		 (long long)job, (long long)token);
	return call(fd, SETTLE, text);
}

static struct leased *leased_of(int64_t job)
{
	struct leased *leased = NULL;

	HASH_FIND(hh, stage.broker.leases.by_job, &job, sizeof(job), leased);
	return leased;
}

static size_t lease_count(void)
{
	return HASH_COUNT(stage.broker.leases.by_job);
}

static enum job_state state_of(int64_t job)
{
	stage_settle(&stage);
	return fake_store_job(stage.store, job)->state;
}

/* As if its deadline had come. */
static void let_expire(int64_t job)
{
	leased_of(job)->lease.deadline_ns = clock_mono_ns() - 1;
	cycle_tick(&stage.broker);
	stage_settle(&stage);
}

UNIT(two_consumers_get_different_jobs_and_share_what_there_is)
{
	int a = consumer(), b = consumer(), client = stage_client(&stage);
	int64_t first, second;

	stage_send(a, "{\"method\":\"" RESERVE "\",\"parameters\":" MANY "}");
	stage_send(b, "{\"method\":\"" RESERVE "\",\"parameters\":" MANY "}");
	stage_turn(&stage);
	stage_expect(call(client, "org.reeve.jobs.SubmitMany",
			  "{\"jobs\":[{\"handler\":\"resize\"},{\"handler\":"
			  "\"resize\"}]}"),
		     "[1,2]");
	first = stage_number(stage_checked(RESERVE, stage_read(&stage, a)),
			     "id");
	second = stage_number(stage_checked(RESERVE, stage_read(&stage, b)),
			      "id");
	assert_int_equal(first + second, 3);
	close(a);
	close(b);
	close(client);
}

UNIT(any_connection_settles_with_the_token_and_nobody_without)
{
	int a = consumer(), b = stage_client(&stage);
	const char *line;
	int64_t token;

	submit(b, "");
	line = call(a, RESERVE, MANY);
	token = stage_number(line, "token");
	close(a);
	stage_turn(&stage);
	stage_expect(settle(b, 1, token + 1), "\"settled\":0,\"lost\":[1]");
	stage_expect(settle(b, 2, token), "\"settled\":0,\"lost\":[2]");
	stage_expect(settle(b, 1, token), "\"settled\":1,\"lost\":[]");
	stage_expect(settle(b, 1, token), "\"settled\":0,\"lost\":[1]");
	stage_expect(call(b, "org.reeve.jobs.Get", "{\"ids\":[1]}"),
		     "\"result\":[7]");
	assert_int_equal(lease_count(), 0);
	close(b);
}

UNIT(an_end_that_the_store_refuses_may_be_told_again)
{
	int a = consumer();
	int64_t token;

	submit(a, "");
	token = stage_number(call(a, RESERVE, MANY), "token");
	log_init("broker", (enum log_level)0);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(settle(a, 1, token), "StorageFailed");
	assert_int_equal(lease_count(), 1);
	stage_expect(settle(a, 1, token), "\"settled\":1,\"lost\":[]");
	assert_int_equal(state_of(1), STATE_SUCCEEDED);
	close(a);
}

UNIT(a_deadline_that_the_store_refuses_is_looked_at_again)
{
	int a = consumer();

	submit(a, ",\"crash_limit\":1");
	stage_expect(call(a, RESERVE, MANY), "\"id\":1");
	log_init("broker", (enum log_level)0);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	let_expire(1);
	assert_int_equal(lease_count(), 1);
	fake_store_fail(stage.store, 0, 0);
	let_expire(1);
	assert_int_equal(state_of(1), STATE_FAILED);
	assert_int_equal(fake_store_job(stage.store, 1)->cause,
			 CAUSE_WORKER_LOST);
	assert_int_equal(lease_count(), 0);
	close(a);
}

UNIT(a_lease_that_ended_goes_to_the_next_and_its_token_is_lost)
{
	int a = consumer(), b = consumer();
	int64_t old, new;

	submit(a, "");
	old = stage_number(call(a, RESERVE, MANY), "token");
	stage_send(b, "{\"method\":\"" RESERVE "\",\"parameters\":" MANY "}");
	stage_turn(&stage);
	let_expire(1);
	new = stage_number(stage_read(&stage, b), "token");
	assert_true(new != old);
	stage_expect(settle(a, 1, old), "\"settled\":0,\"lost\":[1]");
	stage_expect(settle(a, 1, new), "\"settled\":1,\"lost\":[]");
	close(a);
	close(b);
}

UNIT(a_reservation_whose_client_left_gets_nothing_for_good)
{
	int a = consumer(), b = stage_client(&stage);

	stage_send(a, "{\"method\":\"" RESERVE "\",\"parameters\":" MANY "}");
	stage_turn(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(b, "{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":"
		      "{\"job\":{\"handler\":\"resize\"}}}");
	stage_turn(&stage);
	/* The claim is with the writer when its client goes. */
	close(a);
	stage_turn(&stage);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, b), "\"id\":1");
	assert_int_equal(state_of(1), STATE_READY);
	assert_int_equal(lease_count(), 0);
	assert_int_equal(fake_store_job(stage.store, 1)->attempt, 0);
	close(b);
}

UNIT(a_standing_reservation_is_given_as_much_as_it_settles)
{
	int a = stage_client(&stage), b = stage_client(&stage);
	const char *line;
	int64_t token;

	stage_send(a, STANDING);
	stage_turn(&stage);
	for (int i = 0; i < 4; i++)
		submit(b, "");
	line = stage_read(&stage, a);
	stage_expect(line, "\"continues\":true");
	token = stage_number(line, "token");
	stage_expect(stage_read(&stage, a), "\"id\":2");
	assert_true(stage_silent(&stage, a));
	stage_expect(settle(b, 1, token), "\"settled\":1");
	line = stage_read(&stage, a);
	stage_expect(line, "\"id\":3");
	token = stage_number(line, "token");
	/* Who let one lapse has no room for another until he speaks. */
	let_expire(2);
	assert_true(stage_silent(&stage, a));
	stage_expect(settle(b, 3, token), "\"settled\":1");
	stage_expect(stage_read(&stage, a), "\"id\":4");
	close(a);
	close(b);
}

UNIT(who_lets_all_lapse_is_asked_to_come_again)
{
	int a = stage_client(&stage), b = stage_client(&stage);

	stage_send(a, STANDING);
	stage_turn(&stage);
	for (int i = 0; i < 4; i++)
		submit(b, "");
	stage_expect(stage_read(&stage, a), "\"id\":1");
	stage_expect(stage_read(&stage, a), "\"id\":2");
	/* What the store refuses has not lapsed. */
	log_init("broker", (enum log_level)0);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	let_expire(1);
	assert_int_equal(leased_of(1)->consumer->lapsed, 0);
	fake_store_fail(stage.store, 0, 0);
	let_expire(1);
	assert_true(stage_silent(&stage, a));
	let_expire(2);
	stage_expect(stage_read(&stage, a), "{\"parameters\":{\"leases\":[]}}");
	assert_int_equal(lease_count(), 0);
	assert_int_equal(fake_store_job(stage.store, 1)->attempt, 1);
	assert_int_equal(fake_store_job(stage.store, 3)->attempt, 0);
	/* Whoever asks again is there. */
	stage_send(a, STANDING);
	stage_turn(&stage);
	stage_expect(stage_read(&stage, a), "\"leases\":[{");
	close(a);
	close(b);
}

UNIT(what_is_waited_for_in_vain_is_none)
{
	int a = consumer();

	stage_expect(
		call(a, RESERVE, "{\"handlers\":[\"resize\"],\"wait_ms\":1}"),
		"{\"leases\":[]}");
	close(a);
}

UNIT(a_new_broker_knows_the_tokens)
{
	struct fake_job *job;
	int a;

	stage_end(&stage);
	stage_begin(&stage);
	job = fake_store_add(stage.store, STATE_RUNNING);
	job->worker = LEASES_WORKER;
	job->cancel_asked = true;
	fake_enter(stage.store, STATE_SUCCEEDED, SLICE("q"), SLICE("resize"),
		   0);
	stage.store->workers[stage.store->worker_count++] =
		(struct store_worker){
			.id = LEASES_WORKER,
			.pool = SLICE(LEASES_POOL),
			.boot_id = SLICE("another"),
		};
	stage_start(&stage);
	a = stage_client(&stage);
	assert_true(leased_of(1)->lease.deadline_ns >
		    clock_mono_ns() + LEASE_DEFAULT_NS - 30 * SECOND_NS);
	assert_true(leased_of(1)->lease.cancelled);
	stage_expect(settle(a, 1, job->token), "\"settled\":1,\"lost\":[]");
	assert_int_equal(state_of(1), STATE_SUCCEEDED);
	assert_true(stage.broker.leases.row_known);
	/* Whoever asked for these dials in again. */
	stage_expect(call(a, "org.reeve.jobs.Submit",
			  "{\"job\":{\"handler\":\"resize\"}}"),
		     "\"id\":3");
	close(a);
}

/* Reserve the one job there is, and leave before the answer is read. */
static void reserve_and_vanish(void)
{
	int a = stage_client(&stage);

	stage_send(a, "{\"method\":\"" RESERVE "\",\"parameters\":" MANY "}");
	stage_turn(&stage);
	stage_settle(&stage);
	stage_turn(&stage);
	assert_int_equal(lease_count(), 1);
	close(a);
	stage_turn(&stage);
	stage_settle(&stage);
}

UNIT(a_lease_that_nobody_read_goes_back_uncharged_some_times)
{
	int b = stage_client(&stage), c = consumer();
	int64_t token;
	char held[128];

	submit(b, ",\"crash_limit\":1");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < UNREAD_TIMES; i++) {
			reserve_and_vanish();
			assert_int_equal(state_of(1), STATE_READY);
			assert_int_equal(
				fake_store_job(stage.store, 1)->attempt, 0);
			assert_int_equal(lease_count(), 0);
		}
		if (round)
			break;
		/* Whoever has read it may begin to count anew. */
		token = stage_number(call(c, RESERVE, MANY), "token");
		snprintf(held, sizeof(held),
			 "{\"held\":[{\"id\":1,\"token\":%lld}]}",
			 (long long)token);
		stage_expect(call(c, "org.reeve.consume.Nack", held),
			     "\"settled\":1");
	}
	/* It may be what ends those who read it. */
	reserve_and_vanish();
	assert_int_equal(state_of(1), STATE_RUNNING);
	let_expire(1);
	assert_int_equal(state_of(1), STATE_FAILED);
	assert_null(stage.broker.leases.unread);
	close(b);
	close(c);
}

UNIT(a_lease_that_was_read_or_spoken_of_waits_for_its_deadline)
{
	int a = stage_client(&stage), b = stage_client(&stage);

	stage_send(a, STANDING);
	stage_turn(&stage);
	submit(b, "");
	stage_expect(stage_read(&stage, a), "\"id\":1");
	submit(b, "");
	stage_settle(&stage);
	stage_turn(&stage);
	/* The reply with the second one is there, and unread. */
	close(a);
	stage_turn(&stage);
	assert_int_equal(state_of(1), STATE_RUNNING);
	assert_int_equal(state_of(2), STATE_READY);
	assert_int_equal(lease_count(), 1);
	/* An unread answer to something else says nothing of the leases. */
	a = stage_client(&stage);
	stage_expect(call(a, RESERVE, MANY), "\"id\":2");
	stage_send(a, "{\"method\":\"org.reeve.admin.Ping\"}");
	stage_turn(&stage);
	close(a);
	stage_turn(&stage);
	assert_int_equal(state_of(2), STATE_RUNNING);
	assert_int_equal(lease_count(), 2);
	close(b);
}

/* A broker that finds so many leases of before. */
static void begin_with(int count)
{
	stage_end(&stage);
	stage_begin(&stage);
	for (int i = 0; i < count; i++) {
		struct fake_job *job = fake_store_add(stage.store,
						      STATE_RUNNING);

		job->worker = LEASES_WORKER;
		job->attempt = 1;
		job->once = i == 1;
	}
	stage.store->workers[stage.store->worker_count++] =
		(struct store_worker){
			.id = LEASES_WORKER,
			.pool = SLICE(LEASES_POOL),
			.boot_id = SLICE("another"),
		};
	stage_start(&stage);
}

UNIT(of_a_lease_of_before_nobody_speaks_and_it_goes_back_uncharged)
{
	char held[128];
	int a;

	begin_with(3);
	a = stage_client(&stage);
	snprintf(held, sizeof(held), "{\"held\":[{\"id\":3,\"token\":%lld}]}",
		 (long long)fake_store_job(stage.store, 3)->token);
	stage_expect(call(a, "org.reeve.consume.Extend", held), "\"lost\":[]");
	for (int64_t id = 1; id <= 3; id++)
		let_expire(id);
	assert_int_equal(state_of(1), STATE_READY);
	assert_int_equal(fake_store_job(stage.store, 1)->attempt, 0);
	/* What may not begin twice is not risked, who spoke is charged. */
	assert_int_equal(state_of(2), STATE_FAILED);
	assert_int_equal(fake_store_job(stage.store, 3)->attempt, 1);
	assert_int_equal(lease_count(), 0);
	close(a);
}

UNIT(a_cancel_is_told_and_stops_the_deadline)
{
	int a = consumer();
	int64_t token, deadline_ns;
	char held[128];

	submit(a, ",\"group\":null");
	token = stage_number(call(a, RESERVE, MANY), "token");
	stage_expect(
		call(a, "org.reeve.jobs.Cancel", "{\"filter\":{\"ids\":[1]}}"),
		"\"signalled\":1");
	deadline_ns = leased_of(1)->lease.deadline_ns;
	snprintf(held, sizeof(held),
		 "{\"held\":[{\"id\":1,\"token\":%lld}],\"lease_ms\":1000}",
		 (long long)token);
	stage_expect(call(a, "org.reeve.consume.Extend", held),
		     "\"lost\":[],\"cancelled\":[1]");
	assert_int_equal(leased_of(1)->lease.deadline_ns, deadline_ns);
	let_expire(1);
	assert_int_equal(state_of(1), STATE_CANCELLED);
	close(a);
}

UNIT(a_pool_that_comes_to_serve_it_ends_the_reservation)
{
	int a = stage_client(&stage), b = stage_client(&stage);

	stage_send(a, "{\"method\":\"" RESERVE "\",\"parameters\":{"
		      "\"handlers\":[\"resize\",\"thumb\"]}}");
	stage_turn(&stage);
	stage_pools(&stage, STAGE_POOLS);
	stage_expect(stage_read(&stage, a),
		     "PoolServes\",\"parameters\":{\"handler\":\"thumb\","
		     "\"pool\":\"img\"");
	stage_expect(call(b, RESERVE, "{\"handlers\":[\"thumb\"]}"),
		     "PoolServes");
	close(a);
	close(b);
}

UNIT(nobody_asks_for_more_names_than_may_be)
{
	int a = stage_client(&stage), b = stage_client(&stage);
	char text[64];

	for (int i = 0; i < LIMIT_CONSUMED_HANDLERS; i++) {
		snprintf(text, sizeof(text),
			 "{\"handlers\":[\"h%d\"],\"wait_ms\":0}", i);
		call(a, RESERVE, text);
	}
	/* The oldest that nobody waits for makes room. */
	stage_expect(call(a, RESERVE, ONCE), "[]");
	assert_int_equal(stage.broker.reserves.handlers.count,
			 LIMIT_CONSUMED_HANDLERS);
	assert_null(reserve_handler_find(&stage.broker.reserves.handlers,
					 SLICE("h0")));
	assert_non_null(reserve_handler_find(&stage.broker.reserves.handlers,
					     SLICE("h1")));
	stage_expect(call(b, "org.reeve.jobs.Submit",
			  "{\"job\":{\"handler\":\"h0\"}}"),
		     "NoSuchHandler");
	close(a);
	close(b);
}

UNIT(whose_jobs_are_there_is_known_without_a_consumer)
{
	int a = stage_client(&stage);
	const char *line;

	stage_pools(&stage, STAGE_POOLS);
	stage_thumb(&stage, a, NULL);
	stage_settle(&stage);
	stage_pools(&stage, "[" STAGE_EXEC "]");
	stage_thumb(&stage, a, NULL);
	line = call(a, "org.reeve.jobs.Explain", "{\"id\":1}");
	stage_expect(line, "\"rule\":\"no_consumer\"");
	stage_expect(line, "\"remedy\":\"reeve work thumb -- CMD\"");
	stage_expect(call(a, RESERVE, "{\"handlers\":[\"thumb\"],\"max\":5}"),
		     "\"id\":2");
	close(a);
}

UNIT(what_is_given_back_for_later_is_scheduled_in_the_same_commit)
{
	int a = consumer();
	int64_t token;
	char held[128];

	submit(a, "");
	token = stage_number(call(a, RESERVE, MANY), "token");
	snprintf(held, sizeof(held),
		 "{\"held\":[{\"id\":1,\"token\":%lld}],\"delay_ms\":60000}",
		 (long long)token);
	stage_expect(call(a, "org.reeve.consume.Nack", held),
		     "\"settled\":1,\"lost\":[]");
	assert_int_equal(state_of(1), STATE_SCHEDULED);
	assert_int_equal(fake_store_job(stage.store, 1)->attempt, 0);
	close(a);
}

#define LEASE_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEASE_TEST(
			two_consumers_get_different_jobs_and_share_what_there_is),
		LEASE_TEST(
			any_connection_settles_with_the_token_and_nobody_without),
		LEASE_TEST(an_end_that_the_store_refuses_may_be_told_again),
		LEASE_TEST(
			a_deadline_that_the_store_refuses_is_looked_at_again),
		LEASE_TEST(
			a_lease_that_ended_goes_to_the_next_and_its_token_is_lost),
		LEASE_TEST(
			a_reservation_whose_client_left_gets_nothing_for_good),
		LEASE_TEST(
			a_standing_reservation_is_given_as_much_as_it_settles),
		LEASE_TEST(who_lets_all_lapse_is_asked_to_come_again),
		LEASE_TEST(what_is_waited_for_in_vain_is_none),
		LEASE_TEST(a_new_broker_knows_the_tokens),
		LEASE_TEST(
			a_lease_that_nobody_read_goes_back_uncharged_some_times),
		LEASE_TEST(
			a_lease_that_was_read_or_spoken_of_waits_for_its_deadline),
		LEASE_TEST(
			of_a_lease_of_before_nobody_speaks_and_it_goes_back_uncharged),
		LEASE_TEST(a_cancel_is_told_and_stops_the_deadline),
		LEASE_TEST(a_pool_that_comes_to_serve_it_ends_the_reservation),
		LEASE_TEST(nobody_asks_for_more_names_than_may_be),
		LEASE_TEST(whose_jobs_are_there_is_known_without_a_consumer),
		LEASE_TEST(
			what_is_given_back_for_later_is_scheduled_in_the_same_commit),
	};

	return cmocka_run_group_tests_name("leases", tests, NULL, NULL);
}
