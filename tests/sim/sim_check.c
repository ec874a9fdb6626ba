#include "tests/sim/sim.h"

/* ---- Jobs ---- */

static void check_rows(struct sim *sim)
{
	struct sim_store *store = &sim->store;

	for (size_t i = 0; i < store->live_count; i++) {
		int64_t job = store->live[i];
		const struct sim_row *row = sim_store_row(sim, job);
		bool running = row->facts.state == STATE_RUNNING;

		job_facts_check(&row->facts);
		sim_check(sim, !state_is_end(row->facts.state) && !row->seen,
			  "job %lld left its end", (long long)job);
		sim_check(sim,
			  running == (row->token != 0) &&
				  running == (row->worker != 0),
			  "job %lld runs without a claim, or the reverse",
			  (long long)job);
		sim_check(sim,
			  !running ||
				  (store->tokens[row->token].job == job &&
				   store->tokens[row->token].fate == FATE_OPEN),
			  "job %lld runs with a claim that is over",
			  (long long)job);
		sim_check(sim, !running || sim_store_worker(sim, row->worker),
			  "job %lld runs on a worker without a row",
			  (long long)job);
		sim_check(sim,
			  !row->carried || running ||
				  row->carried == store->begun ||
				  row->seq > store->begun_seq,
			  "job %lld waits for descriptors that are lost",
			  (long long)job);
	}
}

static void check_counts(struct sim *sim)
{
	uint64_t counts[STATE_COUNT] = {0}, ready[SIM_LANES] = {0};

	for (size_t i = 0; i < sim->store.row_count; i++) {
		const struct sim_row *row = &sim->store.rows[i];

		counts[row->facts.state]++;
		ready[row->lane] += row->facts.state == STATE_READY;
		sim_check(
			sim, !row->seen || row->seen_state == row->facts.state,
			"the end of job %zu changed after it was seen", i + 1);
	}
	sim_check(sim,
		  memcmp(counts, sim->store.counts, sizeof(counts)) == 0 &&
			  memcmp(ready, sim->store.ready, sizeof(ready)) == 0,
		  "counters and rows differ");
}

/* ---- Workers ---- */

/* A live worker never has what the store does not know it has. */
static void check_worker(struct sim *sim, const struct sim_worker *worker)
{
	for (size_t i = 0; i < worker->task_count; i++) {
		const struct sim_task *task = &worker->tasks[i];
		const struct sim_row *row = sim_store_row(sim, task->as.job);

		sim_check(sim,
			  row->token == task->as.token &&
				  row->worker == worker->id,
			  "worker %lld has job %lld, and no durable claim",
			  (long long)worker->id, (long long)task->as.job);
		sim_check(sim, !task->begun || i == 0,
			  "worker %lld runs two jobs", (long long)worker->id);
	}
	for (size_t i = 0; i < worker->result_count; i++) {
		int64_t token = worker->results[i].as.token;
		enum sim_fate fate = sim->store.tokens[token].fate;

		sim_check(sim, fate == FATE_OPEN || fate == FATE_ENDED,
			  "a living worker has the end of job %lld, and it is "
			  "thrown away",
			  (long long)worker->results[i].as.job);
	}
}

/* ---- The scheduler ---- */

/* Return: what is asked for all of its workers. */
static uint64_t check_pool(struct sim *sim, const struct sched_pool *pool)
{
	const struct sched_worker *worker;
	uint32_t serving = 0, busy = 0;
	uint64_t asked = 0;
	bool busy_seen = false;

	TAILQ_FOREACH (worker, &pool->workers, link) {
		const struct sched_job *job;
		uint32_t count = 0;
		bool idle = !worker->leaving && !worker->job_count &&
			    !worker->asked;

		TAILQ_FOREACH (job, &worker->jobs, link)
			count++;
		sim_check(sim, count == worker->job_count,
			  "a worker's jobs are miscounted");
		sim_check(sim,
			  worker->credit.jobs >= 1 &&
				  worker->credit.jobs <= sim->credit_limit,
			  "credit %u", worker->credit.jobs);
		sim_check(sim, count + worker->asked <= sim->credit_limit,
			  "a worker has more than the limit");
		sim_check(sim, !idle || !busy_seen,
			  "an idle worker stands behind a busy one");
		busy_seen = busy_seen || !idle;
		serving += !worker->leaving;
		busy += !worker->leaving && !idle;
		asked += worker->asked;
	}
	sim_check(sim, serving == pool->serving && busy == pool->busy,
		  "%u serve, %u are busy; the pool says %u and %u", serving,
		  busy, pool->serving, pool->busy);
	return asked;
}

