#include "daemon/broker/batch.h"

#include <errno.h>
#include <stddef.h>

#define BATCH_FIRST_ROOM 16
#define BATCH_KEEP_ROOM 4096 /* elements of an array kept over batches */

/* Make room for one more element; the array moves, its content stays. */
static int grow(void *array_at, size_t *room, size_t count, size_t bytes)
{
	void **array = array_at;
	size_t more = *room ? *room * 2 : BATCH_FIRST_ROOM;
	void *p;

	if (count < *room)
		return 0;
	p = reallocarray(*array, more, bytes);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = more;
	return 0;
}

static void shrink(void *array_at, size_t *room)
{
	void **array = array_at;

	if (*room <= BATCH_KEEP_ROOM)
		return;
	free(*array);
	*array = NULL;
	*room = 0;
}

void batch_init(struct batch *batch)
{
	*batch = (struct batch){.store.arena = &batch->arena};
	TAILQ_INIT(&batch->calls);
}

void batch_fini(struct batch *batch)
{
	require(TAILQ_EMPTY(&batch->calls));
	free(batch->store.lanes);
	free(batch->store.contexts);
	free(batch->store.workers);
	free(batch->gone);
	free(batch->store.outcomes);
	free(batch->store.steers);
	free(batch->store.groups);
	free(batch->store.queues);
	free(batch->store.edits);
	free(batch->store.entries);
	free(batch->store.wants);
	free(batch->plan);
	free(batch->lanes);
	free(batch->outcome_workers);
	arena_fini(&batch->arena);
	*batch = (struct batch){0};
}

void batch_reset(struct batch *batch, uint64_t serial)
{
	struct store_batch *store = &batch->store;

	require(TAILQ_EMPTY(&batch->calls));
	shrink(&store->lanes, &batch->room_lanes);
	shrink(&store->contexts, &batch->room_contexts);
	shrink(&store->workers, &batch->room_workers);
	shrink(&batch->gone, &batch->room_gone);
	shrink(&store->outcomes, &batch->room_outcomes);
	shrink(&store->steers, &batch->room_steers);
	shrink(&store->groups, &batch->room_groups);
	shrink(&store->queues, &batch->room_queues);
	shrink(&store->edits, &batch->room_edits);
	shrink(&store->entries, &batch->room_entries);
	shrink(&store->wants, &batch->room_wants);
	shrink(&batch->plan, &batch->room_plan);
	shrink(&batch->lanes, &batch->room_lane_pointers);
	shrink(&batch->outcome_workers, &batch->room_outcome_workers);
	arena_reset(&batch->arena);
	*store = (struct store_batch){
		.arena = &batch->arena,
		.lanes = store->lanes,
		.contexts = store->contexts,
		.workers = store->workers,
		.gone_workers = batch->gone,
		.outcomes = store->outcomes,
		.steers = store->steers,
		.groups = store->groups,
		.queues = store->queues,
		.edits = store->edits,
		.entries = store->entries,
		.wants = store->wants,
	};
	batch->serial = serial;
	batch->units = 0;
	batch->last_context = (struct slice){0};
	batch->queued_bytes = 0;
	batch->patient_count = 0;
	batch->hurry = false;
	batch->result = 0;
	batch->tries = 0;
}

bool batch_empty(const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	return !store->outcome_count && !store->steer_count &&
	       !store->group_count && !store->entry_count &&
	       !store->queue_count && !store->edit_count &&
	       !store->want_count && !store->gone_worker_count &&
	       !store->promote_max && !store->purge_max && !store->strand.n &&
	       TAILQ_EMPTY(&batch->calls);
}

void batch_patient(struct batch *batch, int64_t now_ns)
{
	if (!batch->patient_count++)
		batch->patient_since_ns = now_ns;
}

int64_t batch_waits(const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	if (!batch->patient_count || batch->hurry ||
	    batch->patient_count < store->outcome_count + store->entry_count ||
	    store->steer_count || store->group_count || store->queue_count ||
	    store->edit_count || store->gone_worker_count ||
	    store->promote_max || store->purge_max ||
	    !TAILQ_EMPTY(&batch->calls))
		return 0;
	return batch->patient_since_ns + BATCH_PATIENCE_NS;
}

int batch_lane(struct batch *batch, struct lane *lane, uint32_t *ret)
{
	struct store_batch *store = &batch->store;
	size_t i = store->lane_count;

	if (lane->batch_serial == batch->serial) {
		*ret = lane->batch_index;
		return 0;
	}
	if (grow(&store->lanes, &batch->room_lanes, i, sizeof(*store->lanes)) ||
	    grow(&batch->lanes, &batch->room_lane_pointers, i,
		 sizeof(*batch->lanes)))
		return -ENOMEM;

	store->lanes[i] = (struct store_lane){
		.queue = lane->queue,
		.handler = lane->handler,
	};
	batch->lanes[i] = lane;
	store->lane_count++;
	lane->batch_serial = batch->serial;
	lane->batch_index = (uint32_t)i;
	*ret = (uint32_t)i;
	return 0;
}

/* Clients repeat themselves: mostly the same context as the last. */
int batch_context(struct batch *batch, struct slice text, uint32_t *ret)
{
	struct store_batch *store = &batch->store;
	size_t i = store->context_count;
	struct slice copy;

	if (batch->last_context.p && slice_equal(text, batch->last_context)) {
		*ret = batch->last_context_index;
		return 0;
	}
	if (grow(&store->contexts, &batch->room_contexts, i,
		 sizeof(*store->contexts)) ||
	    arena_copy(&batch->arena, text, &copy))
		return -ENOMEM;

	store->contexts[i] = (struct store_context){.text = copy};
	store->context_count++;
	batch->last_context = copy;
	batch->last_context_index = (uint32_t)i;
	*ret = (uint32_t)i;
	return 0;
}

