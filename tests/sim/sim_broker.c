#include "tests/sim/sim.h"

static void batch_clear(struct sim_batch *batch)
{
	batch->entry_count = batch->steer_count = batch->outcome_count = 0;
	batch->want_count = batch->worker_count = batch->gone_count = 0;
	batch->claim_count = batch->signal_count = batch->ended_count = 0;
	batch->strand = false;
}

void sim_broker_add(struct sim *sim, const struct sim_outcome *outcome)
{
	struct sim_batch *batch = sim->broker.gathering;

	require(batch->outcome_count < ARRAY_COUNT(batch->outcomes));
	batch->outcomes[batch->outcome_count++] = *outcome;
}

void sim_broker_gone(struct sim *sim, int64_t worker)
{
	struct sim_batch *batch = sim->broker.gathering;

	/* A row too many is found again by the next broker. */
	if (batch->gone_count < ARRAY_COUNT(batch->gone))
		batch->gone[batch->gone_count++] = worker;
}

void sim_broker_start(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	if (!broker->gathering) {
		broker->gathering = calloc(1, sizeof(*broker->gathering));
		broker->flying = calloc(1, sizeof(*broker->flying));
		require(broker->gathering && broker->flying);
	}
	batch_clear(broker->gathering);
	batch_clear(broker->flying);
	broker->phase = BROKER_STARTING;
	broker->flight = FLIGHT_NONE;
	broker->generation++;
	broker->born_ns = sim->now_ns;
	broker->useful = false;
	sched_init(&broker->sched);
	for (int i = 0; i < SIM_LANES; i++) {
		sched_lane_add(&broker->sched, &broker->lanes[i], i,
			       sim_pool(sim, (uint32_t)i));
		sched_lane_pause(&broker->sched, &broker->lanes[i],
				 broker->paused[i]);
		broker->waited[i] = 0;
	}
	sim_trace(sim, "broker starts");
	broker->gathering->strand = true;
	sim_fleet_adopt(sim);
}

static void release_wants(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	for (size_t i = 0; i < broker->flying->want_count; i++)
		sched_want_done(&broker->sched, &broker->flying->wants[i]);
	broker->flying->want_count = 0;
}

void sim_broker_die(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	if (broker->phase == BROKER_DOWN)
		return;
	sim_trace(sim, "broker dies");
	sim->stats.broker_deaths++;
	/* In the middle of a commit: it is durable, whole, or never was. */
	if (broker->flight == FLIGHT_SENT && sim_chance(sim, 5000))
		sim_store_commit(sim, broker->flying);

	release_wants(sim);
	sim_fleet_clear(sim);
	for (int i = 0; i < SIM_LANES; i++)
		sched_lane_remove(&broker->sched, &broker->lanes[i]);
	sched_fini(&broker->sched);
	broker->phase = BROKER_DOWN;
	broker->flight = FLIGHT_NONE;
	for (int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *worker = &sim->workers[i];

		worker->peer_closed = worker->connected;
		worker->to_broker.count = worker->to_broker.first = 0;
	}
}

void sim_broker_fini(struct sim *sim)
{
	struct sim_given *given;

	while ((given = LIST_FIRST(&sim->broker.given))) {
		LIST_REMOVE(given, all);
		free(given);
	}
	free(sim->broker.gathering);
	free(sim->broker.flying);
}

/* ---- A batch leaves ---- */

static void name_worker(struct sim *sim, struct sim_batch *batch,
			struct sim_hand *hand)
{
	const struct sim_worker *worker =
		&sim->workers[hand - sim->broker.hands];

	if (hand->row_known)
		return;
	for (size_t i = 0; i < batch->worker_count; i++) {
		if (batch->workers[i].id == hand->id)
			return;
	}
	batch->workers[batch->worker_count++] = (struct sim_worker_row){
		.id = hand->id,
		.pid = worker->pid,
		.start_ticks = worker->start_ticks,
		.boot = worker->boot,
	};
}

/* Lanes take turns: while one can be served, all the others together get no
 * more than one job each, and one more for those that came in between. */
