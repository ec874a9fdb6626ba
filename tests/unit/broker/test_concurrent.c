/* Workers that run all that they have: what each of their jobs is owed. */
#include "daemon/broker/link.h"
#include "daemon/broker/overtime.h"
#include "daemon/broker/recover.h"
#include "tests/unit/broker/stage_pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define S INT64_C(1000000000)
#define URL "\"args\":{\"url\":\"http://h/\"}"
/* The pool `img` of stage_pool.h, as one of our own kind http. */
#define WEB                                                                    \
	"[" STAGE_EXEC ",{\"number\":1,\"name\":\"img\",\"kind\":4,"           \
	"\"min\":0,\"max\":1,\"idle_ms\":60000,\"ping_ms\":10000,"             \
	"\"retire_jobs\":0,\"retire_age_ms\":0,\"retire_kib\":0,"              \
	"\"jitter_permille\":0,\"broken\":0,\"handles\":[\"thumb\"]}]"

static const struct fake_job *job(struct stage *stage, int64_t id)
{
	return fake_store_job(stage->store, id);
}

/* Three jobs that run; the last is `once`. */
static int give_three(struct stage *stage, int client, int64_t tokens[3])
{
	int worker;

	stage_pools(stage, WEB);
	worker = stage_handler(stage, 8);
	stage_thumb(stage, client, URL ",\"timeout_ms\":60000");
	stage_thumb(stage, client, URL ",\"timeout_ms\":70000");
	stage_thumb(stage, client, URL ",\"once\":true");
	for (int i = 0; i < 3; i++)
		assert_int_equal(stage_job(stage, worker, &tokens[i]), i + 1);
	return worker;
}

static bool worker_is_gone(struct stage *stage)
{
	return !stage->broker.fleet.by_id;
}

UNIT(it_is_given_many_before_the_first_has_ended)
{
	int64_t tokens[3];
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	client = stage_client(&stage);
	worker = give_three(&stage, client, tokens);
	/* In any order. */
	stage_done(worker, 3, tokens[2]);
	stage_done(worker, 1, tokens[0]);
	stage_turn(&stage);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_int_equal(job(&stage, 2)->state, STATE_RUNNING);
	assert_int_equal(job(&stage, 3)->state, STATE_SUCCEEDED);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(its_death_is_charged_to_each_of_them)
{
	int64_t tokens[3];
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	client = stage_client(&stage);
	worker = give_three(&stage, client, tokens);
	stage_worker_died(&stage, 8, SIGKILL);
	close(worker);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_int_equal(job(&stage, 2)->crashes, 1);
	assert_int_equal(job(&stage, 1)->state, STATE_READY);
	/* Nobody starts that one twice. */
	assert_int_equal(job(&stage, 3)->state, STATE_FAILED);
	close(client);
	stage_end(&stage);
}

UNIT(what_waits_in_it_is_not_charged_when_others_have_begun)
{
	int64_t tokens[3];
	struct stage stage;
	int client, worker;
	char text[64];

	stage_open(&stage);
	client = stage_client(&stage);
	worker = give_three(&stage, client, tokens);
	snprintf(text, sizeof(text), "{\"start\":2,\"token\":%lld}",
		 (long long)tokens[1]);
	stage_send(worker, text);
	stage_turn(&stage);
	stage_worker_died(&stage, 8, SIGKILL);
	close(worker);
	stage_until(&stage, worker_is_gone);
	stage_settle(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 0);
	assert_int_equal(job(&stage, 1)->attempt, 0);
	assert_int_equal(job(&stage, 2)->crashes, 1);
	assert_int_equal(job(&stage, 3)->state, STATE_READY);
	close(client);
	stage_end(&stage);
}

UNIT(what_its_worker_would_refuse_is_refused_at_submission)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_pools(&stage, WEB);
	stage_expect(stage_call(&stage, client, "org.reeve.jobs.Submit",
				"{\"job\":{\"handler\":\"thumb\",\"args\":"
				"{\"url\":\"ftp://h/\"}}}"),
		     "InvalidParameter\",\"parameters\":{\"parameter\":"
		     "\"job.args.url\"");
	stage_expect(stage_call(&stage, client, "org.reeve.jobs.Submit",
				"{\"job\":{\"handler\":\"thumb\"}}"),
		     "\"job.args.url\"");
	close(client);
	stage_end(&stage);
}

