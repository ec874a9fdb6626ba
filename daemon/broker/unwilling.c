#include "daemon/broker/unwilling.h"

#include "daemon/broker/cycle.h"
#include "daemon/broker/given.h"
#include "daemon/broker/state.h"

/* In a row, without a job done: then its pool may be called degraded. */
#define UNWILLING_LONG 4

static void rest(struct broker *broker, struct worker *worker, bool resting)
{
	if (worker->sched.resting == resting || !worker->scheduled)
		return;
	sched_worker_rest(&broker->sched, &worker->sched, resting);
	if (!resting)
		cycle_kick(broker);
}

void unwilling_put_back(struct broker *broker, struct worker *worker,
			const struct given *given, int64_t now_ns)
{
	int64_t held_ns = now_ns - given->sched.given_ns, until_ns;
	uint32_t before = worker->unwilling.deaths;

	/* Recalled, cancelled, or of one that goes: as it should be. */
	if (worker->commands || worker->sched.leaving || worker->retiring ||
	    given->sched.recalled || given->cancel_asked)
		return;
	/* However long it held it, it did not do it. */
	if (held_ns >= BACKOFF_GOOD_NS)
		held_ns = BACKOFF_GOOD_NS - 1;
	until_ns = backoff_died(&worker->unwilling, now_ns,
				held_ns > 0 ? held_ns : 0, false);
	if (before != worker->unwilling.deaths && before + 1 == UNWILLING_LONG)
		log_warning("worker puts back what it is given, it rests "
			    "pool=%s worker=%lld pid=%d job=%lld",
			    worker->pool_name, (long long)worker->id,
			    (int)worker->pid, (long long)given->sched.id);
	rest(broker, worker, until_ns > now_ns);
}

void unwilling_worked(struct broker *broker, struct worker *worker)
{
	if (!worker->unwilling.deaths)
		return;
	backoff_worked(&worker->unwilling);
	rest(broker, worker, false);
}

static void look_at(struct broker *broker, struct served_pool *pool,
		    uint32_t number)
{
	uint32_t unwilling = 0, serving = 0, most = 0;
	struct sched_worker *sched;

	TAILQ_FOREACH (sched, &broker->sched.pools[number].workers, link) {
		uint32_t row = worker_of(sched)->unwilling.deaths;

		if (sched->leaving)
			continue;
		serving++;
		unwilling += row > 1;
		most = row > most ? row : most;
	}
	pool->unwilling = unwilling;
	pool->refusing = serving && unwilling == serving &&
			 most >= UNWILLING_LONG;
}

void unwilling_tick(struct broker *broker, int64_t now_ns)
{
	struct pools *pools = &broker->pools;
	struct worker *worker;

	for (worker = broker->fleet.by_id; worker; worker = worker->hh.next) {
		if (!backoff_degraded(&worker->unwilling, now_ns))
			rest(broker, worker, false);
	}
	for (uint32_t i = 1; i < pools->config.count; i++) {
		if (pools->list[i].config)
			look_at(broker, &pools->list[i], i);
	}
}
