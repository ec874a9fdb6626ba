#include "daemon/broker/cycle.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/broker/breakdown.h"
#include "daemon/broker/call.h"
#include "daemon/broker/callback.h"
#include "daemon/broker/fleet_end.h"
#include "daemon/broker/given.h"
#include "daemon/broker/outcome.h"
#include "daemon/broker/output_file.h"
#include "daemon/broker/overtime.h"
#include "daemon/broker/staff.h"
#include "daemon/broker/state.h"
#include "daemon/broker/stop.h"
#include "daemon/broker/worker_link.h"
#include "proto/limits.h"

#define SECOND_NS INT64_C(1000000000)
#define PROMOTE_MAX 1000
#define PURGE_MAX 500
#define PURGE_PAUSE_NS (10 * SECOND_NS)
#define RECALL_MAX 512
#define LONE_NS 1000000

static struct lane *lane_of(struct sched_lane *sched)
{
	return (struct lane *)((char *)sched - offsetof(struct lane, sched));
}

static int add_worker_rows(struct broker *broker, struct batch *batch)
{
	for (size_t i = 0; i < batch->store.want_count; i++) {
		struct worker *worker;

		if (batch->store.wants[i].tag) {
			batch->store.wants[i].worker = LEASES_WORKER;
			if (leases_row(broker, batch))
				return -ENOMEM;
			continue;
		}
		worker = worker_of(batch->plan[i].worker);
		batch->store.wants[i].worker = worker->id;
		if (fleet_row(broker, batch, worker))
			return -ENOMEM;
	}
	return 0;
}

/*
 * One call or one result, and a disk that has been quick: then waking another
 * thread costs half as much as the commit, and the loop has nothing to do
 * meanwhile. On a slow disk the loop never waits for it.
 */
static bool is_lone(const struct broker *broker, const struct batch *batch)
{
	const struct call *call = TAILQ_FIRST(&batch->calls);
	size_t calls = !call ? 0 : TAILQ_NEXT(call, batch_link) ? 2 : 1;

	/* Nobody waits for it: then the loop does not either. */
	if (batch_waits(batch))
		return false;
	return broker->writer.slow_ns && broker->writer.slow_ns < LONE_NS &&
	       calls + batch->store.outcome_count <= 1 &&
	       batch->store.entry_count <= 1 && !batch->store.steer_count &&
	       !batch->store.queue_count && !batch->store.edit_count &&
	       !batch->store.promote_max && !batch->store.purge_max;
}

/* The one that is neither gathering nor with the writer nor being answered. */
static struct batch *free_batch(struct broker *broker)
{
	for (size_t i = 0; i < BROKER_BATCHES; i++) {
		struct batch *batch = &broker->batches[i];

		if (!batch->busy)
			return batch;
	}
	return NULL;
}

/* Nothing in it is urgent: the kick comes again when its time is up. */
static bool waits(struct broker *broker)
{
	int64_t until_ns = batch_waits(broker->gathering);
	int64_t left_ns = until_ns ? until_ns - clock_mono_ns() : 0;

	if (left_ns <= 0)
		return false;
	if (!event_pending(broker->patience, EV_TIMEOUT, NULL)) {
		struct timeval delay = {.tv_usec = left_ns / 1000 + 1};

		event_add(broker->patience, &delay);
	}
	return true;
}

/* The gathering batch leaves, if the writer is idle and there is anything. */
static struct batch *launch(struct broker *broker)
{
	struct batch *batch = broker->gathering, *next = free_batch(broker);

