/* Progress as events: the newest, ten times a second of each job at most. */

#include "daemon/broker/advance_tell.h"
#include "tests/unit/broker/stage_pool.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define SUBSCRIBE "org.reeve.events.Subscribe"

static struct stage stage;
static int client, worker;

static int set_up(void **state)
{
	int64_t token;

	(void)state;
	stage_open(&stage);
	stage_pools(&stage, STAGE_POOLS);
	client = stage_client(&stage);
	worker = stage_handler(&stage, 8);
	stage_call(&stage, client, "org.reeve.jobs.OpenGroup", "{}");
	stage_thumb(&stage, client, "\"group\":1,\"queue\":\"q\"");
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	assert_int_equal(token, 1001);
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

static int listener(const char *params)
{
	int fd = stage_client(&stage);
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"method\":\"" SUBSCRIBE "\",\"more\":true,\"parameters\":"
		 "%s}",
		 params);
	stage_send(fd, text);
	stage_expect(stage_read(&stage, fd), "\"events\":[]");
	return fd;
}

static void say(const char *members)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"progress\":1,\"token\":1001%s}",
		 members);
	stage_send(worker, text);
	stage_turn(&stage);
}

static struct advance *advance(void)
{
	return LIST_FIRST(&stage.broker.advances);
}

/* As if a tenth of a second had gone by since. */
static void let_time_pass(void)
{
	advance()->next_ns -= ADVANCE_PAUSE_NS;
	if (stage.broker.advance_turn)
		event_active(stage.broker.advance_turn, EV_TIMEOUT, 1);
	stage_turn(&stage);
}

/* Far off, whatever the machine does meanwhile. */
static void stop_time(void)
{
	advance()->next_ns = clock_mono_ns() + INT64_C(3600000000000);
}

UNIT(who_listens_is_told_with_job_group_and_queue)
{
	int ear = listener("{\"kinds\":[\"progress\"],\"queue\":\"q\"}");
	const char *line;

	say(",\"fraction\":0.5,\"note\":\"half\"");
	line = stage_checked(SUBSCRIBE, stage_read(&stage, ear));
	stage_expect(line, "\"kind\":\"progress\",\"job\":1,\"queue\":\"q\","
			   "\"group\":1");
	stage_expect(line, "\"detail\":{\"fraction\":0.5,\"note\":\"half\"}");
	close(ear);
}

UNIT(what_comes_too_soon_waits_and_the_newest_is_told)
{
	int ear = listener("{\"kinds\":[\"progress\"]}");
	int other = listener("{\"kinds\":[\"finished\"]}");

	say(",\"fraction\":0.1");
	stage_expect(stage_read(&stage, ear), "\"fraction\":0.1");
	stop_time();
	say(",\"fraction\":0.2");
	say(",\"fraction\":0.3");
	assert_true(stage_silent(&stage, ear));
	assert_true(advance()->waits);
	advance()->next_ns = clock_mono_ns() + ADVANCE_PAUSE_NS;
	let_time_pass();
	stage_expect(stage_read(&stage, ear), "\"fraction\":0.3}");
	assert_false(advance()->waits);
	/* Said once, told once. */
	let_time_pass();
	assert_true(stage_silent(&stage, ear));
	assert_true(stage_silent(&stage, other));
	close(other);
	close(ear);
}

UNIT(what_waits_when_the_job_ends_is_not_told)
{
	int ear = listener("{\"kinds\":[\"progress\"]}");

	say(",\"fraction\":0.1");
	stage_expect(stage_read(&stage, ear), "\"fraction\":0.1");
	stop_time();
	say(",\"fraction\":0.2");
	stage_send(worker, "{\"done\":1,\"token\":1001,\"result\":1}");
	stage_expect(stage_read(&stage, worker), "settled");
	assert_null(advance());
	event_active(stage.broker.advance_turn, EV_TIMEOUT, 1);
	assert_true(stage_silent(&stage, ear));
	close(ear);
}

UNIT(without_listeners_nothing_is_made_and_nothing_waits)
{
	say(",\"fraction\":0.1");
	say(",\"fraction\":0.2");
	assert_false(advance()->waits);
	assert_null(stage.broker.advance_turn);
}

/* It is told of those who ask for queue q. */
static void progress(const char *params)
{
	int ear = listener("{\"kinds\":[\"progress\"],\"queue\":\"q\"}");
	int fd = stage_client(&stage);

	stage_expect(stage_call(&stage, fd, "org.reeve.jobs.Progress", params),
		     "\"lost\":false");
	stage_expect(stage_read(&stage, ear), "\"queue\":\"q\"");
	close(fd);
	close(ear);
}

UNIT(who_asks_for_a_queue_hears_of_its_leases)
{
	static const char reserve[] = "{\"handlers\":[\"far\"],"
				      "\"wait_ms\":0}";
	int fd = stage_client(&stage);
	char params[96];
	int64_t token;

	stage_call(&stage, fd, "org.reeve.consume.Reserve", reserve);
	stage_call(&stage, fd, "org.reeve.jobs.Submit",
		   "{\"job\":{\"handler\":\"far\",\"queue\":\"q\"}}");
	stage_settle(&stage);
	token = stage_number(
		stage_call(&stage, fd, "org.reeve.consume.Reserve", reserve),
		"token");
	snprintf(params, sizeof(params),
		 "{\"id\":2,\"token\":%lld,\"fraction\":0.5}",
		 (long long)token);
	progress(params);
	close(fd);
}

/* A broker begins, and this is running. */
static void progress_of_adopted(int64_t owner)
{
	struct fake_job *job;
	char params[96];

	stage_end(&stage);
	stage_begin(&stage);
	stage_own_row(&stage, 7);
	stage.store->workers[stage.store->worker_count++] =
		(struct store_worker){
			.id = LEASES_WORKER,
			.pool = SLICE(LEASES_POOL),
			.boot_id = SLICE("another"),
		};
	job = fake_enter(stage.store, STATE_RUNNING, SLICE("q"), SLICE("far"),
			 0);
	job->worker = owner;
	job->token = 77;
	job->attempt = 1;
	snprintf(params, sizeof(params),
		 "{\"id\":1,\"token\":%lld,\"fraction\":0.5}",
		 (long long)job->token);
	stage_start(&stage);
	progress(params);
}

UNIT(who_asks_for_a_queue_hears_of_leases_of_before)
{
	progress_of_adopted(LEASES_WORKER);
}

UNIT(who_asks_for_a_queue_hears_of_adopted_jobs)
{
	progress_of_adopted(7);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(who_listens_is_told_with_job_group_and_queue),
		CASE(what_comes_too_soon_waits_and_the_newest_is_told),
		CASE(what_waits_when_the_job_ends_is_not_told),
		CASE(without_listeners_nothing_is_made_and_nothing_waits),
		CASE(who_asks_for_a_queue_hears_of_its_leases),
		CASE(who_asks_for_a_queue_hears_of_leases_of_before),
		CASE(who_asks_for_a_queue_hears_of_adopted_jobs),
	};

	return cmocka_run_group_tests_name("advance_tell", tests, NULL, NULL);
}
