#include "daemon/broker/leases.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/broker/advance_tell.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"

#define MS INT64_C(1000000)

static int64_t in_ns(int64_t ms)
{
	return ms > INT64_MAX / 2 / MS ? INT64_MAX / 2 : ms * MS;
}

void consumer_unref(struct consumer *consumer)
{
	if (consumer && --consumer->refs == 0)
		free(consumer);
}

void consumer_speaks(struct consumer *consumer)
{
	consumer->held -= consumer->lapsed;
	consumer->lapsed = 0;
	consumer->spoke++;
}

static void forget(struct leases *leases, struct leased *leased)
{
	HASH_DEL(leases->by_job, leased);
	if (leased->consumer && !leased->lease.ending)
		leased->consumer->held--;
	consumer_unref(leased->consumer);
	advance_free(leased->advance);
	free(leased);
}

void leases_fini(struct leases *leases)
{
	struct leased *leased, *next;

	unread_fini(&leases->unread);
	HASH_ITER (hh, leases->by_job, leased, next)
		forget(leases, leased);
}

int leases_row(struct broker *broker, struct batch *batch)
{
	size_t i;

	if (broker->leases.row_known)
		return 0;
	if (batch_add_worker(batch, &i))
		return -ENOMEM;
	batch->store.workers[i].id = LEASES_WORKER;
	batch->store.workers[i].pool = SLICE(LEASES_POOL);
	batch->store.workers[i].boot_id = SLICE("");
	broker->leases.row_known = true;
	return 0;
}

bool leases_is_row(const struct store_worker *row)
{
	return row->id == LEASES_WORKER && slice_is(row->pool, LEASES_POOL);
}

static struct leased *find(const struct leases *leases, int64_t job)
{
	struct leased *leased = NULL;

	HASH_FIND(hh, leases->by_job, &job, sizeof(job), leased);
	return leased;
}

static struct leased *add(struct leases *leases, int64_t job)
{
	struct leased *leased = find(leases, job);

	/* It ended in the batch that gave it out again. */
	if (leased)
		forget(leases, leased);
	leased = calloc(1, sizeof(*leased));
	if (!leased)
		return NULL;
	leased->job = job;
	HASH_ADD(hh, leases->by_job, job, sizeof(leased->job), leased);
	return leased;
}

struct leased *leases_take(struct broker *broker,
			   const struct store_claim *claim,
			   struct consumer *consumer, int64_t lease_ns)
{
	struct leased *leased = add(&broker->leases, claim->job);
	int64_t now_ns = clock_mono_ns();

	if (!leased)
		return NULL;
	lease_take(&leased->lease, claim->token, now_ns, lease_ns,
		   claim->timeout_ms ? now_ns + in_ns(claim->timeout_ms) : 0);
	leased->group = claim->group;
	leased->once = claim->once;
	leased->claim = claim;
	if (consumer) {
		leased->consumer = consumer;
		consumer->refs++;
		consumer->held++;
	}
	return leased;
}

int leases_adopt(struct broker *broker, const struct store_running *running,
		 const struct lane *lane)
{
	struct leased *leased = add(&broker->leases, running->job);
	int64_t now_ns = clock_mono_ns(), limit_ns = 0, ran_ms;

	if (!leased)
		return -ENOMEM;
	if (running->timeout_ms) {
		ran_ms = clock_wall_ms() - running->started_ms;
		if (ran_ms < 0 || ran_ms > running->timeout_ms)
			ran_ms = ran_ms < 0 ? 0 : running->timeout_ms;
		limit_ns = now_ns + in_ns(running->timeout_ms - ran_ms);
	}
	lease_adopt(&leased->lease, running->token, now_ns, limit_ns);
	leased->lease.cancelled = running->cancel_asked;
	leased->adopted = true;
	leased->once = running->once;
	leased->group = running->group;
	leased->lane = lane;
	return 0;
}

struct leased *leases_find(struct broker *broker, int64_t job, int64_t token)
{
	struct leased *leased = find(&broker->leases, job);

	if (!leased || lease_look(&leased->lease, token, clock_mono_ns()))
		return NULL;
	leased->heard = true;
	unread_forget(&broker->leases.unread, job);
	if (leased->consumer && leased->consumer->lapsed) {
		consumer_speaks(leased->consumer);
		cycle_kick(broker); /* it has room again */
	}
	return leased;
}

/* Its connection may have another one. */
static void let_go(struct leased *leased)
{
	if (leased->consumer)
		leased->consumer->held--;
}

/* Its connection may not: nobody may be there. */
static void lapse(struct leased *leased)
{
	if (!leased->consumer)
		return;
	leased->lapsed = true;
	leased->spoke = leased->consumer->spoke;
	leased->consumer->lapsed++;
}

static void take_again(struct leased *leased)
{
	struct consumer *consumer = leased->consumer;

	if (consumer && leased->lapsed && leased->spoke == consumer->spoke)
		consumer->lapsed--;
	else if (consumer)
		consumer->held++;
	leased->lapsed = false;
}