	if (!writer_idle(&broker->writer) || broker->store_broken || !next ||
	    waits(broker))
		return NULL;
	if (reserves_plan(broker, batch) ||
	    batch_plan(batch, &broker->sched,
		       HASH_COUNT(broker->fleet.by_id)) ||
	    add_worker_rows(broker, batch)) {
		log_error("no memory to plan claims, trying again");
		cycle_unwant(broker, batch);
		batch_forget_wants(batch);
	}
	staff_look(broker, clock_mono_ns());
	if (batch_empty(batch))
		return NULL;
	batch->store.with_contexts = true;
	batch->store.with_events = broker->subscribe.count;
	if (callback_batch(broker, batch)) {
		log_error("no memory for a batch, trying again");
		cycle_unwant(broker, batch);
		batch_forget_wants(batch);
		return NULL;
	}
	direct_reserve(broker, batch);
	broker->gathering = next;
	next->busy = true;
	batch_reset(next, ++broker->serial);
	return batch;
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;
	struct batch *batch = launch(broker);

	(void)fd;
	(void)what;
	if (!batch)
		return;
	if (is_lone(broker, batch))
		writer_here(&broker->writer, batch);
	else
		writer_send(&broker->writer, batch);
}

static void on_soon(evutil_socket_t fd, short what, void *arg);

int cycle_init(struct broker *broker)
{
	for (size_t i = 0; i < BROKER_BATCHES; i++)
		batch_init(&broker->batches[i]);
	broker->gathering = &broker->batches[0];
	broker->gathering->busy = true;
	batch_reset(broker->gathering, ++broker->serial);
	broker->kick = event_new(broker->base, -1, 0, on_kick, broker);
	broker->patience = event_new(broker->base, -1, 0, on_kick, broker);
	broker->soon = event_new(broker->base, -1, 0, on_soon, broker);
	return broker->kick && broker->patience && broker->soon ? 0 : -ENOMEM;
}

void cycle_fini(struct broker *broker)
{
	for (size_t i = 0; i < BROKER_BATCHES; i++) {
		struct batch *batch = &broker->batches[i];
		struct call *call;

		while ((call = TAILQ_FIRST(&batch->calls))) {
			TAILQ_REMOVE(&batch->calls, call, batch_link);
			call_release(call);
		}
		batch_fini(batch);
	}
	if (broker->kick)
		event_free(broker->kick);
	if (broker->patience)
		event_free(broker->patience);
	if (broker->soon)
		event_free(broker->soon);
}

void cycle_kick(struct broker *broker)
{
	event_active(broker->kick, EV_TIMEOUT, 1);
}

bool cycle_behind(const struct broker *broker)
{
	return broker->gathering->queued_bytes > LIMIT_STORE_BEHIND_BYTES;
}

void cycle_tell(struct batch *batch)
{
	struct call *call;

	while ((call = TAILQ_FIRST(&batch->calls))) {
		TAILQ_REMOVE(&batch->calls, call, batch_link);
		call->committed(call, batch);
		call_release(call);
	}
}

static void settle(struct broker *broker, const struct batch *batch)
{
	const struct store_batch *store = &batch->store;
	struct worker *worker = NULL;

	for (size_t i = 0; i < store->outcome_count; i++) {
		int64_t id = batch->outcome_workers[i];

		follows_told(broker, store->outcomes[i].job);
		if (id == LEASES_WORKER) {
			leases_settled(broker, &store->outcomes[i]);
			continue;
		}
		if (worker && worker->id != id && worker->link)
			worker_link_settle_end(worker->link);
		if (!worker || worker->id != id)
			worker = id ? fleet_find(&broker->fleet, id) : NULL;
		if (worker && worker->link)
			worker_link_settled(worker->link,
					    store->outcomes[i].token);
		/* Who leaves writes down what is not settled, and may be gone
		 * before it reads that it is. */
		if (!worker || worker->sched.leaving)
			outcome_unlink(broker->config->state_dir,
				       store->outcomes[i].token);
	}
	if (worker && worker->link)
		worker_link_settle_end(worker->link);
}

/* Callbacks come to lanes that nobody asked for: one that nobody needs goes. */
static int new_lane(struct broker *broker, const struct store_lane *changed,
		    struct lane **ret)
{
	uint32_t pool = pools_lane(&broker->pools, changed->handler);
	int r = lane_get(&broker->lanes, changed->queue, changed->handler, pool,
			 ret);

