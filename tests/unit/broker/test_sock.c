#include "daemon/broker/sock.h"
#include "tests/helper/rights.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct event_base *base;
static struct sock_loop loop;
static struct sock sock;
static int peer;
static int readable, drained, broken;
static bool free_when_drained;

static void on_readable(struct sock *of)
{
	assert_ptr_equal(of, &sock);
	readable++;
}

static void on_drained(struct sock *of)
{
	drained++;
	if (free_when_drained)
		sock_fini(of);
}

static void on_broken(struct sock *of)
{
	broken++;
	sock_fini(of);
}

static const struct sock_events events = {
	.readable = on_readable,
	.drained = on_drained,
	.broken = on_broken,
};

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	readable = drained = broken = 0;
	free_when_drained = false;
	base = event_base_new();
	assert_int_equal(sock_loop_init(&loop, base), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	peer = ends[1];
	assert_int_equal(sock_init(&sock, &loop, ends[0], &events, &peer), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sock_fini(&sock);
	sock_loop_fini(&loop);
	if (peer >= 0)
		close(peer);
	event_base_free(base);
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void say(const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

UNIT(bytes_gather_until_they_are_consumed)
{
	say("abc");
	turn();
	assert_true(slice_is(sock_in(&sock), "abc"));
	say("def");
	turn();
	assert_true(slice_is(sock_in(&sock), "abcdef"));
	assert_int_equal(readable, 2);
	sock_consume(&sock, 4);
	assert_true(slice_is(sock_in(&sock), "ef"));
	sock_consume(&sock, 2);
	assert_int_equal(sock_in(&sock).n, 0);
}

UNIT(many_replies_leave_in_one_piece_at_the_end_of_the_turn)
{
	char got[64];

	json_out_int(sock_out(&sock), 1);
	json_out_byte(sock_out(&sock), '\n');
	json_out_int(sock_out(&sock), 2);
	assert_int_equal(recv(peer, got, sizeof(got), 0), -1);
	turn();
	assert_int_equal(recv(peer, got, sizeof(got), 0), 3);
	assert_memory_equal(got, "1\n2", 3);
	assert_int_equal(drained, 1);
	assert_int_equal(sock_unsent(&sock), 0);
}

UNIT(what_nobody_waits_for_leaves_with_the_next_word)
{
	char got[64];

	json_out_int(sock_out_later(&sock), 1);
	json_out_byte(sock_out_later(&sock), '\n');
	json_out_int(sock_out(&sock), 2);
	turn();
	assert_int_equal(recv(peer, got, sizeof(got), 0), 3);
	assert_memory_equal(got, "1\n2", 3);
	assert_int_equal(drained, 1);
}

UNIT(what_nobody_waits_for_leaves_alone_a_little_later)
{
	char got[64];

	json_out_int(sock_out_later(&sock), 1);
	while (!drained)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(recv(peer, got, sizeof(got), 0), 1);
	/* And again: the timer is not used up. */
	json_out_int(sock_out_later(&sock), 2);
	while (drained < 2)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(recv(peer, got, sizeof(got), 0), 1);
}

UNIT(in_a_hurry_nothing_waits)
{
	char got[64];

	json_out_int(sock_out_later(&sock), 1);
	sock_hurry(&loop);
	turn();
	assert_int_equal(recv(peer, got, sizeof(got), 0), 1);
	assert_int_equal(drained, 1);
}

UNIT(freed_while_something_was_to_leave_later_it_is_forgotten)
{
	json_out_int(sock_out_later(&sock), 1);
	sock_fini(&sock);
	assert_true(TAILQ_EMPTY(&loop.late));
	sock_hurry(&loop);
	turn();
	assert_int_equal(drained, 0);
}

/* A string of so many bytes; what left is counted as it is read. */
static void write_much(size_t bytes)
{
	char *text = calloc(1, bytes);

	assert_non_null(text);
	memset(text, 'x', bytes);
	json_out_string(sock_out(&sock), (struct slice){text, bytes});
	free(text);
}

UNIT(what_does_not_fit_leaves_as_the_peer_reads)
{
	enum { BYTES = 3 * 1024 * 1024 };
	size_t got = 0;
	char buffer[65536];

	write_much(BYTES);
	turn();
	assert_int_equal(drained, 0);
	assert_true(sock_unsent(&sock) > 0);
	assert_true(sock.stuck_since_ns > 0);
	while (got < BYTES + 2) {
		ssize_t n = recv(peer, buffer, sizeof(buffer), 0);

		assert_true(n > 0 || errno == EAGAIN);
		if (n > 0)
			got += (size_t)n;
		turn();
	}
	assert_int_equal(drained, 1);
	assert_int_equal(sock_unsent(&sock), 0);
	assert_int_equal(sock.stuck_since_ns, 0);
	/* The big buffer is given back. */
	assert_true(sock.out.capacity <= 65536);
}

UNIT(a_quiet_flush_sends_once_and_frees_nothing)
{
	char got[16];

	json_out_int(sock_out(&sock), 42);
	sock_flush_quietly(&sock);
	assert_int_equal(drained, 0);
	assert_int_equal(recv(peer, got, sizeof(got), 0), 2);
	turn();
	assert_int_equal(recv(peer, got, sizeof(got), 0), -1);
	assert_int_equal(drained, 1);
}

UNIT(the_end_of_the_peer_is_told_with_what_came_before)
{
	say("last");
	shutdown(peer, SHUT_WR);
	turn();
	assert_true(sock.eof);
	assert_true(slice_is(sock_in(&sock), "last"));
	assert_false(sock_hung_up(&sock));
	assert_int_equal(broken, 0);
	close(peer);
	peer = -1;
	assert_true(sock_hung_up(&sock));
	turn();
	/* Nothing spins on a descriptor that is at its end. */
	assert_in_range(readable, 1, 2);
}

UNIT(writing_to_a_peer_that_left_breaks_it)
{
	close(peer);
	peer = -1;
	json_out_int(sock_out(&sock), 1);
	turn();
	assert_int_equal(broken, 1);
}

UNIT(it_may_be_freed_when_it_is_drained)
{
	free_when_drained = true;
	json_out_int(sock_out(&sock), 1);
	turn();
	assert_int_equal(drained, 1);
	assert_int_equal(sock.fd, -1);
}

UNIT(freed_with_something_to_send_it_leaves_the_list)
{
	json_out_int(sock_out(&sock), 1);
	sock_fini(&sock);
	turn();
	assert_true(TAILQ_EMPTY(&loop.dirty));
}

UNIT(paused_it_does_not_read)
{
	sock_pause(&sock, true);
	say("x");
	turn();
	assert_int_equal(readable, 0);
	sock_pause(&sock, false);
	turn();
	assert_int_equal(readable, 1);
}

UNIT(a_large_buffer_is_given_back_when_it_is_empty)
{
	enum { BYTES = 150 * 1024 };
	char *text = calloc(1, BYTES + 1);
	size_t sent = 0;

	assert_non_null(text);
	memset(text, 'x', BYTES);
	while (sent < BYTES) {
		ssize_t n = send(peer, text + sent, BYTES - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		turn();
	}
	assert_int_equal(sock_in(&sock).n, BYTES);
	assert_true(loop.in_bytes >= BYTES);
	sock_consume(&sock, BYTES);
	assert_int_equal(sock.in_capacity, 0);
	assert_int_equal(loop.in_bytes, 0);
	say("on");
	turn();
	assert_true(slice_is(sock_in(&sock), "on"));
	free(text);
}

UNIT(descriptors_wait_for_their_bytes_and_go_with_them)
{
	int before = open_descriptors();
	struct parcel *parcel;

	send_rights(peer, "x", 0, 3);
	turn();
	assert_true(slice_is(sock_in(&sock), "x"));
	assert_int_equal(loop.room.used, 3);
	parcel = rights_take(&sock.rights, &loop.room, 1);
	assert_int_equal(parcel->count, 3);
	sock_consume(&sock, 1);
	parcel_unref(parcel);
	assert_int_equal(open_descriptors(), before);
	send_rights(peer, "y", 0, 3);
	turn();
	sock_consume(&sock, 1);
	assert_int_equal(loop.room.used, 0);
	assert_int_equal(open_descriptors(), before);
}

/* Many lines with and without, to a peer that reads late. */
UNIT(each_parcel_leaves_with_its_own_line)
{
	enum { LINES = 3000 };
	struct rights_room room = {.limit = 100};
	struct rights *rights = NULL;
	struct parcel *parcel = calloc(1, sizeof(*parcel));
	static char in[LINES * 110];
	size_t n = 0;

	*parcel = (struct parcel){.refs = 1, .room = &loop.room, .count = 1};
	parcel->fds[0] = dup(0);
	loop.room.used = 1;
	for (int i = 0; i < LINES; i++) {
		struct json_out *out = sock_out(&sock);
		size_t from = out->n;

		for (int j = 0; j < 99; j++)
			json_out_byte(out, 'a');
		json_out_byte(out, '\n');
		if (i % 3 == 0)
			assert_int_equal(sock_load(&sock, from, parcel), 0);
	}
	parcel_unref(parcel);
	for (int i = 0; i < LINES;) {
		ssize_t got = rights_receive(peer, in, sizeof(in) - n, n, &room,
					     &rights);

		turn();
		if (got <= 0)
			continue;
		for (n += (size_t)got; n >= 100; n -= 100, i++) {
			struct parcel *came = rights_take(&rights, &room, 100);

			assert_int_equal(came != NULL, i % 3 == 0);
			parcel_unref(came);
			rights_consume(&rights, &room, 100);
		}
	}
	assert_int_equal(loop.room.used, 0);
	assert_int_equal(drained, 1);
}

#define SOCK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCK_TEST(bytes_gather_until_they_are_consumed),
		SOCK_TEST(
			many_replies_leave_in_one_piece_at_the_end_of_the_turn),
		SOCK_TEST(what_nobody_waits_for_leaves_with_the_next_word),
		SOCK_TEST(what_nobody_waits_for_leaves_alone_a_little_later),
		SOCK_TEST(in_a_hurry_nothing_waits),
		SOCK_TEST(
			freed_while_something_was_to_leave_later_it_is_forgotten),
		SOCK_TEST(what_does_not_fit_leaves_as_the_peer_reads),
		SOCK_TEST(a_quiet_flush_sends_once_and_frees_nothing),
		SOCK_TEST(the_end_of_the_peer_is_told_with_what_came_before),
		SOCK_TEST(writing_to_a_peer_that_left_breaks_it),
		SOCK_TEST(it_may_be_freed_when_it_is_drained),
		SOCK_TEST(freed_with_something_to_send_it_leaves_the_list),
		SOCK_TEST(paused_it_does_not_read),
		SOCK_TEST(a_large_buffer_is_given_back_when_it_is_empty),
		SOCK_TEST(descriptors_wait_for_their_bytes_and_go_with_them),
		SOCK_TEST(each_parcel_leaves_with_its_own_line),
	};

	return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
