#include "daemon/broker/link.h"
#include "tests/unit/broker/stage.h"

#include <sys/socket.h>
#include <unistd.h>

static void tell(struct stage *stage, const struct channel_message *message)
{
	assert_int_equal(channel_send(stage->supervisor, message), 0);
	stage_turn(stage);
}

UNIT(what_the_supervisor_says_of_pool_and_host_is_kept)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	tell(&stage, &(struct channel_message){
			     .kind = CHANNEL_POOL,
			     .pool_workers = 3,
			     .pool_degraded = 1,
			     .pool_retry_ns = 9,
		     });
	tell(&stage, &(struct channel_message){
			     .kind = CHANNEL_HOST,
			     .reason = "no delegation",
		     });
	assert_int_equal(stage.broker.pools.list[0].workers, 3);
	assert_true(stage.broker.pools.list[0].degraded);
	fd = stage_client(&stage);
	stage_expect(stage_ask(&stage, fd,
			       "{\"method\":\"org.reeve.admin.Status\"}"),
		     "\"cgroups\":\"no delegation\"");
	stage_expect(
		stage_ask(&stage, fd, "{\"method\":\"org.reeve.admin.Pools\"}"),
		"\"state\":\"degraded\"");
	close(fd);
	stage_end(&stage);
}

UNIT(an_unknown_message_is_ignored)
{
	struct stage stage;

	stage_open(&stage);
	tell(&stage, &(struct channel_message){.kind = 4711});
	assert_int_equal(write(stage.supervisor, "short", 5), 5);
	tell(&stage, &(struct channel_message){.kind = CHANNEL_ANNOUNCED});
	assert_true(stage.broker.link.announced);
	stage_end(&stage);
}

UNIT(stop_now_ends_the_loop_when_all_is_committed)
{
	struct stage stage;

	stage_open(&stage);
	tell(&stage, &(struct channel_message){.kind = CHANNEL_STOP_NOW});
	assert_true(stage.broker.ending);
	stage_end(&stage);
}

UNIT(without_a_supervisor_the_broker_commits_and_ends)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(fd, STAGE_SUBMIT);
	stage_turn(&stage);
	shutdown(stage.supervisor, SHUT_RDWR);
	stage_turn(&stage);
	assert_true(stage.broker.ending);
	fake_store_hold(stage.store, false, false);
	event_base_dispatch(stage.broker.base);
	assert_int_equal(stage.store->job_count, 1);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	close(fd);
	stage_end(&stage);
}

UNIT(a_message_to_nobody_is_lost_in_peace)
{
	struct stage stage;

	stage_open(&stage);
	shutdown(stage.supervisor, SHUT_RDWR);
	link_send(&stage.broker,
		  &(struct channel_message){.kind = CHANNEL_BEAT});
	stage_end(&stage);
}

UNIT(what_a_busy_supervisor_does_not_take_waits_in_order)
{
	struct stage stage;
	struct channel_message message = {.kind = CHANNEL_READY_WORKER};
	int count = 0;

	stage_open(&stage);
	while (channel_receive(stage.supervisor, &message) == 0)
		continue;
	message.kind = CHANNEL_READY_WORKER;
	for (message.worker = 0; message.worker < 2000; message.worker++)
		link_send(&stage.broker, &message);
	while (count < 2000) {
		if (channel_receive(stage.supervisor, &message)) {
			stage_turn(&stage);
			assert_int_equal(
				channel_receive(stage.supervisor, &message), 0);
		}
		if (message.kind != CHANNEL_READY_WORKER)
			continue;
		assert_int_equal(message.worker, count);
		count++;
	}
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_the_supervisor_says_of_pool_and_host_is_kept),
		cmocka_unit_test(an_unknown_message_is_ignored),
		cmocka_unit_test(stop_now_ends_the_loop_when_all_is_committed),
		cmocka_unit_test(
			without_a_supervisor_the_broker_commits_and_ends),
		cmocka_unit_test(a_message_to_nobody_is_lost_in_peace),
		cmocka_unit_test(
			what_a_busy_supervisor_does_not_take_waits_in_order),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
