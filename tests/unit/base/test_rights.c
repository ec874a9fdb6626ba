#include "daemon/base/rights.h"
#include "tests/helper/rights.h"

#include <errno.h>
#include <sys/resource.h>

static int ends[2], before;
static struct rights_room room;
static struct rights *rights;
static char in[256];
static size_t unread;

static int set_up(void **state)
{
	(void)state;
	before = open_descriptors();
	room = (struct rights_room){.limit = 100};
	unread = 0;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
}

static int tear_down(void **state)
{
	(void)state;
	rights_fini(&rights, &room);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(room.used, 0);
	assert_int_equal(open_descriptors(), before);
	return 0;
}

static void receive(size_t bytes)
{
	assert_int_equal(rights_receive(ends[1], in + unread,
					sizeof(in) - unread, unread, &room,
					&rights),
			 (ssize_t)bytes);
	unread += bytes;
}

static struct parcel *take(size_t end)
{
	return rights_take(&rights, &room, end);
}

static void consume(size_t bytes)
{
	rights_consume(&rights, &room, bytes);
	unread -= bytes;
}

UNIT(they_are_those_of_the_message_in_which_the_read_ended)
{
	struct parcel *parcel;

	assert_int_equal(send(ends[0], "one;", 4, 0), 4);
	send_rights(ends[0], "two;", 0, 2);
	receive(8);
	assert_null(take(4));
	consume(4);
	parcel = take(4);
	assert_non_null(parcel);
	assert_int_equal(parcel->count, 2);
	assert_int_equal(parcel->fault, RIGHTS_WHOLE);
	assert_true(fcntl(parcel->fds[1], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(room.used, 2);
	consume(4);
	assert_null(rights);
	parcel_unref(parcel_ref(parcel));
	assert_int_equal(room.used, 2);
	parcel_unref(parcel);
	assert_int_equal(room.used, 0);
}

UNIT(a_message_in_pieces_has_them_from_any_piece)
{
	struct parcel *parcel;

	send_rights(ends[0], "beg", 0, 1);
	receive(3);
	assert_null(take(0));
	send_rights(ends[0], "in;", 0, 1);
	receive(3);
	send_rights(ends[0], "next;", 0, 1);
	receive(5);
	parcel = take(6);
	assert_int_equal(parcel->count, 2);
	parcel_unref(parcel);
	consume(6);
	parcel = take(5);
	assert_int_equal(parcel->count, 1);
	parcel_unref(parcel);
}

UNIT(what_nobody_takes_is_closed_with_its_bytes)
{
	send_rights(ends[0], "one;", 0, 3);
	receive(4);
	assert_int_equal(room.used, 3);
	consume(4);
	assert_int_equal(room.used, 0);
	assert_null(rights);
	parcel_unref(NULL);
}

UNIT(more_than_a_message_may_have_are_all_closed)
{
	struct parcel *parcel;

	send_rights(ends[0], "one;", 0, LIMIT_DESCRIPTORS_PER_MESSAGE + 1);
	receive(4);
	parcel = take(4);
	assert_int_equal(parcel->fault, RIGHTS_TOO_MANY);
	assert_int_equal(parcel->count, 0);
	assert_int_equal(room.used, 0);
	parcel_unref(parcel);
	send_rights(ends[0], "two;", 0, 253);
	receive(4);
	parcel = take(8);
	assert_int_equal(parcel->fault, RIGHTS_TOO_MANY);
	assert_int_equal(room.used, 0);
	parcel_unref(parcel);
}

UNIT(a_full_room_takes_none_of_a_message)
{
	struct parcel *parcel;

	room.limit = 3;
	send_rights(ends[0], "one;", 0, 2);
	receive(4);
	parcel = take(4);
	assert_int_equal(parcel->count, 2);
	consume(4);
	send_rights(ends[0], "two;", 0, 2);
	receive(4);
	assert_int_equal(room.used, 3);
	parcel_unref(parcel);
	parcel = take(4);
	assert_int_equal(parcel->fault, RIGHTS_NO_ROOM);
	assert_int_equal(parcel->count, 0);
	assert_int_equal(room.used, 0);
	parcel_unref(parcel);
}

UNIT(what_the_process_may_not_open_is_missed)
{
	struct rlimit old, limit;
	struct parcel *parcel;
	int top = dup(0);

	close(top);
	send_rights(ends[0], "one;", 0, 4);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)top + 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	receive(4);
	assert_int_equal(rights_room().limit, limit.rlim_cur / 4);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	parcel = take(4);
	assert_int_equal(parcel->fault, RIGHTS_NO_ROOM);
	assert_int_equal(parcel->count, 0);
	parcel_unref(parcel);
}

UNIT(those_that_were_dropped_are_missed_by_their_message)
{
	struct parcel *parcel;

	send_rights(ends[0], "one;", 0, 2);
	receive(4);
	rights_drop(rights, &room);
	assert_int_equal(room.used, 0);
	parcel = take(4);
	assert_int_equal(parcel->fault, RIGHTS_LATE);
	parcel_unref(parcel);
	assert_null(rights);
}

UNIT(a_parcel_arrives_with_its_bytes)
{
	struct parcel sent = {.refs = 1, .room = &room, .count = 2};
	struct parcel *parcel;

	sent.fds[0] = ends[0];
	sent.fds[1] = ends[1];
	assert_int_equal(rights_send(ends[0], "here", 4, &sent), 4);
	receive(4);
	parcel = take(4);
	assert_int_equal(parcel->count, 2);
	parcel_unref(parcel);
	assert_int_equal(rights_receive(ends[1], in, 9, 0, &room, &rights),
			 -EAGAIN);
}

#define RIGHTS_TEST(name)                                                      \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIGHTS_TEST(
			they_are_those_of_the_message_in_which_the_read_ended),
		RIGHTS_TEST(a_message_in_pieces_has_them_from_any_piece),
		RIGHTS_TEST(what_nobody_takes_is_closed_with_its_bytes),
		RIGHTS_TEST(more_than_a_message_may_have_are_all_closed),
		RIGHTS_TEST(a_full_room_takes_none_of_a_message),
		RIGHTS_TEST(what_the_process_may_not_open_is_missed),
		RIGHTS_TEST(
			those_that_were_dropped_are_missed_by_their_message),
		RIGHTS_TEST(a_parcel_arrives_with_its_bytes),
	};

	return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}
