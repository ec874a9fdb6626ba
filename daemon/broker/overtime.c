#include "daemon/broker/overtime.h"

#include <signal.h>
#include <stdio.h>

#include "daemon/broker/given.h"
#include "daemon/broker/state.h"
#include "daemon/broker/worker_link.h"

#define MS INT64_C(1000000)

static int64_t in_ns(int64_t ms)
{
	return ms > INT64_MAX / MS ? INT64_MAX : ms * MS;
}

void overtime_begin(struct given *given, int64_t timeout_ms, int64_t grace_ms)
{
	given->overrun = (struct overrun){
		.timeout_ns = in_ns(timeout_ms),
		.grace_ns = in_ns(grace_ms),
	};
	given->grace_ms = grace_ms;
}

static void act(struct broker *broker, struct worker *worker,
		const struct given *given, enum overrun_act what)
{
	if (what == OVERRUN_SAY) {
		/* Away: told when it dials in. */
		if (worker->link)
			worker_link_cancel(worker->link, given->sched.id,
					   given->sched.token, given->grace_ms,
					   true);
		return;
	}
	log_info("worker is ended, its job did not stop pool=%s worker=%lld "
		 "pid=%d job=%lld signal=%s",
		 worker->pool_name, (long long)worker->id, (int)worker->pid,
		 (long long)given->sched.id,
		 what == OVERRUN_TERM ? "TERM" : "KILL");
	fleet_signal(broker, worker, what == OVERRUN_TERM ? SIGTERM : SIGKILL);
}

/* Return: when to look again. */
static int64_t look_at_job(struct broker *broker, struct worker *worker,
			   struct sched_job *job, int64_t since_ns,
			   int64_t now_ns)
{
	struct given *given = (struct given *)job;
	int64_t next_ns = INT64_MAX;
	enum overrun_act what;

	if (!given || !overrun_watched(&given->overrun))
		return INT64_MAX;
	while ((what = overrun_step(&given->overrun, since_ns, now_ns,
				    &next_ns)))
		act(broker, worker, given, what);
	return next_ns;
}

/* All run: each since it was given. */
static int64_t look_at_all(struct broker *broker, struct worker *worker,
			   int64_t now_ns)
{
	int64_t next_ns = INT64_MAX, at_ns;
	struct sched_job *job;

	TAILQ_FOREACH (job, &worker->adopted_jobs, link) {
		at_ns = look_at_job(broker, worker, job, worker->since_ns,
				    now_ns);
		next_ns = at_ns < next_ns ? at_ns : next_ns;
	}
	if (!worker->scheduled)
		return next_ns;
	TAILQ_FOREACH (job, &worker->sched.jobs, link) {
		at_ns = look_at_job(broker, worker, job, job->given_ns, now_ns);
		next_ns = at_ns < next_ns ? at_ns : next_ns;
	}
	return next_ns;
}

/* The first one: only that has begun. */
static int64_t look_at(struct broker *broker, struct worker *worker,
		       int64_t now_ns)
{
	struct sched_job *job = TAILQ_FIRST(&worker->adopted_jobs);
	int64_t since_ns = worker->since_ns;

	if (worker->concurrent)
		return look_at_all(broker, worker, now_ns);
	if (!job && worker->scheduled) {
		job = TAILQ_FIRST(&worker->sched.jobs);
		since_ns = worker->sched.head_since_ns;
	}
	return look_at_job(broker, worker, job, since_ns, now_ns);
}

int64_t overtime_look(struct broker *broker, int64_t now_ns)
{
	int64_t next_ns = INT64_MAX;

	for (struct worker *worker = broker->fleet.by_id; worker;
	     worker = worker->hh.next) {
		int64_t at_ns = INT64_MAX;

		if (!worker->commands && !worker->dead && !worker->died_ns)
			at_ns = look_at(broker, worker, now_ns);
		next_ns = at_ns < next_ns ? at_ns : next_ns;
	}
	return next_ns;
}

bool overtime_asked(const struct given *given)
{
	return given->overrun.stage != OVERRUN_RUNS;
}

void overtime_judge(const struct given *given, struct store_outcome *outcome)
{
	if (!overtime_asked(given) || outcome->kind != STORE_FAILED_ATTEMPT)
		return;
	outcome->cause = given->overrun.timed_out ? CAUSE_TIMEOUT
						  : CAUSE_CANCELLED;
}

void overtime_message(const struct given *given, char *room, size_t size)
{
	if (given->overrun.timed_out)
		snprintf(room, size,
			 "it ran longer than its timeout of %.1f s, and its "
			 "worker was ended",
			 (double)given->overrun.timeout_ns / 1e9);
	else
		snprintf(room, size,
			 "it was cancelled, and its worker was ended");
}
