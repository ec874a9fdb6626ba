#include "daemon/broker/drain.h"
#include "daemon/broker/queue.h"
#include "daemon/broker/queue_find.h"
#include "tests/unit/broker/stage.h"

#include <unistd.h>

#define LIST "org.reeve.queues.List"
#define CONFIGURE "org.reeve.queues.Configure"
#define PAUSE "org.reeve.queues.Pause"
#define RESUME "org.reeve.queues.Resume"
#define DRAIN "org.reeve.queues.Drain"
#define PURGE "org.reeve.queues.Purge"
#define SUBMIT "org.reeve.jobs.Submit"
#define MANY "org.reeve.jobs.SubmitMany"

UNIT(queues_are_listed_with_settings_and_counts)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_READY);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"img\",\"max_length\":9,"
				"\"overflow\":\"block\"}"),
		     "{\"parameters\":{}}");
	line = stage_call(&stage, fd, LIST, "{}");
	stage_expect(line,
		     "{\"name\":\"default\",\"paused\":false,\"weight\":1,"
		     "\"counts\":{\"held\":0");
	stage_expect(line, "\"oldest_ready_ms\":1}");
	stage_expect(line, "{\"name\":\"img\",\"paused\":false,\"weight\":1,"
			   "\"max_length\":9,\"overflow\":\"block\"");
	close(fd);
	stage_end(&stage);
}

UNIT(what_is_not_built_or_not_there_is_refused_by_name)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"a\",\"weight\":2}"),
		     "\"parameter\":\"weight\"");
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"a\",\"overflow\":"
				"\"drop_oldest\"}"),
		     "\"parameter\":\"overflow\"");
	stage_expect(stage_call(&stage, fd, CONFIGURE, "{\"name\":\"\"}"),
		     "\"parameter\":\"name\"");
	stage_expect(stage_call(&stage, fd, PAUSE, "{\"running\":\"requeue\"}"),
		     "\"parameter\":\"running\"");
	stage_expect(stage_call(&stage, fd, PAUSE, "{\"name\":\"mial\"}"),
		     "NoSuchQueue\",\"parameters\":{\"name\":\"mial\"");
	stage_expect(stage_call(&stage, fd, PURGE,
				"{\"name\":\"default\",\"states\":"
				"[\"running\"]}"),
		     "\"parameter\":\"states\"");
	close(fd);
	stage_end(&stage);
}

UNIT(the_queue_of_callbacks_is_known_before_the_first_of_them)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	assert_null(strstr(stage_call(&stage, fd, LIST, "{}"), "callbacks\""));
	stage_expect(stage_call(&stage, fd, DRAIN,
				"{\"name\":\"callbacks\",\"wait_ms\":0}"),
		     "{\"parameters\":{}}");
	for (int i = 0; i < 2; i++)
		stage_expect(stage_call(&stage, fd, PAUSE,
					"{\"name\":\"callbacks\"}"),
			     "{\"parameters\":{}}");
	line = stage_call(&stage, fd, LIST, "{}");
	stage_expect(line, "{\"name\":\"callbacks\",\"paused\":true");
	stage_call(&stage, fd, RESUME, "{\"name\":\"callbacks\"}");
	assert_false(queue_settings(&stage.broker.queues, SLICE("callbacks"))
			     .paused);
	close(fd);
	stage_end(&stage);
}

UNIT(a_list_of_callbacks_is_set_whatever_the_others_call)
{
	struct stage stage;
	struct store_queue *queue;
	const char *line;
	int fd;

	stage_begin(&stage);
	queue = &stage.store->queues[stage.store->queue_count++];
	queue->name = (struct slice){fake_text(SLICE("q")), 1};
	queue->callbacks = SLICE("{\"uid\":0,\"gid\":0,\"on_done\":["
				 "{\"handler\":\"gone\"}]}");
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"q\",\"on_failure\":["
				"{\"shell\":\"a\"}]}"),
		     "{\"parameters\":{}}");
	line = stage_call(&stage, fd, LIST, "{}");
	stage_expect(line, "\"on_failure\":[{\"shell\":\"a\"}]");
	stage_expect(line, "\"on_done\":[{\"handler\":\"gone\"}]");
	line = stage_call(&stage, fd, CONFIGURE,
			  "{\"name\":\"q\",\"on_done\":["
			  "{\"handler\":\"gone\"}]}");
	stage_expect(line, "NoSuchHandler\",\"parameters\":{\"handler\":"
			   "\"gone\",\"parameter\":\"on_done[0].handler\"");
	stage_expect(line, "what a callback calls");
	close(fd);
	stage_end(&stage);
}

