#include "daemon/broker/subscribe.h"

#include <errno.h>
#include <stddef.h>

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/state.h"
#include "proto/limits.h"

/* Unsent bytes from which on a subscriber is behind. */
#define FULL_BYTES (128 * 1024)
/* A page of the history: events that are looked at, and text of them. */
#define PAGE_EVENTS 16384
#define PAGE_BYTES (64 * 1024)
/* Numbers that none of his were among, until he is told the cursor. */
#define SILENT_MAX 4096

struct subscription {
	TAILQ_ENTRY(subscription) link; /* with `more` */
	bool linked;
	struct read_request request;
	struct call *call;
	struct event_filter filter;
	int64_t next;	/* the first number that he has not seen */
	int64_t told;	/* the cursor that he knows */
	bool begun;	/* he got the first reply */
	bool caught_up; /* he has had all that there was, once */
	bool reading;
	/* Of the reader's thread, while it reads. */
	struct subscribe_wish wish;
	bool positioned; /* `wish` is looked up, next is what it came to */
	struct store_history history;
	int64_t lost_from, lost_to; /* purged before he read them; 0: none */
	struct json_out text;	    /* events, without the list's brackets */
};

static void look(struct subscription *sub);

static void detach(struct subscription *sub)
{
	struct subscribe *subscribe = &sub->call->broker->subscribe;

	if (!sub->linked)
		return;
	sub->linked = false;
	TAILQ_REMOVE(&subscribe->list, sub, link);
	subscribe->count--;
}

/* ---- The reader's thread ---- */

static bool take(void *context, const struct store_event *event)
{
	struct subscription *sub = context;

	if (event_filter_takes(&sub->filter, event->kind, event->queue,
			       event->group, event->job))
		event_json(&sub->text, event);
	return sub->text.n < PAGE_BYTES;
}

/* Nothing yet is taken; the first number is found out. */
static int position(struct store *store, struct subscription *sub)
{
	int64_t since = sub->wish.since;
	int r = 0;

	if (!sub->wish.has_since) {
		r = store_event_at(store, sub->wish.since_ms, &sub->next);
		sub->positioned = r == 0;
		return r;
	}
	r = store_events(store, since, 0, NULL, NULL, &sub->history);
	if (r)
		return r;
	sub->next = since > 0 ? since : sub->history.next;
	sub->positioned = true;
	if (since > 0 && since < sub->history.oldest)
		return -ESTALE;
	return since > sub->history.head ? -ERANGE : 0;
}

static int read_step(struct store *store, struct read_request *request)
{
	struct subscription *sub =
		(struct subscription *)((char *)request -
					offsetof(struct subscription, request));
	int r = sub->positioned ? 0 : position(store, sub);
	int64_t from = sub->next;

	if (r)
		return r;
	r = store_events(store, from, PAGE_EVENTS, take, sub, &sub->history);
	if (r)
		return r;
	if (sub->history.oldest > from) {
		sub->lost_from = sub->lost_from ? sub->lost_from : from;
		sub->lost_to = sub->history.oldest - 1;
	}
	sub->next = sub->history.next;
	/* Nothing for him among them: go on, but let others read between. */
	return !sub->text.n && sub->next < sub->history.head ? READER_AGAIN : 0;
}

/* ---- Telling ---- */

static bool is_full(const struct subscription *sub)
{
	return !sub->call->conn ||
	       sock_unsent(&sub->call->conn->sock) >= FULL_BYTES;
}

static bool is_over(const struct subscription *sub)
{
	return sub->call->replied || !sub->call->conn;
}

/* Has he all that was committed, and room for what comes? */
static bool is_live(const struct subscription *sub)
{
	return !sub->reading && !is_over(sub) && !is_full(sub) &&
	       sub->next >= sub->call->broker->subscribe.head;
}

static struct json_out *reply_begin(struct subscription *sub)
{
	struct json_out *out = call_reply(sub->call, sub->call->more);

	json_out_key(out, "events");
	json_out_array(out);
	sub->begun = true;
	return out;
}

static void reply_end(struct subscription *sub, struct json_out *out)
{
	int64_t head = sub->call->broker->subscribe.head;

	json_out_array_end(out);
	json_out_member_int(out, "cursor", sub->next);
	json_out_member_int(out, "head", head > sub->next ? head : sub->next);
	sub->told = sub->next;
	call_reply_end(sub->call);
}

static void reply_nothing(struct subscription *sub)
{
	reply_end(sub, reply_begin(sub));
}

/* He did not read: from here on he goes on with what comes. */
static void reply_lost(struct subscription *sub)
{
	struct json_out *out = reply_begin(sub);
	int64_t head = sub->call->broker->subscribe.head;

	event_json_lost(out, sub->next, head - 1, clock_wall_ms());
	sub->next = head;
	reply_end(sub, out);
}

