#include "proto/calls_jobs.h"

#include "proto/calls.h"
#include "proto/calls_progress.h"
#include "proto/calls_steer.h"
#include "proto/retry.h"
#include "proto/spec.h"
#include "proto/table.h"
#include "proto/types_jobs.h"

static const struct schema_field submit_in_fields[] = {
	IN_REQ(CALL_SUBMIT, call_submit, job, STRUCT, .type = &spec_type,
	       .raw = true),
	IN_OPT(CALL_SUBMIT, call_submit, dry_run, BOOL),
};
static const struct schema_type submit_in_type = FIELDS_TYPE(NULL,
							     submit_in_fields);

static const struct schema_field submit_out_fields[] = {
	OUT_OPT(id, INT),
	OUT_OPT(existing, BOOL),
	OUT_OPT(durability, ENUM, .type = &job_durability_type),
	OUT_OPT(job, STRUCT, .type = &job_type),
};
static const struct schema_type submit_out_type =
	FIELDS_TYPE(NULL, submit_out_fields);

static const struct schema_field submit_many_in_fields[] = {
	IN_REQ(CALL_SUBMIT_MANY, call_submit_many, jobs, LIST,
	       .item = SCHEMA_STRUCT, .type = &spec_type,
	       .max = LIMIT_JOBS_PER_CALL),
	IN_OPT(CALL_SUBMIT_MANY, call_submit_many, defaults, STRUCT,
	       .type = &spec_type),
	IN_OPT(CALL_SUBMIT_MANY, call_submit_many, all_or_none, BOOL),
};
static const struct schema_type submit_many_in_type =
	FIELDS_TYPE(NULL, submit_many_in_fields);

static const struct schema_field submit_many_out_fields[] = {
	OUT_OPT(ids, LIST, .item = SCHEMA_INT),
	OUT_OPT(rejected, LIST, .item = SCHEMA_STRUCT,
		.type = &job_rejection_type),
	OUT_OPT(durability, ENUM, .type = &job_durability_type),
	OUT_OPT(job, STRUCT, .type = &job_type),
};
static const struct schema_type submit_many_out_type =
	FIELDS_TYPE(NULL, submit_many_out_fields);

static const struct schema_field flush_out_fields[] = {
	OUT_REQ(accepted, INT),
	OUT_REQ(rejected, INT),
};
static const struct schema_type flush_out_type = FIELDS_TYPE(NULL,
							     flush_out_fields);

static const struct schema_field import_in_fields[] = {
	OUT_OPT(stream, STRING),
	OUT_OPT(defaults, STRUCT, .type = &spec_type),
	OUT_OPT(ack_every, INT),
};
static const struct schema_type import_in_type = FIELDS_TYPE(NULL,
							     import_in_fields);

static const struct schema_field import_out_fields[] = {
	OUT_REQ(acked, INT),
	OUT_REQ(max_line, INT),
};
static const struct schema_type import_out_type =
	FIELDS_TYPE(NULL, import_out_fields);

static const struct schema_field open_group_in_fields[] = {
	IN_OPT(CALL_OPEN_GROUP, call_open_group, name, STRING,
	       .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_OPEN_GROUP, call_open_group, total, INT, .max = ID_MAX),
	IN_OPT(CALL_OPEN_GROUP, call_open_group, on_success, LIST,
	       .item = SCHEMA_OBJECT, .max = LIMIT_CALLBACKS),
	IN_OPT(CALL_OPEN_GROUP, call_open_group, on_failure, LIST,
	       .item = SCHEMA_OBJECT, .max = LIMIT_CALLBACKS),
	IN_OPT(CALL_OPEN_GROUP, call_open_group, on_done, LIST,
	       .item = SCHEMA_OBJECT, .max = LIMIT_CALLBACKS),
};
static const struct schema_type open_group_in_type =
	FIELDS_TYPE(NULL, open_group_in_fields);

static const struct schema_field open_group_out_fields[] = {
	OUT_REQ(group, INT),
};
static const struct schema_type open_group_out_type =
	FIELDS_TYPE(NULL, open_group_out_fields);

static const struct schema_field close_group_in_fields[] = {
	IN_REQ(CALL_CLOSE_GROUP, call_close_group, group, INT, .min = 1,
	       .max = ID_MAX),
};
static const struct schema_type close_group_in_type =
	FIELDS_TYPE(NULL, close_group_in_fields);

