#include "daemon/broker/cycle.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/fleet_end.h"
#include "daemon/broker/given.h"
#include "daemon/broker/outcome.h"
#include "daemon/broker/output_file.h"
#include "daemon/broker/state.h"
#include "daemon/broker/stop.h"
#include "daemon/broker/worker_link.h"
#include "daemon/core/backoff.h"
#include "proto/limits.h"

#define SECOND_NS INT64_C(1000000000)
#define PROMOTE_MAX 1000
#define PURGE_MAX 500
#define PURGE_PAUSE_NS (10 * SECOND_NS)
#define FREE_AGAIN_BYTES (8 * 1024 * 1024)
#define RECALL_MAX 64
#define LONE_NS 1000000
/* Then those who wait are told; what workers told is kept. */
#define BUSY_TRIES 5

static struct worker *worker_of(struct sched_worker *sched)
{
	return (struct worker *)((char *)sched -
				 offsetof(struct worker, sched));
}

static struct lane *lane_of(struct sched_lane *sched)
{
	return (struct lane *)((char *)sched - offsetof(struct lane, sched));
}

/* A worker's row is written with its first claim. */
static int add_worker_rows(struct broker *broker, struct batch *batch)
{
	for (size_t i = 0; i < batch->store.want_count; i++) {
		struct worker *worker = worker_of(batch->plan[i].worker);
		struct store_worker *row;
		size_t n;

		batch->store.wants[i].worker = worker->id;
		if (worker->row_known)
			continue;
		if (batch_add_worker(batch, &n))
			return -ENOMEM;
		row = &batch->store.workers[n];
		row->id = worker->id;
		row->slot = worker->slot;
		row->pool = SLICE("exec");
		row->pid = worker->pid;
		row->start_ticks = worker->start_ticks;
		row->boot_id = slice_of(broker->fleet.boot_id);
		memcpy(row->secret_hash, worker->secret_hash, 32);
		worker->row_known = true;
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
	if (batch_plan(batch, &broker->sched,
		       HASH_COUNT(broker->fleet.by_id)) ||
	    add_worker_rows(broker, batch)) {
		log_error("no memory to plan claims, trying again");
		batch_unplan(batch, &broker->sched);
	}
	if (batch_empty(batch))
		return NULL;
	batch->store.with_contexts = true;
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

static void tell_calls(struct batch *batch)
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
		follows_told(broker, store->outcomes[i].job);
	}
	if (worker && worker->link)
		worker_link_settle_end(worker->link);
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
			      lane_get(&broker->lanes, changed->queue,
				       changed->handler, 0, &lane)))
			continue;
		lane_counts(&broker->lanes, lane, changed->counts);
	}
}

