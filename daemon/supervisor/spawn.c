#include "daemon/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FD_FIRST 3

static int move_to(int cgroup)
{
	int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) != 1)
		r = -errno;
	close(fd);
	return r;
}

/*
 * Where clone3() is forbidden (RestrictNamespaces= of systemd cannot look into
 * its arguments) the child moves by itself, before it does anything else, and
 * we wait for it.
 */
static pid_t fork_and_move(int cgroup)
{
	int moved[2];
	ssize_t n;
	pid_t pid;
	char byte;

	if (pipe2(moved, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		if (cgroup >= 0 && move_to(cgroup) < 0)
			_exit(SPAWN_EXIT_NO_EXEC);
		close(moved[0]);
		close(moved[1]);
		return 0;
	}
	n = pid < 0 ? -errno : 0;
	close(moved[1]);
	if (pid > 0)
		do
			n = read(moved[0], &byte, 1);
		while (n < 0 && errno == EINTR);
	close(moved[0]);
	return pid > 0 ? pid : (pid_t)n;
}

/*
 * fork(), with the cgroup of birth. There is no moment at which the child is
 * still in ours (tests/assume/test_cgroup.c).
 */
static pid_t fork_into(int cgroup)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	long pid;

	if (cgroup >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && errno == ENOSYS)
		return fork_and_move(cgroup);
	return pid < 0 ? -errno : (pid_t)pid;
}

static void default_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < _NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Puts the descriptors where the role expects them. First all go out of the
 * way, because the place of one may be the home of another.
 */
static int lay_out(const struct spawn *spawn)
{
	const int high = FD_FIRST + SPAWN_FDS_MAX;
	int moved[SPAWN_FDS_MAX];
	int null;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    (spawn->words && dup2(spawn->words, STDERR_FILENO) < 0) ||
	    dup2(spawn->env ? STDERR_FILENO : null, STDOUT_FILENO) < 0)
		return -errno;
	for (size_t i = 0; i < spawn->fd_count; i++) {
		moved[i] = -1;
		if (spawn->fds[i] < 0)
			continue;
		moved[i] = fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, high);
		if (moved[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < spawn->fd_count; i++) {
		int place = FD_FIRST + (int)i;

		if (moved[i] < 0)
			close(place);
		else if (dup2(moved[i], place) < 0)
			return -errno;
	}
	/* The lock is among what goes: it must not live longer than we do. */
	if (close_range(FD_FIRST + (unsigned)spawn->fd_count, ~0U, 0) < 0)
		return -errno;
	return 0;
}

/*
 * The unit protects us from the kernel's choice when memory ends; a job that
 * takes it all has to stay a candidate. Upwards it is always allowed.
 */
static void drop_oom_protection(void)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && text[0] == '-' &&
	    pwrite(fd, "0", 1, 0) < 0)
		errno = 0; /* it stays protected, and so do its jobs */
	close(fd);
}

static void set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	setenv(name, text, 1);
}

static bool is_ours(const char *variable)
{
#ifdef REEVE_TEST_HOOKS
	if (strncmp(variable, "REEVE_TEST_", 11) == 0)
		return false;
#endif
	return strncmp(variable, "REEVE_", 6) == 0;
}

/* What another daemon, or a job of one, left there is not meant. */
static void drop_ours(void)
{
	char name[64];

	for (size_t i = 0; environ && environ[i];) {
		size_t n = strcspn(environ[i], "=");

		if (!is_ours(environ[i]) || n >= sizeof(name)) {
			i++;
			continue;
		}
		memcpy(name, environ[i], n);
		name[n] = '\0';
		if (unsetenv(name) < 0)
			i++;
	}
}