#define JOB "{\"argv\":[\"a\"],\"queue\":\"q\",\"hold\":true}"

/* Three calls wait for room in a full queue: some jobs, one, all or none. */
static void wait_for_room(struct stage *stage, int ret_fds[4])
{
	for (int i = 0; i < 4; i++)
		ret_fds[i] = stage_client(stage);
	stage_call(stage, ret_fds[0], CONFIGURE,
		   "{\"name\":\"q\",\"max_length\":3,"
		   "\"overflow\":\"block\"}");
	for (int i = 0; i < 2; i++)
		stage_call(stage, ret_fds[0], SUBMIT, "{\"job\":" JOB "}");
	stage_send(ret_fds[1], "{\"method\":\"" MANY "\",\"parameters\":"
			       "{\"jobs\":[" JOB "," JOB "]}}");
	stage_settle(stage);
	stage_send(ret_fds[2], "{\"method\":\"" SUBMIT "\",\"parameters\":"
			       "{\"job\":" JOB "}}");
	stage_send(ret_fds[3],
		   "{\"method\":\"" MANY "\",\"parameters\":"
		   "{\"all_or_none\":true,\"jobs\":[" JOB "," JOB "]}}");
	stage_settle(stage);
	assert_int_equal(stage->store->job_count, 3);
	for (int i = 1; i < 4; i++)
		assert_true(stage_silent(stage, ret_fds[i]));
}

UNIT(who_waits_for_room_is_refused_when_its_queue_begins_to_refuse)
{
	struct stage stage;
	int fds[4];

	stage_open(&stage);
	wait_for_room(&stage, fds);
	stage_call(&stage, fds[0], CONFIGURE,
		   "{\"name\":\"q\",\"overflow\":\"reject\"}");
	stage_expect(stage_read(&stage, fds[1]), "\"ids\":[3,0]");
	stage_expect(stage_read(&stage, fds[2]), "QueueFull");
	stage_expect(stage_read(&stage, fds[3]), "QueueFull");
	assert_int_equal(stage.broker.rooms.count, 0);
	assert_int_equal(stage.store->job_count, 3);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	stage_end(&stage);
}

UNIT(who_waits_for_room_goes_on_when_the_limit_is_lifted)
{
	struct stage stage;
	int fds[4];

	stage_open(&stage);
	wait_for_room(&stage, fds);
	stage_call(&stage, fds[0], CONFIGURE,
		   "{\"name\":\"q\",\"max_length\":0,"
		   "\"overflow\":\"reject\"}");
	stage_expect(stage_read(&stage, fds[1]), "\"ids\":[3,4]");
	stage_expect(stage_read(&stage, fds[2]), "\"id\":5");
	stage_expect(stage_read(&stage, fds[3]), "\"ids\":[6,7]");
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	stage_end(&stage);
}

UNIT(who_can_never_fit_any_more_waits_no_longer)
{
	struct stage stage;
	int fds[4];

	stage_open(&stage);
	wait_for_room(&stage, fds);
	stage_call(&stage, fds[0], CONFIGURE,
		   "{\"name\":\"q\",\"max_length\":1}");
	stage_expect(stage_read(&stage, fds[3]), "QueueFull");
	assert_true(stage_silent(&stage, fds[1]));
	assert_true(stage_silent(&stage, fds[2]));
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	stage_end(&stage);
}

