#pragma once

/*
 * Output records (ARCHITECTURE.md) as they are read back: from the store's
 * inline log, or from a file that a worker writes or wrote.
 */

#include "proto/arena.h"
#include "proto/base.h"
#include "proto/json_out.h"

enum output_stream {
	OUTPUT_STREAM_STDOUT = 1,
	OUTPUT_STREAM_STDERR,
	OUTPUT_STREAM_OMITTED
};

#define OUTPUT_HEAD_BYTES 16

/*
 * Where a reader stands: at a record, and so many bytes into its data. On the
 * wire it is one number that only means something to us.
 */
struct output_at {
	int64_t record; /* offset of its head */
	uint32_t skip;	/* bytes of its data that were read */
};

/** output_at_number() - for the wire; 0 is the beginning */
int64_t output_at_number(struct output_at at);
/** output_at_parse() - a number that came back; any is harmless */
struct output_at output_at_parse(int64_t number);

/**
 * output_chunks() - write records as Chunks, into an array that is open
 * @records:	whole or cut; the first is the one of @at
 * @stream:	0: all; else only this one (omitted records always)
 * @max_bytes:	of data, at least 1; a record is cut to fit, text between two
 *		characters
 * @at:		moved behind what was written
 *
 * Return: how many bytes of @records are done with.
 */
size_t output_chunks(struct json_out *out, struct slice records, int stream,
		     size_t max_bytes, struct output_at *at);

/** output_omitted() - one more Chunk: so many bytes are not there any more */
void output_omitted(struct json_out *out, int64_t bytes);

/**
 * output_read() - a piece of state/output/JOB.ATTEMPT
 * @offset:	where a record starts
 * @max_bytes:	at most
 *
 * Return: 0 (@ret empty at the end), -ENOENT, or negative errno.
 */
must_check int output_read(const char *state_dir, int64_t job, uint32_t attempt,
			   int64_t offset, size_t max_bytes,
			   struct arena *arena, struct slice *ret);

/** output_folder() - make it if it is missing: 0 when it was, else -errno */
int output_folder(const char *state_dir);

/** output_remove() - all files of a job that was purged */
void output_remove(const char *state_dir, int64_t job);
