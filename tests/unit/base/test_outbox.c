#include "daemon/base/outbox.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <unistd.h>

static struct outbox outbox;
static int ends[2];

static int set_up(__attribute__((unused)) void **state)
{
	return channel_pair(ends);
}

static int tear_down(__attribute__((unused)) void **state)
{
	outbox_fini(&outbox);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int send_one(int64_t number)
{
	const struct channel_message message = {.worker = number};

	return outbox_send(&outbox, ends[0], &message);
}

UNIT(what_the_channel_takes_does_not_wait)
{
	struct channel_message message;

	assert_int_equal(send_one(5), 0);
	assert_false(outbox_waits(&outbox));
	assert_int_equal(channel_receive(ends[1], &message), 0);
	assert_int_equal(message.worker, 5);
}

UNIT(what_it_does_not_take_comes_later_and_in_order)
{
	struct channel_message message;
	int64_t sent = 0;

	while (sent < 3000)
		assert_int_equal(send_one(sent++), 0);
	assert_true(outbox_waits(&outbox));
	for (int64_t i = 0; i < 4000; i++) {
		if (channel_receive(ends[1], &message)) {
			outbox_flush(&outbox, ends[0]);
			assert_int_equal(channel_receive(ends[1], &message), 0);
		}
		assert_int_equal(message.worker, i);
		/* More comes while the other one catches up. */
		if (sent < 4000)
			assert_int_equal(send_one(sent++), 0);
	}
	outbox_flush(&outbox, ends[0]);
	assert_false(outbox_waits(&outbox));
}

UNIT(too_much_is_refused)
{
	int r = 0;

	for (int64_t i = 0; !r && i < 2 * OUTBOX_MAX; i++)
		r = send_one(i);
	assert_int_equal(r, -ENOBUFS);
}

UNIT(the_end_of_the_other_is_told_and_nothing_waits_for_it)
{
	close(ends[1]);
	assert_int_equal(send_one(1), CHANNEL_E_END);
	assert_false(outbox_waits(&outbox));
}

UNIT(what_waits_for_one_that_ended_is_dropped)
{
	while (!outbox_waits(&outbox))
		assert_int_equal(send_one(1), 0);
	close(ends[1]);
	outbox_flush(&outbox, ends[0]);
	assert_false(outbox_waits(&outbox));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(what_the_channel_takes_does_not_wait),
		EACH(what_it_does_not_take_comes_later_and_in_order),
		EACH(too_much_is_refused),
		EACH(the_end_of_the_other_is_told_and_nothing_waits_for_it),
		EACH(what_waits_for_one_that_ended_is_dropped),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
