#include "client/audience.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define AUDIENCE_BETWEEN_MS 20

/* Asked for nothing, poll() tells only that. A closed descriptor is no pipe
 * without a reader: who starts us with >&- wants our exit code. */
static bool is_left(const struct pollfd *stream)
{
	return stream->revents & (POLLERR | POLLHUP);
}

int audience_wait(unsigned whom, const int *fds, size_t count,
		  int64_t timeout_ms)
{
	struct pollfd polled[AUDIENCE_FDS + 2] = {
		{.fd = whom & AUDIENCE_STDOUT ? STDOUT_FILENO : -1},
		{.fd = whom & AUDIENCE_STDERR ? STDERR_FILENO : -1},
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
	    (!is_left(&polled[0]) && !is_left(&polled[1])))
		return 0;
	raise(SIGPIPE);
	return AUDIENCE_E_GONE;
}