static const struct schema_field hold_group_in_fields[] = {
	IN_REQ(CALL_HOLD_GROUP, call_hold_group, group, INT, .min = 1,
	       .max = ID_MAX),
};
static const struct schema_type hold_group_in_type =
	FIELDS_TYPE(NULL, hold_group_in_fields);

static const struct schema_field get_group_in_fields[] = {
	IN_REQ(CALL_GET_GROUP, call_get_group, group, INT, .min = 1,
	       .max = ID_MAX),
};
static const struct schema_type get_group_in_type =
	FIELDS_TYPE(NULL, get_group_in_fields);

static const struct schema_field get_group_out_fields[] = {
	OUT_REQ(group, STRUCT, .type = &job_group_type),
};
static const struct schema_type get_group_out_type =
	FIELDS_TYPE(NULL, get_group_out_fields);

static const struct schema_field last_out_fields[] = {
	OUT_OPT(id, INT),
};
static const struct schema_type last_out_type = FIELDS_TYPE(NULL,
							    last_out_fields);

static const struct schema_field get_in_fields[] = {
	IN_REQ(CALL_GET, call_get, ids, LIST, .item = SCHEMA_INT, .min = 1,
	       .max = LIMIT_IDS_PER_CALL),
	IN_OPT(CALL_GET, call_get, with_spec, BOOL),
};
static const struct schema_type get_in_type = FIELDS_TYPE(NULL, get_in_fields);

static const struct schema_field get_out_fields[] = {
	OUT_REQ(jobs, LIST, .item = SCHEMA_STRUCT, .type = &job_type),
};
static const struct schema_type get_out_type = FIELDS_TYPE(NULL,
							   get_out_fields);

static const struct schema_field list_in_fields[] = {
	IN_OPT(CALL_LIST, call_list, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_LIST, call_list, limit, INT, .min = 1, .max = 1000),
	IN_OPT(CALL_LIST, call_list, cursor, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_LIST, call_list, newest_first, BOOL),
	IN_OPT(CALL_LIST, call_list, with_spec, BOOL),
};
static const struct schema_type list_in_type = FIELDS_TYPE(NULL,
							   list_in_fields);

static const struct schema_field list_out_fields[] = {
	OUT_REQ(jobs, LIST, .item = SCHEMA_STRUCT, .type = &job_type),
	OUT_OPT(cursor, STRING),
};
static const struct schema_type list_out_type = FIELDS_TYPE(NULL,
							    list_out_fields);

static const char *const state_or_group_words[] = {"state", "queue", "handler",
						   "group"};
static const struct schema_type state_or_group_type =
	WORDS_TYPE(NULL, state_or_group_words);

static const struct schema_field count_in_fields[] = {
	IN_OPT(CALL_COUNT, call_count, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_COUNT, call_count, by, ENUM, .type = &state_or_group_type),
};
static const struct schema_type count_in_type = FIELDS_TYPE(NULL,
							    count_in_fields);

static const struct schema_field count_out_fields[] = {
	OUT_REQ(total, INT),
	OUT_REQ(counts, MAP, .item = SCHEMA_INT),
};
static const struct schema_type count_out_type = FIELDS_TYPE(NULL,
							     count_out_fields);