UNIT(a_paused_queue_starts_nothing_until_it_goes_on)
{
	struct stage stage;
	int fd, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	stage_call(&stage, fd, PAUSE, "{}");
	stage_call(&stage, fd, SUBMIT, "{\"job\":{\"argv\":[\"a\"]}}");
	stage_settle(&stage);
	assert_true(stage_silent(&stage, worker));
	assert_int_equal(fake_store_job(stage.store, 1)->state, STATE_READY);
	stage_expect(stage_call(&stage, fd, LIST, "{}"), "\"paused\":true");
	stage_call(&stage, fd, RESUME, "{\"name\":\"default\"}");
	assert_int_equal(stage_job(&stage, worker, NULL), 1);
	/* What was given is asked back. */
	stage_call(&stage, fd, PAUSE, "{\"name\":\"default\"}");
	stage_expect(stage_read(&stage, worker), "{\"recall\":[{\"job\":1,");
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(a_pause_survives_a_restart)
{
	struct stage stage;
	int fd, worker;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_READY);
	stage.store->queues[0] = (struct store_queue){
		.name = {strdup("default"), 7},
		.paused = true,
	};
	stage.store->queue_count = 1;
	stage_start(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	stage_settle(&stage);
	assert_true(stage_silent(&stage, worker));
	stage_call(&stage, fd, RESUME, "{}");
	assert_int_equal(stage_job(&stage, worker, NULL), 1);
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(a_pause_that_is_not_on_disk_did_not_happen)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(stage_call(&stage, fd, PAUSE, "{}"), "StorageFailed");
	assert_null(queue_find(&stage.broker.queues, SLICE("default")));
	close(fd);
	stage_end(&stage);
}

UNIT(drain_waits_for_what_is_ready_and_runs)
{
	struct stage stage;
	int64_t token;
	int fd, drain, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	drain = stage_client(&stage);
	stage_expect(stage_call(&stage, drain, DRAIN, "{}"),
		     "{\"parameters\":{}}");
	stage_call(&stage, fd, SUBMIT, "{\"job\":{\"argv\":[\"a\"]}}");
	stage_expect(stage_call(&stage, drain, DRAIN,
				"{\"name\":\"default\",\"wait_ms\":0}"),
		     "Timeout\",\"parameters\":{\"remaining\":1");
	stage_send(drain, "{\"method\":\"" DRAIN "\"}");
	assert_int_equal(stage_job(&stage, worker, &token), 1);
	assert_true(stage_silent(&stage, drain));
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, drain), "{\"parameters\":{}}");
	/* A scheduled one counts when its time is named. */
	stage_call(&stage, fd, SUBMIT,
		   "{\"job\":{\"argv\":[\"a\"],\"run_at_ms\":9000000000000}}");
	stage_expect(stage_call(&stage, drain, DRAIN,
				"{\"until_ms\":9000000000000}"),
		     "{\"parameters\":{}}");
	stage_send(drain, "{\"method\":\"" DRAIN "\",\"parameters\":"
			  "{\"until_ms\":9000000000001}}");
	stage_settle(&stage);
	assert_true(stage_silent(&stage, drain));
	close(drain);
	stage_call(&stage, fd, "org.reeve.jobs.Cancel",
		   "{\"filter\":{\"all\":true}}");
	stage_settle(&stage);
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(purge_cancels_what_waits_and_removes_what_ended)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_READY);
	fake_store_add(stage.store, STATE_SUCCEEDED);
	fake_store_add(stage.store, STATE_HELD);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, PURGE,
				"{\"name\":\"default\",\"states\":[\"ready\","
				"\"succeeded\"]}"),
		     "\"removed\":2");
	assert_string_equal(fake_store_job(stage.store, 1)->reason, "purged");
	assert_true(fake_store_job(stage.store, 2)->purged);
	stage_expect(stage_call(&stage, fd, PURGE, "{\"name\":\"default\"}"),
		     "\"removed\":1");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_queue_of_callbacks_is_known_before_the_first_of_them),
		cmocka_unit_test(
			a_list_of_callbacks_is_set_whatever_the_others_call),
		cmocka_unit_test(
			who_waits_for_room_is_refused_when_its_queue_begins_to_refuse),
		cmocka_unit_test(
			who_waits_for_room_goes_on_when_the_limit_is_lifted),
		cmocka_unit_test(who_can_never_fit_any_more_waits_no_longer),
		cmocka_unit_test(queues_are_listed_with_settings_and_counts),
		cmocka_unit_test(
			what_is_not_built_or_not_there_is_refused_by_name),
		cmocka_unit_test(
			a_paused_queue_starts_nothing_until_it_goes_on),
		cmocka_unit_test(a_pause_survives_a_restart),
		cmocka_unit_test(a_pause_that_is_not_on_disk_did_not_happen),
		cmocka_unit_test(drain_waits_for_what_is_ready_and_runs),
		cmocka_unit_test(
			purge_cancels_what_waits_and_removes_what_ended),
	};

	return cmocka_run_group_tests_name("call_queues", tests, NULL, NULL);
}
