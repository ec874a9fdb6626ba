#pragma once

/*
 * Pools as the broker knows them: what each serves, as the supervisor told it,
 * and how it is. Number 0 runs commands; the others serve handlers.
 */

#include <uthash.h>

#include "daemon/base/channel.h"
#include "daemon/config/pools.h"
#include "daemon/core/pool.h"
#include "daemon/core/sched.h"

struct broker;

#define POOLS_EXEC 0

struct served_pool {
	const struct pool_config *config; /* NULL: there is none */
	struct pool_rule rule;
	struct pool_size size;
	uint32_t retiring;  /* serving workers that are being replaced */
	int64_t generation; /* workers of an older one are replaced */
	/* As the supervisor said. */
	int workers; /* that live */
	bool degraded;
	int64_t retry_ns;
	char reason[CHANNEL_REASON_BYTES + 32];
	/* Workers that put back what they get; all, and for long. */
	uint32_t unwilling;
	bool refusing;
	bool draining; /* somebody asked that it gets nothing new */
};

/* Who serves a handler. */
struct pools_handler {
	UT_hash_handle hh; /* by name */
	uint32_t pool;
	const char *name; /* the configuration's */
	bool awaited;	  /* a worker that serves still lacks it */
};

struct pools {
	struct pools_config config; /* owned */
	struct served_pool list[POOLS_MAX];
	struct pools_handler *handlers;
	bool told; /* the supervisor has said what there is */
};

/** pools_init() - the pool of commands alone, until the supervisor tells */
must_check int pools_init(struct broker *broker);
void pools_fini(struct broker *broker);

/**
 * pools_take() - these are the pools from now on
 * @config:	taken over when the result is 0
 *
 * Lanes move to the pool that serves their handler now, or to nobody. Return: 0
 * or -ENOMEM, then all is as before.
 */
must_check int pools_take(struct broker *broker, struct pools_config *config);

/** pools_heard() - CHANNEL_POOL: how one of them is */
void pools_heard(struct broker *broker, const struct channel_message *message);

/** pools_serving() - the number of who serves it, or SCHED_POOL_NONE */
uint32_t pools_serving(const struct pools *pools, struct slice handler);

/** pools_lane() - the same for its lanes: nobody while some worker lacks it */
uint32_t pools_lane(const struct pools *pools, struct slice handler);

/** pools_look() - have the workers that lacked something left? */
void pools_look(struct broker *broker);

/** pools_find() - by number or by name; NULL: there is none */
struct served_pool *pools_find(struct pools *pools, uint32_t number);
struct served_pool *pools_named(struct pools *pools, struct slice name,
				uint32_t *ret_number);

/** pools_concurrent() - does a worker of this one run all that it has at once? */
bool pools_concurrent(struct pools *pools, struct slice name);

/**
 * pools_missing() - what a worker of the pool must serve, and does not
 * @handlers:	checked JSON, the list of its `ready`
 *
 * Return: a name of the configuration; NULL: it serves all.
 */
const char *pools_missing(const struct served_pool *pool,
			  struct slice handlers);

/** pools_trouble() - why little or nothing of it gets done; NULL: it is well */
const char *pools_trouble(const struct served_pool *pool);

/** pools_is_degraded() - does nothing of it get done? */
bool pools_is_degraded(const struct served_pool *pool);

/** pools_is_exec() - are its jobs commands? */
bool pools_is_exec(struct slice handler);
