#include "client/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_LINGER_MS 1000 /* for output behind its end */
#define CHILD_READ 65536
#define CHILD_READS 16 /* in one step: others want their turn */

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- The start ---- */

static int look(const char *path)
{
	struct stat facts;

	if (stat(path, &facts) != 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	return S_ISREG(facts.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

int child_find(const char *name, char **ret)
{
	const char *at = getenv("PATH");
	int found = -ENOENT;

	if (strchr(name, '/')) {
		*ret = strdup(name);
		return *ret ? look(name) : -ENOMEM;
	}
	for (at = at ? at : "/usr/bin:/bin"; *name; at++) {
		size_t n = strcspn(at, ":");
		int result;

		if (asprintf(ret, "%.*s/%s", n ? (int)n : 1, n ? at : ".",
			     name) < 0)
			return -ENOMEM;
		result = look(*ret);
		if (result == 0)
			return 0;
		free(TAKE(*ret));
		if (result == -EACCES)
			found = result;
		at += n;
		if (!*at)
			break;
	}
	return found;
}

/* The ends of the pipes that are the child's. */
enum { END_IN, END_OUT, END_ERR, END_SAY, END_FAULT, ENDS };

struct ends {
	int fd[ENDS];
};

/* In the child: system calls only. */
static __attribute__((noreturn)) void
become(const struct child_order *order, const struct ends *ends, pid_t parent)
{
	sigset_t none;
	int fd[ENDS];
	int error = 0;

	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Out of the way: none is overwritten before its turn. */
	for (int i = 0; i < ENDS; i++) {
		fd[i] = fcntl(ends->fd[i], F_DUPFD_CLOEXEC, ENDS);
		error |= fd[i] < 0;
	}
	for (int i = 0; i < END_FAULT && !error; i++)
		error |= dup2(fd[i], i) < 0;
	if (!error && close_range(END_FAULT, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		execve(order->path, order->argv, order->envp);
	error = errno;
	while (write(fd[END_FAULT], &error, sizeof(error)) < 0 &&
	       errno == EINTR)
		;
	_exit(127);
}

/* 0, or why it did not become the program. */
static int read_fault(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? -error : 0;
}

static int open_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ours = fds[we_write ? 1 : 0];
	*theirs = fds[we_write ? 0 : 1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int launch(struct child *child, const struct guard *guard,
		  const struct child_order *order, const struct ends *ends)
{
	pid_t parent = getpid();

	child->pid = fork();
	if (child->pid < 0) {
		child->pid = 0;
		return -errno;
	}
	if (child->pid == 0)
		become(order, ends, parent);
	/* Both do it: whoever comes first. */
	setpgid(child->pid, child->pid);
	guard_add(guard, child->pid);
	child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return child->pid_fd < 0 ? -errno : 0;
}

int child_start(struct child *child, const struct guard *guard,
		const struct child_order *order)
{
	struct ends ends = {{-1, -1, -1, -1, -1}};
	int fault = -1, result;

	*child = CHILD_NONE;
	child->input = order->input;
	child->input_left = strlen(order->input);
	child->most = order->most;
	result = open_pipe(&child->in_fd, &ends.fd[END_IN], true);
	if (result == 0)
		result = open_pipe(&child->out_fd, &ends.fd[END_OUT], false);
	if (result == 0)
		result = open_pipe(&child->err_fd, &ends.fd[END_ERR], false);
	if (result == 0)
		result = open_pipe(&child->say_fd, &ends.fd[END_SAY], false);
	if (result == 0)
		result = open_pipe(&fault, &ends.fd[END_FAULT], false);
	if (result == 0 && fcntl(fault, F_SETFL, 0) < 0)
		result = -errno;
	if (result == 0)
		result = launch(child, guard, order, &ends);
	for (int i = 0; i < ENDS; i++)
		shut(&ends.fd[i]);
	if (result == 0)
		result = read_fault(fault);
	shut(&fault);
	if (result != 0 && child->pid > 0) {
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
		guard_drop(guard, child->pid);
		child->pid = 0;
	}
	if (result != 0)
		child_fini(child);
	return result;
}

/* ---- While it runs ---- */

static void feed(struct child *child)
{
	while (child->input_left > 0) {
		ssize_t n = write(child->in_fd, child->input,
				  child->input_left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		/* It need not read all of it. */
		if (n <= 0)
			break;
		child->input += n;
		child->input_left -= (size_t)n;
	}
	shut(&child->in_fd);
}

/* One more read, and a byte for the end. */
static bool make_room(struct child *child)
{
	size_t room = child->output_room ? 2 * child->output_room
					 : 2 * CHILD_READ;
	char *output;

	if (child->output_room > child->output_bytes + CHILD_READ)
		return true;
	output = realloc(child->output, room);
	if (!output)
		return false;
	child->output = output;
	child->output_room = room;
	return true;
}

static void read_output(struct child *child)
{
	for (int i = 0; i < CHILD_READS && child->out_fd >= 0; i++) {
		ssize_t n = -1;

		errno = ENOMEM;
		if (make_room(child))
			n = read(child->out_fd,
				 child->output + child->output_bytes,
				 CHILD_READ);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			child->too_much |= n < 0;
			shut(&child->out_fd);
			return;
		}
		child->output_bytes += (size_t)n;
		if (child->output_bytes > child->most) {
			child->too_much = true;
			child->output_bytes = 0;
		}
	}
}

static void relay(struct child *child, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		child->tail[child->tail_bytes++ % CHILD_TAIL] = bytes[i];
	while (n > 0) {
		ssize_t sent = write(STDERR_FILENO, bytes, n);

		if (sent < 0 && errno == EINTR)
			continue;
		/* Nobody reads it: the tail has it. */
		if (sent <= 0)
			return;
		bytes += sent;
		n -= (size_t)sent;
	}
}

static void read_errors(struct child *child)
{
	char bytes[4096];

	for (int i = 0; i < CHILD_READS && child->err_fd >= 0; i++) {
		ssize_t n = read(child->err_fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			shut(&child->err_fd);
		else
			relay(child, bytes, (size_t)n);
	}
}

/* What it left behind goes before its number is free for others. */
static void reap(struct child *child, const struct guard *guard, int64_t now_ms)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)child->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid == 0)
		return;
	kill(-child->pid, SIGKILL);
	while (waitid(P_PID, (id_t)child->pid, &info, WEXITED) < 0 &&
	       errno == EINTR)
		;
	guard_drop(guard, child->pid);
	child->signalled = info.si_code != CLD_EXITED;
	child->status = info.si_status;
	child->reaped_ms = now_ms;
	shut(&child->pid_fd);
	shut(&child->in_fd);
}

bool child_step(struct child *child, const struct guard *guard, int64_t now_ms)
{
	if (child->in_fd >= 0)
		feed(child);
	if (child->reaped_ms == 0)
		reap(child, guard, now_ms);
	read_output(child);
	read_errors(child);
	if (child->say_fd >= 0 && !word_read(&child->word, child->say_fd))
		shut(&child->say_fd);
	if (child->reaped_ms == 0)
		return false;
	/* Somebody who left the group may hold the pipes for ever. */
	return (child->out_fd < 0 && child->err_fd < 0) ||
	       now_ms - child->reaped_ms >= CHILD_LINGER_MS;
}

void child_fds(const struct child *child, struct pollfd fds[CHILD_FDS])
{
	fds[0] = (struct pollfd){.fd = child->pid_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = child->in_fd, .events = POLLOUT};
	fds[2] = (struct pollfd){.fd = child->out_fd, .events = POLLIN};
	fds[3] = (struct pollfd){.fd = child->err_fd, .events = POLLIN};
	fds[4] = (struct pollfd){.fd = child->say_fd, .events = POLLIN};
}

void child_signal(const struct child *child, int number)
{
	if (child->pid > 0 && child->reaped_ms == 0)
		kill(-child->pid, number);
}

size_t child_tail(const struct child *child, char ret[CHILD_TAIL + 1])
{
	size_t n = child->tail_bytes < CHILD_TAIL ? child->tail_bytes
						  : CHILD_TAIL;
	size_t first = child->tail_bytes - n;
	char *line;

	for (size_t i = 0; i < n; i++) {
		char byte = child->tail[(first + i) % CHILD_TAIL];

		ret[i] = byte ? byte : ' ';
	}
	while (n > 0 && (ret[n - 1] == '\n' || ret[n - 1] == ' '))
		n--;
	ret[n] = '\0';
	/* The first line has lost its beginning. */
	line = first > 0 ? strchr(ret, '\n') : NULL;
	if (line) {
		n -= (size_t)(line + 1 - ret);
		memmove(ret, line + 1, n + 1);
	}
	return n;
}

void child_fini(struct child *child)
{
	shut(&child->pid_fd);
	shut(&child->in_fd);
	shut(&child->out_fd);
	shut(&child->err_fd);
	shut(&child->say_fd);
	free(TAKE(child->output));
}