/* What was read, behind what is gone already. */
static void reply_page(struct subscription *sub)
{
	struct json_out *out = reply_begin(sub);

	if (sub->lost_from) {
		event_json_lost(out, sub->lost_from, sub->lost_to,
				clock_wall_ms());
		if (sub->text.n)
			json_out_byte(out, ',');
		sub->lost_from = 0;
	}
	json_out_append(out, json_out_slice(&sub->text));
	reply_end(sub, out);
}

static void refuse(struct subscription *sub, int result)
{
	struct call *call = sub->call;
	struct json_out *out;

	detach(sub);
	if (result == -ESTALE) {
		out = call_error(call, "org.reeve.events.CursorTooOld");
		json_out_member_int(out, "oldest", sub->history.oldest);
		call_error_end(call,
			       "events from that number on are no longer kept",
			       "ask with since 0 for all that are, and look at "
			       "the jobs for what was before");
	} else if (result == -ERANGE) {
		call_error_parameter(call, "since",
				     "no event has that number yet: is it of "
				     "another daemon?");
	} else {
		call_error_storage(call, "the events could not be read");
	}
}

static void read_done(struct read_request *request, int result)
{
	struct subscription *sub =
		(struct subscription *)((char *)request -
					offsetof(struct subscription, request));
	struct call *call = sub->call;

	sub->reading = false;
	if (!is_over(sub) && (result || !json_out_ok(&sub->text)))
		refuse(sub, result ? result : -ENOMEM);
	else if (!is_over(sub) &&
		 (!sub->begun || sub->text.n || sub->lost_from ||
		  sub->next - sub->told >= SILENT_MAX))
		reply_page(sub);
	json_out_fini(&sub->text);
	if (!is_over(sub))
		look(sub);
	call_release(call);
}

/* Read on, if he is behind and takes what he gets. */
static void look(struct subscription *sub)
{
	struct broker *broker = sub->call->broker;
	int64_t behind;

	if (sub->reading || is_over(sub) || is_full(sub))
		return;
	behind = broker->subscribe.head - sub->next;
	if (sub->positioned && behind <= 0) {
		sub->caught_up = true;
		return;
	}
	if (sub->caught_up && behind > LIMIT_EVENTS_BEHIND) {
		reply_lost(sub);
		return;
	}
	sub->reading = true;
	sub->request.step = read_step;
	sub->request.done = read_done;
	call_hold(sub->call);
	reader_ask(&broker->reader, &sub->request);
}

static void on_drained(struct call *call)
{
	look(call->state);
}

static void on_deaf(struct call *call)
{
	detach(call->state);
}

int subscribe_start(struct call *call, const struct subscribe_wish *wish)
{
	struct subscribe *subscribe = &call->broker->subscribe;
	struct subscription *sub = arena_alloc(&call->arena, sizeof(*sub));

	if (!sub)
		return -ENOMEM;
	if (call->more && subscribe->count >= LIMIT_SUBSCRIPTIONS)
		return SUBSCRIBE_E_TOO_MANY;
	sub->call = call;
	sub->filter = wish->filter;
	sub->wish = *wish;
	call->state = sub;
	if (call->more) {
		call->deaf = on_deaf;
		call->drained = on_drained;
		TAILQ_INSERT_TAIL(&subscribe->list, sub, link);
		sub->linked = true;
		subscribe->count++;
	}
	if (wish->has_since || wish->since_ms >= 0) {
		look(sub);
		return 0;
	}
	sub->next = sub->told = subscribe->head;
	sub->positioned = sub->caught_up = true;
	reply_nothing(sub);
	return 0;
}

/* ---- What a batch commits ---- */

/* The text of all its events; the end of each, so that any part can be told. */
static bool write_batch(struct subscribe *subscribe, const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	if (!subscribe->ends)
		subscribe->ends = calloc(STORE_EVENTS_TOLD,
					 sizeof(*subscribe->ends));
	if (!subscribe->ends)
		return false;
	json_out_reset(&subscribe->text);
	for (int64_t i = 0; i < store->event_count; i++) {
		event_json(&subscribe->text, &store->events[i]);
		subscribe->ends[i] = subscribe->text.n;
	}
	return json_out_ok(&subscribe->text);
}

/* A run of neighbours that he wants, in one piece. */
static void copy_run(struct subscription *sub, struct json_out **out,
		     int64_t first, int64_t end)
{
	const struct subscribe *subscribe = &sub->call->broker->subscribe;
	size_t from = first ? subscribe->ends[first - 1] + 1 : 0;

	if (first == end)
		return;
	if (*out)
		json_out_byte(*out, ',');
	else
		*out = reply_begin(sub);
	json_out_append(*out, (struct slice){subscribe->text.p + from,
					     subscribe->ends[end - 1] - from});
}

