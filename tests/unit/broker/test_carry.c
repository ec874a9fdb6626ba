#include "daemon/broker/carry.h"
#include "tests/helper/rights.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>

#define SUBMIT_FD                                                              \
	"{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":{\"job\":{"      \
	"\"argv\":[\"cat\"],\"stdin_fd\":0%s}}}\n"
#define PING "{\"method\":\"org.reeve.admin.Ping\"}"

/* Submit with a descriptor, and more members; the reply. */
static const char *give(struct stage *stage, int client, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), SUBMIT_FD, more);
	send_rights(client, text, 0, 1);
	return stage_read(stage, client);
}

static size_t used(const struct stage *stage)
{
	return stage->broker.socks.room.used;
}

/* How many descriptors came with the next job; the job's line is read. */
static size_t descriptors_of_job(struct stage *stage, int worker,
				 int64_t *ret_token)
{
	struct rights_room room = {.limit = 100};
	struct rights *rights = NULL;
	struct parcel *parcel = NULL;
	char line[4096] = {0};
	size_t n = 0, count;

	fcntl(worker, F_SETFL, O_NONBLOCK);
	while (!strstr(line, "{\"job\":") || line[n - 1] != '\n') {
		ssize_t got = rights_receive(worker, line + n,
					     sizeof(line) - 1 - n, n, &room,
					     &rights);

		if (got > 0)
			n += (size_t)got;
		else
			stage_turn(stage);
	}
	fcntl(worker, F_SETFL, 0);
	stage_expect(line, "\"stdin_fd\":0");
	*ret_token = stage_number(strstr(line, "{\"job\":"), "token");
	parcel = rights_take(&rights, &room, n);
	count = parcel ? parcel->count : 0;
	parcel_unref(parcel);
	rights_fini(&rights, &room);
	return count;
}

static void say(int fd, const char *format, int64_t token)
{
	char text[128];

	snprintf(text, sizeof(text), format, (long long)token);
	stage_send(fd, text);
}

