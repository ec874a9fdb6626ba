#include "tests/sim/sim.h"

#define GRACE_NS (300 * INT64_C(1000000))

static bool is_handler(const struct sim *sim, const struct sim_given *given)
{
	return sim_pool(sim, sim_store_row((struct sim *)sim, given->sched.id)
				     ->lane) == 1;
}

void sim_overrun_begin(struct sim *sim, struct sim_given *given)
{
	if (is_handler(sim, given))
		given->overrun = (struct overrun){
			.timeout_ns =
				sim_store_row(sim, given->sched.id)->timeout_ns,
			.grace_ns = GRACE_NS,
		};
}

void sim_overrun_ask(struct sim *sim, struct sim_given *given)
{
	if (is_handler(sim, given))
		overrun_ask(&given->overrun, GRACE_NS, sim->now_ns);
}

/* Nobody is ended for what another one does, nor unasked. */
static void check_end(struct sim *sim, const struct sim_worker *worker,
		      const struct sim_given *given)
{
	const struct sim_row *row = sim_store_row(sim, given->sched.id);
	const struct sim_task *task = &worker->tasks[0];

	if (!worker->task_count || !task->begun ||
	    task->as.token != given->sched.token)
		return; /* its end is on the way */
	sim_check(sim,
		  row->facts.cancel_asked ||
			  (given->overrun.timed_out && row->timeout_ns &&
			   given->overrun.stage > OVERRUN_ASKED),
		  "the worker of job %lld is ended, and nobody asked",
		  (long long)given->sched.id);
}

void sim_overrun_look(struct sim *sim, struct sim_hand *hand)
{
	struct sim_worker *worker = &sim->workers[hand - sim->broker.hands];
	struct sim_given *given;
	enum overrun_act act;
	int64_t since_ns, next_ns;

	if (!hand->used || hand->dead || !worker->alive ||
	    sim_pool(sim, worker->slot) != 1 || sim->broken == SIM_NEVER_END)
		return;
	given = sim_fleet_head(hand, &since_ns);
	if (!given)
		return;
	while ((act = overrun_step(&given->overrun, since_ns, sim->now_ns,
				   &next_ns))) {
		if (act == OVERRUN_SAY && sim->broken != SIM_END_EARLY) {
			sim->stats.told++;
			if (hand->linked)
				sim_queue_push(
					&worker->to_worker,
					&(struct sim_message){
						.word = WORD_CANCEL,
						.as.token = given->sched.token,
						.as.job = given->sched.id,
					});
			continue;
		}
		sim_trace(sim, "broker: worker %lld is ended for job %lld",
			  (long long)hand->id, (long long)given->sched.id);
		check_end(sim, worker, given);
		/* TERM may be heard or not, KILL is. */
		if (act == OVERRUN_TERM && sim_below(sim, 2))
			continue;
		sim->stats.ended++;
		sim_worker_die(sim, worker);
		return;
	}
}

bool sim_overrun_judge(const struct sim_given *given,
		       struct sim_outcome *outcome)
{
	if (given->overrun.stage == OVERRUN_RUNS)
		return false;
	outcome->event = JOB_FAIL;
	outcome->cause = given->overrun.timed_out ? CAUSE_TIMEOUT
						  : CAUSE_CANCELLED;
	return true;
}
