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

/**
 * output_chunks() - write records as an array of Chunk
 * @records:	whole or cut; starts at a record
 * @stream:	0: all; else only this one (omitted records always)
 * @max_bytes:	of data; at least one record is taken
 *
 * Return: how many bytes of @records were consumed; a record that is cut at the
 *         end is left.
 */
size_t output_chunks(struct json_out *out, struct slice records, int stream,
		     size_t max_bytes);

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

/** output_remove() - all files of a job that was purged */
void output_remove(const char *state_dir, int64_t job);