static void check_sched(struct sim *sim)
{
	const struct sim_broker *broker = &sim->broker;
	const struct sched_pool *pools = broker->sched.pools;
	uint64_t lanes = 0, workers = 0, wants = 0, open = 0;

	for (int i = 0; i < SIM_LANES; i++) {
		lanes += broker->lanes[i].asked;
		open += broker->lanes[i].open;
		sim_check(sim,
			  broker->lanes[i].linked ==
				  (broker->lanes[i].open > 0),
			  "lane %d is linked wrongly", i);
	}
	workers = check_pool(sim, &pools[0]) + check_pool(sim, &pools[1]);
	if (broker->flight != FLIGHT_NONE) {
		for (size_t i = 0; i < broker->flying->want_count; i++)
			wants += broker->flying->wants[i].max;
	}
	sim_check(sim, lanes == workers && lanes == wants,
		  "asked: lanes %llu, workers %llu, wants %llu",
		  (unsigned long long)lanes, (unsigned long long)workers,
		  (unsigned long long)wants);
	sim_check(sim, open == pools[0].open + pools[1].open,
		  "what is open is miscounted");
}

void sim_check_all(struct sim *sim)
{
	check_rows(sim);
	for (int i = 0; i < SIM_WORKERS; i++) {
		if (sim->workers[i].alive)
			check_worker(sim, &sim->workers[i]);
	}
	if (sim->broker.phase != BROKER_DOWN)
		check_sched(sim);
	if (sim->step % 64 == 0)
		check_counts(sim);
}

/* ---- The end ---- */

static void check_end(struct sim *sim, int64_t job)
{
	const struct sim_row *row = sim_store_row(sim, job);
	const struct job_facts *facts = &row->facts;

	sim_check(sim, state_is_end(facts->state), "job %lld is undecided: %s",
		  (long long)job, state_name(facts->state));
	sim_check(sim, facts->state != STATE_SUCCEEDED || row->starts,
		  "job %lld succeeded and never started", (long long)job);
	sim_check(sim,
		  row->starts >= facts->attempt || !facts->once ||
			  facts->state != STATE_SUCCEEDED,
		  "job %lld has attempts that never were", (long long)job);
	sim_check(sim,
		  (row->cause != CAUSE_WORKER_LOST &&
		   row->cause != CAUSE_HOST_LOST) ||
			  facts->once || facts->crashes == facts->crash_limit,
		  "job %lld failed as lost before its limit", (long long)job);
	sim_check(sim,
		  row->cause != CAUSE_TIMEOUT ||
			  sim_pool(sim, row->lane) == 0 || row->timeout_ns,
		  "job %lld has no timeout, and timed out", (long long)job);
	sim_check(sim, facts->attempt - facts->crashes <= facts->max_attempts,
		  "job %lld failed more often than it may", (long long)job);
}

void sim_check_idle(struct sim *sim)
{
	const struct sim_broker *broker = &sim->broker;

	check_counts(sim);
	for (size_t i = 0; i < sim->store.row_count; i++)
		check_end(sim, (int64_t)i + 1);
	sim_check(sim, sim->store.result_count == 0,
		  "%zu results were never taken", sim->store.result_count);
	for (int i = 0; i < SIM_LANES; i++)
		sim_check(sim,
			  !broker->lanes[i].asked && !broker->lanes[i].open,
			  "lane %d still wants something", i);
	for (int i = 0; i < SIM_WORKERS; i++) {
		const struct sim_hand *hand = &broker->hands[i];

		sim_check(sim,
			  !hand->scheduled || (!hand->sched.job_count &&
					       !hand->sched.asked),
			  "worker %lld still has something",
			  (long long)hand->id);
	}
}
