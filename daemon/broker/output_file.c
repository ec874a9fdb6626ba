#include "daemon/broker/output_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct record {
	uint32_t bytes;
	uint8_t stream;
	int64_t time_ms;
	struct slice data;
};

/* Return: bytes of the whole record; 0: it is cut, or not one. */
static size_t record_at(struct slice records, struct record *ret)
{
	uint32_t bytes;
	int64_t time_ms;

	if (records.n < OUTPUT_HEAD_BYTES)
		return 0;
	memcpy(&bytes, records.p, sizeof(bytes));
	memcpy(&time_ms, records.p + 8, sizeof(time_ms));
	ret->bytes = le32toh(bytes);
	ret->stream = (uint8_t)records.p[4];
	ret->time_ms = (int64_t)le64toh((uint64_t)time_ms);
	if (ret->bytes > records.n - OUTPUT_HEAD_BYTES)
		return 0;
	ret->data = (struct slice){records.p + OUTPUT_HEAD_BYTES, ret->bytes};
	return OUTPUT_HEAD_BYTES + (size_t)ret->bytes;
}

static void write_chunk(struct json_out *out, const struct record *record)
{
	static const char *const names[] = {"", "stdout", "stderr", "omitted"};
	int64_t omitted = 0;

	json_out_object(out);
	json_out_member_text(out, "stream",
			     names[record->stream < 4 ? record->stream : 0]);
	json_out_member_int(out, "at_ms", record->time_ms);
	if (record->stream == OUTPUT_STREAM_OMITTED) {
		if (record->data.n >= sizeof(omitted))
			memcpy(&omitted, record->data.p, sizeof(omitted));
		json_out_member_int(out, "omitted_bytes",
				    (int64_t)le64toh((uint64_t)omitted));
	} else {
		json_out_member_bytes(out, "data", record->data);
	}
	json_out_object_end(out);
}

#define SKIP_BITS 18
#define SKIP_MASK ((INT64_C(1) << SKIP_BITS) - 1)

int64_t output_at_number(struct output_at at)
{
	return at.record << SKIP_BITS | at.skip;
}

struct output_at output_at_parse(int64_t number)
{
	return (struct output_at){
		.record = number >> SKIP_BITS,
		.skip = (uint32_t)(number & SKIP_MASK),
	};
}

/* As much as fits, not through the middle of a character. */
static size_t cut(struct slice data, size_t max_bytes)
{
	size_t n = max_bytes;

	if (data.n <= max_bytes)
		return data.n;
	while (n && max_bytes - n < 3 && ((uint8_t)data.p[n] & 0xc0) == 0x80)
		n--;
	return n ? n : max_bytes;
}

size_t output_chunks(struct json_out *out, struct slice records, int stream,
		     size_t max_bytes, struct output_at *at)
{
	size_t done = 0, data = 0;

	while (data < max_bytes) {
		struct record record;
		struct slice rest = {records.p + done, records.n - done};
		size_t n = record_at(rest, &record), part;

		if (!n || record.stream < OUTPUT_STREAM_STDOUT ||
		    record.stream > OUTPUT_STREAM_OMITTED)
			break;
		part = at->skip < record.data.n ? at->skip : record.data.n;
		record.data.p += part;
		record.data.n -= part;
		if (!stream || record.stream == stream ||
		    record.stream == OUTPUT_STREAM_OMITTED) {
			part = record.data.n;
			if (record.stream != OUTPUT_STREAM_OMITTED)
				record.data.n = cut(record.data,
						    max_bytes - data);
			data += record.data.n;
			write_chunk(out, &record);
			if (record.data.n < part) {
				at->skip += (uint32_t)record.data.n;
				break;
			}
		}
		done += n;
		at->record += (int64_t)n;
		at->skip = 0;
	}
	return done;
}

void output_omitted(struct json_out *out, int64_t bytes)
{
	json_out_object(out);
	json_out_member_text(out, "stream", "omitted");
	json_out_member_int(out, "at_ms", 0);
	json_out_member_int(out, "omitted_bytes", bytes);
	json_out_object_end(out);
}

static int file_path(char path[4200], const char *state_dir, int64_t job,
		     uint32_t attempt)
{
	int n = snprintf(path, 4200, "%s/output/%" PRId64 ".%" PRIu32,
			 state_dir, job, attempt);

	return n > 0 && n < 4200 ? 0 : -ENAMETOOLONG;
}

int output_read(const char *state_dir, int64_t job, uint32_t attempt,
		int64_t offset, size_t max_bytes, struct arena *arena,
		struct slice *ret)
{
	char path[4200];
	int r = file_path(path, state_dir, job, attempt);
	ssize_t n;
	char *p;
	int fd;

	if (r)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	p = arena_alloc(arena, max_bytes);
	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	n = pread(fd, p, max_bytes, offset);
	r = n < 0 ? -errno : 0;
	close(fd);
	if (n >= 0)
		*ret = (struct slice){p, (size_t)n};
	return r;
}

int output_folder(const char *state_dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/output", state_dir);
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

void output_remove(const char *state_dir, int64_t job)
{
	char path[4200];

	/* Attempts are numbered from 1 without gaps; a few may have no file. */
	for (uint32_t attempt = 1, missing = 0; missing < 8; attempt++) {
		if (file_path(path, state_dir, job, attempt))
			return;
		if (unlink(path) < 0)
			missing++;
	}
}