/* Up to what fits; the rest he reads when that has left. */
static void tell_batch(struct subscription *sub,
		       const struct store_batch *store)
{
	const struct subscribe *subscribe = &sub->call->broker->subscribe;
	int64_t i = sub->next - store->first_event, run = i;
	struct json_out *out = NULL;
	size_t bytes = 0;

	for (; i < store->event_count && bytes < FULL_BYTES; i++) {
		const struct store_event *event = &store->events[i];

		if (event_filter_takes(&sub->filter, event->kind, event->queue,
				       event->group, event->job)) {
			bytes += subscribe->ends[i] -
				 (i ? subscribe->ends[i - 1] : 0);
			continue;
		}
		copy_run(sub, &out, run, i);
		run = i + 1;
	}
	copy_run(sub, &out, run, i);
	sub->next = store->first_event + i;
	if (out)
		reply_end(sub, out);
	else if (sub->next - sub->told >= SILENT_MAX)
		reply_nothing(sub);
}

static void tell_emptied(struct broker *broker, const struct batch *batch)
{
	const struct subscribe *subscribe = &broker->subscribe;
	const struct store_batch *store = &batch->store;

	for (size_t i = 0; i < store->changed_lane_count; i++) {
		const struct store_lane *lane = &store->changed_lanes[i];
		int64_t counts[STATE_COUNT] = {0};
		bool told = false;

		if (!subscribe->was_live[i] || lane_is_live(lane->counts))
			continue;
		lanes_sum(&broker->lanes, lane->queue, counts);
		for (size_t j = 0; j < i && !told; j++)
			told = subscribe->was_live[j] &&
			       slice_equal(store->changed_lanes[j].queue,
					   lane->queue);
		if (!told && !lane_is_live(counts))
			subscribe_tell(broker,
				       &(struct told_event){
					       .kind = EVENT_QUEUE_EMPTY,
					       .queue = lane->queue,
				       });
	}
}

void subscribe_before(struct broker *broker, struct batch *batch)
{
	struct subscribe *subscribe = &broker->subscribe;
	const struct store_batch *store = &batch->store;

	subscribe->was_live = NULL;
	if (!subscribe_heard(broker, EVENT_QUEUE_EMPTY))
		return;
	subscribe->was_live = arena_array(&batch->arena,
					  store->changed_lane_count,
					  sizeof(*subscribe->was_live));
	for (size_t i = 0; subscribe->was_live && i < store->changed_lane_count;
	     i++) {
		const struct lane *lane =
			lane_find(&broker->lanes, store->changed_lanes[i].queue,
				  store->changed_lanes[i].handler);

		subscribe->was_live[i] = lane && lane_is_live(lane->counts);
	}
}

void subscribe_committed(struct broker *broker, const struct batch *batch)
{
	struct subscribe *subscribe = &broker->subscribe;
	const struct store_batch *store = &batch->store;
	struct subscription *sub, *next;
	bool written = false;

	for (sub = TAILQ_FIRST(&subscribe->list);
	     sub && store->events && !written; sub = TAILQ_NEXT(sub, link))
		written = is_live(sub);
	if (written)
		written = write_batch(subscribe, batch);
	if (store->event_count)
		subscribe->head = store->first_event + store->event_count;
	for (sub = TAILQ_FIRST(&subscribe->list); sub; sub = next) {
		next = TAILQ_NEXT(sub, link);
		if (written && !sub->reading && !is_over(sub) &&
		    !is_full(sub) && sub->next >= store->first_event &&
		    sub->next < subscribe->head)
			tell_batch(sub, store);
		look(sub);
	}
	if (subscribe->text.capacity > FULL_BYTES)
		json_out_fini(&subscribe->text);
	if (subscribe->was_live)
		tell_emptied(broker, batch);
	subscribe->was_live = NULL;
}

/* ---- Without a number ---- */

bool subscribe_heard(const struct broker *broker, enum event_kind kind)
{
	const struct subscription *sub;

	TAILQ_FOREACH (sub, &broker->subscribe.list, link) {
		if (!sub->filter.kinds || sub->filter.kinds & UINT32_C(1)
								      << kind)
			return true;
	}
	return false;
}

void subscribe_tell(struct broker *broker, const struct told_event *event)
{
	int64_t now_ms = clock_wall_ms();
	struct subscription *sub, *next;

	for (sub = TAILQ_FIRST(&broker->subscribe.list); sub; sub = next) {
		struct json_out *out;

		next = TAILQ_NEXT(sub, link);
		if (!is_live(sub) ||
		    !event_filter_takes(&sub->filter, event->kind, event->queue,
					event->group, event->job))
			continue;
		out = reply_begin(sub);
		event_json_told(out, event, sub->next - 1, now_ms);
		reply_end(sub, out);
	}
}

/* ---- Life ---- */

void subscribe_init(struct subscribe *subscribe)
{
	*subscribe = (struct subscribe){0};
	TAILQ_INIT(&subscribe->list);
}

void subscribe_fini(struct subscribe *subscribe)
{
	require(TAILQ_EMPTY(&subscribe->list));
	json_out_fini(&subscribe->text);
	free(subscribe->ends);
}
