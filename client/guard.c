#include "client/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define GUARD_FD 64 /* nothing that early in our life is so high */

static void drop(pid_t groups[GUARD_GROUPS], size_t *count, pid_t group)
{
	for (size_t i = 0; i < *count; i++) {
		if (groups[i] == group) {
			groups[i] = groups[--*count];
			return;
		}
	}
}

/* A record is a group: to be watched, or negative: not any more. */
static __attribute__((noreturn)) void watch(int fd)
{
	pid_t groups[GUARD_GROUPS];
	size_t count = 0;
	pid_t record;
	ssize_t n;

	while ((n = read(fd, &record, sizeof(record))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(record))
			break;
		if (record < 0)
			drop(groups, &count, -record);
		else if (count < GUARD_GROUPS)
			groups[count++] = record;
	}
	for (size_t i = 0; i < count; i++)
		kill(-groups[i], SIGKILL);
	_exit(0);
}

static __attribute__((noreturn)) void become(int fd)
{
	static const int ignored[] = {SIGINT,  SIGTERM, SIGHUP,
				      SIGQUIT, SIGTSTP, SIGPIPE};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* What is sent to our group is not for it. */
	setpgid(0, 0);
	for (size_t i = 0; i < ARRAY_COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "reeve-guard");
	/* Whoever reads our output does not wait for it. */
	fd = fcntl(fd, F_DUPFD, GUARD_FD);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (fd != GUARD_FD)
		_exit(1);
	close_range(3, GUARD_FD - 1, 0);
	close_range(GUARD_FD + 1, ~0U, 0);
	watch(fd);
}

int guard_start(struct guard *guard)
{
	int fds[2];
	pid_t pid;

	guard->fd = -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int error = errno;

		close(fds[0]);
		close(fds[1]);
		return -error;
	}
	if (pid == 0)
		become(fds[0]);
	close(fds[0]);
	guard->fd = fds[1];
	return 0;
}

static void tell(const struct guard *guard, pid_t record)
{
	while (guard->fd >= 0 &&
	       write(guard->fd, &record, sizeof(record)) < 0 && errno == EINTR)
		;
}

void guard_add(const struct guard *guard, pid_t group)
{
	tell(guard, group);
}

void guard_drop(const struct guard *guard, pid_t group)
{
	tell(guard, -group);
}

void guard_end(struct guard *guard)
{
	if (guard->fd >= 0)
		close(guard->fd);
	guard->fd = -1;
}
