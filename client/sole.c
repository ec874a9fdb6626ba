#include "client/sole.h"

#include "client/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Of the daemon, whose jobs have these numbers: two daemons have two sockets. */
static uint64_t daemon_hash(const struct tool *tool)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = "";
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (tool->socket)
		snprintf(path, sizeof(path), "%s", tool->socket);
	else if (tool->configured[0])
		snprintf(path, sizeof(path), "%s", tool->configured);
	else if (reeve_socket_path(path, sizeof(path), NULL) != 0)
		path[0] = '\0';
	for (const char *at = path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return hash;
}

/*
 * A name without a file: nothing is left behind by whoever is killed, and users
 * of one daemon see each other's.
 */
int sole_take(struct tool *tool, int64_t id, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			 "reeve-edit-%016" PRIx64 "-%" PRId64,
			 daemon_hash(tool), id);
	socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				      1 + (size_t)n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, bytes) == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (fd >= 0 && errno == EADDRINUSE) {
		close(fd);
		return say_fail(tool, EXIT_REFUSED,
				"Wait until that editor is closed",
				"job %" PRId64 " is being edited already", id);
	}
	if (fd >= 0)
		close(fd);
	return say_fail(tool, EXIT_FAILED, NULL,
			"cannot see whether somebody edits job %" PRId64
			" already: %s",
			id, strerror(errno));
}
