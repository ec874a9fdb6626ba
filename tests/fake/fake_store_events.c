/* The history of the fake store: what its batches tell of, by number. */

#include <errno.h>

#include "tests/fake/fake_store.h"

static void add(struct store *store, int64_t id, enum event_kind kind,
		int64_t at_ms)
{
	const struct fake_job *job = fake_store_job(store, id);
	struct store_event *event;

	if (store->event_count == store->event_room) {
		store->event_room = store->event_room ? store->event_room * 2
						      : 64;
		store->events = reallocarray(store->events, store->event_room,
					     sizeof(*store->events));
		require(store->events);
	}
	event = &store->events[store->event_count++];
	*event = (struct store_event){
		.seq = (int64_t)store->event_count,
		.at_ms = at_ms,
		.kind = kind,
		.cause = kind == EVENT_FAILED ? job->cause : CAUSE_NONE,
		.job = id,
		.group = job->group,
		.attempt = kind == EVENT_SUBMITTED ? 0 : job->attempt,
		.queue = slice_of(store->lanes[job->lane].queue),
	};
}

void fake_events(struct store *store, struct store_batch *batch)
{
	size_t before = store->event_count;

	for (size_t i = 0; i < batch->entry_count; i++) {
		if (batch->entries[i].what == STORE_NEW)
			add(store, batch->entries[i].id, EVENT_SUBMITTED,
			    batch->now_ms);
	}
	for (size_t i = 0; i < batch->claim_count; i++)
		add(store, batch->claims[i].job, EVENT_STARTED, batch->now_ms);
	for (size_t i = 0; i < batch->ended_count; i++)
		add(store, batch->ended[i].id,
		    batch->ended[i].state == STATE_SUCCEEDED ? EVENT_FINISHED
		    : batch->ended[i].state == STATE_FAILED  ? EVENT_FAILED
							     : EVENT_CANCELLED,
		    batch->now_ms);
	batch->first_event = (int64_t)before + 1;
	batch->event_count = (int64_t)(store->event_count - before);
	batch->events = NULL;
	if (!batch->with_events || !batch->event_count ||
	    batch->event_count > STORE_EVENTS_TOLD)
		return;
	batch->events = arena_array(batch->arena, (size_t)batch->event_count,
				    sizeof(*batch->events));
	require(batch->events);
	memcpy(batch->events, store->events + before,
	       (size_t)batch->event_count * sizeof(*batch->events));
}

int store_events(struct store *store, int64_t from, uint32_t max,
		 bool (*take)(void *context, const struct store_event *event),
		 void *context, struct store_history *ret)
{
	int r = fake_begin(store);

	ret->head = (int64_t)store->event_count + 1;
	ret->oldest = store->oldest_event ? store->oldest_event : 1;
	ret->next = from < 0 ? ret->head + from : from;
	if (ret->next < ret->oldest)
		ret->next = ret->oldest;
	while (r == 0 && max-- && ret->next < ret->head) {
		if (!take(context, &store->events[ret->next++ - 1]))
			break;
	}
	return fake_finish(store, r);
}

int store_event_at(struct store *store, int64_t at_ms, int64_t *ret)
{
	int r = fake_begin(store);

	*ret = store->oldest_event ? store->oldest_event : 1;
	while ((size_t)*ret <= store->event_count &&
	       store->events[*ret - 1].at_ms < at_ms)
		++*ret;
	return fake_finish(store, r);
}
