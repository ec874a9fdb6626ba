#include "daemon/broker/pools.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/base/log.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "daemon/config/pools_text.h"
#include "proto/json_in.h"
#include "proto/spec.h"

#define MS INT64_C(1000000)

_Static_assert(SCHED_POOL_NONE == POOLS_MAX, "nobody stands behind all pools");

bool pools_is_exec(struct slice handler)
{
	return slice_is(handler, SPEC_HANDLER_EXEC);
}

static void free_handlers(struct pools_handler *handlers)
{
	struct pools_handler *handler, *next;

	HASH_ITER (hh, handlers, handler, next) {
		HASH_DEL(handlers, handler);
		free(handler);
	}
}

/* The first pool of the list that names it has it. */
static int add_handlers(struct pools_handler **handlers,
			const struct pool_config *pool, uint32_t number)
{
	for (char **name = pool->handles; name && *name; name++) {
		struct pools_handler *handler;

		HASH_FIND_STR(*handlers, *name, handler);
		if (handler)
			continue;
		handler = calloc(1, sizeof(*handler));
		if (!handler)
			return -ENOMEM;
		handler->pool = number;
		handler->name = *name;
		HASH_ADD_KEYPTR(hh, *handlers, handler->name,
				strlen(handler->name), handler);
	}
	return 0;
}

static int64_t in_ns(int64_t ms)
{
	return ms > INT64_MAX / MS ? INT64_MAX : ms * MS;
}

static struct pool_rule rule_of(const struct pool_config *config)
{
	return (struct pool_rule){
		.min = (uint32_t)config->workers_min,
		.max = (uint32_t)config->workers_max,
		.idle_ns = in_ns(config->idle_ms),
		.retire_jobs = config->retire_jobs,
		.retire_age_ns = in_ns(config->retire_age_ms),
		.retire_kib = config->retire_kib,
		.jitter = config->retire_jitter,
	};
}

/* One that has another name now is another pool. */
static void take_one(struct served_pool *pool, const struct pool_config *old,
		     const struct pool_config *config)
{
	if (!old || !config || strcmp(old->name, config->name) != 0)
		*pool = (struct served_pool){0};
	pool->config = config;
	if (config)
		pool->rule = rule_of(config);
}

static void move_lanes(struct broker *broker)
{
	for (struct lane *lane = broker->lanes.by_key; lane;
	     lane = lane->hh.next) {
		uint32_t pool = pools_lane(&broker->pools, lane->handler);

		if (pool != lane->sched.pool)
			sched_lane_move(&broker->sched, &lane->sched, pool);
	}
}

static bool names(struct slice handlers, const char *name)
{
	struct json_iter iter;
	struct slice item;

	if (!handlers.n || json_kind(handlers) != JSON_ARRAY)
		return false;
	iter = json_enter(handlers);
	while (json_item(&iter, &item)) {
		if (json_kind(item) == JSON_STRING &&
		    json_key_is((struct slice){item.p + 1, item.n - 2}, name))
			return true;
	}
	return false;
}

/* A worker of before the change would be given what it cannot do. */
static bool is_lacked(struct broker *broker, uint32_t pool, const char *name)
{
	struct sched_worker *sched;

	TAILQ_FOREACH (sched, &broker->sched.pools[pool].workers, link) {
		if (!sched->leaving && !names(worker_of(sched)->handlers, name))
			return true;
	}
	return false;
}

void pools_look(struct broker *broker)
{
	struct pools_handler *handler;
	bool changed = false;

	for (handler = broker->pools.handlers; handler;
	     handler = handler->hh.next) {
		if (!handler->awaited ||
		    is_lacked(broker, handler->pool, handler->name))
			continue;
		handler->awaited = false;
		changed = true;
	}
	if (!changed)
		return;
	move_lanes(broker);
	cycle_kick(broker);
}

static void await_workers(struct broker *broker)
{
	struct pools_handler *handler;
	struct worker *worker;

	for (handler = broker->pools.handlers; handler;
	     handler = handler->hh.next)
		handler->awaited = is_lacked(broker, handler->pool,
					     handler->name);
	for (worker = broker->fleet.by_id; worker; worker = worker->hh.next) {
		const struct served_pool *pool = pools_find(&broker->pools,
							    worker->pool);

		worker->lacking = worker->handlers.n && pool &&
				  pools_missing(pool, worker->handlers);
		worker->concurrent =
			worker->concurrent ||
			pools_concurrent(&broker->pools,
					 slice_of(worker->pool_name));
	}
}

