#include "tests/sim/sim.h"

/* Those outside: clients, the supervisor, and what goes wrong. */

#define MS INT64_C(1000000)

enum { LIVE_JOBS_MAX = 80 };

/* ---- Clients ---- */

static int64_t random_run_ns(struct sim *sim)
{
	if (sim_below(sim, 80) >= sim->long_jobs)
		return (int64_t)sim_below(sim, sim->short_us) * 1000;
	switch (sim_below(sim, 4)) {
	case 0:
	case 1:
		return INT64_MAX;
	case 2:
		return (int64_t)sim_below(sim, 5000) * MS;
	default:
		return (int64_t)sim_below(sim, 300) * MS;
	}
}

static void submit(struct sim *sim)
{
	static uint64_t next_call;
	struct sim_batch *batch = sim->broker.gathering;
	uint32_t lane = (uint32_t)sim_below(sim, SIM_LANES);
	bool carries = sim_below(sim, 8) == 0; /* only a once job may */
	struct sim_entry *entry;

	if (batch->entry_count == ARRAY_COUNT(batch->entries))
		return;
	if (sim->store.call_room == 0)
		next_call = 0;
	entry = &batch->entries[batch->entry_count++];
	*entry = (struct sim_entry){
		.call = ++next_call,
		.hold = sim_below(sim, 10) == 0,
		.carries = carries,
		.delay_ms = sim_below(sim, 6)
				    ? 0
				    : 1 + (int64_t)sim_below(sim, 2000),
		.expire_ms = sim_below(sim, 5)
				     ? 0
				     : 1 + (int64_t)sim_below(sim, 5000),
		.row =
			{
				.lane = lane,
				.priority = (int32_t)sim_below(sim, 3),
				.run_ns = random_run_ns(sim),
				.fails = sim_below(sim, 3) ? 0 : 60,
				.kills = sim_below(sim, 20) ? 0 : 50,
				.deaf = sim_below(sim, 2),
				.timeout_ns =
					sim_below(sim, 3)
						? 0
						: (int64_t)sim_below(sim, 400) *
								  MS +
							  MS,
				.facts =
					{
						.max_attempts =
							1 + (uint32_t)sim_below(
								    sim, 3),
						.crash_limit =
							1 + (uint32_t)sim_below(
								    sim, 3),
						.once = carries ||
							sim_below(sim, 4) == 0,
						.backoff_ms =
							sim_below(sim, 2)
								? 0
								: (int64_t)sim_below(
									  sim,
									  1000),
					},
			},
	};
	sched_lane_incoming(&sim->broker.sched, &sim->broker.lanes[lane], 1);
	if (sim->broken == SIM_ACK_BEFORE_COMMIT)
		sim_check(sim,
			  entry->call < sim->store.call_room &&
				  sim->store.calls[entry->call],
			  "call %llu is acknowledged and not on disk",
			  (unsigned long long)entry->call);
}

static void steer(struct sim *sim, enum job_event event, int64_t job)
{
	struct sim_batch *batch = sim->broker.gathering;

	if (batch->steer_count == ARRAY_COUNT(batch->steers))
		return;
	sim_trace(sim, "client: event %d for job %lld", (int)event,
		  (long long)job);
	batch->steers[batch->steer_count++] = (struct sim_steer){
		.event = event,
		.job = job,
		.delay_ms = sim_below(sim, 3)
				    ? 0
				    : 1 + (int64_t)sim_below(sim, 2000),
	};
}

static void steer_any(struct sim *sim)
{
	static const enum job_event events[] = {
		JOB_CANCEL,  JOB_CANCEL,  JOB_HOLD,
		JOB_RELEASE, JOB_RELEASE, JOB_CHANGE,
	};
	struct sim_store *store = &sim->store;

	if (!store->row_count)
		return;
	/* Endless jobs would hold all workers for ever. */
	for (size_t i = 0; i < store->live_count; i++) {
		const struct sim_row *row = sim_store_row(sim, store->live[i]);

		if (row->run_ns == INT64_MAX && row->token &&
		    !row->facts.cancel_asked && sim_below(sim, 3) == 0)
			steer(sim, JOB_CANCEL, store->live[i]);
	}
	/* Most of them have ended. */
	if (sim_below(sim, 5) == 0)
		steer(sim, JOB_RETRY,
		      1 + (int64_t)sim_below(sim, store->row_count));
	if (store->live_count && sim_below(sim, 10))
		steer(sim, events[sim_below(sim, ARRAY_COUNT(events))],
		      store->live[sim_below(sim, store->live_count)]);
	else
		steer(sim, events[sim_below(sim, ARRAY_COUNT(events))],
		      1 + (int64_t)sim_below(sim, store->row_count));
}

/* At the end everything is to end: held jobs go on, endless ones are
 * cancelled, but nobody asks twice. */
static void steer_home(struct sim *sim)
{
	struct sim_store *store = &sim->store;
	const struct sim_row *row;
	int64_t job;

	for (int i = 0; i < SIM_LANES; i++) {
		if (sim->broken == SIM_ONE_LANE && i)
			continue;
		sim->broker.paused[i] = false;
		sched_lane_pause(&sim->broker.sched, &sim->broker.lanes[i],
				 false);
	}
	if (!store->live_count)
		return;
	job = store->live[sim_below(sim, store->live_count)];
	row = sim_store_row(sim, job);
	if (row->facts.state == STATE_HELD)
		steer(sim, JOB_RELEASE, job);
	else if (row->run_ns == INT64_MAX && !row->facts.cancel_asked)
		steer(sim, JOB_CANCEL, job);
}

