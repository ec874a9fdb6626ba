#include "daemon/supervisor/pool.h"

#include "daemon/supervisor/pool_reason.h"

#include <errno.h>
#include <sys/wait.h>

/* A filter that lives this long, which cannot say that it is ready. */
#ifdef REEVE_TEST_HOOKS
#define POOL_FILTER_NS POOL_PROOF_NS
#else
#define POOL_FILTER_NS BACKOFF_GOOD_NS
#endif

int pool_init(struct pool *pool, int number, const struct pool_config *config)
{
	int r;

	*pool = (struct pool){
		.number = number,
		.generation = 1,
		.template = {.fd = -1},
		.next = {.fd = -1},
		.old = {.fd = -1},
	};
	r = pool_config_copy(&pool->config, config);
	if (!r)
		r = pool_resize(pool, config->workers_min, config->workers_max);
	if (r < 0)
		pool_fini(pool);
	return r;
}

int pool_reserve(struct pool *pool, int max)
{
	struct pool_worker *workers;
	int size = 2 * max;

	/* Slots are never taken away: a worker may live in them. */
	if (size <= pool->size)
		return 0;
	workers = reallocarray(pool->workers, (size_t)size, sizeof(*workers));
	if (!workers)
		return -ENOMEM;
	memset(workers + pool->size, 0,
	       (size_t)(size - pool->size) * sizeof(*workers));
	pool->workers = workers;
	pool->size = size;
	return 0;
}

int pool_resize(struct pool *pool, int min, int max)
{
	int r = pool_reserve(pool, max);

	require(0 <= min && min <= max && max > 0);
	if (r < 0)
		return r;
	pool->min = min;
	pool->max = max;
	pool_scale(pool, pool->wanted);
	return 0;
}

void pool_scale(struct pool *pool, int64_t wanted)
{
	if (wanted > pool->max)
		wanted = pool->max;
	pool->wanted = wanted < pool->min ? pool->min : (int)wanted;
}

bool pool_forks(const struct pool *pool)
{
	return pool->config.kind == POOL_PLUGIN ||
	       (pool->config.kind == POOL_WORKER && pool->config.preload);
}

static bool is_exec(const struct pool *pool)
{
	return pool->config.kind == POOL_COMMAND;
}

/* Those who stay. */
static int staying(const struct pool *pool)
{
	int n = 0;

	for (int slot = 0; slot < pool->size; slot++)
		n += pool->workers[slot].number &&
		     !pool->workers[slot].retiring;
	return n;
}

static int free_slot(const struct pool *pool)
{
	for (int slot = 0; slot < pool->size; slot++)
		if (!pool->workers[slot].number)
			return slot;
	return -1;
}

/*
 * Has a worker of this generation proved that workers can live? Else the
 * youngest that still may.
 */
static bool is_proved(const struct pool *pool, int64_t now_ns,
		      int64_t *ret_youngest_ns)
{
	*ret_youngest_ns = 0;
	for (int slot = 0; slot < pool->size; slot++) {
		const struct pool_worker *worker = &pool->workers[slot];
		int64_t lived_ns = now_ns - worker->born_ns;

		if (!worker->number || worker->born_ns <= pool->backoff.died_ns)
			continue;
		if (worker->useful || ((is_exec(pool) || worker->ready) &&
				       lived_ns >= POOL_PROOF_NS))
			return true;
		if (worker->born_ns > *ret_youngest_ns)
			*ret_youngest_ns = worker->born_ns;
	}
	return false;
}

/* One goes ahead: is it still on its way? */
static bool one_is_ahead(const struct pool *pool)
{
	for (int slot = 0; slot < pool->size; slot++)
		if (pool->workers[slot].number && !pool->workers[slot].ready &&
		    !pool->workers[slot].retiring)
			return true;
	return false;
}

/*
 * A filter cannot say that it is ready: it is known to be good when a job of
 * its worker is done, or when it has lived so long. @ret_ns: when one has.
 */
static bool one_is_good(const struct pool *pool, int64_t now_ns,
			int64_t *ret_ns)
{
	for (int slot = 0; slot < pool->size; slot++) {
		const struct pool_worker *worker = &pool->workers[slot];
		int64_t good_ns = worker->born_ns + POOL_FILTER_NS;

		if (!worker->number || !worker->ready)
			continue;
		if (worker->useful || now_ns >= good_ns)
			return true;
		if (!*ret_ns || good_ns < *ret_ns)
			*ret_ns = good_ns;
	}
	return false;
}

/* May there be one beside those that live? @ret_ns: else when, 0: not known */
static bool may_follow(const struct pool *pool, int64_t now_ns, int64_t *ret_ns)
{
	if (is_exec(pool))
		return true;
	if (pool->config.kind != POOL_LINES)
		return pool->proved || !one_is_ahead(pool);
	return one_is_good(pool, now_ns, ret_ns) || !staying(pool);
}

static int64_t held_back_ns(const struct pool *pool, int64_t now_ns)
{
	int64_t youngest_ns;

	if (pool->backoff.until_ns > now_ns)
		return pool->backoff.until_ns;
	if (pool->retry_ns > now_ns)
		return pool->retry_ns;
	if (pool->backoff.deaths < 2 || is_proved(pool, now_ns, &youngest_ns) ||
	    !youngest_ns)
		return 0;
	/* Later than that it still may not be ready: then it says so, or ends
	 * late. */
	return youngest_ns + POOL_PROOF_NS > now_ns
		       ? youngest_ns + POOL_PROOF_NS
		       : INT64_MAX;
}

