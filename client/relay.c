#include "client/relay.h"

#include "client/say.h"
#include "client/text.h"
#include "proto/json_out.h"

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

/* What lines begin with, and which streams are within one. */
struct prefix {
	char *text; /* owned; NULL: lines stay as they are */
	bool within[2];
};

static bool *is_within(struct prefix *prefix, const struct reeve_chunk *chunk)
{
	return &prefix->within[chunk->channel == REEVE_STDERR];
}

static int write_lines(const struct tool *tool, struct prefix *prefix,
		       const struct reeve_chunk *chunk)
{
	struct reeve_chunk whole = *chunk;
	struct json_out lines = {0};
	size_t at = 0;
	int result;

	if (!prefix->text || chunk->omitted)
		return relay_write(tool, chunk);
	while (at < chunk->bytes) {
		const char *from = chunk->data + at;
		const char *end = memchr(from, '\n', chunk->bytes - at);
		size_t n = end ? (size_t)(end - from) + 1 : chunk->bytes - at;

		if (!*is_within(prefix, chunk)) {
			json_out_append(&lines, slice_of(prefix->text));
			json_out_byte(&lines, '\t');
		}
		json_out_append(&lines, (struct slice){from, n});
		*is_within(prefix, chunk) = !end;
		at += n;
	}
	if (json_out_ok(&lines)) {
		whole.data = lines.p;
		whole.bytes = lines.n;
		result = relay_write(tool, &whole);
	} else {
		result = say_memory(tool);
	}
	json_out_fini(&lines);
	return result;
}

/* The next line is another job's. */
static int end_lines(const struct tool *tool, const struct prefix *prefix)
{
	int result = 0;

	for (int i = 0; prefix->text && result == 0 && i < 2; i++) {
		struct reeve_chunk end = {
			.channel = i ? REEVE_STDERR : REEVE_STDOUT,
			.data = "\n",
			.bytes = 1,
		};

		if (prefix->within[i])
			result = relay_write(tool, &end);
	}
	return result;
}

int relay_job(const struct tool *tool, int64_t id, enum reeve_channel channel,
	      const char *text)
{
	struct prefix prefix = {.text = text ? strdup(text) : NULL};
	struct reeve_output *output;
	struct reeve_chunk chunk;
	int result, closed = 0;

	if (text && !prefix.text)
		return say_memory(tool);
	if (prefix.text)
		text_clean(prefix.text);
	result = reeve_output_open(tool->r, id, channel, false, &output);
	if (result == 0) {
		while (closed == 0 &&
		       (result = reeve_output_next(output, -1, &chunk)) == 0)
			closed = write_lines(tool, &prefix, &chunk);
		reeve_output_free(output);
	}
	if (closed == 0)
		closed = end_lines(tool, &prefix);
	if (closed == 0 && result != REEVE_E_END)
		say_note(tool, "cannot read the output of job %" PRId64 ": %s",
			 id, reeve_error(tool->r)->message);
	free(prefix.text);
	return closed;
}
