#include "daemon/store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_RETRY_MS 200

/* Allocated blocks, not a hole: posix_fallocate() promises them. */
static bool make(struct reserve *reserve)
{
	int fd = open(reserve->path,
		      O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);
	struct stat status;
	bool made;

	if (fd < 0)
		return false;
	made = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       posix_fallocate(fd, 0, reserve->bytes) == 0;
	close(fd);
	/* A part of it would only keep others from the little that is left. */
	if (!made)
		unlink(reserve->path);
	return made;
}

int reserve_init(struct reserve *reserve, const char *directory, int64_t bytes)
{
	*reserve = (struct reserve){.bytes = bytes, .held = true};
	if (bytes <= 0)
		return 0;
	if (asprintf(&reserve->path, "%s/reserve", directory) < 0) {
		reserve->path = NULL;
		return -ENOMEM;
	}
	reserve->held = make(reserve);
	return 0;
}

void reserve_fini(struct reserve *reserve)
{
	free(reserve->path);
	*reserve = (struct reserve){0};
}

bool reserve_release(struct reserve *reserve)
{
	if (!reserve->path || !reserve->held)
		return false;
	reserve->held = false;
	return unlink(reserve->path) == 0;
}

bool reserve_make(struct reserve *reserve, int64_t now_ms)
{
	if (reserve->held)
		return true;
	/* A clock that was set back must not hold it up. */
	if (now_ms - reserve->tried_ms < RESERVE_RETRY_MS &&
	    now_ms >= reserve->tried_ms)
		return false;
	reserve->tried_ms = now_ms;
	reserve->held = make(reserve);
	return reserve->held;
}