static void check_turns(struct sim *sim, const struct sim_batch *batch,
			const bool *could)
{
	for (int lane = 0; lane < SIM_LANES; lane++) {
		uint32_t others = 0;
		bool served = false;

		for (size_t i = 0; i < batch->want_count; i++) {
			const struct sched_lane *of = batch->wants[i].lane;

			if (of->id == lane)
				served = true;
			else if (of->pool == sim->broker.lanes[lane].pool)
				others += batch->wants[i].max;
		}
		if (served || !could[lane])
			sim->broker.waited[lane] = 0;
		else
			sim->broker.waited[lane] += others;
		sim_check(sim, sim->broker.waited[lane] <= 2 * SIM_LANES,
			  "lane %d starves: others got %u", lane,
			  sim->broker.waited[lane]);
	}
}

/* Nobody idles beside a job that could be had. */
static void check_conserving(struct sim *sim, const struct sched_pool *pool,
			     const struct sim_batch *batch)
{
	const struct sched_worker *worker;

	if (batch->want_count == SIM_WANTS || !pool->open)
		return;
	TAILQ_FOREACH (worker, &pool->workers, link)
		sim_check(sim,
			  worker->leaving ||
				  worker->job_count + worker->asked >=
					  worker->credit.jobs,
			  "a worker has room, and jobs are ready");
}

static void plan(struct sim *sim, struct sim_batch *batch)
{
	struct sim_broker *broker = &sim->broker;
	bool could[SIM_LANES];

	for (int i = 0; i < SIM_LANES; i++) {
		could[i] = broker->lanes[i].linked;
		if (sim->broken == SIM_ONE_LANE && i)
			sched_lane_pause(&broker->sched, &broker->lanes[i],
					 true);
	}
	batch->want_count = sched_plan(&broker->sched, batch->wants, SIM_WANTS);
	check_turns(sim, batch, could);
	check_conserving(sim, &broker->sched.pools[0], batch);
	check_conserving(sim, &broker->sched.pools[1], batch);
	for (size_t i = 0; i < batch->want_count; i++) {
		struct sim_hand *hand =
			(struct sim_hand *)((char *)batch->wants[i].worker -
					    offsetof(struct sim_hand, sched));

		batch->want_workers[i] = hand->id;
		name_worker(sim, batch, hand);
	}
}

/* What the rule forbids: tell the worker before it is durable. */
static void dispatch_early(struct sim *sim, const struct sim_batch *batch)
{
	int64_t token = (int64_t)sim->store.token_count;

	for (size_t i = 0; i < batch->want_count; i++) {
		for (size_t j = 0; j < sim->store.live_count; j++) {
			int64_t job = sim->store.live[j];
			const struct sim_row *row = sim_store_row(sim, job);
			struct sim_worker *worker = NULL;

			if (row->facts.state != STATE_READY ||
			    (int32_t)row->lane != batch->wants[i].lane->id)
				continue;
			for (int k = 0; k < SIM_WORKERS; k++) {
				if (sim->workers[k].id ==
				    batch->want_workers[i])
					worker = &sim->workers[k];
			}
			if (!worker || !worker->connected)
				continue;
			sim_queue_push(&worker->to_worker,
				       &(struct sim_message){
					       .word = WORD_JOB,
					       .as = {.job = job,
						      .token = ++token,
						      .worker = worker->id},
				       });
			break;
		}
	}
}

static void send(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;
	struct sim_batch *batch = broker->gathering;

	broker->gathering = broker->flying;
	broker->flying = batch;
	batch_clear(broker->gathering);
	if (broker->phase == BROKER_SERVING)
		plan(sim, batch);
	broker->flight = FLIGHT_SENT;
	if (sim->broken == SIM_DISPATCH_BEFORE_COMMIT)
		dispatch_early(sim, batch);
}

static void commit(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	if (!sim->calm && sim_chance(sim, sim->faults.disk_full)) {
		sim_trace(sim, "store: full");
		sim->stats.full++;
		broker->flight = FLIGHT_FAILED;
		return;
	}
	sim_store_commit(sim, broker->flying);
	broker->flight = FLIGHT_DURABLE;
}

/* ---- A batch comes back ---- */

static void see(struct sim *sim, int64_t job)
{
	struct sim_row *row = sim_store_row(sim, job);

	sim_trace(sim, "client: job %lld is %s (%s)", (long long)job,
		  state_name(row->facts.state), cause_name(row->cause));
	sim_check(sim, state_is_end(row->facts.state) && !row->seen,
		  "job %lld ends twice", (long long)job);
	row->seen = true;
	row->seen_state = row->facts.state;
}

