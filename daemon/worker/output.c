#include "daemon/worker/output.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/config/config.h"

#define NO_RECORD SIZE_MAX

static int64_t tail_bytes(const struct output *output)
{
	int64_t half = output->cap_bytes / 2;

	return half < OUTPUT_TAIL_BYTES ? half : OUTPUT_TAIL_BYTES;
}

static void path_of(const struct output *output, char *ret, size_t size)
{
	snprintf(ret, size, "%s/output/%" PRId64 ".%" PRId64, output->state_dir,
		 output->job, output->attempt);
}

void output_begin(struct output *output, const char *state_dir,
		  int64_t cap_bytes, int64_t job, int64_t attempt)
{
	ring_fini(&output->tail);
	output->state_dir = state_dir;
	output->cap_bytes = cap_bytes;
	output->job = job;
	output->attempt = attempt;
	output->stdout_bytes = output->stderr_bytes = 0;
	output->first_ns = 0;
	output->record_bytes = 0;
	output->last = NO_RECORD;
	output->small = true;
	output->fd = -1;
	output->file_bytes = output->text_bytes = 0;
	output->tailing = output->warned = false;
}

/* Said once an attempt. */
static void warn(struct output *output, const char *why)
{
	if (!output->warned)
		log_warning("output of a job cannot be written, continuing "
			    "without it job=%" PRId64 ": %s",
			    output->job, why);
	output->warned = true;
}

/* From here on the ring takes everything. */
static void begin_tail(struct output *output)
{
	if (output->tailing)
		return;
	output->tailing = true;
	ring_init(&output->tail, (size_t)tail_bytes(output));
}

/*
 * Whole records only: what was written in part is cut off again, so that a
 * reader who follows never loses its way.
 */
static bool file_append(struct output *output, struct iovec *parts, int count)
{
	size_t total = 0;
	ssize_t n;

	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	if (output->fd < 0)
		return false;
	do {
		n = writev(output->fd, parts, count);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)total) {
		warn(output, n < 0 ? strerror(errno) : "disk full");
		if (n > 0 && ftruncate(output->fd, output->file_bytes) < 0)
			output->file_bytes += n;
		return false;
	}
	for (int i = 0; i < count; i++)
		SHA256Update(&output->sha, parts[i].iov_base, parts[i].iov_len);
	output->file_bytes += n;
	return true;
}

/* A record into the file, as far as the cap goes; the rest into the ring. */
static void file_record(struct output *output, enum record_stream stream,
			struct slice bytes, int64_t now_ms)
{
	int64_t room = output->cap_bytes - tail_bytes(output) -
		       output->text_bytes;
	size_t chunk = (size_t)tail_bytes(output) / 4;
	char head[RECORD_HEAD_BYTES];
	size_t n = bytes.n;

	if (!output->tailing && room > 0) {
		if ((int64_t)n > room)
			n = (size_t)room;
		record_head(head, stream, n, now_ms);
		struct iovec parts[2] = {{head, sizeof(head)},
					 {(char *)bytes.p, n}};

		if (file_append(output, parts, 2)) {
			output->text_bytes += (int64_t)n;
			bytes.p += n;
			bytes.n -= n;
		} else {
			begin_tail(output);
		}
	}
	if (!bytes.n)
		return;
	begin_tail(output);
	/* Small pieces, so that making room drops little. */
	if (!chunk)
		chunk = bytes.n;
	for (size_t at = 0; at < bytes.n; at += n) {
		n = bytes.n - at < chunk ? bytes.n - at : chunk;
		ring_push(&output->tail, stream,
			  (struct slice){bytes.p + at, n}, now_ms);
	}
}

/* Everything so far goes into a new file. */
/* O_APPEND: behind what ftruncate() left, not behind what failed. */
static int open_at(const char *path)
{
	return open(path,
		    O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC |
			    O_NOFOLLOW,
		    0600);
}

/* Somebody removed the folder: the job is not to suffer for it. The state
 * directory itself is not made anew: what is in there is lost with it. */
static bool make_folder(const struct output *output)
{
	char path[CONFIG_PATH_BYTES + 16];

	snprintf(path, sizeof(path), "%s/output", output->state_dir);
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST;
	log_warning("%s was removed, made anew; output that was in it is lost",
		    path);
	return true;
}

static void file_open(struct output *output)
{
	char path[CONFIG_PATH_BYTES + 64];
	int64_t time_ms;

	path_of(output, path, sizeof(path));
	output->fd = open_at(path);
	if (output->fd < 0 && errno == ENOENT && make_folder(output))
		output->fd = open_at(path);
	if (output->fd < 0)
		warn(output, strerror(errno));
	SHA256Init(&output->sha);
	for (size_t at = 0; at < output->record_bytes;) {
		const char *head = output->records + at;
		size_t n = record_bytes(head);
		enum record_stream stream = (unsigned char)head[4];

		memcpy(&time_ms, head + 8, sizeof(time_ms));
		file_record(output, stream,
			    (struct slice){head + RECORD_HEAD_BYTES, n},
			    (int64_t)le64toh((uint64_t)time_ms));
		at += RECORD_HEAD_BYTES + n;
	}
}

static bool is_open(const struct output *output)
{
	return output->fd >= 0 || output->tailing;
}

