#include "client/relay.h"

#include "client/say.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int write_all(const struct tool *tool, int fd, const char *data,
		     size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);

		if (n >= 0) {
			data += n;
			bytes -= (size_t)n;
			continue;
		}
		if (errno == EAGAIN) {
			struct pollfd end = {.fd = fd, .events = POLLOUT};

			poll(&end, 1, -1);
			continue;
		}
		if (errno == EPIPE)
			return RELAY_E_CLOSED;
		if (errno == EINTR)
			continue;
		return say_fail(tool, EXIT_FAILED,
				"The daemon keeps it: reeve logs JOB",
				"cannot write to %s: %s",
				fd == STDOUT_FILENO ? "stdout" : "stderr",
				strerror(errno));
	}
	return 0;
}

int relay_write(const struct tool *tool, const struct reeve_chunk *chunk)
{
	/* With --json nothing else is on stdout. */
	bool aside = chunk->channel == REEVE_STDERR || tool->json;
	int fd = aside ? STDERR_FILENO : STDOUT_FILENO;
	char text[96];
	int n;

	if (chunk->omitted == 0)
		return write_all(tool, fd, chunk->data, chunk->bytes);
	n = snprintf(text, sizeof(text),
		     "\n[reeve: %" PRId64 " bytes were not kept here]\n",
		     chunk->omitted);
	return write_all(tool, STDERR_FILENO, text, (size_t)n);
}

int relay_job(const struct tool *tool, int64_t id, enum reeve_channel channel)
{
	struct reeve_output *output;
	struct reeve_chunk chunk;
	int result = reeve_output_open(tool->r, id, channel, false, &output);
	int closed = 0;

	if (result == 0) {
		while (closed == 0 &&
		       (result = reeve_output_next(output, -1, &chunk)) == 0)
			closed = relay_write(tool, &chunk);
		reeve_output_free(output);
	}
	if (closed == 0 && result != REEVE_E_END)
		say_note(tool, "cannot read the output of job %" PRId64 ": %s",
			 id, reeve_error(tool->r)->message);
	return closed;
}