/* Claims are committed: deliver them. */
static void dispatch(struct broker *broker, const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	for (size_t i = 0; i < store->want_count; i++)
		sched_want_done(&broker->sched, &batch->plan[i]);
	for (size_t i = 0; i < store->claim_count; i++) {
		const struct store_claim *claim = &store->claims[i];
		const struct sched_want *want = &batch->plan[claim->want];

		given_deliver(broker, worker_of(want->worker),
			      lane_of(want->lane), claim);
	}
	for (size_t i = 0; i < store->want_count; i++) {
		/* A dead worker lives on for the batches that name it. */
		struct worker *worker = fleet_find(&broker->fleet,
						   store->wants[i].worker);

		if (worker)
			fleet_end_release(broker, worker);
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
}

static void after_commit(struct broker *broker, struct batch *batch)
{
	const struct store_batch *store = &batch->store;
	struct batch *next;

	update_lanes(broker, batch);
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
	settle(broker, batch);
	for (size_t i = 0; i < store->signal_count; i++)
		given_cancel(broker, &store->signals[i]);
	tell_calls(batch);
	rooms_look(broker, batch);
	drains_look(broker);
	for (size_t i = 0; i < store->ended_count; i++) {
		waits_ended(&broker->waits, &store->ended[i]);
		if (broker->carried)
			carry_drop(broker, store->ended[i].id);
	}
	for (size_t i = 0; i < store->changed_group_count; i++)
		waits_changed(&broker->waits, &store->changed_groups[i]);
	for (size_t i = 0; i < store->purged_count; i++)
		output_remove(broker->config->state_dir, store->purged[i]);
	if (store->purge_more)
		ask_purge(broker);
}

/*
 * Nothing of the batch happened. Calls are answered; what workers told must not
 * be lost: it goes into the next batch.
 */
static int keep_outcomes(struct broker *broker, const struct batch *batch)
{
	struct batch *next = broker->gathering;

	for (size_t i = 0; i < batch->store.outcome_count; i++) {
		const struct store_outcome *from = &batch->store.outcomes[i];
		struct store_outcome copy = *from;
		size_t n;

		if (arena_copy(&next->arena, from->log, &copy.log) ||
		    arena_copy(&next->arena, from->result, &copy.result) ||
		    arena_copy(&next->arena, from->failure, &copy.failure) ||
		    batch_add_outcome(next, batch->outcome_workers[i], &n))
			return -ENOMEM;
		next->store.outcomes[n] = copy;
	}
	for (size_t i = 0; i < batch->store.gone_worker_count; i++) {
		if (batch_add_gone(next, batch->store.gone_workers[i]))
			return -ENOMEM;
	}
	return 0;
}

static int exit_status_of(int error)
{
	switch (error) {
	case STORE_E_GONE:
		return CHANNEL_EXIT_GONE;
	case STORE_E_CORRUPT:
		return CHANNEL_EXIT_CALLER; /* also the next broker's */
	default:
		return CHANNEL_EXIT_SYSTEM;
	}
}

/*
 * Nothing more is acknowledged: who waits is told why, and the broker ends. A
 * failed fsync is never tried again on the same handle: a new broker opens the
 * file anew, if that can help. Workers keep everything.
 */
static void break_store(struct broker *broker, int error)
{
	struct batch *batch = broker->gathering;

	broker->store_broken = true;
	broker->exit_status = exit_status_of(error);
	batch->result = error;
	snprintf(batch->fault.message, sizeof(batch->fault.message), "%.255s",
		 broker->store_message);
	tell_calls(batch);
	/*
	 * One that ends young is replaced later and later, behind a silent
	 * socket. So it stays to say what is the matter until it is of an age
	 * to be replaced at once.
	 */
	if (broker->exit_status == CHANNEL_EXIT_SYSTEM && broker->born_ns)
		broker->linger_until_ns = broker->born_ns + BACKOFF_GOOD_NS;
	if (broker->linger_until_ns < clock_mono_ns())
		stop_now(broker);
}

static void after_failure(struct broker *broker, struct batch *batch)
{
	bool broken = false;

	broker->refused_batches++;
	snprintf(broker->store_message, sizeof(broker->store_message), "%s",
		 batch->fault.message);
	/* A full disk is said once, not with every try. */
	if (batch->result != STORE_E_FULL || !broker->store_full)
		log_error("the store refused a batch, nothing of it happened "
			  "error=%d: %s",
			  batch->result, batch->fault.message);
	for (size_t i = 0; i < batch->store.worker_count; i++) {
		struct worker *worker = fleet_find(&broker->fleet,
						   batch->store.workers[i].id);

		if (worker)
			worker->row_known = false;
	}
	for (size_t i = 0; i < batch->store.want_count; i++)
		sched_want_done(&broker->sched, &batch->plan[i]);
	if (batch->result == STORE_E_FULL)
		broker->store_full = true;
	else if (batch->result != -ENOMEM && batch->result != -EBUSY)
		broken = true;
	if (!broken && keep_outcomes(broker, batch))
		broken = true; /* workers keep their results */
	tell_calls(batch);
	for (size_t i = 0; i < batch->store.want_count; i++) {
		struct worker *worker = fleet_find(
			&broker->fleet, batch->store.wants[i].worker);

		if (worker)
			fleet_end_release(broker, worker);
	}
	if (broken)
		break_store(broker, batch->result);
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

/* Wake up for the next due job, or for the next recall. */
static void arm(struct broker *broker)
{
	int64_t now_ns = clock_mono_ns();
	int64_t wait_ns = recall(broker, now_ns) - now_ns;
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

/* Somebody looks at the database with another program. Each try waits for some
 * seconds by itself (store.h). */
static bool try_again(struct broker *broker, struct batch *batch)
{
	if (batch->result != -EBUSY || broker->ending ||
	    batch->tries == BUSY_TRIES)
		return false;
	if (!batch->tries++)
		log_warning("waiting: %s: end the program that has it open",
			    batch->fault.message);
	writer_send(&broker->writer, batch);
	return true;
}

void cycle_finished(void *owner, struct batch *batch)
{
	struct broker *broker = owner;
	bool failed;

	if (try_again(broker, batch))
		return;
	if (batch->result)
		after_failure(broker, batch);
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

static bool space_again(const struct broker *broker)
{
	struct statvfs space;

	return statvfs(broker->config->state_dir, &space) == 0 &&
	       space.f_bavail * space.f_frsize > FREE_AGAIN_BYTES;
}

/* Who is quiet writes nothing, and would not notice. */
static void check_store(struct broker *broker)
{
	struct store_fault fault = {0};
	int r;

	/* A batch that is out is looked after by the writer. */
	if (broker->store_broken || !writer_idle(&broker->writer))
		return;
	r = store_check(broker->write_store, &fault);
	if (!r)
		r = examiner_look(&broker->examiner, &fault);
	if (!r && broker->reader.failed) {
		r = broker->reader.failed;
		snprintf(fault.message, sizeof(fault.message),
			 "%.160s/jobs.db: %s, a query found: see reeved(8)",
			 broker->config->state_dir,
			 r == STORE_E_CORRUPT ? "damaged" : "cannot be read");
	}
	if (r) {
		snprintf(broker->store_message, sizeof(broker->store_message),
			 "%s", fault.message);
		log_error("ending: %s", fault.message);
		break_store(broker, r);
	} else if (output_folder(broker->config->state_dir) == 0) {
		log_warning("%s/output was removed, made anew; output that "
			    "was in it is lost",
			    broker->config->state_dir);
		follows_renew(broker);
	}
}

void cycle_tick(struct broker *broker)
{
	int64_t now_ns = clock_mono_ns();

	check_store(broker);
	if (broker->linger_until_ns && now_ns >= broker->linger_until_ns)
		stop_now(broker);
	if (broker->store_full && space_again(broker)) {
		log_info("there is space again, taking new jobs");
		broker->store_full = false;
	}
	/* Also when it is full: that is when it helps. */
	if (now_ns >= broker->purge_at_ns) {
		broker->purge_at_ns = now_ns + PURGE_PAUSE_NS;
		ask_purge(broker);
	}
	rooms_look(broker, NULL);
	drains_look(broker);
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
