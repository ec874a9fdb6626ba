#pragma once

/*
 * Output: what an attempt wrote, as records in the order in which they were
 * read (ARCHITECTURE.md, "Output records").
 *
 *	little text			inline, travels in the result
 *	more, or 200 ms after the first	state_dir/output/JOB.ATTEMPT, 0600, can
 *	byte				be followed; removed again when it ends
 *					small, as it is then in the result
 *	more than the cap		head in the file, the last part in a
 *					ring, joined at the end with a record
 *					that says how much is missing between
 *
 * A disk that is full never stops the job: what cannot be written counts as
 * missing. No clock: times come in.
 */

#include <sha256.h>

#include "daemon/worker/ring.h"
#include "proto/limits.h"

/* Text of many tiny records may need this much. */
#define OUTPUT_INLINE_BYTES (2 * LIMIT_INLINE_OUTPUT_BYTES)
#define OUTPUT_TAIL_BYTES (1024 * 1024)
#define OUTPUT_FILE_AFTER_NS 200000000

struct output {
	const char *state_dir; /* the caller's */
	int64_t cap_bytes;
	int64_t job, attempt;
	int64_t stdout_bytes, stderr_bytes; /* what the job wrote */
	int64_t first_ns; /* monotonic time of the first byte, 0: none */

	/* One more record fits behind: of what is missing. */
	char records[OUTPUT_INLINE_BYTES + RECORD_HEAD_BYTES + 8];
	size_t record_bytes;
	size_t last; /* where the last record begins, to extend it */
	int64_t last_ms;
	bool small; /* everything is in `records` */

	int fd;		    /* of the file, -1: none */
	int64_t file_bytes; /* its length, always whole records */
	int64_t text_bytes; /* text in it */
	SHA2_CTX sha;
	bool warned;  /* it was said that something is not written */
	bool tailing; /* the head is complete: all else goes to the ring */
	struct ring tail;
};

struct output_summary {
	struct slice log; /* records inline; n 0: none, or in the file */
	bool file;
	int64_t file_bytes, omitted_bytes;
	char sha256[SHA256_DIGEST_STRING_LENGTH]; /* of the file's bytes */
};

/**
 * output_begin() - forget the last attempt, start another
 * @output:	zeroed, or ended
 * @cap_bytes:	text kept of it at most
 */
void output_begin(struct output *output, const char *state_dir,
		  int64_t cap_bytes, int64_t job, int64_t attempt);

/**
 * output_take() - bytes that were read
 * @stream:	RECORD_STDOUT or RECORD_STDERR
 * @now_ms:	wall clock, into the record
 * @now_ns:	monotonic
 */
void output_take(struct output *output, enum record_stream stream,
		 struct slice bytes, int64_t now_ms, int64_t now_ns);

/** output_due_ns() - when output_tick() has something to do; INT64_MAX: never */
int64_t output_due_ns(const struct output *output);

/** output_tick() - open the file if it is time to */
void output_tick(struct output *output, int64_t now_ns);

/**
 * output_end() - complete and close it
 * @ret:	valid until the next output_begin()
 */
void output_end(struct output *output, int64_t now_ms,
		struct output_summary *ret);
