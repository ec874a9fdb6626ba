#pragma once

/*
 * What every caller of the store reads and asks for: a job, and which jobs.
 */

#include "proto/base.h"
#include "proto/names.h"

/*
 * A job row as the store knows it: for replies, listings and waiters. What
 * tells of an end (cause, exit_code, signal, log ...) is that of the last
 * attempt that ended, also when the job goes on.
 */
struct store_row {
	int64_t id;
	enum job_state state;
	enum job_cause cause; /* of the last attempt that ended */
	struct slice queue, handler, name, key, spec, tags;
	int32_t lane;
	int32_t priority;
	uint32_t attempt, max_attempts, crashes;
	uint32_t uid;
	int64_t group;
	int64_t created_ms, run_at_ms, started_ms, finished_ms;
	int64_t worker; /* row id while running */
	int64_t worker_pid;
	int32_t exit_code; /* -1: none */
	int32_t signal;
	bool core, cancel_asked, output_file;
	bool descriptors, stdout_given, stderr_given; /* see store_entry */
	int64_t cpu_us, peak_kib, stdout_bytes, stderr_bytes;
	struct slice result, failure, log;
	bool result_omitted; /* the teller's: too long to be told */
	struct slice reason; /* why it was cancelled, as the asker said */
	int64_t follows, follows_group; /* whose callback it is; 0: nobody's */
	const int64_t *callbacks; /* the jobs that follow it; store_get() with
				     its spec, at most FOLLOWERS_SHOWN */
	size_t callback_count;
};
#define FOLLOWERS_SHOWN 100

struct store_filter {
	bool all;
	const int64_t *ids;
	size_t id_count;
	struct slice queue, handler, name, key; /* n 0: any */
	uint32_t states; /* bits 1 << enum job_state; 0: any */
	uint32_t causes; /* bits 1 << enum job_cause; 0: any */
	bool has_exit_code, has_uid;
	int32_t exit_code;
	uint32_t uid;
	int64_t group;			      /* 0: any */
	int64_t older_than_ms, newer_than_ms; /* created; 0: any */
	int64_t follows;		      /* callbacks of a job; 0: any */
	struct slice tags; /* JSON object: all of these; n 0: any */
};
