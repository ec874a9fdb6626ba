#include "proto/calls_consume.h"

#include "proto/table.h"

static const struct schema_field lease_fields[] = {
	OUT_REQ(id, INT),	   OUT_REQ(token, INT),
	OUT_REQ(attempt, INT),	   OUT_REQ(handler, STRING),
	OUT_REQ(queue, STRING),	   OUT_OPT(args, OBJECT),
	OUT_REQ(deadline_ms, INT), OUT_OPT(timeout_ms, INT),
	OUT_OPT(group, INT),	   OUT_REQ(uid, INT),
};
static const struct schema_type lease_type = FIELDS_TYPE("Lease", lease_fields);

static const struct schema_field held_fields[] = {
	IN_REQ(CALL_HELD, call_held, id, INT, .min = 1, .max = ID_MAX),
	IN_REQ(CALL_HELD, call_held, token, INT, .min = 1, .max = ID_MAX),
};
const struct schema_type consume_held_type = FIELDS_TYPE("Held", held_fields);

static const struct schema_field failure_fields[] = {
	IN_OPT(CALL_FAILURE, call_failure, type, STRING),
	IN_OPT(CALL_FAILURE, call_failure, message, STRING),
	IN_OPT(CALL_FAILURE, call_failure, trace, STRING),
};
const struct schema_type consume_failure_type = FIELDS_TYPE("Failure",
							    failure_fields);

static const struct schema_field outcome_fields[] = {
	IN_REQ(CALL_OUTCOME, call_outcome, id, INT, .min = 1, .max = ID_MAX),
	IN_REQ(CALL_OUTCOME, call_outcome, token, INT, .min = 1, .max = ID_MAX),
	IN_OPT(CALL_OUTCOME, call_outcome, result, OBJECT, .any = true),
	IN_OPT(CALL_OUTCOME, call_outcome, failure, STRUCT,
	       .type = &consume_failure_type, .raw = true),
	IN_OPT(CALL_OUTCOME, call_outcome, retry, BOOL),
	IN_OPT(CALL_OUTCOME, call_outcome, retry_ms, INT,
	       .max = DURATION_MAX_MS),
	IN_OPT(CALL_OUTCOME, call_outcome, bury, BOOL),
};
const struct schema_type consume_outcome_type = FIELDS_TYPE("Outcome",
							    outcome_fields);

static const struct schema_field reserve_in_fields[] = {
	IN_REQ(CALL_RESERVE, call_reserve, handlers, LIST,
	       .item = SCHEMA_STRING, .max = LIMIT_NAMES_PER_RESERVE),
	IN_OPT(CALL_RESERVE, call_reserve, queues, LIST, .item = SCHEMA_STRING,
	       .max = LIMIT_NAMES_PER_RESERVE),
	IN_OPT(CALL_RESERVE, call_reserve, max, INT, .min = 1,
	       .max = LIMIT_LEASES_PER_CONNECTION),
	IN_OPT(CALL_RESERVE, call_reserve, wait_ms, INT,
	       .max = DURATION_MAX_MS),
	IN_OPT(CALL_RESERVE, call_reserve, lease_ms, INT, .min = LEASE_MIN_MS,
	       .max = LEASE_MAX_MS),
};
static const struct schema_type reserve_in_type =
	FIELDS_TYPE(NULL, reserve_in_fields);

static const struct schema_field reserve_out_fields[] = {
	OUT_REQ(leases, LIST, .item = SCHEMA_STRUCT, .type = &lease_type),
};
static const struct schema_type reserve_out_type =
	FIELDS_TYPE(NULL, reserve_out_fields);

static const struct schema_field settle_in_fields[] = {
	IN_REQ(CALL_SETTLE, call_settle, outcomes, LIST, .item = SCHEMA_STRUCT,
	       .type = &consume_outcome_type, .max = LIMIT_IDS_PER_CALL),
};
static const struct schema_type settle_in_type = FIELDS_TYPE(NULL,
							     settle_in_fields);

/* Of Settle, Ack and Nack. */
static const struct schema_field settled_out_fields[] = {
	OUT_REQ(settled, INT),
	OUT_REQ(lost, LIST, .item = SCHEMA_INT),
};
static const struct schema_type settled_out_type =
	FIELDS_TYPE(NULL, settled_out_fields);

