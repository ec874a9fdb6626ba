#include "proto/calls.h"
#include "proto/table.h"

static const char *const submitted_or_lost_words[] = {
	"submitted",	"started",	 "finished",	"failed",
	"retrying",	"cancelled",	 "removed",	"progress",
	"queue_paused", "queue_resumed", "queue_empty", "worker_up",
	"worker_down",	"node_up",	 "node_down",	"lost"};
static const struct schema_type submitted_or_lost_type =
	WORDS_TYPE(NULL, submitted_or_lost_words);

static const struct schema_field event_event_fields[] = {
	OUT_REQ(seq, INT),
	OUT_REQ(at_ms, INT),
	OUT_REQ(kind, ENUM, .type = &submitted_or_lost_type),
	OUT_OPT(job, INT),
	OUT_OPT(queue, STRING),
	OUT_OPT(group, INT),
	OUT_OPT(pid, INT),
	OUT_OPT(detail, OBJECT),
};
static const struct schema_type event_event_type =
	FIELDS_TYPE("Event", event_event_fields);

static const struct schema_field subscribe_in_fields[] = {
	OUT_OPT(kinds, LIST, .item = SCHEMA_STRING),
	OUT_OPT(queue, STRING),
	OUT_OPT(jobs, LIST, .item = SCHEMA_INT),
	OUT_OPT(group, INT),
	OUT_OPT(since, INT),
};
static const struct schema_type subscribe_in_type =
	FIELDS_TYPE(NULL, subscribe_in_fields);

static const struct schema_field subscribe_out_fields[] = {
	OUT_REQ(events, LIST, .item = SCHEMA_STRUCT, .type = &event_event_type),
	OUT_REQ(cursor, INT),
};
static const struct schema_type subscribe_out_type =
	FIELDS_TYPE(NULL, subscribe_out_fields);

static const struct schema_method methods[] = {
	{"org.reeve.events", "Subscribe", &subscribe_in_type,
	 &subscribe_out_type, false},
};

static const struct schema_field cursor_too_old_error_fields[] = {
	OUT_REQ(oldest, INT),
};
static const struct schema_type cursor_too_old_error_type =
	FIELDS_TYPE("CursorTooOld", cursor_too_old_error_fields);

static const struct schema_type *const errors[] = {
	&cursor_too_old_error_type,
};
static const struct schema_type *const types[] = {
	&event_event_type,
};

const struct schema_interface calls_events = {
	.name = "org.reeve.events",
	.text = idl_org_reeve_events,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),
	.types = types,
	.type_count = ARRAY_COUNT(types),
};
