/* What we rely on in the kernel: descriptors, locks, sockets. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_lives_as_long_as_any_holder),
		cmocka_unit_test(a_range_of_descriptors_is_closed_at_once),
		cmocka_unit_test(the_kernel_says_who_connected),
		cmocka_unit_test(a_sealed_file_cannot_be_changed_any_more),
		cmocka_unit_test(a_packet_socket_keeps_the_packets_apart),
	};

	return cmocka_run_group_tests_name("assume_descriptor", tests, NULL,
					   NULL);
}
