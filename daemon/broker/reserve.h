#pragma once

/*
 * Reserve: the calls that wait for jobs of handlers which no pool serves. What
 * they want goes with each batch that leaves, beside what the scheduler plans
 * for workers; what it brings is told after the commit. A call without `more`
 * is answered once; with it leases come as long as its connection has fewer
 * than `max` that did not end.
 */

#include <sys/queue.h>

#include "daemon/broker/leases.h"
#include "daemon/broker/reserve_handler.h"

struct batch;
struct broker;
struct call;
struct reservation;

struct reserves {
	TAILQ_HEAD(, reservation) list;
	TAILQ_HEAD(, reservation) told; /* claims came for them */
	struct reserve_handlers handlers;
	size_t asked; /* wanted in batches that are not committed */
};

/* What a call asks for; all of it lives as long as the call. */
struct reserve_wish {
	struct slice *handlers, *queues; /* no queues: any */
	size_t handler_count, queue_count;
	uint32_t max;
	int64_t lease_ns;
	int64_t wait_ms; /* 0: look once; negative: without end */
};

/** reserves_init() - nobody waits */
void reserves_init(struct reserves *reserves);
/** reserves_fini() - forget the handlers; no call waits any more */
void reserves_fini(struct reserves *reserves);

/**
 * reserve_start() - the call waits for what it wishes, and is answered
 *
 * Return: 0, RESERVE_HANDLER_E_TOO_MANY or -ENOMEM; then the caller answers.
 */
must_check int reserve_start(struct call *call,
			     const struct reserve_wish *wish);

/** reserves_plan() - what is wanted with the batch that leaves; before
 * batch_plan(). -ENOMEM: the wants so far are there */
must_check int reserves_plan(struct broker *broker, struct batch *batch);

/** reserves_deliver() - a claim is committed; @tag: of its want */
void reserves_deliver(struct broker *broker, void *tag, const struct lane *lane,
		      const struct store_claim *claim);

/** reserves_done() - the batch with this want is through; @tag may be freed */
void reserves_done(struct broker *broker, void *tag, uint32_t max);

/** reserves_tell() - answer those for whom claims came */
void reserves_tell(struct broker *broker);

/** reserves_tick() - who let all that it had lapse is asked to come again */
void reserves_tick(struct broker *broker);

/** reserves_drain() - nothing is given out any more: Draining */
void reserves_drain(struct broker *broker);

/** reserves_pools() - pools changed: who asks for what one serves is told */
void reserves_pools(struct broker *broker);

/** reserves_know() - has a consumer asked for it, or do jobs of it wait? */
bool reserves_know(struct broker *broker, struct slice handler);

/** reserves_waiting() - how many calls ask for it now */
size_t reserves_waiting(const struct broker *broker, struct slice handler);

/** reserve_pool_serves() - the error of that name */
void reserve_pool_serves(struct call *call, struct slice handler,
			 uint32_t pool);
