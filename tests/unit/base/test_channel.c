#include "daemon/base/channel.h"
#include "tests/helper/t.h"

#include <sys/socket.h>
#include <unistd.h>

UNIT(a_message_arrives_whole)
{
	struct channel_message sent = {.kind = CHANNEL_BORN, .worker = 7};
	struct channel_message got;
	int ends[2];

	memset(sent.pool, 'x', sizeof(sent.pool));
	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(channel_receive(ends[1], &got), CHANNEL_E_EMPTY);
	assert_int_equal(channel_send(ends[0], &sent), 0);
	assert_int_equal(channel_receive(ends[1], &got), 0);
	assert_int_equal(got.kind, CHANNEL_BORN);
	assert_int_equal(got.worker, 7);
	assert_int_equal(strlen(got.pool), sizeof(got.pool) - 1);
	close(ends[0]);
	assert_int_equal(channel_receive(ends[1], &got), CHANNEL_E_END);
	assert_int_equal(channel_send(ends[1], &sent), CHANNEL_E_END);
	close(ends[1]);
}

UNIT(an_end_that_does_not_read_does_not_block_the_other)
{
	struct channel_message message = {.kind = CHANNEL_DIED};
	int ends[2], sent = 0, r;

	assert_int_equal(channel_pair(ends), 0);
	while ((r = channel_send(ends[0], &message)) == 0)
		sent++;
	assert_int_equal(r, CHANNEL_E_FULL);
	assert_true(sent > 0);
	assert_int_equal(channel_receive(ends[1], &message), 0);
	assert_int_equal(channel_send(ends[0], &message), 0);
	close(ends[0]);
	close(ends[1]);
}

UNIT(a_packet_of_another_size_is_skipped)
{
	struct channel_message message = {.kind = CHANNEL_BEAT};
	char big[sizeof(message) + 1] = {0};
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(send(ends[0], big, 3, 0), 3);
	assert_int_equal(send(ends[0], big, sizeof(big), 0), sizeof(big));
	assert_int_equal(channel_send(ends[0], &message), 0);
	assert_int_equal(channel_receive(ends[1], &message), CHANNEL_E_FORM);
	assert_int_equal(channel_receive(ends[1], &message), CHANNEL_E_FORM);
	assert_int_equal(channel_receive(ends[1], &message), 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_whole),
		cmocka_unit_test(
			an_end_that_does_not_read_does_not_block_the_other),
		cmocka_unit_test(a_packet_of_another_size_is_skipped),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
