#pragma once

/*
 * Audience: who reads our stdout and stderr. A command that follows something
 * may have nothing to write for hours, and would hear only then that its reader
 * left; so it waits with an eye on them.
 */

#include "proto/base.h"

#include <poll.h>

enum {
	AUDIENCE_STDOUT = 1,
	AUDIENCE_STDERR = 2,
	AUDIENCE_FDS = 4, /* at most, in one call */

	AUDIENCE_E_GONE = 1,
};

/**
 * audience_wait() - until one of @fds can be read, or the time is over
 * @whom:	AUDIENCE_*: the streams that will be written to
 * @fds:	@count of them; with one that is -1, between two connections, it
 *		waits for a moment only
 * @timeout_ms:	-1: no limit
 *
 * When one of the streams has no reader left, the process ends as by writing to
 * it: by SIGPIPE.
 *
 * Return: 0; AUDIENCE_E_GONE: the same, where SIGPIPE is ignored.
 */
must_check int audience_wait(unsigned whom, const int *fds, size_t count,
			     int64_t timeout_ms);

/** audience_polled() - for who has a poll() of his own
 * @whom:	one of AUDIENCE_*; 0: nothing is watched */
struct pollfd audience_polled(unsigned whom);

/** audience_left() - has that stream no reader any more? */
bool audience_left(const struct pollfd *stream);
