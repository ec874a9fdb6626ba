#include "proto/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int streams_keep(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		/* The lowest free number is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return -errno;
	}
	return 0;
}

int streams_above(int fd)
{
	int above, error;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	error = errno;
	close(fd);
	errno = error;
	return above;
}
