#include "proto/calls_queues.h"

#include "proto/table.h"

static const struct schema_field queue_rate_fields[] = {
	OUT_REQ(per_ms, INT),
	OUT_REQ(burst, INT),
};
static const struct schema_type queue_rate_type =
	FIELDS_TYPE("Rate", queue_rate_fields);

static const char *const reject_or_drop_oldest_words[] = {"reject", "block",
							  "drop_oldest"};
static const struct schema_type reject_or_drop_oldest_type =
	WORDS_TYPE(NULL, reject_or_drop_oldest_words);

static const struct schema_field queue_queue_fields[] = {
	OUT_REQ(name, STRING),
	OUT_REQ(paused, BOOL),
	OUT_REQ(weight, INT),
	OUT_OPT(concurrency, INT),
	OUT_OPT(rate, STRUCT, .type = &queue_rate_type),
	OUT_OPT(max_length, INT),
	OUT_OPT(overflow, ENUM, .type = &reject_or_drop_oldest_type),
	OUT_REQ(counts, MAP, .item = SCHEMA_INT),
	OUT_OPT(oldest_ready_ms, INT),
	OUT_OPT(on_success, LIST, .item = SCHEMA_OBJECT),
	OUT_OPT(on_failure, LIST, .item = SCHEMA_OBJECT),
	OUT_OPT(on_done, LIST, .item = SCHEMA_OBJECT),
};
static const struct schema_type queue_queue_type =
	FIELDS_TYPE("Queue", queue_queue_fields);

static const struct schema_field list_out_fields[] = {
	OUT_REQ(queues, LIST, .item = SCHEMA_STRUCT, .type = &queue_queue_type),
};
static const struct schema_type list_out_type = FIELDS_TYPE(NULL,
							    list_out_fields);

static const struct schema_field configure_in_fields[] = {
	IN_REQ(CALL_CONFIGURE, call_configure, name, STRING,
	       .max = LIMIT_NAME_BYTES),
	[CALL_CONFIGURE_weight] = OUT_OPT(weight, INT),
	[CALL_CONFIGURE_concurrency] = OUT_OPT(concurrency, INT),
	[CALL_CONFIGURE_rate] = OUT_OPT(rate, STRUCT, .type = &queue_rate_type),
	IN_OPT(CALL_CONFIGURE, call_configure, max_length, INT, .max = ID_MAX),
	IN_OPT(CALL_CONFIGURE, call_configure, overflow, ENUM,
	       .type = &reject_or_drop_oldest_type),
	IN_OPT(CALL_CONFIGURE, call_configure, on_success, LIST,
	       .item = SCHEMA_OBJECT, .max = LIMIT_CALLBACKS),
	IN_OPT(CALL_CONFIGURE, call_configure, on_failure, LIST,
	       .item = SCHEMA_OBJECT, .max = LIMIT_CALLBACKS),
	IN_OPT(CALL_CONFIGURE, call_configure, on_done, LIST,
	       .item = SCHEMA_OBJECT, .max = LIMIT_CALLBACKS),
};
static const struct schema_type configure_in_type =
	FIELDS_TYPE(NULL, configure_in_fields);

static const char *const leave_or_requeue_words[] = {"leave", "requeue"};
static const struct schema_type leave_or_requeue_type =
	WORDS_TYPE(NULL, leave_or_requeue_words);

static const struct schema_field pause_in_fields[] = {
	IN_OPT(CALL_PAUSE, call_pause, name, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_PAUSE, call_pause, running, ENUM,
	       .type = &leave_or_requeue_type),
};
static const struct schema_type pause_in_type = FIELDS_TYPE(NULL,
							    pause_in_fields);

static const struct schema_field resume_in_fields[] = {
	IN_OPT(CALL_RESUME, call_resume, name, STRING, .max = LIMIT_NAME_BYTES),
};
static const struct schema_type resume_in_type = FIELDS_TYPE(NULL,
							     resume_in_fields);

static const struct schema_field drain_in_fields[] = {
	IN_OPT(CALL_DRAIN, call_drain, name, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_DRAIN, call_drain, until_ms, INT, .max = ID_MAX),
	IN_OPT(CALL_DRAIN, call_drain, wait_ms, INT, .max = DURATION_MAX_MS),
};
static const struct schema_type drain_in_type = FIELDS_TYPE(NULL,
							    drain_in_fields);

static const struct schema_field purge_in_fields[] = {
	IN_REQ(CALL_PURGE, call_purge, name, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_PURGE, call_purge, states, LIST, .item = SCHEMA_STRING,
	       .max = STATE_COUNT),
};
static const struct schema_type purge_in_type = FIELDS_TYPE(NULL,
							    purge_in_fields);

static const struct schema_field purge_out_fields[] = {
	OUT_REQ(removed, INT),
};
static const struct schema_type purge_out_type = FIELDS_TYPE(NULL,
							     purge_out_fields);

static const struct schema_method methods[] = {
	{"org.reeve.queues", "List", NULL, &list_out_type, true},
	{"org.reeve.queues", "Configure", &configure_in_type, NULL, true},
	{"org.reeve.queues", "Pause", &pause_in_type, NULL, true},
	{"org.reeve.queues", "Resume", &resume_in_type, NULL, true},
	{"org.reeve.queues", "Drain", &drain_in_type, NULL, true},
	{"org.reeve.queues", "Purge", &purge_in_type, &purge_out_type, true},
};

static const struct schema_field no_such_queue_error_fields[] = {
	OUT_REQ(name, STRING),
};
static const struct schema_type no_such_queue_error_type =
	FIELDS_TYPE("NoSuchQueue", no_such_queue_error_fields);

static const struct schema_field timeout_error_fields[] = {
	OUT_REQ(remaining, INT),
};
static const struct schema_type timeout_error_type =
	FIELDS_TYPE("Timeout", timeout_error_fields);

static const struct schema_type *const errors[] = {
	&no_such_queue_error_type,
	&timeout_error_type,
};
static const struct schema_type *const types[] = {
	&queue_rate_type,
	&queue_queue_type,
};

const struct schema_interface calls_queues = {
	.name = "org.reeve.queues",
	.text = idl_org_reeve_queues,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),
	.types = types,
	.type_count = ARRAY_COUNT(types),
};
