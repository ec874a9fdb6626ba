/* What we rely on in the kernel: how a job is started and watched. */
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t clone_vfork(void)
{
	struct clone_args args = {.flags = CLONE_VFORK, .exit_signal = SIGCHLD};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

UNIT(vfork_waits_for_exec_even_without_shared_memory)
{
	static char name[] = "/nowhere/nothing";
	static char *argv[] = {name, NULL};
	int *error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	assert_ptr_not_equal(error, MAP_FAILED);
	*error = -1;
	pid = clone_vfork();
	if (pid == 0) {
		execve(name, argv, argv + 1);
		*error = errno;
		_exit(127);
	}
	/* No pipe, no wait: the page says already what became of it. */
	assert_int_equal(*error, ENOENT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	munmap(error, sizeof(*error));
}

UNIT(a_pipe_does_not_hang_up_while_we_hold_its_other_end)
{
	struct pollfd poll_fd = {.events = POLLIN};
	int line[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(line, O_CLOEXEC | O_NONBLOCK), 0);
	poll_fd.fd = line[0];
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	close(line[1]);
	/* And then its end is there at once. */
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	assert_int_equal(read(line[0], &byte, 1), 0);
	close(line[0]);
}

UNIT(the_death_signal_of_a_parent_outlives_exec)
{
	static char name[] = "/bin/sleep", time[] = "1000";
	static char *argv[] = {name, time, NULL};
	int line[2], status;
	pid_t pid, middle;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(line, O_CLOEXEC), 0);
	middle = fork();
	if (middle == 0) {
		pid = clone_vfork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			execve(name, argv, argv + 2);
			_exit(127);
		}
		if (write(line[1], &pid, sizeof(pid)) < 0)
			_exit(9);
		raise(SIGKILL);
	}
	assert_int_equal(read(line[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(waitpid(middle, &status, 0), middle);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(line[0]);
	close(line[1]);
}

UNIT(a_blocked_signal_with_a_default_handler_is_not_inherited_as_pending)
{
	sigset_t all, before, pending;
	int status;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	raise(SIGTERM);
	pid = fork();
	if (pid == 0) {
		sigpending(&pending);
		_exit(sigismember(&pending, SIGTERM));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Take it, or it ends us now. */
	sigemptyset(&pending);
	sigaddset(&pending, SIGTERM);
	assert_int_equal(sigwaitinfo(&pending, NULL), SIGTERM);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			vfork_waits_for_exec_even_without_shared_memory),
		cmocka_unit_test(
			a_pipe_does_not_hang_up_while_we_hold_its_other_end),
		cmocka_unit_test(the_death_signal_of_a_parent_outlives_exec),
		cmocka_unit_test(
			a_blocked_signal_with_a_default_handler_is_not_inherited_as_pending),
	};

	return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
