#include "daemon/worker/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "proto/json_in.h"
#include "proto/share.h"

/* A job that floods the pipe does not keep the worker from its other work. */
#define READS_A_TURN 16

int progress_init(struct progress *progress)
{
	int fd[2];

	*progress = (struct progress){.read_fd = -1, .write_fd = -1};
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	progress->read_fd = fd[0];
	progress->write_fd = fd[1];
	/* Only this end: jobs get the other one, and it has to block. */
	if (fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

void progress_fini(struct progress *progress)
{
	if (progress->read_fd >= 0)
		close(progress->read_fd);
	if (progress->write_fd >= 0)
		close(progress->write_fd);
	progress->read_fd = progress->write_fd = -1;
	arena_fini(&progress->arena);
}

static void take(struct progress *progress, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			if (progress->line_bytes == PROGRESS_LINE_BYTES)
				progress->too_long = true;
			else
				progress->line[progress->line_bytes++] = p[i];
			continue;
		}
		if (!progress->too_long && progress->line_bytes) {
			memcpy(progress->newest, progress->line,
			       progress->line_bytes);
			progress->newest_bytes = progress->line_bytes;
		}
		progress->line_bytes = 0;
		progress->too_long = false;
	}
}

void progress_read(struct progress *progress)
{
	char bytes[4096];

	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = read(progress->read_fd, bytes, sizeof(bytes));

		if (n <= 0)
			return;
		take(progress, bytes, (size_t)n);
	}
}

int64_t progress_due_ns(const struct progress *progress)
{
	return progress->newest_bytes ? progress->next_ns : INT64_MAX;
}

static bool is_fraction(struct slice number, double *ret)
{
	return json_float(number, ret) == 0 && *ret >= 0 && *ret <= 1;
}

static void write_object(struct progress *progress, struct json_out *out,
			 struct slice line)
{
	struct slice value, note;
	double fraction;

	if ((json_find(line, "fraction", &value) ||
	     json_find(line, "progress", &value)) &&
	    is_fraction(value, &fraction)) {
		json_out_key(out, "fraction");
		json_out_float(out, fraction);
	}
	if (json_find(line, "note", &value) &&
	    json_string(&progress->arena, value, &note) == 0)
		json_out_member_string(out, "note", note);
}

/* No JSON: a share, a note, or both. */
static void write_text(struct json_out *out, struct slice line)
{
	struct slice note;
	double fraction;

	if (share_read(line, &fraction, &note)) {
		json_out_key(out, "fraction");
		json_out_float(out, fraction);
	}
	if (note.n)
		json_out_member_string(out, "note", note);
}

void progress_write(struct progress *progress, struct json_out *out,
		    int64_t job, int64_t token, int64_t now_ns)
{
	struct slice line = {progress->newest, progress->newest_bytes};
	struct json_fault fault;
	double fraction;
	bool json;

	if (now_ns < progress_due_ns(progress))
		return;
	json = json_check(line, &fault) == 0;
	if (json)
		line = json_trim(line);
	json_out_object(out);
	json_out_member_int(out, "progress", job);
	json_out_member_int(out, "token", token);
	if (json && json_kind(line) == JSON_OBJECT) {
		write_object(progress, out, line);
	} else if (json && is_fraction(line, &fraction)) {
		json_out_key(out, "fraction");
		json_out_float(out, fraction);
	} else {
		write_text(out, line);
	}
	json_out_object_end(out);
	json_out_byte(out, '\n');
	arena_reset(&progress->arena);
	progress->newest_bytes = 0;
	progress->next_ns = now_ns + PROGRESS_PAUSE_NS;
}

void progress_end(struct progress *progress)
{
	progress_read(progress);
	progress->line_bytes = progress->newest_bytes = 0;
	progress->too_long = false;
	progress->next_ns = 0;
	/* The flags belong to all who hold this end; a job may have set one. */
	(void)fcntl(progress->write_fd, F_SETFL, 0);
}