static int add_outcome(struct broker *broker, const struct leased *leased,
		       int64_t worker, const struct store_outcome *outcome)
{
	struct batch *batch = broker->gathering;
	struct store_outcome *to;
	size_t i;

	if (batch_add_outcome(batch, worker, &i))
		return -ENOMEM;
	to = &batch->store.outcomes[i];
	*to = *outcome;
	to->job = leased->job;
	to->token = leased->lease.token;
	to->exit_code = -1;
	/* What was asked to end, and did not end well, ended for that. */
	if (leased->lease.cancelled && to->kind == STORE_FAILED_ATTEMPT)
		to->cause = CAUSE_CANCELLED;
	cycle_kick(broker);
	return 0;
}

int leases_end(struct broker *broker, struct leased *leased,
	       const struct store_outcome *outcome)
{
	int r = add_outcome(broker, leased, LEASES_WORKER, outcome);

	if (r)
		return r;
	/* It was found, so it is held. */
	require(lease_end(&leased->lease, leased->lease.token, 0) == 0);
	let_go(leased);
	return 0;
}

static void hold_again(struct broker *broker, const struct store_outcome *of)
{
	struct leased *leased = find(&broker->leases, of->job);

	if (!leased || leased->lease.token != of->token ||
	    !leased->lease.ending)
		return;
	lease_refused(&leased->lease);
	take_again(leased);
}

void leases_take_back(struct broker *broker, size_t count)
{
	struct store_batch *store = &broker->gathering->store;

	require(count <= store->outcome_count);
	while (count-- > 0)
		hold_again(broker, &store->outcomes[--store->outcome_count]);
}

void leases_refused(struct broker *broker, const struct batch *batch)
{
	for (size_t i = 0; i < batch->store.worker_count; i++) {
		if (batch->store.workers[i].id == LEASES_WORKER)
			broker->leases.row_known = false;
	}
	for (size_t i = 0; i < batch->store.outcome_count; i++) {
		if (batch->outcome_workers[i] == LEASES_WORKER)
			hold_again(broker, &batch->store.outcomes[i]);
	}
}

/* Of nobody: it is written, whatever becomes of the first try. */
void leases_put_back(struct broker *broker, struct leased *leased)
{
	if (add_outcome(broker, leased, 0,
			&(struct store_outcome){.kind = STORE_PUT_BACK}))
		log_error("no memory for an outcome, job waits for the end of "
			  "its lease job=%lld",
			  (long long)leased->job);
	else
		forget(&broker->leases, leased);
}

void leases_settled(struct broker *broker, const struct store_outcome *outcome)
{
	struct leased *leased = find(&broker->leases, outcome->job);

	if (!leased || leased->lease.token != outcome->token)
		return;
	forget(&broker->leases, leased);
	unread_forget(&broker->leases.unread, outcome->job);
}

void leases_cancel(struct broker *broker, const struct store_signal *signal)
{
	struct leased *leased = find(&broker->leases, signal->job);

	if (leased && leased->lease.token == signal->token)
		leased->lease.cancelled = true;
}

/*
 * Of before this broker, which cannot know whether anybody was told: if nobody
 * has spoken of it by now nobody may have it. `once` is not risked for that.
 */
static bool is_unheard(const struct leased *leased)
{
	return leased->adopted && !leased->heard && !leased->once;
}

static void expire(struct broker *broker, struct leased *leased)
{
	bool late = lease_timed_out(&leased->lease);
	struct store_outcome outcome = {
		.kind = late ? STORE_FAILED_ATTEMPT : STORE_LOST,
		.cause = late ? CAUSE_TIMEOUT : CAUSE_WORKER_LOST,
		.failure = late ? SLICE("{\"type\":\"TimedOut\",\"message\":"
					"\"it took longer than its timeout\"}")
				: SLICE("{\"message\":\"its lease ended: no "
					"consumer settled or extended it\"}"),
	};

	if (!late && is_unheard(leased))
		outcome = (struct store_outcome){.kind = STORE_PUT_BACK};
	if (add_outcome(broker, leased, LEASES_WORKER, &outcome))
		lease_refused(&leased->lease); /* the next tick tries again */
	else if (late)
		let_go(leased); /* whoever has it may well be there */
	else
		lapse(leased);
}

void leases_tick(struct broker *broker, int64_t now_ns)
{
	struct leased *leased, *next;

	/* While the store takes nothing no consumer could settle. */
	if (broker->store_broken)
		return;
	HASH_ITER (hh, broker->leases.by_job, leased, next) {
		if (lease_expire(&leased->lease, now_ns))
			expire(broker, leased);
	}
}

int64_t leases_deadline(const struct leased *leased, int64_t now_ns)
{
	return clock_wall_ms() + (leased->lease.deadline_ns - now_ns) / MS;
}

int leases_advances(struct broker *broker, struct leased *leased,
		    const struct advance_word *word)
{
	struct slice queue = {0};

	if (leased->lane)
		queue = leased->lane->queue;
	return advance_tell(broker, &leased->advance, leased->job,
			    leased->group, queue, word);
}

const struct advance *leases_advance(const struct leases *leases,
				     const struct store_row *row)
{
	const struct leased *leased = NULL;

	if (row->state == STATE_RUNNING && row->worker == LEASES_WORKER)
		leased = find(leases, row->id);
	return leased ? leased->advance : NULL;
}
