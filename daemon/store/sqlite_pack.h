#pragma once

/*
 * What rows of job and done have and no statement asks for by name, in one
 * column: `rest`, a list of varints (sqlite_varint.h, zigzag). SQLite works for
 * each column of a row, in each of its lives; here it takes a few instructions.
 *
 * Zeros at the end are left out. Fields are appended and never renumbered: a
 * row that was packed before there was one has 0 for it.
 */

#include "proto/base.h"

/* Of both tables, and behind them those that only finished jobs have. Times
 * but run_at are told as the difference to created. */
enum {
	REST_CREATED,
	REST_MAX_ATTEMPTS,
	REST_CRASH_LIMIT,
	REST_GRACE,
	REST_UID,
	REST_GID,
	REST_CONTEXT,
	REST_GROUP,
	REST_TIMEOUT,
	REST_CRASHES,
	REST_CAUSE,
	REST_OF_LIVE, /* so many has a live job */
	REST_PRIORITY = REST_OF_LIVE,
	REST_ATTEMPT,
	REST_RUN_AT,
	REST_STARTED,
	REST_FINISHED,
	REST_EXIT_CODE,
	REST_SIGNAL,
	REST_CPU_US,
	REST_PEAK_KIB,
	REST_STDOUT_BYTES,
	REST_STDERR_BYTES,
	REST_OF_DONE,
};
#define REST_BYTES_MAX (REST_OF_DONE * 10)

/**
 * rest_pack() - the bytes of the first @count fields
 * @to:	room for REST_BYTES_MAX
 *
 * Return: what of @to they took, which may be nothing.
 */
struct slice rest_pack(const int64_t *fields, size_t count, unsigned char *to);

/**
 * rest_unpack() - the same, back; what is not there is 0
 *
 * Return: false when it is damaged: cut, or longer than @count fields.
 */
must_check bool rest_unpack(struct slice packed, int64_t *fields, size_t count);