static void settle(struct sim *sim, const struct sim_outcome *outcome)
{
	const struct sim_hand *hand = sim_fleet_find(sim, outcome->worker);

	sim_store_forget_result(sim, outcome->token);
	if (!hand || !hand->linked || !outcome->by_worker ||
	    outcome->event == JOB_PUT_BACK)
		return;
	sim_queue_push(
		&sim->workers[hand - sim->broker.hands].to_worker,
		&(struct sim_message){.word = WORD_SETTLED, .as = *outcome});
}

static void acknowledge(struct sim *sim, uint64_t call)
{
	sim->stats.acknowledged++;
	sim_check(sim, call < sim->store.call_room && sim->store.calls[call],
		  "call %llu is acknowledged and not on disk",
		  (unsigned long long)call);
}

static void back_durable(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;
	struct sim_batch *batch = broker->flying;

	for (size_t i = 0; i < batch->entry_count; i++)
		acknowledge(sim, batch->entries[i].call);
	for (size_t i = 0; i < batch->ended_count; i++)
		see(sim, batch->ended[i]);
	for (size_t i = 0; i < batch->outcome_count; i++)
		settle(sim, &batch->outcomes[i]);
	for (size_t i = 0; i < batch->worker_count; i++) {
		struct sim_hand *hand = sim_fleet_find(sim,
						       batch->workers[i].id);

		if (hand)
			hand->row_known = true;
	}
	if (sim->broken != SIM_LEAK_CREDIT)
		release_wants(sim);
	for (size_t i = 0; i < batch->claim_count; i++)
		sim_fleet_give(sim, &batch->claims[i]);
	for (size_t i = 0; i < batch->signal_count; i++)
		sim_fleet_cancel(sim, &batch->signals[i]);
	for (int i = 0; i < SIM_LANES; i++)
		sched_lane_ready(&broker->sched, &broker->lanes[i],
				 sim->store.ready[i]);
	broker->useful = true;
	broker->phase = BROKER_SERVING;
}

/* Nothing of it happened. What workers said is kept and tried again, before
 * what they said since; clients get an error. */
static void back_failed(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;
	struct sim_batch *failed = broker->flying;
	struct sim_batch *batch = broker->gathering;

	release_wants(sim);
	require(failed->outcome_count + batch->outcome_count <= SIM_OUTCOMES);
	memmove(batch->outcomes + failed->outcome_count, batch->outcomes,
		batch->outcome_count * sizeof(*batch->outcomes));
	memcpy(batch->outcomes, failed->outcomes,
	       failed->outcome_count * sizeof(*batch->outcomes));
	batch->outcome_count += failed->outcome_count;
	batch->strand |= failed->strand;
	for (size_t i = 0; i < failed->gone_count; i++)
		sim_broker_gone(sim, failed->gone[i]);
	for (int i = 0; i < SIM_LANES; i++)
		sched_lane_ready(&broker->sched, &broker->lanes[i],
				 sim->store.ready[i]);
}

static void back(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;

	if (broker->flight == FLIGHT_DURABLE)
		back_durable(sim);
	else
		back_failed(sim);
	batch_clear(broker->flying);
	broker->flight = FLIGHT_NONE;
}

static bool has_spoken(const struct sim_worker *worker)
{
	return worker->to_broker.count > 0;
}

void sim_broker_act(struct sim *sim)
{
	struct sim_broker *broker = &sim->broker;
	struct sim_worker *worker = &sim->workers[sim_below(sim, SIM_WORKERS)];

	if (broker->phase == BROKER_DOWN)
		return;
	switch (sim_below(sim, 4)) {
	case 0:
		sim_fleet_notice(sim, worker);
		if (sim_chance(sim, 1000) && broker->phase == BROKER_SERVING)
			sim_fleet_recall(sim);
		if (sim_chance(sim, 3000) && broker->phase == BROKER_SERVING)
			sim_overrun_look(sim,
					 &broker->hands[worker - sim->workers]);
		return;
	case 1:
		worker = sim_any_worker(sim, has_spoken);
		if (worker && broker->phase == BROKER_SERVING)
			sim_fleet_read(sim, worker);
		return;
	default:
		break;
	}
	switch (broker->flight) {
	case FLIGHT_NONE:
		send(sim);
		return;
	case FLIGHT_SENT:
		commit(sim);
		return;
	case FLIGHT_DURABLE:
	case FLIGHT_FAILED:
	default:
		back(sim);
	}
}
