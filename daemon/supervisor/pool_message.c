#include "daemon/supervisor/pool_message.h"

#include <unistd.h>

void pool_born_message(const struct pool *pool,
		       const struct pool_worker *worker,
		       struct channel_message *ret)
{
	*ret = (struct channel_message){
		.kind = CHANNEL_BORN,
		.worker = worker->number,
		.slot = (int32_t)(worker - pool->workers),
		.pid = (int32_t)worker->pid,
		.parent = (int32_t)getpid(),
		.start_ticks = worker->start_ticks,
		.pool_number = pool->number,
		.value = worker->generation,
	};
	memcpy(ret->pool, pool->config.name, sizeof(ret->pool));
	memcpy(ret->secret, worker->secret, sizeof(ret->secret));
	memcpy(ret->cgroup, worker->folder, sizeof(ret->cgroup));
}

void pool_died_message(const struct pool *pool,
		       const struct pool_worker *worker,
		       const struct reap_end *end, struct channel_message *ret)
{
	pool_born_message(pool, worker, ret);
	ret->kind = CHANNEL_DIED;
	memset(ret->secret, 0, sizeof(ret->secret));
	ret->status = end->status;
	ret->cpu_us = end->cpu_us;
	ret->peak_kib = end->peak_kib;
}

static int64_t retry_ns(const struct pool *pool)
{
	if (pool_forks(pool) && pool->template.state != TEMPLATE_SERVING)
		return pool->preload_ns;
	return pool->backoff.until_ns;
}

void pool_state_message(const struct pool *pool, int64_t now_ns,
			struct channel_message *ret)
{
	bool degraded = pool_degraded(pool, now_ns);
	int64_t at_ns = degraded ? retry_ns(pool) : 0;
	int living = 0;

	for (int slot = 0; slot < pool->size; slot++)
		living += pool->workers[slot].pid != 0;
	*ret = (struct channel_message){
		.kind = CHANNEL_POOL,
		.pool_number = pool->number,
		.pool_workers = living,
		.pool_degraded = degraded,
		.pool_retry_ns = at_ns > now_ns ? at_ns : 0,
		.value = pool->generation,
	};
	memcpy(ret->pool, pool->config.name, sizeof(ret->pool));
	/* A worker that died once is no news. */
	if (degraded || pool->preload.deaths || pool->backoff.deaths > 1)
		memcpy(ret->reason, pool->reason, sizeof(ret->reason));
}
