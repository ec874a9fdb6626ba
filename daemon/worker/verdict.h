#pragma once

/*
 * Verdict: how a handler's job ended, until it is written as the `done` or
 * `fail` statement. Texts are cut and results checked on their way in, so that
 * what is in it can be said.
 */

#include "daemon/worker/order.h"
#include "proto/json_out.h"

#define VERDICT_TYPE_BYTES 256
#define VERDICT_MESSAGE_BYTES 4096
#define VERDICT_TRACE_BYTES (16 * 1024)
#define VERDICT_LOG_BYTES 4096 /* of text */
#define VERDICT_LOG_LINES 64   /* each has a head */
/* What a done statement may need beside its result. */
#define VERDICT_SPARE_BYTES (16 * 1024)

struct verdict {
	struct json_out result; /* one value; n 0: none was set */
	size_t max_bytes;	/* of the result */
	bool failed;
	char type[VERDICT_TYPE_BYTES + 1];
	char message[VERDICT_MESSAGE_BYTES + 1];
	char trace[VERDICT_TRACE_BYTES + 1];
	bool spoilt;  /* the failure is of the result: a good one mends it */
	bool give_up; /* `retry: false` */
	int64_t retry_ms;	/* -1: by the job's rule */
	int64_t retry_after_ms; /* not before, whoever says; 0: as it is */
	char log[VERDICT_LOG_BYTES + (VERDICT_LOG_LINES + 1) * 24];
	size_t log_bytes, log_text_bytes, log_lines;
	int64_t log_omitted_bytes;

	int64_t started_ms, finished_ms, run_us, cpu_us; /* cpu -1: unknown */
};

/** verdict_begin() - nothing is known; a line may have @max_line bytes */
void verdict_begin(struct verdict *verdict, size_t max_line);
void verdict_fini(struct verdict *verdict);

enum {
	VERDICT_E_REFUSED = 1, /* the verdict is a failure that says why */
};

/**
 * verdict_result() - it was done, with this result
 * @json:	untrusted; copied
 *
 * Return: 0 or VERDICT_E_REFUSED.
 */
must_check int verdict_result(struct verdict *verdict, struct slice json);

/** verdict_fail() - it failed; everything is copied and cut */
void verdict_fail(struct verdict *verdict, struct slice type,
		  struct slice message, struct slice trace);

/** verdict_log() - a line of the job's output, while there is room */
void verdict_log(struct verdict *verdict, struct slice text, int64_t now_ms);

/** verdict_write() - the statement with its newline */
void verdict_write(struct verdict *verdict, struct json_out *out,
		   const struct order *job);
