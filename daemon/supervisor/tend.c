#include "daemon/supervisor/tend.h"

#include "daemon/supervisor/pool_message.h"
#include "daemon/supervisor/pool_reason.h"
#include "daemon/supervisor/preload.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>

static bool same(const struct channel_message *a,
		 const struct channel_message *b)
{
	return a->pool_workers == b->pool_workers &&
	       a->pool_degraded == b->pool_degraded &&
	       a->pool_retry_ns == b->pool_retry_ns && a->value == b->value &&
	       strcmp(a->reason, b->reason) == 0;
}

static void tell_pool(struct supervisor *supervisor, struct pool *pool,
		      bool always, int64_t now_ns)
{
	struct channel_message message;
	bool news;

	pool_state_message(pool, now_ns, &message);
	news = message.pool_degraded && !pool->told.pool_degraded;
	if (!always && same(&message, &pool->told))
		return;
	pool->told = message;
	if (news)
		log_warning("pool degraded: %s, waiting retry_ms=%" PRId64
			    " pool=%s",
			    message.reason[0] ? message.reason
					      : "workers die at once",
			    message.pool_retry_ns
				    ? (message.pool_retry_ns - now_ns) / 1000000
				    : 0,
			    pool->config.name);
	broker_child_send(&supervisor->broker, &message, now_ns);
}

void tend_born(struct supervisor *supervisor, const struct pool *pool,
	       const struct pool_worker *worker, int64_t now_ns)
{
	struct channel_message message;

	pool_born_message(pool, worker, &message);
	broker_child_send(&supervisor->broker, &message, now_ns);
}

void tend_tell(struct supervisor *supervisor, int64_t now_ns)
{
	reload_tell_pools(supervisor, now_ns);
	for (int i = 0; i < POOLS_MAX; i++) {
		struct pool *pool = supervisor->pools.list[i];

		if (!pool)
			continue;
		tell_pool(supervisor, pool, true, now_ns);
		for (int slot = 0; slot < pool->size; slot++)
			if (pool->workers[slot].pid)
				tend_born(supervisor, pool,
					  &pool->workers[slot], now_ns);
	}
}

static void wake_at(struct supervisor *supervisor, int64_t at_ns)
{
	if (at_ns &&
	    (!supervisor->pool_wake_ns || at_ns < supervisor->pool_wake_ns))
		supervisor->pool_wake_ns = at_ns;
}

static void tend_preload(struct supervisor *supervisor, struct pool *pool,
			 int64_t now_ns)
{
	int64_t wake_ns;

	preload_check(pool, now_ns, &wake_ns);
	wake_at(supervisor, wake_ns);
	if (preload_wants(pool, now_ns, &wake_ns) &&
	    birth_template(&supervisor->birth, pool, now_ns))
		wake_ns = template_deadline_ns(&pool->next,
					       pool->config.ready_ms);
	else if (pool->next.state == TEMPLATE_NONE && pool->preload_ns > now_ns)
		wake_ns = pool->preload_ns;
	wake_at(supervisor, wake_ns);
}

static void end_late(struct supervisor *supervisor, struct pool *pool,
		     int64_t now_ns)
{
	struct pool_worker *worker;
	int64_t wake_ns;

	while ((worker = pool_next_late(pool, supervisor->serving_ns, now_ns,
					&wake_ns))) {
		log_warning("worker was not ready in time, ended pool=%s "
			    "slot=%d worker=%" PRId64,
			    pool->config.name, (int)(worker - pool->workers),
			    worker->number);
		deaths_end_worker(supervisor, worker);
	}
	wake_at(supervisor, wake_ns);
}

static void fill(struct supervisor *supervisor, struct pool *pool,
		 int64_t now_ns)
{
	int64_t wake_ns;
	int slot;

	while ((slot = pool_next_slot(pool, now_ns, &wake_ns)) >= 0) {
		const struct pool_worker *worker =
			birth_worker(&supervisor->birth, pool, slot,
				     supervisor->pools.next_number++, now_ns);

		if (worker && worker->pid)
			tend_born(supervisor, pool, worker, now_ns);
	}
	wake_at(supervisor, wake_ns);
	/* Then it is not degraded any more, and the broker is told. */
	if (pool->backoff.until_ns > now_ns)
		wake_at(supervisor, pool->backoff.until_ns);
}

