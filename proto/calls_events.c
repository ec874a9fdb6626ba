#include "proto/calls_events.h"
#include "proto/table.h"

static const char *const submitted_or_lost_words[] = {EVENT_KINDS(NAME_WORD)};
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

#define ARG(member, kind, ...)                                                 \
	IN_OPT(CALL_SUBSCRIBE, call_subscribe, member, kind, ##__VA_ARGS__)
static const struct schema_field subscribe_in_fields[] = {
	ARG(kinds, LIST, .item = SCHEMA_STRING, .max = EVENT_KIND_COUNT),
	ARG(queue, STRING, .max = LIMIT_NAME_BYTES),
	ARG(jobs, LIST, .item = SCHEMA_INT, .min = 1,
	    .max = LIMIT_IDS_PER_CALL),
	ARG(group, INT, .min = 1, .max = ID_MAX),
	ARG(since, INT, .min = -ID_MAX, .max = ID_MAX),
	ARG(since_ms, INT, .min = 0, .max = INT64_MAX),
};
#undef ARG
static const struct schema_type subscribe_in_type =
	FIELDS_TYPE(NULL, subscribe_in_fields);

static const struct schema_field subscribe_out_fields[] = {
	OUT_REQ(events, LIST, .item = SCHEMA_STRUCT, .type = &event_event_type),
	OUT_REQ(cursor, INT),
	OUT_REQ(head, INT),
};
static const struct schema_type subscribe_out_type =
	FIELDS_TYPE(NULL, subscribe_out_fields);

static const struct schema_method methods[] = {
	{"org.reeve.events", "Subscribe", &subscribe_in_type,
	 &subscribe_out_type, true},
};

static const struct schema_field cursor_too_old_error_fields[] = {
	OUT_REQ(oldest, INT),
};
static const struct schema_type cursor_too_old_error_type =
	FIELDS_TYPE("CursorTooOld", cursor_too_old_error_fields);

static const struct schema_field too_many_subscriptions_error_fields[] = {
	OUT_REQ(limit, INT),
};
static const struct schema_type too_many_subscriptions_error_type = FIELDS_TYPE(
	"TooManySubscriptions", too_many_subscriptions_error_fields);

static const struct schema_type *const errors[] = {
	&cursor_too_old_error_type,
	&too_many_subscriptions_error_type,
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
