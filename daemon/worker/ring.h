#pragma once

/*
 * Ring: the last records of an output that is too long to be kept whole.
 * Memory is mapped when the first record comes and given back at the end.
 */

#include "proto/base.h"

#define RECORD_HEAD_BYTES 16

enum record_stream { RECORD_STDOUT = 1, RECORD_STDERR = 2, RECORD_OMITTED = 3 };

/** record_head() - 16 bytes, as ARCHITECTURE.md has them */
void record_head(char ret[RECORD_HEAD_BYTES], enum record_stream stream,
		 size_t bytes, int64_t time_ms);

/** record_bytes() - how many bytes follow this head */
size_t record_bytes(const char head[RECORD_HEAD_BYTES]);

struct ring {
	char *memory; /* NULL until the first record */
	size_t capacity;
	size_t start; /* of the oldest record */
	size_t used;
	int64_t dropped_bytes; /* of text, not of heads */
};

/** ring_init() - @capacity is the most it may hold, heads included */
void ring_init(struct ring *ring, size_t capacity);
void ring_fini(struct ring *ring);

/**
 * ring_push() - a record at the end, the oldest ones make room
 *
 * What cannot be kept at all (no memory, longer than the ring) is counted as
 * dropped.
 */
void ring_push(struct ring *ring, enum record_stream stream, struct slice bytes,
	       int64_t time_ms);

/** ring_parts() - the records in one or two pieces, oldest first */
void ring_parts(const struct ring *ring, struct slice ret[2]);
