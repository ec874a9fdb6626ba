#include "proto/types_jobs.h"

#include "proto/filter.h"
#include "proto/table.h"

static const char *const job_state_words[] = {JOB_STATES(NAME_WORD)};
const struct schema_type job_state_type = WORDS_TYPE("State", job_state_words);

static const char *const job_cause_words[] = {JOB_CAUSES(NAME_WORD)};
const struct schema_type job_cause_type = WORDS_TYPE("Cause", job_cause_words);

static const char *const job_durability_words[] = {DURABILITIES(NAME_WORD)};
const struct schema_type job_durability_type = WORDS_TYPE("Durability",
							  job_durability_words);

static const struct schema_field job_failure_fields[] = {
	OUT_OPT(type, STRING),
	OUT_OPT(message, STRING),
	OUT_OPT(trace, STRING),
};
const struct schema_type job_failure_type = FIELDS_TYPE("Failure",
							job_failure_fields);

static const struct schema_field job_attempt_fields[] = {
	OUT_REQ(number, INT),
	OUT_OPT(node, STRING),
	OUT_OPT(worker_pid, INT),
	OUT_OPT(started_ms, INT),
	OUT_OPT(finished_ms, INT),
	OUT_OPT(cause, ENUM, .type = &job_cause_type),
	OUT_OPT(exit_code, INT),
	OUT_OPT(signal, INT),
	OUT_OPT(core, BOOL),
	OUT_OPT(failure, STRUCT, .type = &job_failure_type),
};
const struct schema_type job_attempt_type = FIELDS_TYPE("Attempt",
							job_attempt_fields);

static const struct schema_field job_fields[] = {
	OUT_REQ(id, INT),
	OUT_REQ(state, ENUM, .type = &job_state_type),
	OUT_REQ(queue, STRING),
	OUT_REQ(handler, STRING),
	OUT_OPT(name, STRING),
	OUT_REQ(priority, INT),
	OUT_REQ(attempt, INT),
	OUT_REQ(max_attempts, INT),
	OUT_REQ(crashes, INT),
	OUT_REQ(uid, INT),
	OUT_REQ(created_ms, INT),
	OUT_OPT(run_at_ms, INT),
	OUT_OPT(started_ms, INT),
	OUT_OPT(finished_ms, INT),
	OUT_OPT(cause, ENUM, .type = &job_cause_type),
	OUT_OPT(exit_code, INT),
	OUT_OPT(signal, INT),
	OUT_OPT(core, BOOL),
	OUT_OPT(failure, STRUCT, .type = &job_failure_type),
	OUT_OPT(cancel_asked, BOOL),
	OUT_OPT(group, INT),
	OUT_OPT(key, STRING),
	OUT_OPT(tags, MAP, .item = SCHEMA_STRING),
	OUT_OPT(cpu_us, INT),
	OUT_OPT(peak_kib, INT),
	OUT_OPT(stdout_bytes, INT),
	OUT_OPT(stderr_bytes, INT),
	OUT_OPT(result, OBJECT, .any = true),
	OUT_OPT(result64, STRING),
	OUT_OPT(result_omitted, BOOL),
	OUT_OPT(progress, FLOAT),
	OUT_OPT(note, STRING),
	OUT_OPT(node, STRING),
	OUT_OPT(worker_pid, INT),
	OUT_OPT(attempts, LIST, .item = SCHEMA_STRUCT,
		.type = &job_attempt_type),
	OUT_OPT(spec, OBJECT),
	OUT_OPT(follows, INT),
	OUT_OPT(follows_group, INT),
	OUT_OPT(callbacks, LIST, .item = SCHEMA_INT),
};
const struct schema_type job_type = FIELDS_TYPE("Job", job_fields);

