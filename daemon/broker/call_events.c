/* Subscribe. Who may connect may see all jobs (List), and so all events. */

#include <stdio.h>

#include "daemon/broker/filter.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/calls_events.h"
#include "proto/json_in.h"
#include "proto/limits.h"

static bool read_kinds(struct call *call, struct slice list, uint32_t *ret)
{
	struct json_iter iter = json_enter(list);
	struct slice item, word;
	enum event_kind kind;

	for (int i = 0; json_item(&iter, &item); i++) {
		char path[32];

		if (json_string(&call->arena, item, &word)) {
			call_error_memory(call);
			return false;
		}
		if (!event_kind_parse(word, &kind)) {
			snprintf(path, sizeof(path), "kinds[%d]", i);
			call_error_parameter(call, path,
					     "not a kind of event: submitted, "
					     "started, finished, failed, ...");
			return false;
		}
		*ret |= UINT32_C(1) << kind;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static int read_jobs(struct call *call, struct slice list,
		     struct event_filter *filter)
{
	const int64_t *ids;

	if (filter_ids(&call->arena, list, &ids, &filter->job_count))
		return -1;
	qsort((void *)(uintptr_t)ids, filter->job_count, sizeof(*ids), compare);
	filter->jobs = ids;
	return 0;
}

/* Given and empty holds for no event; left out it holds for any. */
static const char *empty_field(const struct call_subscribe *p)
{
	if (CALL_HAS(p, SUBSCRIBE, kinds) && !json_count(p->kinds))
		return "kinds";
	if (CALL_HAS(p, SUBSCRIBE, queue) && !p->queue.n)
		return "queue";
	if (CALL_HAS(p, SUBSCRIBE, jobs) && !json_count(p->jobs))
		return "jobs";
	return NULL;
}

static void too_many(struct call *call)
{
	struct json_out *out =
		call_error(call, "org.reeve.events.TooManySubscriptions");

	json_out_member_int(out, "limit", LIMIT_SUBSCRIPTIONS);
	call_error_end(call, "too many others listen already",
		       "share a subscription, or call without more");
}

void call_subscribe(struct call *call, void *params)
{
	struct call_subscribe *p = params;
	struct subscribe_wish wish = {
		.filter.group = p->group,
		.has_since = CALL_HAS(p, SUBSCRIBE, since),
		.since = p->since,
		.since_ms = CALL_HAS(p, SUBSCRIBE, since_ms) ? p->since_ms : -1,
	};
	const char *empty = empty_field(p);
	int r;

	if (empty) {
		call_error_parameter(call, empty,
				     "holds for no event; leave it out for "
				     "any");
		return;
	}
	if (wish.has_since && wish.since_ms >= 0) {
		call_error_parameter(call, "since_ms",
				     "give either since or since_ms");
		return;
	}
	if (!read_kinds(call, p->kinds, &wish.filter.kinds))
		return;
	if ((p->queue.n &&
	     arena_copy(&call->arena, p->queue, &wish.filter.queue)) ||
	    (CALL_HAS(p, SUBSCRIBE, jobs) &&
	     read_jobs(call, p->jobs, &wish.filter))) {
		call_error_memory(call);
		return;
	}
	r = subscribe_start(call, &wish);
	if (r == SUBSCRIBE_E_TOO_MANY)
		too_many(call);
	else if (r)
		call_error_memory(call);
}
