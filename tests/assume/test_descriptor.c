/* What we rely on in the kernel: descriptors, locks, sockets. */
#include "tests/helper/rights.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT(a_lock_lives_as_long_as_any_holder)
{
	char path[] = "/tmp/reeve-assume-XXXXXX";
	int first = mkstemp(path), second = open(path, O_RDWR), line[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(line), 0);
	assert_int_equal(flock(first, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	child = fork();
	if (child == 0) {
		close(line[1]);
		/* Holds the copy until the parent closes the pipe. */
		if (read(line[0], &byte, 1) < 0)
			_exit(9);
		_exit(0);
	}
	close(first);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), -1);
	close(line[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), 0);
	close(second);
	close(line[0]);
	unlink(path);
}

UNIT(a_range_of_descriptors_is_closed_at_once)
{
	int high = fcntl(STDOUT_FILENO, F_DUPFD, 700);
	pid_t child;
	int status;

	assert_true(high >= 700);
	child = fork();
	if (child == 0) {
		if (close_range(3, ~0U, 0) < 0)
			_exit(1);
		_exit(fcntl(high, F_GETFD) < 0 && errno == EBADF ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(high);
}

UNIT(the_kernel_says_who_connected)
{
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(
		getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &peer, &n), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	close(ends[0]);
	close(ends[1]);
}

UNIT(a_sealed_file_cannot_be_changed_any_more)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	int fd = memfd_create("assume", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
	assert_int_equal(write(fd, "d", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 1), -1);
	close(fd);
}

UNIT(a_packet_socket_keeps_the_packets_apart)
{
	char text[16];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(send(ends[0], "ab", 2, 0), 2);
	assert_int_equal(send(ends[0], "c", 1, 0), 1);
	assert_int_equal(recv(ends[1], text, sizeof(text), 0), 2);
	assert_int_equal(recv(ends[1], text, sizeof(text), 0), 1);
	/* MSG_TRUNC tells the whole length of what did not fit. */
	assert_int_equal(send(ends[0], "abcdef", 6, 0), 6);
	assert_int_equal(recv(ends[1], text, 2, MSG_TRUNC), 6);
	close(ends[0]);
	assert_int_equal(recv(ends[1], text, sizeof(text), 0), 0);
	close(ends[1]);
}

/* recvmsg() that says how many descriptors came; they are closed. */
static size_t descriptors_in(int fd, char *to, size_t room, ssize_t expected)
{
	union {
		char bytes[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {to, room};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	size_t count = 0;

	assert_int_equal(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), expected);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c)) {
		int fds[16];

		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
	}
	return count;
}

UNIT(a_read_ends_behind_the_piece_that_carries_descriptors)
{
	char text[64];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(send(ends[0], "one", 3, 0), 3);
	send_rights(ends[0], "two", 0, 2);
	assert_int_equal(send(ends[0], "three", 5, 0), 5);
	/* What came before is read with it, what comes behind is not. */
	assert_int_equal(descriptors_in(ends[1], text, sizeof(text), 6), 2);
	assert_int_equal(descriptors_in(ends[1], text, sizeof(text), 5), 0);
	/* Who reads a part of the piece gets all of them with it. */
	send_rights(ends[0], "four", 0, 3);
	assert_int_equal(descriptors_in(ends[1], text, 2, 2), 3);
	assert_int_equal(descriptors_in(ends[1], text, sizeof(text), 2), 0);
	close(ends[0]);
	close(ends[1]);
}

UNIT(of_a_long_message_the_first_piece_carries_descriptors)
{
	enum { LONG = 120000 };
	static char text[LONG + 1];
	size_t n = 0, count = 0, reads = 0;
	int ends[2];

	memset(text, 'x', LONG);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	send_rights(ends[0], text, 0, 1);
	while (n < LONG) {
		char *to = text + n;
		ssize_t there = recv(ends[1], to, LONG - n, MSG_PEEK);

		/* A peek ends where the read will. */
		count += descriptors_in(ends[1], to, LONG - n, there);
		assert_true(reads++ || count == 1);
		n += (size_t)there;
	}
	assert_int_equal(count, 1);
	assert_true(reads > 1);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_lives_as_long_as_any_holder),
		cmocka_unit_test(a_range_of_descriptors_is_closed_at_once),
		cmocka_unit_test(the_kernel_says_who_connected),
		cmocka_unit_test(a_sealed_file_cannot_be_changed_any_more),
		cmocka_unit_test(a_packet_socket_keeps_the_packets_apart),
		cmocka_unit_test(
			a_read_ends_behind_the_piece_that_carries_descriptors),
		cmocka_unit_test(
			of_a_long_message_the_first_piece_carries_descriptors),
	};

	return cmocka_run_group_tests_name("assume_descriptor", tests, NULL,
					   NULL);
}