static const struct schema_field job_end_fields[] = {
	OUT_REQ(id, INT),
	OUT_REQ(state, ENUM, .type = &job_state_type),
	OUT_OPT(cause, ENUM, .type = &job_cause_type),
	OUT_OPT(exit_code, INT),
	OUT_OPT(signal, INT),
	OUT_OPT(result, OBJECT, .any = true),
	OUT_OPT(result_omitted, BOOL),
	OUT_OPT(failure, STRUCT, .type = &job_failure_type),
};
const struct schema_type job_end_type = FIELDS_TYPE("End", job_end_fields);

static const struct schema_field job_rejection_fields[] = {
	OUT_REQ(index, INT),
	OUT_REQ(error, STRING),
	OUT_OPT(field, STRING),
	OUT_OPT(message, STRING),
};
const struct schema_type job_rejection_type = FIELDS_TYPE("Rejection",
							  job_rejection_fields);

static const struct schema_field job_reason_fields[] = {
	OUT_REQ(rule, STRING),	 OUT_REQ(message, STRING),
	OUT_OPT(remedy, STRING), OUT_OPT(job, INT),
	OUT_OPT(attempt, INT),	 OUT_OPT(at_ms, INT),
};
const struct schema_type job_reason_type = FIELDS_TYPE("Reason",
						       job_reason_fields);

static const struct schema_field job_group_fields[] = {
	OUT_REQ(id, INT),
	OUT_OPT(name, STRING),
	OUT_OPT(total, INT),
	OUT_REQ(closed, BOOL),
	OUT_REQ(complete, BOOL),
	OUT_REQ(pending, INT),
	OUT_REQ(counts, MAP, .item = SCHEMA_INT),
	OUT_OPT(progress, FLOAT),
	OUT_OPT(abandoned, BOOL),
};
const struct schema_type job_group_type = FIELDS_TYPE("Group",
						      job_group_fields);

static const char *const stdout_or_omitted_words[] = {"stdout", "stderr",
						      "omitted"};
static const struct schema_type stdout_or_omitted_type =
	WORDS_TYPE(NULL, stdout_or_omitted_words);

static const struct schema_field job_chunk_fields[] = {
	OUT_REQ(stream, ENUM, .type = &stdout_or_omitted_type),
	OUT_REQ(at_ms, INT),
	OUT_OPT(data, STRING),
	OUT_OPT(data64, STRING),
	OUT_OPT(omitted_bytes, INT),
};
const struct schema_type job_chunk_type = FIELDS_TYPE("Chunk",
						      job_chunk_fields);

static const struct schema_field filter_fields[] = {
	IN_OPT(CALL_FILTER, call_filter, all, BOOL),
	IN_OPT(CALL_FILTER, call_filter, ids, LIST, .item = SCHEMA_INT,
	       .min = 1, .max = LIMIT_IDS_PER_CALL),
	IN_OPT(CALL_FILTER, call_filter, queue, STRING,
	       .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_FILTER, call_filter, handler, STRING,
	       .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_FILTER, call_filter, states, LIST, .item = SCHEMA_ENUM,
	       .type = &job_state_type),
	IN_OPT(CALL_FILTER, call_filter, causes, LIST, .item = SCHEMA_ENUM,
	       .type = &job_cause_type),
	IN_OPT(CALL_FILTER, call_filter, exit_code, INT, .min = 0, .max = 255),
	IN_OPT(CALL_FILTER, call_filter, name, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_FILTER, call_filter, uid, INT, .max = UINT32_MAX),
	IN_OPT(CALL_FILTER, call_filter, group, INT, .min = 1, .max = ID_MAX),
	IN_OPT(CALL_FILTER, call_filter, key, STRING, .max = LIMIT_KEY_BYTES),
	IN_OPT(CALL_FILTER, call_filter, tags, MAP, .item = SCHEMA_STRING),
	IN_OPT(CALL_FILTER, call_filter, older_than_ms, INT, .max = ID_MAX),
	IN_OPT(CALL_FILTER, call_filter, newer_than_ms, INT, .max = ID_MAX),
	IN_OPT(CALL_FILTER, call_filter, follows, INT, .min = 1, .max = ID_MAX),
};
const struct schema_type filter_type = FIELDS_TYPE("Filter", filter_fields);