void sim_client_act(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	if (broker->phase != BROKER_SERVING)
		return;
	if (sim->calm) {
		steer_home(sim);
		return;
	}
	if (sim_below(sim, 20) == 0) {
		uint64_t lane = sim_below(sim, SIM_LANES);

		broker->paused[lane] = !broker->paused[lane] &&
				       sim_below(sim, 3) == 0;
		sched_lane_pause(&broker->sched, &broker->lanes[lane],
				 broker->paused[lane]);
	}
	if (sim_below(sim, 4) == 0)
		steer_any(sim);
	for (uint64_t n = 1 + sim_below(sim, 4); n; n--) {
		if (sim->store.live_count < LIVE_JOBS_MAX)
			submit(sim);
	}
}

/* ---- The supervisor ---- */

static void supervisor_start(struct sim *sim)
{
	struct sim_supervisor *supervisor = &sim->supervisor;

	sim_trace(sim, "supervisor starts");
	supervisor->alive = true;
	supervisor->generation++;
	supervisor->pool = supervisor->broker = (struct backoff){0};
	supervisor->broker_ns = 0;
	for (size_t i = 0; i < ARRAY_COUNT(supervisor->slot_ns); i++)
		supervisor->slot_ns[i] = 0;
}

static bool slot_is_free(struct sim *sim, uint32_t slot)
{
	for (int i = 0; i < SIM_WORKERS; i++) {
		const struct sim_worker *worker = &sim->workers[i];

		if (worker->alive && worker->slot == slot &&
		    worker->generation == sim->supervisor.generation)
			return false;
	}
	return true;
}

void sim_supervisor_act(struct sim *sim)
{
	struct sim_supervisor *supervisor = &sim->supervisor;

	if (!supervisor->alive) {
		/* Its broker reads the end of the channel. */
		if (sim_chance(sim, 5000))
			sim_broker_die(sim);
		else if (sim->now_ns >= supervisor->start_ns)
			supervisor_start(sim);
		return;
	}
	/* A new broker waits for the lock of the old one. */
	if (sim->broker.phase == BROKER_DOWN &&
	    sim->now_ns >= supervisor->broker_ns)
		sim_broker_start(sim);
	for (uint32_t i = 0; i < supervisor->slots; i++) {
		if (sim->now_ns >= supervisor->slot_ns[i] &&
		    slot_is_free(sim, i))
			sim_worker_born(sim, i);
	}
}

void sim_supervisor_reap(struct sim *sim, struct sim_worker *worker)
{
	struct sim_supervisor *supervisor = &sim->supervisor;
	int64_t start_ns;

	if (sim_worker_leaving(sim, worker))
		return;
	start_ns = backoff_died(&supervisor->pool, sim->now_ns,
				sim->now_ns - worker->born_ns, worker->useful);
	sim_check(sim,
		  start_ns >= sim->now_ns &&
			  start_ns <= sim->now_ns + BACKOFF_MAX_NS,
		  "a slot stays empty too long");
	supervisor->slot_ns[worker->slot] = start_ns;
}

/* ---- What goes wrong ---- */

static bool is_alive(const struct sim_worker *worker)
{
	return worker->alive;
}

static void broker_dies(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	if (broker->phase == BROKER_DOWN)
		return;
	sim_broker_die(sim);
	sim->supervisor.broker_ns =
		backoff_died(&sim->supervisor.broker, sim->now_ns,
			     sim->now_ns - broker->born_ns, broker->useful);
}

static void supervisor_dies(struct sim *sim)
{
	if (!sim->supervisor.alive)
		return;
	sim_trace(sim, "supervisor dies");
	sim->supervisor.alive = false;
	sim->supervisor.start_ns = sim->now_ns +
				   (int64_t)sim_below(sim, 3000) * MS;
}

/* Everything in memory is gone; a commit under way is durable, or not. */
static void host_dies(struct sim *sim)
{
	sim_trace(sim, "the host dies");
	sim->stats.reboots++;
	supervisor_dies(sim);
	sim_broker_die(sim);
	for (int i = 0; i < SIM_WORKERS; i++) {
		if (sim->workers[i].alive)
			sim_worker_die(sim, &sim->workers[i]);
	}
	sim->boot++;
}

void sim_fault_act(struct sim *sim)
{
	const struct sim_faults *faults = &sim->faults;
	struct sim_worker *worker;

	if (sim->calm)
		return;
	worker = sim_any_worker(sim, is_alive);
	if (worker && sim_chance(sim, faults->worker_dies))
		sim_worker_die(sim, worker);
	if (sim_chance(sim, faults->broker_dies))
		broker_dies(sim);
	if (sim_chance(sim, faults->supervisor_dies))
		supervisor_dies(sim);
	if (sim_chance(sim, faults->host_dies))
		host_dies(sim);
	if (worker && worker->alive && sim_chance(sim, faults->link_closed))
		sim_broker_close_link(sim, worker);
	if (sim_chance(sim, faults->clock_steps))
		sim->wall_ms += (int64_t)sim_below(sim, 20000) - 10000;
}
