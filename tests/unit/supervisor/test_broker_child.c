#include "daemon/supervisor/broker_child.h"
#include "tests/helper/t.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define EXIT_STATUS(n) ((n) << 8)

static struct broker_child broker;
static int other_end;

/* As broker_child_start() leaves it, without a process. */
static int set_up(__attribute__((unused)) void **state)
{
	int ends[2];

	log_init("test", LOG_DEBUG - 10);
	assert_int_equal(channel_pair(ends), 0);
	broker = (struct broker_child){
		.state = BROKER_STARTING,
		.channel = ends[0],
		.born_ns = SECOND,
		.beat_ns = SECOND,
		.recovering = true,
	};
	other_end = ends[1];
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	close(other_end);
	if (broker.state != BROKER_NONE)
		broker_child_died(&broker, 0, 2 * SECOND);
	return 0;
}

static void hear(uint32_t kind, int starting, int64_t now_ns)
{
	const struct channel_message message = {.kind = kind,
						.starting = starting};

	broker_child_heard(&broker, &message, now_ns);
}

UNIT(who_ends_behind_it_was_cut_off_by_it)
{
	assert_false(broker_child_is_gone(&broker));
	assert_false(broker_child_cut_off(&broker, SECOND, 2 * SECOND));
	/* Its end of the channel is closed before anybody hears of its death. */
	assert_int_equal(shutdown(other_end, SHUT_RDWR), 0);
	assert_true(broker_child_is_gone(&broker));
	assert_true(broker_child_cut_off(&broker, SECOND, 2 * SECOND));
	broker_child_died(&broker, 0, 5 * SECOND);
	assert_true(broker_child_is_gone(&broker));
	assert_true(broker_child_cut_off(&broker, SECOND, 6 * SECOND));
	/* But not who was born later, or went on for long. */
	assert_false(broker_child_cut_off(&broker, 6 * SECOND, 7 * SECOND));
	assert_false(broker_child_cut_off(&broker, SECOND,
					  5 * SECOND + BROKER_CUT_OFF_NS));
}

UNIT(silence_becomes_too_long)
{
	hear(CHANNEL_READY, 0, 2 * SECOND);
	assert_int_equal(broker.state, BROKER_SERVING);
	assert_int_equal(broker_child_deadline_ns(&broker),
			 2 * SECOND + BROKER_BEAT_NS);
	hear(CHANNEL_BEAT, 0, 5 * SECOND);
	assert_int_equal(broker_child_deadline_ns(&broker),
			 5 * SECOND + BROKER_BEAT_NS);
}

UNIT(while_it_recovers_it_has_thirty)
{
	assert_int_equal(broker_child_deadline_ns(&broker), 31 * SECOND);
	hear(CHANNEL_BEAT, 1, 30 * SECOND);
	assert_int_equal(broker_child_deadline_ns(&broker), 60 * SECOND);
}

UNIT(what_it_does_not_read_is_kept_for_it_in_order)
{
	struct channel_message message = {.kind = CHANNEL_DIED};
	const int count = 2000;

	for (message.worker = 0; message.worker < count; message.worker++)
		broker_child_send(&broker, &message, SECOND);
	assert_true(broker_child_wants_write(&broker));
	for (int64_t i = 0; i < count; i++) {
		if (channel_receive(other_end, &message)) {
			broker_child_flush(&broker);
			assert_int_equal(channel_receive(other_end, &message),
					 0);
		}
		assert_int_equal(message.worker, i);
		/* More comes while it catches up. */
		if (i % 100 == 0) {
			message.worker = count + i / 100;
			broker_child_send(&broker, &message, SECOND);
		}
	}
	broker_child_flush(&broker);
	for (int64_t i = 0; i < count / 100; i++) {
		assert_int_equal(channel_receive(other_end, &message), 0);
		assert_int_equal(message.worker, count + i);
	}
	assert_false(broker_child_wants_write(&broker));
}

UNIT(one_that_served_and_was_killed_is_replaced_at_once)
{
	hear(CHANNEL_READY, 0, SECOND);
	assert_int_equal(broker_child_died(&broker, SIGKILL, 2 * SECOND),
			 2 * SECOND);
	assert_int_equal(broker.state, BROKER_NONE);
	assert_int_equal(broker.channel, -1);
	assert_int_equal(broker.backoff.deaths, 0);
}

UNIT(one_that_fails_by_itself_is_replaced_later_each_time)
{
	int64_t now_ns = 2 * SECOND, next_ns = 0;

	for (int i = 0; i < 4; i++) {
		broker.state = BROKER_SERVING;
		broker.was_ready = true;
		broker.born_ns = now_ns;
		now_ns += SECOND;
		next_ns = broker_child_died(&broker, SIGSEGV, now_ns);
		if (i < 3)
			now_ns = next_ns;
	}
	assert_int_equal(next_ns - now_ns, 4 * SECOND);
}

UNIT(one_that_never_served_has_a_back_off_too)
{
	assert_int_equal(broker_child_died(&broker, EXIT_STATUS(1), SECOND + 1),
			 SECOND + 1);
	broker.state = BROKER_STARTING;
	broker.born_ns = SECOND + 2;
	assert_int_equal(broker_child_died(&broker, EXIT_STATUS(1), SECOND + 3),
			 2 * SECOND + 3);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(who_ends_behind_it_was_cut_off_by_it),
		EACH(silence_becomes_too_long),
		EACH(while_it_recovers_it_has_thirty),
		EACH(what_it_does_not_read_is_kept_for_it_in_order),
		EACH(one_that_served_and_was_killed_is_replaced_at_once),
		EACH(one_that_fails_by_itself_is_replaced_later_each_time),
		EACH(one_that_never_served_has_a_back_off_too),
	};

	return cmocka_run_group_tests_name("broker_child", tests, NULL, NULL);
}