	if (r != LANE_E_TOO_MANY)
		return r;
	lanes_forget(&broker->lanes, cycle_oldest(broker));
	return lane_get(&broker->lanes, changed->queue, changed->handler, pool,
			ret);
}

static void update_lanes(struct broker *broker, const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	for (size_t i = 0; i < store->changed_lane_count; i++) {
		const struct store_lane *changed = &store->changed_lanes[i];
		struct lane *lane = lane_find(&broker->lanes, changed->queue,
					      changed->handler);

		/* A purge changes lanes that nobody here needs. */
		if (!lane && (!lane_is_live(changed->counts) ||
			      new_lane(broker, changed, &lane)))
			continue;
		lane_counts(&broker->lanes, lane, changed->counts);
	}
}

static void deliver(struct broker *broker, const struct batch *batch,
		    const struct store_claim *claim)
{
	const struct sched_want *want = &batch->plan[claim->want];
	void *tag = batch->store.wants[claim->want].tag;

	if (tag)
		reserves_deliver(broker, tag, lane_of(want->lane), claim);
	else
		given_deliver(broker, worker_of(want->worker),
			      lane_of(want->lane), claim);
}

void cycle_unwant(struct broker *broker, struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	for (size_t i = 0; i < store->want_count; i++)
		sched_want_done(&broker->sched, &batch->plan[i]);
	for (size_t i = 0; i < store->want_count; i++) {
		if (store->wants[i].tag)
			reserves_done(broker, store->wants[i].tag,
				      store->wants[i].max);
	}
}

/* Claims are committed: deliver them. */
static void dispatch(struct broker *broker, const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	for (size_t i = 0; i < store->want_count; i++)
		sched_want_done(&broker->sched, &batch->plan[i]);
	for (size_t i = 0; i < store->claim_count; i++)
		deliver(broker, batch, &store->claims[i]);
	for (size_t i = 0; i < store->want_count; i++) {
		/* A dead worker lives on for the batches that name it. */
		struct worker *worker = fleet_find(&broker->fleet,
						   store->wants[i].worker);

		if (worker)
			fleet_end_release(broker, worker);
		if (store->wants[i].tag)
			reserves_done(broker, store->wants[i].tag,
				      store->wants[i].max);
	}
}

/* With the batch that gathers, some finished jobs go. */
static void ask_purge(struct broker *broker)
{
	struct store_batch *store = &broker->gathering->store;
	const struct config *config = broker->config;
	int64_t now_ms = clock_wall_ms();

	/* Nobody who stops waits for it. */
	if (broker->ending || broker->stop != BROKER_RUNS)
		return;
	store->purge_max = PURGE_MAX;
	store->purge_succeeded_before_ms =
		config->keep_succeeded_ms ? now_ms - config->keep_succeeded_ms
					  : 0;
	store->purge_failed_before_ms =
		config->keep_failed_ms ? now_ms - config->keep_failed_ms : 0;
	store->keep_done_max = config->keep_jobs;
	store->purge_events_before_ms =
		config->keep_events_ms ? now_ms - config->keep_events_ms : 0;
	store->keep_events_max = config->keep_events;
}

static void after_commit(struct broker *broker, struct batch *batch)
{
	const struct store_batch *store = &batch->store;
	struct batch *next;

	subscribe_before(broker, batch);
	update_lanes(broker, batch);
	direct_committed(broker, batch);
	if (broker->socks.room.used)
		carry_committed(broker, batch);
	dispatch(broker, batch);
	broker->next_due_ms = store->next_due_ms;
	/*
	 * What the scheduler needs is up to date: the next batch may leave, and
	 * the disk works while the answers to this one are written.
	 */
	next = launch(broker);
	if (next)
		writer_send(&broker->writer, next);
	for (size_t i = 0; i < store->signal_count; i++)
		given_cancel(broker, &store->signals[i]);
	reserves_tell(broker);
	cycle_tell(batch);
	rooms_look(broker, batch);
	drains_look(broker);
	for (size_t i = 0; i < store->ended_count; i++) {
		waits_ended(&broker->waits, &store->ended[i]);
		if (broker->carried)
			carry_drop(broker, store->ended[i].id);
	}
	for (size_t i = 0; i < store->changed_group_count; i++)
		waits_changed(&broker->waits, &store->changed_groups[i]);
	/* Behind the replies: clients wait for those, nobody for this. */
	settle(broker, batch);
	subscribe_committed(broker, batch);
	for (size_t i = 0; i < store->purged_count; i++)
		output_remove(broker->config->state_dir, store->purged[i]);
	if (store->purge_more)
		ask_purge(broker);
}