int pools_take(struct broker *broker, struct pools_config *config)
{
	struct pools *pools = &broker->pools;
	struct pools_handler *handlers = NULL;
	struct pools_config old = pools->config;

	for (uint32_t i = 1; i < config->count; i++) {
		if (add_handlers(&handlers, &config->list[i], i)) {
			free_handlers(handlers);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < POOLS_MAX; i++) {
		bool is = i < config->count && config->list[i].name[0];

		take_one(&pools->list[i], pools->list[i].config,
			 is ? &config->list[i] : NULL);
		sched_pool_pause(&broker->sched, (uint32_t)i,
				 pools->list[i].draining);
	}
	free_handlers(pools->handlers);
	pools->handlers = handlers;
	pools->config = *config;
	*config = (struct pools_config){0};
	pools_text_free(&old);
	await_workers(broker);
	move_lanes(broker);
	reserves_pools(broker);
	return 0;
}

int pools_init(struct broker *broker)
{
	struct pools_config config = {
		.list = calloc(1, sizeof(*config.list)),
		.count = 1,
	};

	if (!config.list)
		return -ENOMEM;
	memcpy(config.list[0].name, SPEC_HANDLER_EXEC,
	       sizeof(SPEC_HANDLER_EXEC));
	config.list[0].workers_min = broker->config->workers;
	config.list[0].workers_max = broker->config->workers;
	return pools_take(broker, &config);
}

void pools_fini(struct broker *broker)
{
	free_handlers(broker->pools.handlers);
	pools_text_free(&broker->pools.config);
}

void pools_heard(struct broker *broker, const struct channel_message *message)
{
	struct served_pool *pool = pools_find(&broker->pools,
					      (uint32_t)message->pool_number);

	if (!pool) {
		log_warning("word of a pool that is not there, ignored "
			    "pool=%s number=%d",
			    message->pool, message->pool_number);
		return;
	}
	if (message->pool_degraded && !pool->degraded)
		log_warning("workers of a pool fail, its jobs wait pool=%s "
			    "reason=\"%s\"",
			    pool->config->name, message->reason);
	pool->workers = message->pool_workers;
	pool->degraded = message->pool_degraded;
	pool->retry_ns = message->pool_retry_ns;
	pool->generation = message->value;
	/* The old ones go on: that is how a reload to broken code looks. */
	snprintf(pool->reason, sizeof(pool->reason), "%s%.*s",
		 !pool->degraded && message->reason[0]
			 ? "new workers cannot begin: "
			 : "",
		 CHANNEL_REASON_BYTES, message->reason);
	fleet_parked(broker);
	cycle_kick(broker);
}

uint32_t pools_serving(const struct pools *pools, struct slice handler)
{
	struct pools_handler *found = NULL;

	if (pools_is_exec(handler))
		return POOLS_EXEC;
	HASH_FIND(hh, pools->handlers, handler.p, handler.n, found);
	return found ? found->pool : SCHED_POOL_NONE;
}

uint32_t pools_lane(const struct pools *pools, struct slice handler)
{
	struct pools_handler *found = NULL;

	if (pools_is_exec(handler))
		return POOLS_EXEC;
	HASH_FIND(hh, pools->handlers, handler.p, handler.n, found);
	return found && !found->awaited ? found->pool : SCHED_POOL_NONE;
}

struct served_pool *pools_find(struct pools *pools, uint32_t number)
{
	if (number >= POOLS_MAX || !pools->list[number].config)
		return NULL;
	return &pools->list[number];
}

struct served_pool *pools_named(struct pools *pools, struct slice name,
				uint32_t *ret_number)
{
	for (uint32_t i = 0; i < POOLS_MAX; i++) {
		const struct pool_config *config = pools->list[i].config;

		if (!config || !slice_is(name, config->name))
			continue;
		*ret_number = i;
		return &pools->list[i];
	}
	return NULL;
}

bool pools_concurrent(struct pools *pools, struct slice name)
{
	uint32_t number;
	const struct served_pool *pool = pools_named(pools, name, &number);

	return pool && pool_kind_concurrent(pool->config->kind);
}

const char *pools_missing(const struct served_pool *pool, struct slice handlers)
{
	for (char **name = pool->config->handles; name && *name; name++) {
		if (!names(handlers, *name))
			return *name;
	}
	return NULL;
}

bool pools_is_degraded(const struct served_pool *pool)
{
	return pool->degraded || pool->refusing;
}

const char *pools_trouble(const struct served_pool *pool)
{
	if (pool->degraded && pool->reason[0])
		return pool->reason;
	if (pool->degraded)
		return "workers die before they are of use; the next one is "
		       "started after a pause";
	if (pool->refusing)
		return "its workers put back every job that they get; each "
		       "gets the next one after a pause";
	if (pool->reason[0])
		return pool->reason;
	if (pool->unwilling)
		return "workers of it put back the jobs that they get; each "
		       "gets the next one after a pause";
	return NULL;
}