int batch_add_entry(struct batch *batch, size_t *ret)
{
	struct store_batch *store = &batch->store;

	if (grow(&store->entries, &batch->room_entries, store->entry_count,
		 sizeof(*store->entries)))
		return -ENOMEM;
	*ret = store->entry_count++;
	store->entries[*ret] = (struct store_entry){.context = UINT32_MAX,
						    .keep_ms = -1};
	return 0;
}

int batch_add_steer(struct batch *batch, size_t *ret)
{
	struct store_batch *store = &batch->store;

	if (grow(&store->steers, &batch->room_steers, store->steer_count,
		 sizeof(*store->steers)))
		return -ENOMEM;
	*ret = store->steer_count++;
	store->steers[*ret] = (struct store_steer){0};
	return 0;
}

int batch_add_group(struct batch *batch, size_t *ret)
{
	struct store_batch *store = &batch->store;

	if (grow(&store->groups, &batch->room_groups, store->group_count,
		 sizeof(*store->groups)))
		return -ENOMEM;
	*ret = store->group_count++;
	store->groups[*ret] = (struct store_group_op){0};
	return 0;
}

int batch_add_queue(struct batch *batch, struct slice name, size_t *ret)
{
	struct store_batch *store = &batch->store;
	struct slice copy;

	if (grow(&store->queues, &batch->room_queues, store->queue_count,
		 sizeof(*store->queues)) ||
	    arena_copy(&batch->arena, name, &copy))
		return -ENOMEM;
	*ret = store->queue_count++;
	store->queues[*ret] = (struct store_queue){.name = copy};
	return 0;
}

int batch_add_edit(struct batch *batch, size_t *ret)
{
	struct store_batch *store = &batch->store;

	if (grow(&store->edits, &batch->room_edits, store->edit_count,
		 sizeof(*store->edits)))
		return -ENOMEM;
	*ret = store->edit_count++;
	store->edits[*ret] = (struct store_edit){.entry.context = UINT32_MAX};
	return 0;
}

int batch_add_worker(struct batch *batch, size_t *ret)
{
	struct store_batch *store = &batch->store;

	if (grow(&store->workers, &batch->room_workers, store->worker_count,
		 sizeof(*store->workers)))
		return -ENOMEM;
	*ret = store->worker_count++;
	store->workers[*ret] = (struct store_worker){0};
	return 0;
}

int batch_add_outcome(struct batch *batch, int64_t worker, size_t *ret)
{
	struct store_batch *store = &batch->store;
	size_t i = store->outcome_count;

	if (grow(&store->outcomes, &batch->room_outcomes, i,
		 sizeof(*store->outcomes)) ||
	    grow(&batch->outcome_workers, &batch->room_outcome_workers, i,
		 sizeof(*batch->outcome_workers)))
		return -ENOMEM;
	store->outcome_count++;
	store->outcomes[i] = (struct store_outcome){.exit_code = -1};
	batch->outcome_workers[i] = worker;
	*ret = i;
	return 0;
}

int batch_add_gone(struct batch *batch, int64_t worker)
{
	struct store_batch *store = &batch->store;

	if (grow(&batch->gone, &batch->room_gone, store->gone_worker_count,
		 sizeof(*batch->gone)))
		return -ENOMEM;
	batch->gone[store->gone_worker_count++] = worker;
	store->gone_workers = batch->gone;
	return 0;
}

static int grow_wants(struct batch *batch, size_t room)
{
	while (batch->room_plan < room) {
		if (grow(&batch->plan, &batch->room_plan, batch->room_plan,
			 sizeof(*batch->plan)))
			return -ENOMEM;
	}
	while (batch->room_wants < room) {
		if (grow(&batch->store.wants, &batch->room_wants,
			 batch->room_wants, sizeof(*batch->store.wants)))
			return -ENOMEM;
	}
	return 0;
}

int batch_add_want(struct batch *batch, struct lane *lane,
		   const struct sched_want *want, void *tag)
{
	struct store_batch *store = &batch->store;
	uint32_t lane_index;

	if (grow_wants(batch, store->want_count + 1) ||
	    batch_lane(batch, lane, &lane_index))
		return -ENOMEM;
	batch->plan[store->want_count] = *want;
	store->wants[store->want_count++] = (struct store_want){
		.lane = lane_index,
		.max = want->max,
		.tag = tag,
	};
	return 0;
}

int batch_plan(struct batch *batch, struct sched *sched, size_t worker_count)
{
	struct store_batch *store = &batch->store;
	size_t before = store->want_count;
	/* A worker may get from several lanes; the rest waits a batch. */
	size_t room = worker_count * 4;
	size_t count;

	if (grow_wants(batch, before + room))
		return -ENOMEM;
	count = sched_plan(sched, batch->plan + before, room);
	for (size_t i = before; i < before + count; i++) {
		struct sched_want *want = &batch->plan[i];
		uint32_t lane_index;

		if (batch_lane(batch,
			       (struct lane *)((char *)want->lane -
					       offsetof(struct lane, sched)),
			       &lane_index)) {
			for (; i < before + count; i++)
				sched_want_done(sched, &batch->plan[i]);
			return -ENOMEM;
		}
		store->wants[store->want_count++] = (struct store_want){
			.lane = lane_index,
			.max = want->max,
		};
	}
	return 0;
}

void batch_forget_wants(struct batch *batch)
{
	batch->store.want_count = 0;
}
