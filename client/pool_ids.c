/* The slots of a pool: free, by id, in order. No I/O. */

#include "client/job.h"
#include "client/pool.h"

#include <errno.h>

int pool_slots_init(struct reeve_pool *pool, size_t most, bool ordered)
{
	size_t count = most + POOL_EARLY, buckets = 64;

	while (buckets < count * 2)
		buckets *= 2;
	pool->slots = calloc(count, sizeof(*pool->slots));
	pool->ids = malloc(buckets * sizeof(*pool->ids));
	if (ordered)
		pool->order = calloc(most, sizeof(*pool->order));
	if (!pool->slots || !pool->ids || (ordered && !pool->order))
		return -ENOMEM;
	memset(pool->ids, 0xff, buckets * sizeof(*pool->ids));
	pool->id_mask = buckets - 1;
	pool->most = most;
	for (size_t i = 0; i < count; i++)
		pool->slots[i].next = (uint32_t)i + 1;
	pool->slots[most - 1].next = POOL_NONE;
	pool->slots[count - 1].next = POOL_NONE;
	pool->free = 0;
	pool->early_free = (uint32_t)most;
	pool->ended_first = pool->ended_last = POOL_NONE;
	return 0;
}

void pool_slots_fini(struct reeve_pool *pool)
{
	for (size_t i = 0; pool->slots && i < pool->most + POOL_EARLY; i++)
		reeve_job_free(pool->slots[i].job);
	free(TAKE(pool->slots));
	free(TAKE(pool->ids));
	free(TAKE(pool->order));
}

/* ---- By id: open addressing, no tombstones ---- */

static size_t bucket_of(const struct reeve_pool *pool, int64_t id)
{
	/* Ids come one after the other: spread enough by themselves. */
	return (size_t)id & pool->id_mask;
}

uint32_t pool_find(const struct reeve_pool *pool, int64_t id)
{
	size_t at = bucket_of(pool, id);

	while (pool->ids[at] != POOL_NONE) {
		if (pool->slots[pool->ids[at]].id == id)
			return pool->ids[at];
		at = (at + 1) & pool->id_mask;
	}
	return POOL_NONE;
}

void pool_ids_add(struct reeve_pool *pool, uint32_t slot)
{
	size_t at = bucket_of(pool, pool->slots[slot].id);

	while (pool->ids[at] != POOL_NONE)
		at = (at + 1) & pool->id_mask;
	pool->ids[at] = slot;
}

void pool_ids_remove(struct reeve_pool *pool, uint32_t slot)
{
	size_t hole = bucket_of(pool, pool->slots[slot].id), at;

	while (pool->ids[hole] != slot)
		hole = (hole + 1) & pool->id_mask;
	/* Whoever stands behind the hole, and belongs before it, fills it. */
	for (at = (hole + 1) & pool->id_mask; pool->ids[at] != POOL_NONE;
	     at = (at + 1) & pool->id_mask) {
		size_t home = bucket_of(pool, pool->slots[pool->ids[at]].id);

		if (((at - home) & pool->id_mask) >=
		    ((at - hole) & pool->id_mask)) {
			pool->ids[hole] = pool->ids[at];
			hole = at;
		}
	}
	pool->ids[hole] = POOL_NONE;
}

/* ---- Taken and given back ---- */

uint32_t pool_take(struct reeve_pool *pool)
{
	uint32_t slot = pool->free;

	if (slot == POOL_NONE)
		return slot;
	pool->free = pool->slots[slot].next;
	pool->slots[slot].state = POOL_SENT;
	pool->slots[slot].next = POOL_NONE;
	pool->left++;
	if (pool->order)
		pool->order[(pool->order_first + pool->order_count++) %
			    pool->most] = slot;
	return slot;
}

uint32_t pool_early(struct reeve_pool *pool)
{
	uint32_t slot = pool->early_free;

	if (slot == POOL_NONE)
		return slot;
	pool->early_free = pool->slots[slot].next;
	pool->slots[slot].state = POOL_EARLY_END;
	pool->early++;
	return slot;
}

void pool_early_drop(struct reeve_pool *pool, uint32_t slot)
{
	reeve_job_free(TAKE(pool->slots[slot].job));
	pool->slots[slot] = (struct pool_slot){.next = pool->early_free};
	pool->early_free = slot;
	pool->early--;
}

void pool_end(struct reeve_pool *pool, uint32_t slot, struct reeve_job *job)
{
	pool->slots[slot].state = POOL_ENDED;
	pool->slots[slot].job = job;
	if (pool->order)
		return;
	pool->slots[slot].next = POOL_NONE;
	if (pool->ended_last == POOL_NONE)
		pool->ended_first = slot;
	else
		pool->slots[pool->ended_last].next = slot;
	pool->ended_last = slot;
}

uint32_t pool_first(const struct reeve_pool *pool)
{
	uint32_t slot;

	if (!pool->order)
		return pool->ended_first;
	if (pool->order_count == 0)
		return POOL_NONE;
	slot = pool->order[pool->order_first];
	return pool->slots[slot].state == POOL_ENDED ? slot : POOL_NONE;
}

struct reeve_job *pool_release(struct reeve_pool *pool, uint32_t slot)
{
	struct reeve_job *job = pool->slots[slot].job;

	if (pool->order) {
		pool->order_first = (pool->order_first + 1) % pool->most;
		pool->order_count--;
	} else {
		pool->ended_first = pool->slots[slot].next;
		if (pool->ended_first == POOL_NONE)
			pool->ended_last = POOL_NONE;
	}
	pool->slots[slot] = (struct pool_slot){.next = pool->free};
	pool->free = slot;
	pool->left--;
	return job;
}

void pool_forget(const struct reeve_pool *pool, void (*forget)(void *data))
{
	for (size_t i = 0; i < pool->most; i++) {
		if (pool->slots[i].state != POOL_FREE)
			forget(pool->slots[i].data);
	}
}