static const struct schema_field ack_in_fields[] = {
	IN_REQ(CALL_ACK, call_ack, held, LIST, .item = SCHEMA_STRUCT,
	       .type = &consume_held_type, .max = LIMIT_IDS_PER_CALL),
};
static const struct schema_type ack_in_type = FIELDS_TYPE(NULL, ack_in_fields);

static const struct schema_field nack_in_fields[] = {
	IN_REQ(CALL_NACK, call_nack, held, LIST, .item = SCHEMA_STRUCT,
	       .type = &consume_held_type, .max = LIMIT_IDS_PER_CALL),
	IN_OPT(CALL_NACK, call_nack, delay_ms, INT, .max = DURATION_MAX_MS),
};
static const struct schema_type nack_in_type = FIELDS_TYPE(NULL,
							   nack_in_fields);

static const struct schema_field extend_in_fields[] = {
	IN_REQ(CALL_EXTEND, call_extend, held, LIST, .item = SCHEMA_STRUCT,
	       .type = &consume_held_type, .max = LIMIT_IDS_PER_CALL),
	IN_OPT(CALL_EXTEND, call_extend, lease_ms, INT, .min = LEASE_MIN_MS,
	       .max = LEASE_MAX_MS),
};
static const struct schema_type extend_in_type = FIELDS_TYPE(NULL,
							     extend_in_fields);

static const struct schema_field extend_out_fields[] = {
	OUT_REQ(deadline_ms, INT),
	OUT_REQ(lost, LIST, .item = SCHEMA_INT),
	OUT_REQ(cancelled, LIST, .item = SCHEMA_INT),
};
static const struct schema_type extend_out_type =
	FIELDS_TYPE(NULL, extend_out_fields);

static const struct schema_field progress_in_fields[] = {
	IN_REQ(CALL_CONSUME_PROGRESS, call_consume_progress, held, STRUCT,
	       .type = &consume_held_type),
	IN_OPT(CALL_CONSUME_PROGRESS, call_consume_progress, fraction, FLOAT),
	IN_OPT(CALL_CONSUME_PROGRESS, call_consume_progress, note, STRING,
	       .max = REASON_BYTES_MAX),
};
static const struct schema_type progress_in_type =
	FIELDS_TYPE(NULL, progress_in_fields);

static const struct schema_field progress_out_fields[] = {
	OUT_REQ(lost, BOOL),
	OUT_REQ(cancelled, BOOL),
};
static const struct schema_type progress_out_type =
	FIELDS_TYPE(NULL, progress_out_fields);

static const struct schema_method methods[] = {
	{"org.reeve.consume", "Reserve", &reserve_in_type, &reserve_out_type,
	 true},
	{"org.reeve.consume", "Settle", &settle_in_type, &settled_out_type,
	 true},
	{"org.reeve.consume", "Ack", &ack_in_type, &settled_out_type, true},
	{"org.reeve.consume", "Nack", &nack_in_type, &settled_out_type, true},
	{"org.reeve.consume", "Extend", &extend_in_type, &extend_out_type,
	 true},
	{"org.reeve.consume", "Progress", &progress_in_type, &progress_out_type,
	 true},
};

static const struct schema_field pool_serves_error_fields[] = {
	OUT_REQ(handler, STRING),
	OUT_REQ(pool, STRING),
};
static const struct schema_type pool_serves_error_type =
	FIELDS_TYPE("PoolServes", pool_serves_error_fields);

static const struct schema_field too_many_error_fields[] = {
	OUT_REQ(what, STRING),
	OUT_REQ(limit, INT),
};
static const struct schema_type too_many_error_type =
	FIELDS_TYPE("TooMany", too_many_error_fields);

static const struct schema_type draining_error_type = {.name = "Draining"};

static const struct schema_type *const errors[] = {
	&pool_serves_error_type,
	&too_many_error_type,
	&draining_error_type,
};
static const struct schema_type *const types[] = {
	&lease_type,
	&consume_held_type,
	&consume_failure_type,
	&consume_outcome_type,
};

const struct schema_interface calls_consume = {
	.name = "org.reeve.consume",
	.text = idl_org_reeve_consume,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),
	.types = types,
	.type_count = ARRAY_COUNT(types),
};
