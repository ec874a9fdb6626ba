/* What we rely on in the kernel: processes, their ends, their parents. */
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_PROCESS 0x3fffffff

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static pid_t idle(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

UNIT(an_orphan_comes_to_the_subreaper)
{
	pid_t middle, orphan = 0;
	int line[2], status;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(line), 0);
	middle = fork();
	if (middle == 0) {
		orphan = idle();
		if (write(line[1], &orphan, sizeof(orphan)) < 0)
			_exit(9);
		_exit(0);
	}
	assert_int_equal(read(line[0], &orphan, sizeof(orphan)),
			 sizeof(orphan));
	assert_int_equal(waitpid(middle, &status, 0), middle);
	/* It was ours before the middle one's end could be seen. */
	assert_int_equal(waitpid(orphan, &status, WNOHANG), 0);
	kill(orphan, SIGKILL);
	assert_int_equal(waitpid(orphan, &status, 0), orphan);
	close(line[0]);
	close(line[1]);
}

UNIT(the_children_of_a_thread_are_listed)
{
	char text[64] = "", expected[16];
	pid_t pid = idle();
	int fd = open("/proc/thread-self/children", O_RDONLY);

	if (fd < 0) {
		print_message("skipped: no /proc/thread-self/children\n");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		skip();
	}
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	snprintf(expected, sizeof(expected), "%d ", (int)pid);
	assert_string_equal(text, expected);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

UNIT(a_pidfd_is_readable_from_the_end_on)
{
	pid_t pid = idle();
	struct pollfd poller = {.fd = pidfd_open(pid), .events = POLLIN};

	assert_true(poller.fd >= 0);
	assert_int_equal(poll(&poller, 1, 0), 0);
	kill(pid, SIGKILL);
	assert_int_equal(poll(&poller, 1, 10000), 1);
	/* Still before anybody took the status. */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(poll(&poller, 1, 0), 1);
	close(poller.fd);
}

UNIT(a_signal_to_a_taken_process_reaches_nobody)
{
	pid_t pid = idle();
	int fd = pidfd_open(pid);

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0),
			 -1);
	assert_int_equal(errno, ESRCH);
	close(fd);
	assert_int_equal(pidfd_open(NO_PROCESS), -1);
}

UNIT(a_status_that_was_looked_at_stays)
{
	siginfo_t info = {0};
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(7);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
}

UNIT(many_ends_make_one_readable_signal)
{
	struct signalfd_siginfo info;
	pid_t pids[50];
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	assert_true(fd >= 0);
	for (int i = 0; i < 50; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(0);
	}
	for (int i = 0; i < 50; i++) {
		siginfo_t end;

		assert_int_equal(
			waitid(P_PID, (id_t)pids[i], &end, WEXITED | WNOWAIT),
			0);
	}
	/* So a reader has to reap until nothing is left. */
	assert_int_equal(read(fd, &info, sizeof(info)), sizeof(info));
	assert_int_equal(info.ssi_signo, SIGCHLD);
	assert_int_equal(read(fd, &info, sizeof(info)), -1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(fd);
}

UNIT(our_program_can_be_executed_after_its_file_is_gone)
{
	char copy[64], command[128];
	int status;

	if (getenv("REEVE_ASSUME_SECOND"))
		return;
	snprintf(copy, sizeof(copy), "/tmp/reeve-assume-%d", (int)getpid());
	snprintf(command, sizeof(command), "cp /proc/%d/exe %s", (int)getpid(),
		 copy);
	assert_int_equal(system(command), 0);
	setenv("REEVE_ASSUME_SECOND", copy, 1);
	/* The copy removes itself and executes itself: see main(). */
	status = system(copy);
	unsetenv("REEVE_ASSUME_SECOND");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
	const char *copy = getenv("REEVE_ASSUME_SECOND");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_orphan_comes_to_the_subreaper),
		cmocka_unit_test(the_children_of_a_thread_are_listed),
		cmocka_unit_test(a_pidfd_is_readable_from_the_end_on),
		cmocka_unit_test(a_signal_to_a_taken_process_reaches_nobody),
		cmocka_unit_test(a_status_that_was_looked_at_stays),
		cmocka_unit_test(many_ends_make_one_readable_signal),
		cmocka_unit_test(
			our_program_can_be_executed_after_its_file_is_gone),
	};

	if (copy && strcmp(copy, "-") == 0)
		return 42;
	if (copy) {
		unlink(copy);
		setenv("REEVE_ASSUME_SECOND", "-", 1);
		execl("/proc/self/exe", "again", (char *)NULL);
		return 9;
	}
	return cmocka_run_group_tests_name("assume_process", tests, NULL, NULL);
}
