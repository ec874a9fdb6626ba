#pragma once

/*
 * Lanes: the broker's picture of every (queue, handler) pair that has live
 * jobs, with the counts per state that the store last committed. A lane whose
 * jobs have all ended may be forgotten at any time: the store knows it.
 */

#include <uthash.h>

#include "daemon/broker/queue.h"
#include "daemon/core/sched.h"
#include "daemon/store/store.h"
#include "proto/base.h"

struct lane {
	UT_hash_handle hh;
	struct sched_lane sched;
	struct slice queue,
		handler; /* terminated, in one block with the lane */
	int64_t counts[STATE_COUNT];
	uint64_t batch_serial; /* the batch that named it last */
	uint32_t batch_index;  /* its place there */
	char key[];	       /* queue, NUL, handler, NUL */
};

struct lanes {
	struct lane *by_key;
	struct sched *sched;
	const struct queues *queues; /* who is paused; may be NULL */
	size_t count;
};

enum {
	LANE_E_TOO_MANY = 1, /* LIMIT_LANES have live jobs */
};

/** lanes_init() - none; @sched outlives them */
void lanes_init(struct lanes *lanes, struct sched *sched);
/** lanes_fini() - free all; nothing of them is wanted any more */
void lanes_fini(struct lanes *lanes);

/**
 * lane_get() - find or make
 * @queue, @handler: no NUL inside; the caller has checked length and handler
 * @pool:	of the handler, for a lane that is new
 *
 * Return: 0, LANE_E_TOO_MANY, or -ENOMEM.
 */
must_check int lane_get(struct lanes *lanes, struct slice queue,
			struct slice handler, uint32_t pool, struct lane **ret);

/** lane_find() - NULL when there is none */
struct lane *lane_find(struct lanes *lanes, struct slice queue,
		       struct slice handler);

/** lane_counts() - take over what a batch committed */
void lane_counts(struct lanes *lanes, struct lane *lane,
		 const int64_t counts[STATE_COUNT]);

/** lanes_pause() - nothing of the queue is claimed until it goes on */
void lanes_pause(struct lanes *lanes, struct slice queue, bool paused);

/** lanes_sum() - jobs of a queue by state, added to @counts; n 0: of all */
void lanes_sum(const struct lanes *lanes, struct slice queue,
	       int64_t counts[STATE_COUNT]);

/** lane_waiting() - of these, jobs that count against max_length */
int64_t lane_waiting(const int64_t counts[STATE_COUNT]);

/** lane_is_live() - do these counts hold a job that has not ended? */
bool lane_is_live(const int64_t counts[STATE_COUNT]);

/**
 * lanes_forget() - free the lanes whose jobs have all ended
 * @serial:	of the oldest batch that is under way: what it names stays
 */
void lanes_forget(struct lanes *lanes, uint64_t serial);