int pool_next_slot(const struct pool *pool, int64_t now_ns,
		   int64_t *ret_wake_ns)
{
	int64_t held_ns;

	*ret_wake_ns = 0;
	if (pool->removed || staying(pool) >= pool->wanted ||
	    free_slot(pool) < 0)
		return -1;
	if (pool_forks(pool) &&
	    (pool->template.state != TEMPLATE_SERVING || pool->template.killed))
		return -1;
	if (!may_follow(pool, now_ns, ret_wake_ns))
		return -1;
	*ret_wake_ns = 0;
	held_ns = held_back_ns(pool, now_ns);
	if (!held_ns)
		return free_slot(pool);
	if (held_ns != INT64_MAX)
		*ret_wake_ns = held_ns;
	return -1;
}

struct pool_worker *pool_next_late(struct pool *pool, int64_t serving_ns,
				   int64_t now_ns, int64_t *ret_wake_ns)
{
	int64_t ready_ns = pool->config.ready_ms * INT64_C(1000000);

	*ret_wake_ns = 0;
	if (!serving_ns || !ready_ns)
		return NULL;
	for (int slot = 0; slot < pool->size; slot++) {
		struct pool_worker *worker = &pool->workers[slot];
		int64_t from_ns = worker->born_ns, at_ns;

		if (!worker->pid || worker->ready || worker->late)
			continue;
		at_ns = (from_ns > serving_ns ? from_ns : serving_ns) +
			ready_ns;
		if (now_ns >= at_ns) {
			worker->late = true;
			return worker;
		}
		if (!*ret_wake_ns || at_ns < *ret_wake_ns)
			*ret_wake_ns = at_ns;
	}
	return NULL;
}

void pool_ready(struct pool *pool, struct pool_worker *worker)
{
	worker->ready = true;
	pool->proved = true;
	if (worker->template) {
		backoff_worked(&pool->preload);
		if (worker->template == pool->template.pid)
			pool->template.useful = true;
	}
	pool->reason[0] = '\0';
}

void pool_retire(struct pool *pool, struct pool_worker *worker, bool shrink)
{
	worker->retiring = true;
	if (shrink && pool->wanted > staying(pool))
		pool_scale(pool, staying(pool));
}

static void explain_end(struct pool *pool, const struct pool_worker *worker,
			int status)
{
	const char *when = is_exec(pool) || worker->ready
				   ? " before it had done anything"
				   : " before it was ready";

	if (worker->refused)
		return;
	if (!worker->late) {
		pool_explain_end(pool, "worker", status, when, worker->said);
		return;
	}
	pool_explain(pool, "worker was not ready in time (ready: %g s)",
		     (double)pool->config.ready_ms / 1000);
	pool_quote(pool, worker->said);
}

/* A filter has a worker beside it, and a template forks twice. */
static uint32_t processes_each(const struct pool *pool)
{
	return pool->config.kind == POOL_LINES || pool_forks(pool) ? 2 : 1;
}

static void count(struct pool *pool, const struct pool_worker *worker,
		  bool began, int64_t now_ns)
{
	int64_t lived_ns = now_ns - worker->born_ns;

	if (began || worker->useful)
		backoff_died(&pool->backoff, now_ns, lived_ns, worker->useful);
	else
		backoff_unborn(&pool->backoff, now_ns, lived_ns,
			       processes_each(pool));
	if (!pool->backoff.deaths)
		pool->reason[0] = '\0';
}

void pool_unborn(struct pool *pool, struct pool_worker *worker, int64_t now_ns)
{
	count(pool, worker, false, now_ns);
	*worker = (struct pool_worker){0};
}

static bool has_begun(const struct pool *pool, const struct pool_worker *worker,
		      int status)
{
	if (is_exec(pool))
		return true;
	return worker->ready &&
	       !(WIFEXITED(status) && WEXITSTATUS(status) == POOL_EXIT_BIRTH);
}

void pool_died(struct pool *pool, struct pool_worker *worker,
	       const struct reap_end *end, int64_t now_ns)
{
	/* Whom the broker had leave, or ended at its work, or left alone, did
	 * not fail. */
	bool meant = worker->retiring || worker->cut_off ||
		     (worker->ordered && worker->ready);

	if (!meant) {
		explain_end(pool, worker, end->status);
		count(pool, worker, has_begun(pool, worker, end->status),
		      now_ns);
	}
	words_free(&worker->words);
	*worker = (struct pool_worker){0};
}

bool pool_listens(const struct pool *pool)
{
	return !is_exec(pool) && (pool->backoff.deaths || pool->preload.deaths);
}

bool pool_degraded(const struct pool *pool, int64_t now_ns)
{
	if (is_exec(pool))
		return backoff_degraded(&pool->backoff, now_ns);
	for (int slot = 0; slot < pool->size; slot++)
		if (pool->workers[slot].ready && !pool->workers[slot].retiring)
			return false;
	if (pool_forks(pool) && pool->template.state != TEMPLATE_SERVING &&
	    pool->preload.deaths > 1)
		return true;
	return pool->backoff.deaths > 1;
}

void pool_fini(struct pool *pool)
{
	template_fini(&pool->template);
	template_fini(&pool->next);
	template_fini(&pool->old);
	pool_config_free(&pool->config);
	for (int slot = 0; slot < pool->size; slot++)
		words_free(&pool->workers[slot].words);
	free(pool->workers);
	*pool = (struct pool){.template.fd = -1, .next.fd = -1, .old.fd = -1};
}
