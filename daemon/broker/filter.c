#include "daemon/broker/filter.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/broker/call.h"
#include "proto/calls.h"
#include "proto/filter.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/names.h"

int filter_ids(struct arena *arena, struct slice list, const int64_t **ret,
	       size_t *ret_count)
{
	struct json_iter iter = json_enter(list);
	size_t count = json_count(list), n = 0;
	struct slice item;
	int64_t *ids = arena_array(arena, count, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	while (n < count && json_item(&iter, &item)) {
		if (json_int(item, &ids[n]) == 0)
			n++;
	}
	*ret = ids;
	*ret_count = n;
	return 0;
}

/* Words were checked by the table; here they become bits. */
static uint32_t bits_of(struct arena *arena, struct slice list,
			bool (*parse)(struct slice, unsigned *))
{
	struct json_iter iter = json_enter(list);
	struct slice item, word;
	uint32_t bits = 0;
	unsigned n;

	while (json_item(&iter, &item)) {
		if (json_string(arena, item, &word) == 0 && parse(word, &n))
			bits |= UINT32_C(1) << n;
	}
	return bits;
}

static bool parse_state(struct slice word, unsigned *ret)
{
	enum job_state state;

	if (!state_parse(word, &state))
		return false;
	*ret = state;
	return true;
}

static bool parse_cause(struct slice word, unsigned *ret)
{
	enum job_cause cause;

	if (!cause_parse(word, &cause))
		return false;
	*ret = cause;
	return true;
}

/* Slices of the message do not outlive the call's first turn: copy. */
static int copy_text(struct arena *arena, struct slice *text)
{
	return text->p ? arena_copy(arena, *text, text) : 0;
}

static int convert(struct arena *arena, struct call_filter *in,
		   struct store_filter *ret)
{
	*ret = (struct store_filter){
		.all = in->all,
		.group = in->group,
		.follows = in->follows,
		.older_than_ms = in->older_than_ms,
		.newer_than_ms = in->newer_than_ms,
		.has_exit_code = CALL_HAS(in, FILTER, exit_code),
		.exit_code = (int32_t)in->exit_code,
		.has_uid = CALL_HAS(in, FILTER, uid),
		.uid = (uint32_t)in->uid,
		.states = bits_of(arena, in->states, parse_state),
		.causes = bits_of(arena, in->causes, parse_cause),
	};
	if (copy_text(arena, &in->queue) || copy_text(arena, &in->handler) ||
	    copy_text(arena, &in->name) || copy_text(arena, &in->key) ||
	    copy_text(arena, &in->tags))
		return -ENOMEM;
	ret->queue = in->queue;
	ret->handler = in->handler;
	ret->name = in->name;
	ret->key = in->key;
	ret->tags = in->tags;
	if (!CALL_HAS(in, FILTER, ids))
		return 0;
	return filter_ids(arena, in->ids, &ret->ids, &ret->id_count);
}

/*
 * A field that is given and empty holds for no job, but to the store it would
 * mean any: whoever computed it must not cancel everything.
 */
static const char *empty_field(const struct call_filter *in)
{
	const struct {
		const char *path;
		bool empty;
	} fields[] = {
#define EMPTY_TEXT(name)                                                       \
	{"filter." #name, CALL_HAS(in, FILTER, name) && !in->name.n}
#define EMPTY_LIST(name)                                                       \
	{                                                                      \
		"filter." #name,                                               \
			CALL_HAS(in, FILTER, name) && !json_count(in->name)    \
	}
		EMPTY_TEXT(queue),
		EMPTY_TEXT(handler),
		EMPTY_TEXT(name),
		EMPTY_TEXT(key),
		EMPTY_LIST(states),
		EMPTY_LIST(causes),
		EMPTY_LIST(tags),
		{"filter.older_than_ms",
		 CALL_HAS(in, FILTER, older_than_ms) && !in->older_than_ms},
	};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		if (fields[i].empty)
			return fields[i].path;
	}
	return NULL;
}

bool filter_read(struct call *call, struct slice object, bool steering,
		 struct store_filter *ret)
{
	struct call_filter in = {0};
	struct schema_fault fault;
	const char *empty;
	int r = 0;

	if (object.p)
		r = schema_decode(&filter_type, &call->arena, object, "filter",
				  &in, &fault);
	if (r > 0) {
		call_error_parameter(call, fault.path, fault.message);
		return false;
	}
	empty = r == 0 ? empty_field(&in) : NULL;
	if (empty) {
		call_error_parameter(call, empty,
				     "holds for no job; leave it out for any");
		return false;
	}
	if (steering && r == 0 && (in.has == 0 || (in.has == 1 && !in.all))) {
		call_error_parameter(call, "filter",
				     "is empty: say which jobs, or all:true");
		return false;
	}
	if (CALL_HAS(&in, FILTER, ids) &&
	    json_count(in.ids) > LIMIT_IDS_PER_CALL) {
		char message[80];

		snprintf(message, sizeof(message),
			 "more than the limit of %d ids in one call",
			 LIMIT_IDS_PER_CALL);
		call_error_parameter(call, "filter.ids", message);
		return false;
	}
	if (r < 0 || convert(&call->arena, &in, ret)) {
		call_error_memory(call);
		return false;
	}
	return true;
}