UNIT(they_are_held_until_the_job_has_begun)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(give(&stage, client, ""), "\"id\":1");
	assert_int_equal(used(&stage), 1);
	assert_true(fake_store_job(stage.store, 1)->once);
	assert_true(fake_store_job(stage.store, 1)->descriptors);
	worker = stage_worker(&stage, 7);
	assert_int_equal(descriptors_of_job(&stage, worker, &token), 1);
	assert_int_equal(used(&stage), 1);
	say(worker, "{\"start\":1,\"token\":%lld}", token + 1);
	stage_turn(&stage);
	assert_int_equal(used(&stage), 1);
	say(worker, "{\"start\":1,\"token\":%lld}", token);
	stage_turn(&stage);
	assert_int_equal(used(&stage), 0);
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, worker), "settled");
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(what_was_given_back_goes_out_again_with_them)
{
	struct stage stage;
	int64_t token, again;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	give(&stage, client, "");
	assert_int_equal(descriptors_of_job(&stage, worker, &token), 1);
	say(worker, "{\"put_back\":[{\"job\":1,\"token\":%lld}]}", token);
	assert_int_equal(descriptors_of_job(&stage, worker, &again), 1);
	assert_true(again > token);
	/* The end says that it began, too. */
	stage_done(worker, 1, again);
	stage_expect(stage_read(&stage, worker), "settled");
	stage_settle(&stage);
	assert_int_equal(used(&stage), 0);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(a_worker_that_comes_back_tells_what_it_has_begun)
{
	struct stage stage;
	int64_t token;
	char holding[100];
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	give(&stage, client, "");
	assert_int_equal(descriptors_of_job(&stage, worker, &token), 1);
	snprintf(holding, sizeof(holding),
		 "[{\"job\":1,\"token\":%lld,\"started_ms\":5}]",
		 (long long)token);
	worker = stage_redial(&stage, worker, 7, holding);
	stage_settle(&stage);
	assert_int_equal(used(&stage), 0);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(without_them_a_claimed_job_fails_and_says_why)
{
	struct stage stage;
	struct fake_job *job;
	int worker;

	stage_begin(&stage);
	job = fake_store_add(stage.store, STATE_RUNNING);
	job->descriptors = job->once = true;
	job->worker = 9;
	job->token = 5;
	job->attempt = 1;
	stage_own_row(&stage, 9);
	stage_start(&stage);
	/* It runs, for all that is known; its worker has not begun it. */
	stage_announced(&stage);
	worker = stage_dial(&stage, 9, "[{\"job\":1,\"token\":5}]");
	stage_expect(stage_read(&stage, worker), "hello");
	say(worker, "{\"put_back\":[{\"job\":1,\"token\":%lld}]}", 5);
	stage_settle(&stage);
	close(worker);
	worker = stage_worker(&stage, 7);
	stage_settle(&stage);
	job = fake_store_job(stage.store, 1);
	assert_int_equal(job->state, STATE_FAILED);
	assert_int_equal(job->cause, CAUSE_EXEC);
	stage_expect(job->failure, "submit it again");
	close(worker);
	stage_end(&stage);
}

UNIT(a_new_broker_fails_what_waits_without_them)
{
	struct stage stage;
	struct fake_job *job;

	stage_begin(&stage);
	job = fake_store_add(stage.store, STATE_HELD);
	job->descriptors = job->once = true;
	fake_store_add(stage.store, STATE_HELD);
	stage_start(&stage);
	job = fake_store_job(stage.store, 1);
	assert_int_equal(job->state, STATE_FAILED);
	assert_int_equal(job->cause, CAUSE_EXEC);
	stage_expect(job->failure, "DescriptorsLost");
	assert_int_equal(fake_store_job(stage.store, 2)->state, STATE_HELD);
	stage_end(&stage);
}

UNIT(whatever_is_refused_or_ends_leaves_nothing)
{
	struct stage stage;
	int client, before = open_descriptors();

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(give(&stage, client, ",\"group\":99"), "NoSuchGroup");
	stage_expect(give(&stage, client, ",\"stdout_fd\":0"),
		     "\"parameter\":\"job.stdout_fd\"");
	stage_expect(give(&stage, client, ",\"stdout_fd\":1"),
		     "\"parameter\":\"job.stdout_fd\"");
	send_rights(client, STAGE_SUBMIT "\n", 0, 1);
	stage_expect(stage_read(&stage, client),
		     "\"parameter\":\"descriptors\"");
	send_rights(client, PING "\n", 0, 1);
	stage_expect(stage_read(&stage, client), "only Submit takes them");
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(give(&stage, client, ""), "StorageFailed");
	stage.broker.store_full = false;
	stage_expect(give(&stage, client, ",\"hold\":true"), "\"id\":");
	assert_int_equal(used(&stage), 1);
	stage_expect(stage_call(&stage, client, "org.reeve.jobs.Cancel",
				"{\"filter\":{\"all\":true}}"),
		     "\"cancelled\":1");
	stage_settle(&stage);
	assert_int_equal(used(&stage), 0);
	/* Half a message, and its sender goes. */
	send_rights(client, "{\"method\":", 0, 9);
	stage_turn(&stage);
	assert_int_equal(used(&stage), 9);
	close(client);
	stage_turn(&stage);
	assert_int_equal(used(&stage), 0);
	client = stage_client(&stage);
	give(&stage, client, ",\"hold\":true");
	close(client);
	stage_end(&stage);
	assert_int_equal(open_descriptors(), before);
}

UNIT(they_do_not_wait_for_long_behind_another_call)
{
	struct stage stage;
	int64_t now_ns = 1000;
	char text[256];
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	give(&stage, client, ",\"hold\":true");
	stage_send(client, "{\"method\":\"org.reeve.jobs.Wait\","
			   "\"parameters\":{\"ids\":[1],\"wait_ms\":99999}}");
	stage_turn(&stage);
	snprintf(text, sizeof(text), SUBMIT_FD, "");
	send_rights(client, text, 0, 1);
	stage_turn(&stage);
	assert_int_equal(used(&stage), 2);
	conns_tick(&stage.broker, now_ns);
	conns_tick(&stage.broker, now_ns + INT64_C(9000000000));
	assert_int_equal(used(&stage), 2);
	conns_tick(&stage.broker, now_ns + INT64_C(11000000000));
	assert_int_equal(used(&stage), 1);
	stage_call(&stage, stage_client(&stage), "org.reeve.jobs.Cancel",
		   "{\"filter\":{\"all\":true}}");
	stage_expect(stage_read(&stage, client), "cancelled");
	stage_expect(stage_read(&stage, client), "behind other calls");
	close(client);
	stage_end(&stage);
}

UNIT(a_full_room_is_told_with_its_limit)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	stage.broker.socks.room.limit = 1;
	client = stage_client(&stage);
	stage_expect(give(&stage, client, ",\"hold\":true"), "\"id\":1");
	stage_expect(stage_checked("org.reeve.jobs.Submit",
				   give(&stage, client, "")),
		     "\"what\":\"descriptors\",\"size\":2,\"limit\":1");
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "\"id\":2");
	close(client);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_held_until_the_job_has_begun),
		cmocka_unit_test(what_was_given_back_goes_out_again_with_them),
		cmocka_unit_test(
			a_worker_that_comes_back_tells_what_it_has_begun),
		cmocka_unit_test(without_them_a_claimed_job_fails_and_says_why),
		cmocka_unit_test(a_new_broker_fails_what_waits_without_them),
		cmocka_unit_test(whatever_is_refused_or_ends_leaves_nothing),
		cmocka_unit_test(they_do_not_wait_for_long_behind_another_call),
		cmocka_unit_test(a_full_room_is_told_with_its_limit),
	};

	return cmocka_run_group_tests_name("carry", tests, NULL, NULL);
}