static const struct schema_field wait_in_fields[] = {
	IN_OPT(CALL_WAIT, call_wait, ids, LIST, .item = SCHEMA_INT, .min = 1,
	       .max = LIMIT_IDS_PER_CALL),
	IN_OPT(CALL_WAIT, call_wait, group, INT, .min = 1, .max = ID_MAX),
	IN_OPT(CALL_WAIT, call_wait, any, BOOL),
	IN_OPT(CALL_WAIT, call_wait, wait_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(CALL_WAIT, call_wait, brief, BOOL),
};
static const struct schema_type wait_in_type = FIELDS_TYPE(NULL,
							   wait_in_fields);

static const struct schema_field wait_out_fields[] = {
	OUT_REQ(jobs, LIST, .item = SCHEMA_STRUCT, .type = &job_type),
	OUT_OPT(ends, LIST, .item = SCHEMA_STRUCT, .type = &job_end_type),
	OUT_REQ(pending, INT),
};
static const struct schema_type wait_out_type = FIELDS_TYPE(NULL,
							    wait_out_fields);

static const struct schema_field hold_in_fields[] = {
	IN_REQ(CALL_HOLD, call_hold, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_HOLD, call_hold, dry_run, BOOL),
};
static const struct schema_type hold_in_type = FIELDS_TYPE(NULL,
							   hold_in_fields);

static const struct schema_field hold_out_fields[] = {
	OUT_REQ(count, INT),
	OUT_OPT(left, BOOL),
};
static const struct schema_type hold_out_type = FIELDS_TYPE(NULL,
							    hold_out_fields);

static const struct schema_field release_in_fields[] = {
	IN_REQ(CALL_RELEASE, call_release, filter, STRUCT,
	       .type = &filter_type),
	IN_OPT(CALL_RELEASE, call_release, dry_run, BOOL),
};
static const struct schema_type release_in_type =
	FIELDS_TYPE(NULL, release_in_fields);

static const struct schema_field release_out_fields[] = {
	OUT_REQ(count, INT),
	OUT_OPT(left, BOOL),
};
static const struct schema_type release_out_type =
	FIELDS_TYPE(NULL, release_out_fields);

static const struct schema_field cancel_in_fields[] = {
	IN_REQ(CALL_CANCEL, call_cancel, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_CANCEL, call_cancel, dry_run, BOOL),
	IN_OPT(CALL_CANCEL, call_cancel, grace_ms, INT, .max = GRACE_MAX_MS),
	IN_OPT(CALL_CANCEL, call_cancel, reason, STRING,
	       .max = REASON_BYTES_MAX),
};
static const struct schema_type cancel_in_type = FIELDS_TYPE(NULL,
							     cancel_in_fields);

static const struct schema_field cancel_out_fields[] = {
	OUT_REQ(cancelled, INT),
	OUT_REQ(signalled, INT),
	OUT_OPT(left, BOOL),
};
static const struct schema_type cancel_out_type =
	FIELDS_TYPE(NULL, cancel_out_fields);

static const struct schema_field retry_in_fields[] = {
	IN_REQ(CALL_RETRY, call_retry, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_RETRY, call_retry, dry_run, BOOL),
	IN_OPT(CALL_RETRY, call_retry, delay_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(CALL_RETRY, call_retry, reset_attempts, BOOL),
};
static const struct schema_type retry_in_type = FIELDS_TYPE(NULL,
							    retry_in_fields);

static const struct schema_field retry_out_fields[] = {
	OUT_REQ(count, INT),
	OUT_OPT(left, BOOL),
};
static const struct schema_type retry_out_type = FIELDS_TYPE(NULL,
							     retry_out_fields);

static const struct schema_field remove_in_fields[] = {
	IN_REQ(CALL_REMOVE, call_remove, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_REMOVE, call_remove, dry_run, BOOL),
};
static const struct schema_type remove_in_type = FIELDS_TYPE(NULL,
							     remove_in_fields);

static const struct schema_field remove_out_fields[] = {
	OUT_REQ(count, INT),
	OUT_OPT(left, BOOL),
};
static const struct schema_type remove_out_type =
	FIELDS_TYPE(NULL, remove_out_fields);

static const struct schema_field change_in_fields[] = {
	IN_REQ(CALL_CHANGE, call_change, filter, STRUCT, .type = &filter_type),
	IN_OPT(CALL_CHANGE, call_change, dry_run, BOOL),
	IN_OPT(CALL_CHANGE, call_change, priority, INT, .min = -PRIORITY_MAX,
	       .max = PRIORITY_MAX),
	IN_OPT(CALL_CHANGE, call_change, run_at_ms, INT, .max = ID_MAX),
	IN_OPT(CALL_CHANGE, call_change, queue, STRING,
	       .max = LIMIT_NAME_BYTES),
};
static const struct schema_type change_in_type = FIELDS_TYPE(NULL,
							     change_in_fields);

static const struct schema_field change_out_fields[] = {
	OUT_REQ(count, INT),
	OUT_OPT(left, BOOL),
};
static const struct schema_type change_out_type =
	FIELDS_TYPE(NULL, change_out_fields);

static const struct schema_field edit_in_fields[] = {
	IN_REQ(CALL_EDIT, call_edit, id, INT, .min = 1, .max = ID_MAX),
	IN_REQ(CALL_EDIT, call_edit, job, STRUCT, .type = &spec_type,
	       .raw = true),
};
static const struct schema_type edit_in_type = FIELDS_TYPE(NULL,
							   edit_in_fields);

static const struct schema_field get_spec_in_fields[] = {
	IN_REQ(CALL_GET_SPEC, call_get_spec, id, INT, .min = 1, .max = ID_MAX),
};
static const struct schema_type get_spec_in_type =
	FIELDS_TYPE(NULL, get_spec_in_fields);

static const struct schema_field get_spec_out_fields[] = {
	OUT_REQ(job, STRUCT, .type = &spec_type),
};
static const struct schema_type get_spec_out_type =
	FIELDS_TYPE(NULL, get_spec_out_fields);

static const struct schema_field explain_in_fields[] = {
	IN_REQ(CALL_EXPLAIN, call_explain, id, INT, .min = 1, .max = ID_MAX),
};
static const struct schema_type explain_in_type =
	FIELDS_TYPE(NULL, explain_in_fields);

static const struct schema_field explain_out_fields[] = {
	OUT_REQ(summary, STRING),
	OUT_REQ(reasons, LIST, .item = SCHEMA_STRUCT, .type = &job_reason_type),
	OUT_OPT(expected_start_ms, INT),
};
static const struct schema_type explain_out_type =
	FIELDS_TYPE(NULL, explain_out_fields);

static const char *const both_or_stderr_words[] = {"both", "stdout", "stderr"};
static const struct schema_type both_or_stderr_type =
	WORDS_TYPE(NULL, both_or_stderr_words);

static const struct schema_field output_in_fields[] = {
	IN_REQ(CALL_OUTPUT, call_output, id, INT, .min = 1, .max = ID_MAX),
	IN_OPT(CALL_OUTPUT, call_output, attempt, INT, .min = 1,
	       .max = INT32_MAX),
	IN_OPT(CALL_OUTPUT, call_output, stream, ENUM,
	       .type = &both_or_stderr_type),
	IN_OPT(CALL_OUTPUT, call_output, offset, INT, .max = ID_MAX),
	IN_OPT(CALL_OUTPUT, call_output, max_bytes, INT, .min = 1,
	       .max = LIMIT_UNSENT_BYTES),
};
static const struct schema_type output_in_type = FIELDS_TYPE(NULL,
							     output_in_fields);

static const struct schema_field output_out_fields[] = {
	OUT_REQ(chunks, LIST, .item = SCHEMA_STRUCT, .type = &job_chunk_type),
	OUT_REQ(offset, INT),
	OUT_REQ(eof, BOOL),
	OUT_OPT(elsewhere, LIST, .item = SCHEMA_STRING),
};
static const struct schema_type output_out_type =
	FIELDS_TYPE(NULL, output_out_fields);

static const struct schema_field progress_in_fields[] = {
	IN_REQ(CALL_PROGRESS, call_progress, id, INT, .min = 1, .max = ID_MAX),
	IN_REQ(CALL_PROGRESS, call_progress, token, INT, .min = 1,
	       .max = ID_MAX),
	IN_OPT(CALL_PROGRESS, call_progress, fraction, FLOAT),
	IN_OPT(CALL_PROGRESS, call_progress, note, STRING,
	       .max = REASON_BYTES_MAX),
};
static const struct schema_type progress_in_type =
	FIELDS_TYPE(NULL, progress_in_fields);

static const struct schema_field progress_out_fields[] = {
	OUT_REQ(lost, BOOL),
};
static const struct schema_type progress_out_type =
	FIELDS_TYPE(NULL, progress_out_fields);

static const struct schema_method methods[] = {
	{"org.reeve.jobs", "Submit", &submit_in_type, &submit_out_type, true},
	{"org.reeve.jobs", "SubmitMany", &submit_many_in_type,
	 &submit_many_out_type, true},
	{"org.reeve.jobs", "Flush", NULL, &flush_out_type, true},
	{"org.reeve.jobs", "Import", &import_in_type, &import_out_type, false},
	{"org.reeve.jobs", "OpenGroup", &open_group_in_type,
	 &open_group_out_type, true},
	{"org.reeve.jobs", "CloseGroup", &close_group_in_type, NULL, true},
	{"org.reeve.jobs", "HoldGroup", &hold_group_in_type, NULL, true},
	{"org.reeve.jobs", "GetGroup", &get_group_in_type, &get_group_out_type,
	 true},
	{"org.reeve.jobs", "Get", &get_in_type, &get_out_type, true},
	{"org.reeve.jobs", "Last", NULL, &last_out_type, true},
	{"org.reeve.jobs", "List", &list_in_type, &list_out_type, true},
	{"org.reeve.jobs", "Count", &count_in_type, &count_out_type, true},
	{"org.reeve.jobs", "Wait", &wait_in_type, &wait_out_type, true},
	{"org.reeve.jobs", "Hold", &hold_in_type, &hold_out_type, true},
	{"org.reeve.jobs", "Release", &release_in_type, &release_out_type,
	 true},
	{"org.reeve.jobs", "Cancel", &cancel_in_type, &cancel_out_type, true},
	{"org.reeve.jobs", "Retry", &retry_in_type, &retry_out_type, true},
	{"org.reeve.jobs", "Remove", &remove_in_type, &remove_out_type, true},
	{"org.reeve.jobs", "Change", &change_in_type, &change_out_type, true},
	{"org.reeve.jobs", "Edit", &edit_in_type, NULL, true},
	{"org.reeve.jobs", "GetSpec", &get_spec_in_type, &get_spec_out_type,
	 true},
	{"org.reeve.jobs", "Explain", &explain_in_type, &explain_out_type,
	 true},
	{"org.reeve.jobs", "Output", &output_in_type, &output_out_type, true},
	{"org.reeve.jobs", "Progress", &progress_in_type, &progress_out_type,
	 true},
};

static const struct schema_field no_such_job_error_fields[] = {
	OUT_REQ(id, INT),
};
static const struct schema_type no_such_job_error_type =
	FIELDS_TYPE("NoSuchJob", no_such_job_error_fields);

static const struct schema_field no_such_handler_error_fields[] = {
	OUT_REQ(handler, STRING),
	OUT_OPT(parameter, STRING),
};
static const struct schema_type no_such_handler_error_type =
	FIELDS_TYPE("NoSuchHandler", no_such_handler_error_fields);

static const struct schema_field no_such_group_error_fields[] = {
	OUT_REQ(group, INT),
};
static const struct schema_type no_such_group_error_type =
	FIELDS_TYPE("NoSuchGroup", no_such_group_error_fields);

static const struct schema_field group_closed_error_fields[] = {
	OUT_REQ(group, INT),
};
static const struct schema_type group_closed_error_type =
	FIELDS_TYPE("GroupClosed", group_closed_error_fields);

static const struct schema_field queue_full_error_fields[] = {
	OUT_REQ(queue, STRING),
	OUT_REQ(limit, INT),
	OUT_REQ(retry_after_ms, INT),
};
static const struct schema_type queue_full_error_type =
	FIELDS_TYPE("QueueFull", queue_full_error_fields);

static const struct schema_type draining_error_type = {.name = "Draining"};

static const struct schema_field duplicate_error_fields[] = {
	OUT_REQ(key, STRING),
	OUT_REQ(id, INT),
};
static const struct schema_type duplicate_error_type =
	FIELDS_TYPE("Duplicate", duplicate_error_fields);

static const struct schema_field too_large_error_fields[] = {
	OUT_REQ(what, STRING),
	OUT_REQ(size, INT),
	OUT_REQ(limit, INT),
};
static const struct schema_type too_large_error_type =
	FIELDS_TYPE("TooLarge", too_large_error_fields);

static const struct schema_field timeout_error_fields[] = {
	OUT_REQ(pending, INT),
};
static const struct schema_type timeout_error_type =
	FIELDS_TYPE("Timeout", timeout_error_fields);

static const struct schema_field wrong_state_error_fields[] = {
	OUT_REQ(id, INT),
	OUT_REQ(state, ENUM, .type = &job_state_type),
};
static const struct schema_type wrong_state_error_type =
	FIELDS_TYPE("WrongState", wrong_state_error_fields);

static const struct schema_field storage_failed_error_fields[] = {
	OUT_REQ(message, STRING),
};
static const struct schema_type storage_failed_error_type =
	FIELDS_TYPE("StorageFailed", storage_failed_error_fields);

static const struct schema_type *const errors[] = {
	&no_such_job_error_type,    &no_such_handler_error_type,
	&no_such_group_error_type,  &group_closed_error_type,
	&queue_full_error_type,	    &draining_error_type,
	&duplicate_error_type,	    &too_large_error_type,
	&timeout_error_type,	    &wrong_state_error_type,
	&storage_failed_error_type,
};
static const struct schema_type *const types[] = {
	&job_state_type,   &job_cause_type,	&job_durability_type,
	&context_type,	   &retry_rule_type,	&spec_type,
	&job_failure_type, &job_attempt_type,	&job_type,
	&job_end_type,	   &job_rejection_type, &job_reason_type,
	&filter_type,	   &job_group_type,	&job_chunk_type,
};

const struct schema_interface calls_jobs = {
	.name = "org.reeve.jobs",
	.text = idl_org_reeve_jobs,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),
	.types = types,
	.type_count = ARRAY_COUNT(types),
};
