#pragma once

/*
 * Parameters of org.reeve.jobs as the daemon reads them; see proto/schema.h.
 * Whoever wants a default sets it before decoding. CALL_HAS(params, WAIT, ids)
 * tells whether a field was given.
 */

#include "proto/calls.h"
#include "proto/calls_groups.h"
#include "proto/filter.h"

struct call_submit {
	uint64_t has;
	struct slice job;
	bool dry_run;
};
enum { CALL_SUBMIT_job, CALL_SUBMIT_dry_run };

struct call_submit_many {
	uint64_t has;
	struct slice jobs;
	struct slice defaults;
	bool all_or_none;
};
enum {
	CALL_SUBMIT_MANY_jobs,
	CALL_SUBMIT_MANY_defaults,
	CALL_SUBMIT_MANY_all_or_none
};

struct call_get {
	uint64_t has;
	struct slice ids;
	bool with_spec;
};
enum { CALL_GET_ids, CALL_GET_with_spec };

struct call_list {
	uint64_t has;
	struct slice filter;
	int64_t limit;
	struct slice cursor;
	bool newest_first;
	bool with_spec;
};
enum {
	CALL_LIST_filter,
	CALL_LIST_limit,
	CALL_LIST_cursor,
	CALL_LIST_newest_first,
	CALL_LIST_with_spec
};

struct call_count {
	uint64_t has;
	struct slice filter;
	int by;
};
enum { CALL_COUNT_filter, CALL_COUNT_by };

struct call_wait {
	uint64_t has;
	struct slice ids;
	int64_t group, wait_ms;
	bool any, brief;
};
enum {
	CALL_WAIT_ids,
	CALL_WAIT_group,
	CALL_WAIT_any,
	CALL_WAIT_wait_ms,
	CALL_WAIT_brief,
};

struct call_output {
	uint64_t has;
	int64_t id, attempt, offset, max_bytes;
	int stream;
};
enum {
	CALL_OUTPUT_id,
	CALL_OUTPUT_attempt,
	CALL_OUTPUT_stream,
	CALL_OUTPUT_offset,
	CALL_OUTPUT_max_bytes
};

struct call_explain {
	uint64_t has;
	int64_t id;
};
enum { CALL_EXPLAIN_id };

/* Words of Count's `by`, and Output's `stream`. */
enum call_count_by {
	COUNT_BY_STATE,
	COUNT_BY_QUEUE,
	COUNT_BY_HANDLER,
	COUNT_BY_GROUP
};
enum call_output_stream { OUTPUT_BOTH, OUTPUT_STDOUT, OUTPUT_STDERR };