/* Return: false when there is no room. */
static bool inline_record(struct output *output, enum record_stream stream,
			  struct slice bytes, int64_t now_ms)
{
	bool extend = output->last != NO_RECORD &&
		      output->records[output->last + 4] == (char)stream &&
		      output->last_ms == now_ms;
	size_t needed = bytes.n + (extend ? 0 : RECORD_HEAD_BYTES);
	char *last;

	if (output->stdout_bytes + output->stderr_bytes >
		    LIMIT_INLINE_OUTPUT_BYTES ||
	    needed > OUTPUT_INLINE_BYTES - output->record_bytes)
		return false;
	if (!extend) {
		output->last = output->record_bytes;
		output->last_ms = now_ms;
		record_head(output->records + output->last, stream, 0, now_ms);
		output->record_bytes += RECORD_HEAD_BYTES;
	}
	last = output->records + output->last;
	memcpy(output->records + output->record_bytes, bytes.p, bytes.n);
	output->record_bytes += bytes.n;
	record_head(last, stream, record_bytes(last) + bytes.n, now_ms);
	return true;
}

void output_take(struct output *output, enum record_stream stream,
		 struct slice bytes, int64_t now_ms, int64_t now_ns)
{
	require(stream == RECORD_STDOUT || stream == RECORD_STDERR);
	if (!bytes.n)
		return;
	if (!output->first_ns)
		output->first_ns = now_ns;
	if (stream == RECORD_STDOUT)
		output->stdout_bytes += (int64_t)bytes.n;
	else
		output->stderr_bytes += (int64_t)bytes.n;

	if (output->small) {
		output->small = inline_record(output, stream, bytes, now_ms);
		if (!output->small && !is_open(output))
			file_open(output);
	}
	if (is_open(output) || !output->small)
		file_record(output, stream, bytes, now_ms);
}

int64_t output_due_ns(const struct output *output)
{
	if (!output->first_ns || is_open(output) || !output->small)
		return INT64_MAX;
	return output->first_ns + OUTPUT_FILE_AFTER_NS;
}

void output_tick(struct output *output, int64_t now_ns)
{
	if (now_ns >= output_due_ns(output))
		file_open(output);
}

/* The record of what is missing, then what the ring kept. */
static int64_t join_tail(struct output *output, int64_t now_ms)
{
	int64_t omitted = output->tail.dropped_bytes;
	struct slice parts[2];
	struct iovec pieces[4];
	char head[RECORD_HEAD_BYTES];
	uint64_t count;
	int n = 0;

	ring_parts(&output->tail, parts);
	if (omitted) {
		count = htole64((uint64_t)omitted);
		record_head(head, RECORD_OMITTED, sizeof(count), now_ms);
		pieces[n++] = (struct iovec){head, sizeof(head)};
		pieces[n++] = (struct iovec){&count, sizeof(count)};
	}
	for (int i = 0; i < 2; i++) {
		if (parts[i].n)
			pieces[n++] = (struct iovec){(char *)parts[i].p,
						     parts[i].n};
	}
	if (!n || file_append(output, pieces, n))
		return omitted;

	/* No room for it: at least the record that says so. */
	omitted = output->stdout_bytes + output->stderr_bytes -
		  output->text_bytes;
	count = htole64((uint64_t)omitted);
	record_head(head, RECORD_OMITTED, sizeof(count), now_ms);
	pieces[0] = (struct iovec){head, sizeof(head)};
	pieces[1] = (struct iovec){&count, sizeof(count)};
	(void)file_append(output, pieces, 2);
	return omitted;
}

/* There was no file to be had: the first records, and how much is missing. */
static int64_t inline_omitted(struct output *output, int64_t now_ms)
{
	int64_t omitted = output->stdout_bytes + output->stderr_bytes;
	uint64_t count;

	for (size_t at = 0; at < output->record_bytes;) {
		size_t n = record_bytes(output->records + at);

		omitted -= (int64_t)n;
		at += RECORD_HEAD_BYTES + n;
	}
	count = htole64((uint64_t)omitted);
	record_head(output->records + output->record_bytes, RECORD_OMITTED,
		    sizeof(count), now_ms);
	memcpy(output->records + output->record_bytes + RECORD_HEAD_BYTES,
	       &count, sizeof(count));
	output->record_bytes += RECORD_HEAD_BYTES + sizeof(count);
	return omitted;
}

void output_end(struct output *output, int64_t now_ms,
		struct output_summary *ret)
{
	char path[CONFIG_PATH_BYTES + 64];

	*ret = (struct output_summary){0};
	if (output->small) {
		ret->log = (struct slice){output->records,
					  output->record_bytes};
		if (output->fd >= 0) {
			path_of(output, path, sizeof(path));
			unlink(path);
		}
	} else if (output->fd >= 0) {
		if (output->tailing)
			ret->omitted_bytes = join_tail(output, now_ms);
		ret->file = true;
		ret->file_bytes = output->file_bytes;
		SHA256End(&output->sha, ret->sha256);
	} else {
		ret->omitted_bytes = inline_omitted(output, now_ms);
		ret->log = (struct slice){output->records,
					  output->record_bytes};
	}
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
	ring_fini(&output->tail);
	output->tailing = false;
}