UNIT(each_of_them_has_its_own_clock)
{
	int64_t tokens[3], now_ns;
	struct stage stage;
	int client, worker;

	stage_open(&stage);
	client = stage_client(&stage);
	worker = give_three(&stage, client, tokens);
	now_ns = clock_mono_ns();
	overtime_look(&stage.broker, now_ns + 59 * S);
	assert_true(stage_silent(&stage, worker));
	overtime_look(&stage.broker, now_ns + 61 * S);
	stage_expect(stage_read(&stage, worker), "{\"cancel\":1,");
	assert_true(stage_silent(&stage, worker));
	overtime_look(&stage.broker, now_ns + 71 * S);
	stage_expect(stage_read(&stage, worker), "{\"cancel\":2,");
	assert_true(stage_silent(&stage, worker));
	stage_fail(worker, 2, tokens[1], "TimedOut");
	stage_turn(&stage);
	stage_settle(&stage);
	stage_expect(stage_call(&stage, client, "org.reeve.jobs.Get",
				"{\"ids\":[2]}"),
		     "\"cause\":\"timeout\"");
	close(worker);
	close(client);
	stage_end(&stage);
}

static struct fake_job *add_running(struct stage *stage)
{
	struct fake_job *job = fake_store_add(stage->store, STATE_RUNNING);

	job->worker = 7;
	return job;
}

UNIT(whose_job_it_is_is_said_if_it_is_not_our_own)
{
	struct stage stage;
	int client, worker;
	const char *line;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_pools(&stage, WEB);
	for (int i = 0; i < 3; i++)
		stage_thumb(&stage, client, URL);
	stage_settle(&stage);
	stage.store->jobs[1].uid = geteuid() + 4711;
	stage.store->jobs[2].uid = 0;
	worker = stage_handler(&stage, 8);
	for (int i = 1; i <= 3; i++) {
		line = stage_read(&stage, worker);
		assert_int_equal(stage_number(line, "job"), i);
		if (i == 2)
			assert_int_equal(stage_number(line, "uid"),
					 geteuid() + 4711);
		else
			assert_null(strstr(line, "\"uid\""));
	}
	close(worker);
	close(client);
	stage_end(&stage);
}

static pid_t start_process(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void end_process(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What the supervisor says to a broker that begins, up to who lives. */
static void say_pools(struct stage *stage)
{
	struct channel_message text = {.kind = CHANNEL_TEXT};
	const char *at = WEB;

	while (*at) {
		size_t n = strlen(at);

		n = n < sizeof(text.reason) - 1 ? n : sizeof(text.reason) - 1;
		memcpy(text.reason, at, n);
		text.reason[n] = '\0';
		assert_int_equal(channel_send(stage->supervisor, &text), 0);
		at += n;
	}
	text = (struct channel_message){.kind = CHANNEL_POOLS};
	assert_int_equal(channel_send(stage->supervisor, &text), 0);
	text.kind = CHANNEL_ANNOUNCED;
	assert_int_equal(channel_send(stage->supervisor, &text), 0);
	link_hear_pools(&stage->broker);
	/* No more than that: who lives comes when it is known who lived. */
	assert_false(stage->broker.link.announced);
}

UNIT(a_broker_that_begins_charges_all_that_a_dead_one_had)
{
	struct stage stage;
	pid_t pid = start_process();

	stage_begin(&stage);
	stage_row(&stage, 7, pid)->pool = SLICE("img");
	end_process(pid);
	for (int i = 0; i < 3; i++)
		add_running(&stage);
	say_pools(&stage);
	stage_start(&stage);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(job(&stage, i)->crashes, 1);
	stage_end(&stage);
}

static bool job_1_was_lost(struct stage *stage)
{
	fleet_tick(&stage->broker, clock_mono_ns() + 2 * S);
	return writer_idle(&stage->broker.writer) &&
	       job(stage, 1)->state == STATE_READY;
}

UNIT(one_that_dies_before_it_has_dialled_in_again_lost_them_all)
{
	struct stage stage;
	pid_t pid = start_process();

	stage_begin(&stage);
	stage_row(&stage, 7, pid)->pool = SLICE("img");
	for (int i = 0; i < 3; i++)
		add_running(&stage);
	say_pools(&stage);
	stage_start(&stage);
	assert_int_equal(fleet_busy(&stage.broker.fleet), 3);
	end_process(pid);
	stage_until(&stage, job_1_was_lost);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(job(&stage, i)->crashes, 1);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_given_many_before_the_first_has_ended),
		cmocka_unit_test(its_death_is_charged_to_each_of_them),
		cmocka_unit_test(
			what_waits_in_it_is_not_charged_when_others_have_begun),
		cmocka_unit_test(
			what_its_worker_would_refuse_is_refused_at_submission),
		cmocka_unit_test(each_of_them_has_its_own_clock),
		cmocka_unit_test(whose_job_it_is_is_said_if_it_is_not_our_own),
		cmocka_unit_test(
			a_broker_that_begins_charges_all_that_a_dead_one_had),
		cmocka_unit_test(
			one_that_dies_before_it_has_dialled_in_again_lost_them_all),
	};

	return cmocka_run_group_tests_name("concurrent", tests, NULL, NULL);
}