/* Who is heard: what it writes comes to our standard error through us. */
static void pass_words(struct supervisor *supervisor, struct pool *pool,
		       int64_t now_ns)
{
	struct words *templates[] = {pool->template.words, pool->next.words,
				     pool->old.words};
	bool any = false;

	for (size_t i = 0; i < ARRAY_COUNT(templates); i++) {
		any |= templates[i] != NULL;
		words_pass(templates[i]);
	}
	for (int slot = 0; slot < pool->size; slot++) {
		any |= pool->workers[slot].words != NULL;
		words_pass(pool->workers[slot].words);
	}
	if (any)
		wake_at(supervisor, now_ns + WORDS_LOOK_NS);
}

void tend_pools(struct supervisor *supervisor, int64_t now_ns)
{
	supervisor->pool_wake_ns = 0;
	pool_set_tidy(&supervisor->pools);
	for (int i = 0; i < POOLS_MAX; i++) {
		struct pool *pool = supervisor->pools.list[i];

		if (!pool)
			continue;
		tend_preload(supervisor, pool, now_ns);
		end_late(supervisor, pool, now_ns);
		fill(supervisor, pool, now_ns);
		pass_words(supervisor, pool, now_ns);
		tell_pool(supervisor, pool, false, now_ns);
	}
}

static void order_worker(struct supervisor *supervisor, struct pool *pool,
			 struct pool_worker *worker,
			 const struct channel_message *message)
{
	switch (message->kind) {
	case CHANNEL_KILL:
		worker->ordered = true;
		if (message->reason[0] && !worker->ready) {
			pool_explain(pool, "%s", message->reason);
			worker->refused = true;
		}
		deaths_end_worker(supervisor, worker);
		break;
	case CHANNEL_TERM:
		worker->ordered = true;
		if (reap_signal(worker->pid, SIGTERM) < 0)
			log_debug("worker has ended already, continuing");
		break;
	case CHANNEL_USEFUL:
		worker->useful = true;
		backoff_worked(&pool->backoff);
		break;
	case CHANNEL_READY_WORKER:
		pool_ready(pool, worker);
		break;
	default: /* CHANNEL_RETIRE */
		pool_retire(pool, worker, message->value != 0);
		break;
	}
}

static void order_pool(struct pool *pool, const struct channel_message *message)
{
	int min = message->pool_min, max = message->pool_max;

	if (pool->removed)
		return;
	switch (message->kind) {
	case CHANNEL_SCALE:
		pool_scale(pool, message->value);
		break;
	case CHANNEL_RESIZE:
		if (min < 0 || max < 1 || min > max ||
		    max > CONFIG_WORKERS_MAX || pool_resize(pool, min, max))
			log_warning("pool cannot have this size, ignored "
				    "pool=%s min=%d max=%d",
				    pool->config.name, min, max);
		break;
	default: /* CHANNEL_RECYCLE */
		preload_renew(pool);
		break;
	}
}

bool tend_order(struct supervisor *supervisor,
		const struct channel_message *message)
{
	struct pool_worker *worker;
	struct pool *pool = NULL;

	switch (message->kind) {
	case CHANNEL_KILL:
	case CHANNEL_TERM:
	case CHANNEL_USEFUL:
	case CHANNEL_READY_WORKER:
	case CHANNEL_RETIRE:
		worker = pool_set_by_number(&supervisor->pools, message->worker,
					    &pool);
		if (worker)
			order_worker(supervisor, pool, worker, message);
		return true;
	case CHANNEL_SCALE:
	case CHANNEL_RESIZE:
	case CHANNEL_RECYCLE:
		pool = pool_set_get(&supervisor->pools, message->pool_number);
		if (pool)
			order_pool(pool, message);
		return true;
	default:
		return false;
	}
}
