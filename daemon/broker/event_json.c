#include "daemon/broker/event_json.h"

static int compare_ids(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

bool event_filter_takes(const struct event_filter *filter, enum event_kind kind,
			struct slice queue, int64_t group, int64_t job)
{
	if (kind == EVENT_LOST)
		return true;
	if (filter->kinds && !(filter->kinds & UINT32_C(1) << kind))
		return false;
	if (filter->queue.n && !slice_equal(filter->queue, queue))
		return false;
	if (filter->group && filter->group != group)
		return false;
	return !filter->jobs || bsearch(&job, filter->jobs, filter->job_count,
					sizeof(*filter->jobs), compare_ids);
}

static void begin(struct json_out *out, int64_t seq, int64_t at_ms,
		  enum event_kind kind)
{
	json_out_object(out);
	json_out_member_int(out, "seq", seq);
	json_out_member_int(out, "at_ms", at_ms);
	json_out_member_text(out, "kind", event_kind_name(kind));
}

void event_json(struct json_out *out, const struct store_event *event)
{
	begin(out, event->seq, event->at_ms, event->kind);
	json_out_member_int(out, "job", event->job);
	if (event->queue.n)
		json_out_member_string(out, "queue", event->queue);
	if (event->group)
		json_out_member_int(out, "group", event->group);
	if (event->attempt || event->cause != CAUSE_NONE) {
		json_out_key(out, "detail");
		json_out_object(out);
		if (event->attempt)
			json_out_member_int(out, "attempt", event->attempt);
		if (event->cause != CAUSE_NONE)
			json_out_member_text(out, "cause",
					     cause_name(event->cause));
		json_out_object_end(out);
	}
	json_out_object_end(out);
}

void event_json_told(struct json_out *out, const struct told_event *event,
		     int64_t seq, int64_t at_ms)
{
	begin(out, seq, at_ms, event->kind);
	if (event->job)
		json_out_member_int(out, "job", event->job);
	if (event->queue.n)
		json_out_member_string(out, "queue", event->queue);
	if (event->group)
		json_out_member_int(out, "group", event->group);
	if (event->pid)
		json_out_member_int(out, "pid", event->pid);
	if (event->detail.n)
		json_out_member_raw(out, "detail", event->detail);
	json_out_object_end(out);
}

void event_json_lost(struct json_out *out, int64_t from, int64_t to,
		     int64_t at_ms)
{
	begin(out, from - 1, at_ms, EVENT_LOST);
	json_out_key(out, "detail");
	json_out_object(out);
	json_out_member_int(out, "from", from);
	json_out_member_int(out, "to", to);
	json_out_object_end(out);
	json_out_object_end(out);
}
