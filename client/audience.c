#include "client/audience.h"

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#define AUDIENCE_BETWEEN_MS 20

struct pollfd audience_polled(unsigned whom)
{
	return (struct pollfd){.fd = whom == AUDIENCE_STDOUT   ? STDOUT_FILENO
				     : whom == AUDIENCE_STDERR ? STDERR_FILENO
							       : -1};
}

/* Asked for nothing, poll() tells only that. A closed descriptor is no pipe
 * without a reader: who starts us with >&- wants our exit code. */
bool audience_left(const struct pollfd *stream)
{
	return stream->revents & (POLLERR | POLLHUP);
}

int audience_wait(unsigned whom, const int *fds, size_t count,
		  int64_t timeout_ms)
{
	struct pollfd polled[AUDIENCE_FDS + 2] = {
		audience_polled(whom & AUDIENCE_STDOUT),
		audience_polled(whom & AUDIENCE_STDERR),
	};

	require(count <= AUDIENCE_FDS);
	if (timeout_ms > INT_MAX)
		timeout_ms = INT_MAX;
	for (size_t i = 0; i < count; i++) {
		polled[i + 2] = (struct pollfd){.fd = fds[i], .events = POLLIN};
		if (fds[i] < 0 &&
		    (timeout_ms < 0 || timeout_ms > AUDIENCE_BETWEEN_MS))
			timeout_ms = AUDIENCE_BETWEEN_MS;
	}
	if (poll(polled, count + 2, timeout_ms < 0 ? -1 : (int)timeout_ms) <=
		    0 ||
	    (!audience_left(&polled[0]) && !audience_left(&polled[1])))
		return 0;
	raise(SIGPIPE);
	return AUDIENCE_E_GONE;
}
