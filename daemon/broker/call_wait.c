/* Wait: for jobs by id (watch.c), or for a group. */

#include <errno.h>

#include "daemon/broker/filter.h"
#include "daemon/broker/group_watch.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "daemon/broker/watch.h"
#include "proto/calls_jobs.h"
#include "proto/json_in.h"
#include "proto/limits.h"

static bool read_ids(struct call *call, struct slice list, const int64_t **ret,
		     size_t *ret_count)
{
	size_t count = json_count(list);
	struct json_out *out;

	if (!count) {
		call_error_parameter(call, "ids", "expected at least one id");
		return false;
	}
	if (count > LIMIT_IDS_PER_CALL) {
		out = call_error(call, "org.reeve.jobs.TooLarge");
		json_out_member_text(out, "what", "ids");
		json_out_member_int(out, "size", (int64_t)count);
		json_out_member_int(out, "limit", LIMIT_IDS_PER_CALL);
		call_error_end(call, "too many ids in one call",
			       "open a group and wait for it");
		return false;
	}
	if (filter_ids(&call->arena, list, ret, ret_count)) {
		call_error_memory(call);
		return false;
	}
	return true;
}

void call_wait(struct call *call, void *params)
{
	struct call_wait *p = params;
	int64_t wait_ms = CALL_HAS(p, WAIT, wait_ms) ? p->wait_ms : -1;
	unsigned style;
	const int64_t *ids;
	size_t count;

	if (call->more)
		style = p->any ? WATCH_FIRST : WATCH_WAIT;
	else
		style = p->any ? WATCH_ANY : WATCH_ALL;
	if (CALL_HAS(p, WAIT, ids) == CALL_HAS(p, WAIT, group)) {
		call_error_parameter(call, "ids", "give either ids or a group");
		return;
	}
	if (CALL_HAS(p, WAIT, group)) {
		if (group_watch_start(call, p->group, p->any, p->brief,
				      wait_ms))
			call_error_memory(call);
		return;
	}
	if (!read_ids(call, p->ids, &ids, &count))
		return;
	if (p->brief)
		style |= WATCH_BRIEF;
	if (watch_start(call, style, ids, count, true, wait_ms))
		call_error_memory(call);
}