/* Ask back what waits behind a long job. Return: when to look again. */
static int64_t recall(struct broker *broker, int64_t now_ns)
{
	struct sched_recalled recalled[RECALL_MAX];
	int64_t next_ns;
	size_t count = sched_recall(&broker->sched, now_ns, recalled,
				    RECALL_MAX, &next_ns);

	for (size_t i = 0; i < count; i++) {
		struct worker *worker = worker_of(recalled[i].worker);

		if (worker->link)
			worker_link_recall(worker->link, recalled[i].job->id,
					   recalled[i].job->token);
	}
	return next_ns;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Wake up for the next due job, recall, or end of somebody's patience. */
static void arm(struct broker *broker)
{
	int64_t now_ns = clock_mono_ns();
	int64_t wait_ns = earlier(recall(broker, now_ns),
				  overtime_look(broker, now_ns)) -
			  now_ns;
	struct timeval delay;

	if (broker->next_due_ms && !broker->ending) {
		int64_t due_ms = broker->next_due_ms - clock_wall_ms();

		if (due_ms <= 0) {
			broker->gathering->store.promote_max = PROMOTE_MAX;
			cycle_kick(broker);
		} else if (due_ms < wait_ns / 1000000) {
			wait_ns = due_ms * 1000000;
		}
	}
	/* The tick looks anyway: clocks step, and seconds are cheap. */
	if (wait_ns > SECOND_NS)
		return;
	wait_ns = wait_ns < 1000000 ? 1000000 : wait_ns;
	delay.tv_sec = wait_ns / SECOND_NS;
	delay.tv_usec = wait_ns % SECOND_NS / 1000;
	event_add(broker->soon, &delay);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	arm(arg);
}

void cycle_finished(void *owner, struct batch *batch)
{
	struct broker *broker = owner;
	bool failed;

	if (breakdown_retry(broker, batch))
		return;
	if (batch->result)
		breakdown_refused(broker, batch);
	else
		after_commit(broker, batch);
	stop_batch(broker, batch);
	failed = batch->result;
	broker->store_failed = failed;
	batch_reset(batch, batch->serial);
	batch->busy = false;
	/* After a failure the tick tries again, or whoever comes: no spinning. */
	if (!failed) {
		cycle_kick(broker);
		arm(broker);
	}
	conns_resume(broker);
	stop_check(broker);
}

void cycle_tick(struct broker *broker)
{
	int64_t now_ns = clock_mono_ns();

	breakdown_tick(broker, now_ns);
	/* Also when it is full: that is when it helps. */
	if (now_ns >= broker->purge_at_ns) {
		broker->purge_at_ns = now_ns + PURGE_PAUSE_NS;
		ask_purge(broker);
	}
	rooms_look(broker, NULL);
	drains_look(broker);
	staff_tick(broker, now_ns);
	leases_tick(broker, now_ns);
	reserves_tick(broker);
	group_holds_tick(broker, now_ns);
	arm(broker);
	cycle_kick(broker);
	stop_check(broker);
}

uint64_t cycle_oldest(const struct broker *broker)
{
	uint64_t oldest = broker->serial;

	for (size_t i = 0; i < BROKER_BATCHES; i++) {
		const struct batch *batch = &broker->batches[i];

		if (batch->busy && batch->serial < oldest)
			oldest = batch->serial;
	}
	return oldest;
}
