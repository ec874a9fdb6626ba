#include "daemon/supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid < INT32_MAX ? (int)pid : 0;
}

int lock_take_open(int fd)
{
	int r;

	do
		r = flock(fd, LOCK_EX | LOCK_NB);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? LOCK_E_HELD : -errno;
	return 0;
}

int lock_take_folder(const char *path, int *ret_fd)
{
	int fd, r;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = lock_take_open(fd);
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int lock_take(const char *path, int *ret_fd, int *ret_pid)
{
	int fd, r;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		  0600);
	if (fd < 0)
		return -errno;
	r = lock_take_open(fd);
	if (r == LOCK_E_HELD)
		*ret_pid = read_pid(fd);
	if (!r)
		r = lock_write_pid(fd);
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int lock_check(const char *path, int fd)
{
	struct stat ours, there;

	if (fstat(fd, &ours) < 0)
		return 0;
	if (lstat(path, &there) < 0)
		return errno == ENOENT || errno == ENOTDIR ? LOCK_E_GONE : 0;
	return ours.st_dev == there.st_dev && ours.st_ino == there.st_ino
		       ? 0
		       : LOCK_E_GONE;
}

bool lock_holder_gone(int pid)
{
	struct pollfd poller = {.events = POLLIN};
	bool gone;

	if (pid <= 0)
		return false;
	poller.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (poller.fd < 0)
		return errno == ESRCH;
	/* Readable: it ended, even if nobody has taken its status. */
	gone = poll(&poller, 1, 0) == 1;
	close(poller.fd);
	return gone;
}

int lock_write_pid(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	/* On a full disk the lock still holds: only its text is missing. */
	if (ftruncate(fd, 0) < 0 && errno != ENOSPC)
		return -errno;
	if (pwrite(fd, text, (size_t)n, 0) < 0 && errno != ENOSPC &&
	    errno != EDQUOT)
		return -errno;
	return 0;
}
