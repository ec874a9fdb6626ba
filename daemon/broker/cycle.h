#pragma once

/*
 * Cycle: the round of the batches. One gathers, one is with the writer. When
 * that comes back the next one goes at once; then replies, claims and
 * settlements of the one that came back leave. No timer: the fsync is the
 * clock.
 */

#include "daemon/broker/batch.h"

struct broker;

/** cycle_init() - empty batches and their events; 0 or -ENOMEM */
must_check int cycle_init(struct broker *broker);
/** cycle_fini() - nothing is with the writer any more; calls end quietly */
void cycle_fini(struct broker *broker);

/** cycle_unwant() - what the batch wanted does not come */
void cycle_unwant(struct broker *broker, struct batch *batch);

/**
 * cycle_kick() - something was added, or credit came free: look at the end of
 * this turn of the loop whether the batch can leave
 */
void cycle_kick(struct broker *broker);

/** cycle_behind() - is the gathering batch as large as it may get? */
bool cycle_behind(const struct broker *broker);

/** cycle_finished() - the writer's callback; public for the start-up */
void cycle_finished(void *broker, struct batch *batch);

/** cycle_tell() - the calls of a batch learn its result, each once */
void cycle_tell(struct batch *batch);

/** cycle_tick() - once a second: due jobs, purge, a full disk, recalls */
void cycle_tick(struct broker *broker);

/** cycle_oldest() - serial of the oldest batch that is under way */
uint64_t cycle_oldest(const struct broker *broker);
