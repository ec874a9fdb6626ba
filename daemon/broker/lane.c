#include "daemon/broker/lane.h"

#include <errno.h>

#include "proto/limits.h"

void lanes_init(struct lanes *lanes, struct sched *sched)
{
	*lanes = (struct lanes){.sched = sched};
}

void lanes_fini(struct lanes *lanes)
{
	struct lane *lane, *next;

	HASH_ITER (hh, lanes->by_key, lane, next) {
		HASH_DEL(lanes->by_key, lane);
		sched_lane_remove(lanes->sched, &lane->sched);
		free(lane);
	}
}

struct lane *lane_find(struct lanes *lanes, struct slice queue,
		       struct slice handler)
{
	struct lane *lane = NULL;
	char key[2 * (LIMIT_NAME_BYTES + 1)];

	if (queue.n > LIMIT_NAME_BYTES || handler.n > LIMIT_NAME_BYTES)
		return NULL;
	memcpy(key, queue.p, queue.n);
	key[queue.n] = 0;
	memcpy(key + queue.n + 1, handler.p, handler.n);
	HASH_FIND(hh, lanes->by_key, key, queue.n + 1 + handler.n, lane);
	return lane;
}

int lane_get(struct lanes *lanes, struct slice queue, struct slice handler,
	     uint32_t pool, struct lane **ret)
{
	struct lane *lane = lane_find(lanes, queue, handler);
	size_t key_bytes = queue.n + 1 + handler.n;

	if (lane) {
		*ret = lane;
		return 0;
	}
	if (lanes->count >= LIMIT_LANES)
		return LANE_E_TOO_MANY;

	lane = calloc(1, sizeof(*lane) + key_bytes + 1);
	if (!lane)
		return -ENOMEM;
	memcpy(lane->key, queue.p, queue.n);
	memcpy(lane->key + queue.n + 1, handler.p, handler.n);
	lane->queue = (struct slice){lane->key, queue.n};
	lane->handler = (struct slice){lane->key + queue.n + 1, handler.n};
	HASH_ADD_KEYPTR(hh, lanes->by_key, lane->key, key_bytes, lane);
	lanes->count++;
	sched_lane_add(lanes->sched, &lane->sched, 0, pool);
	if (lanes->queues && queue_settings(lanes->queues, queue).paused)
		sched_lane_pause(lanes->sched, &lane->sched, true);
	*ret = lane;
	return 0;
}

void lane_counts(struct lanes *lanes, struct lane *lane,
		 const int64_t counts[STATE_COUNT])
{
	memcpy(lane->counts, counts, sizeof(lane->counts));
	sched_lane_ready(lanes->sched, &lane->sched,
			 (uint64_t)counts[STATE_READY]);
}

void lanes_pause(struct lanes *lanes, struct slice queue, bool paused)
{
	for (struct lane *lane = lanes->by_key; lane; lane = lane->hh.next) {
		if (slice_equal(lane->queue, queue))
			sched_lane_pause(lanes->sched, &lane->sched, paused);
	}
}

void lanes_sum(const struct lanes *lanes, struct slice queue,
	       int64_t counts[STATE_COUNT])
{
	for (const struct lane *lane = lanes->by_key; lane;
	     lane = lane->hh.next) {
		if (queue.n && !slice_equal(lane->queue, queue))
			continue;
		for (int state = 0; state < STATE_COUNT; state++)
			counts[state] += lane->counts[state];
	}
}

int64_t lane_waiting(const int64_t counts[STATE_COUNT])
{
	return counts[STATE_HELD] + counts[STATE_BLOCKED] +
	       counts[STATE_SCHEDULED] + counts[STATE_READY];
}

bool lane_is_live(const int64_t counts[STATE_COUNT])
{
	for (int state = 0; state < STATE_COUNT; state++) {
		if (counts[state] && !state_is_end((enum job_state)state))
			return true;
	}
	return false;
}

void lanes_forget(struct lanes *lanes, uint64_t serial)
{
	struct lane *lane, *next;

	HASH_ITER (hh, lanes->by_key, lane, next) {
		if (lane_is_live(lane->counts) || lane->sched.asked ||
		    lane->sched.incoming || lane->batch_serial >= serial)
			continue;
		HASH_DEL(lanes->by_key, lane);
		sched_lane_remove(lanes->sched, &lane->sched);
		lanes->count--;
		free(lane);
	}
}