static int settle_in(const struct spawn *spawn)
{
	struct rlimit limit;

	drop_ours();
	for (char *const *variable = spawn->env; *variable; variable++)
		if (putenv(*variable) != 0)
			return -ENOMEM;
	if (spawn->nofile && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    spawn->nofile <= limit.rlim_max) {
		limit.rlim_cur = (rlim_t)spawn->nofile;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return chdir("/") < 0 ? -errno : 0;
}

__attribute__((noreturn)) static void execute(const struct spawn *spawn,
					      char **argv)
{
	bool alone;
	int number;

	/* This very program, even if its file has been replaced since. */
	if (spawn->role) {
		execv(spawn->program ? spawn->program : "/proc/self/exe", argv);
		_exit(SPAWN_EXIT_NO_EXEC);
	}
	execvp(argv[0], argv);
	number = errno;
	alone = number == ENOENT && access(argv[0], F_OK) == 0;
	dprintf(STDERR_FILENO, "reeved: cannot start '%s': %s%s\n", argv[0],
		alone ? "its interpreter is not there: " : "",
		strerror(number));
	_exit(number == ENOENT ? SPAWN_EXIT_NO_PROGRAM : SPAWN_EXIT_UNFIT);
}

__attribute__((noreturn)) static void become(const struct spawn *spawn,
					     char **argv)
{
	struct rlimit limit;

	setsid();
	default_signals();
	if (lay_out(spawn) < 0)
		_exit(SPAWN_EXIT_NO_EXEC);
	if (spawn->env && settle_in(spawn) < 0)
		_exit(SPAWN_EXIT_NO_EXEC);
	if (spawn->listen_count)
		set_number("REEVE_LISTEN", (uint64_t)spawn->listen_count);
	if (spawn->nofile && spawn->role)
		set_number("REEVE_NOFILE", spawn->nofile);
	if (spawn->drop_oom_protection)
		drop_oom_protection();
	if (spawn->raise_nofile && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	execute(spawn, argv);
}

static size_t word_count(char *const *words)
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

/* Owned, but its words are not. */
static char **make_argv(const struct spawn *spawn)
{
	size_t flags = spawn->role ? word_count(spawn->flags) : 0;
	size_t tail = word_count(spawn->tail), n = 0;
	char **argv = calloc(flags + tail + 3, sizeof(*argv));

	if (!argv)
		return NULL;
	if (spawn->role) {
		argv[n++] = (char *)"reeved";
		argv[n++] = (char *)spawn->role;
	}
	for (size_t i = 0; i < flags; i++)
		argv[n++] = spawn->flags[i];
	for (size_t i = 0; i < tail; i++)
		argv[n++] = spawn->tail[i];
	return argv;
}

int spawn_role(const struct spawn *spawn, pid_t *ret_pid)
{
	AUTO(free) char **argv = NULL;
	pid_t pid;

	require(spawn->fd_count <= SPAWN_FDS_MAX);
	argv = make_argv(spawn);
	if (!argv)
		return -ENOMEM;
	pid = fork_into(spawn->cgroup);
	if (pid < 0)
		return pid;
	if (pid == 0)
		become(spawn, argv);
	*ret_pid = pid;
	return 0;
}

int spawn_idle(int cgroup, pid_t *ret_pid)
{
	pid_t pid = fork_into(cgroup);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		default_signals();
		close_range(0, ~0U, 0);
		for (;;)
			pause();
	}
	*ret_pid = pid;
	return 0;
}

/* What the starter does: wait for one byte, or for the daemon's end. */
static int await_ready(int fd)
{
	unsigned char status;
	ssize_t n;

	do
		n = read(fd, &status, 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	return n == 1 ? status : SPAWN_EXIT_NO_EXEC;
}

int spawn_detached(int *ret_ready, int *ret_status)
{
	int ends[2];
	pid_t pid;

	*ret_ready = -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork_into(-1);
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return pid;
	}
	if (pid > 0) {
		close(ends[1]);
		*ret_status = await_ready(ends[0]);
		return SPAWN_E_STARTER;
	}
	/* Not the leader of the session, so no terminal becomes ours. */
	setsid();
	pid = fork_into(-1);
	if (pid != 0)
		_exit(pid < 0 ? SPAWN_EXIT_NO_EXEC : 0);
	close(ends[0]);
	*ret_ready = ends[1];
	return 0;
}

void spawn_ready(int *ready, int status)
{
	unsigned char byte = (unsigned char)status;
	ssize_t n;

	if (*ready < 0)
		return;
	/* Nobody may be waiting any more: that is no trouble. */
	do
		n = write(*ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(*ready);
	*ready = -1;
}
