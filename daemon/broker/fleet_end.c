#include "daemon/broker/fleet_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/given.h"
#include "daemon/broker/outcome.h"
#include "daemon/broker/overtime.h"
#include "daemon/broker/state.h"
#include "daemon/broker/worker_link.h"

/*
 * What a person should read: {"message":"..."}; no bytes of a peer in it. What
 * the worker had not read, or not written to a file yet, is gone with it.
 */
static int lost_message(struct arena *arena, enum job_cause cause, int status,
			struct slice *ret)
{
	char how[100], text[200];

	if (cause == CAUSE_HOST_LOST)
		snprintf(how, sizeof(how),
			 "the machine was restarted under it");
	else if (status >= 0 && WIFSIGNALED(status))
		snprintf(how, sizeof(how),
			 "its worker was killed by signal %d (%s)",
			 WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
	else if (status >= 0)
		snprintf(how, sizeof(how), "its worker ended with status %d",
			 WEXITSTATUS(status));
	else
		snprintf(how, sizeof(how), "its worker is gone");
	snprintf(text, sizeof(text),
		 "{\"message\":\"%s; the last of its output may be missing\"}",
		 how);
	return arena_copy(arena, slice_of(text), ret);
}

int fleet_end_result(struct broker *broker, struct batch *batch, int64_t job,
		     int64_t token)
{
	struct store_outcome outcome;
	size_t i;
	int r = outcome_load(broker->config->state_dir, token, &batch->arena,
			     &outcome);

	if (r == -ENOMEM)
		return r;
	if (r && r != -ENOENT)
		log_error("a result file cannot be read, ignored job=%lld "
			  "token=%lld error=%d",
			  (long long)job, (long long)token, r);
	if (r || outcome.job != job || outcome.token != token)
		return FLEET_END_E_NONE;
	if (batch_add_outcome(batch, 0, &i))
		return -ENOMEM;
	batch->store.outcomes[i] = outcome;
	return 0;
}

int fleet_end_lost(struct batch *batch, int64_t job, int64_t token,
		   enum adopt_verdict verdict, int status)
{
	struct store_outcome *outcome;
	size_t i;

	if (batch_add_outcome(batch, 0, &i))
		return -ENOMEM;
	outcome = &batch->store.outcomes[i];
	outcome->job = job;
	outcome->token = token;
	outcome->kind = STORE_PUT_BACK;
	if (verdict == ADOPT_PUT_BACK)
		return 0;
	outcome->kind = STORE_LOST;
	outcome->cause = verdict == ADOPT_HOST_LOST ? CAUSE_HOST_LOST
						    : CAUSE_WORKER_LOST;
	return lost_message(&batch->arena, outcome->cause, status,
			    &outcome->failure);
}

/* The attempt ends as what was asked for, whoever ended it. */
static int end_asked(struct batch *batch, const struct given *given)
{
	struct store_outcome *outcome;
	char how[100], text[200];
	size_t i;

	if (batch_add_outcome(batch, 0, &i))
		return -ENOMEM;
	outcome = &batch->store.outcomes[i];
	outcome->job = given->sched.id;
	outcome->token = given->sched.token;
	outcome->kind = STORE_FAILED_ATTEMPT;
	overtime_judge(given, outcome);
	overtime_message(given, how, sizeof(how));
	snprintf(text, sizeof(text), "{\"type\":\"%s\",\"message\":\"%s\"}",
		 given->overrun.timed_out ? "TimedOut" : "Cancelled", how);
	return arena_copy(&batch->arena, slice_of(text), &outcome->failure);
}

static void no_memory(const struct sched_job *job)
{
	log_error("no memory for an outcome, job waits for the next broker "
		  "job=%lld",
		  (long long)job->id);
}

/* Return: true when the job's end was found in results/. */
static bool take_result(struct broker *broker, const struct sched_job *job)
{
	int r = fleet_end_result(broker, broker->gathering, job->id,
				 job->token);

	struct store_batch *store = &broker->gathering->store;

	if (r < 0)
		no_memory(job);
	else if (r == 0)
		overtime_judge((const struct given *)job,
			       &store->outcomes[store->outcome_count - 1]);
	return r <= 0;
}

/* @first: it had begun: the oldest one without a result, or one of many that
 * ran. */
static void judge(struct broker *broker, const struct worker *worker,
		  struct sched_job *job, bool first)
{
	const struct given *given = (const struct given *)job;
	struct adopt_facts facts = {
		.same_boot = true,
		.first = first,
		.once = given->once,
		.unbegun = worker->resigned || (worker->heard && !given->begun),
	};
	enum adopt_verdict verdict = given->sent ? adopt_decide(&facts)
						 : ADOPT_PUT_BACK;
	int r;

	/* It did not stop, so its worker was stopped. */
	if (verdict == ADOPT_WORKER_LOST && overtime_asked(given))
		r = end_asked(broker->gathering, given);
	else
		r = fleet_end_lost(broker->gathering, job->id, job->token,
				   verdict, worker->status);
	if (r)
		no_memory(job);
	given_free((struct given *)job);
}

/* Did one that runs all that it has say which it has begun? */
static bool has_told(const struct worker *worker)
{
	const struct sched_job *job;

	if (!worker->concurrent)
		return false;
	TAILQ_FOREACH (job, &worker->adopted_jobs, link) {
		if (((const struct given *)job)->begun)
			return true;
	}
	if (!worker->scheduled)
		return false;
	TAILQ_FOREACH (job, &worker->sched.jobs, link) {
		if (((const struct given *)job)->begun)
			return true;
	}
	return false;
}

/* What it left in results/ comes off before the rest is judged. */
static void decide_jobs(struct broker *broker, struct worker *worker)
{
	bool told = has_told(worker);
	struct sched_job *job, *next;
	bool first = true;

	while ((job = TAILQ_FIRST(&worker->adopted_jobs))) {
		TAILQ_REMOVE(&worker->adopted_jobs, job, link);
		if (take_result(broker, job)) {
			given_free((struct given *)job);
			continue;
		}
		judge(broker, worker, job,
		      told ? ((struct given *)job)->begun
			   : !worker->resigned &&
				      (first || worker->concurrent));
		first = false;
	}
	if (!worker->scheduled)
		return;
	for (job = TAILQ_FIRST(&worker->sched.jobs); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (!take_result(broker, job))
			continue;
		sched_end(&broker->sched, &worker->sched, job, -1,
			  clock_mono_ns());
		given_free((struct given *)job);
	}
	while ((job = sched_worker_lost(&broker->sched, &worker->sched,
					&first)))
		judge(broker, worker, job,
		      told ? ((struct given *)job)->begun
			   : !worker->resigned && first);
}

void fleet_end(struct broker *broker, struct worker *worker)
{
	if (worker->link) {
		struct worker_link *link = worker->link;

		worker->link = NULL;
		link->worker = NULL;
		worker_link_free(link);
	}
	worker->died_ns = 0;
	worker->dead = true;
	fleet_leaving(broker, worker);
	log_info("worker gone worker=%lld pid=%d slot=%d status=%d held=%u",
		 (long long)worker->id, (int)worker->pid, worker->slot,
		 worker->status, worker->sched.job_count);

	fleet_tell(broker, worker, false);
	decide_jobs(broker, worker);
	if (worker->row_known && batch_add_gone(broker->gathering, worker->id))
		log_warning("no memory, a worker's row stays, ignored");
	cycle_kick(broker);
	fleet_end_release(broker, worker);
}

void fleet_end_release(struct broker *broker, struct worker *worker)
{
	if (!worker->dead || worker->sched.asked)
		return;
	if (worker->scheduled)
		sched_worker_remove(&broker->sched, &worker->sched);
	worker->scheduled = false;
	fleet_free(broker, worker);
}

/* Has it dialled in, and nobody has read what it said there? */
static bool may_have_spoken(struct broker *broker, const struct worker *worker)
{
	const struct worker_link *link;

	if (!worker->heard)
		return true; /* its connection may not be accepted yet */
	TAILQ_FOREACH (link, &broker->fleet.links, link) {
		if (!link->worker && link->peer_pid == worker->pid)
			return true;
	}
	return false;
}

/* Its connection may still hold results that it wrote before it died. */
static void died(struct broker *broker, struct worker *worker, int status)
{
	if (worker->dead || worker->died_ns)
		return;
	worker->status = status;
	worker->died_ns = clock_mono_ns();
	fleet_leaving(broker, worker);
	if (!worker->link && !may_have_spoken(broker, worker))
		fleet_end(broker, worker);
	/* else: end of file on the link, or fleet_tick(), ends it */
}

void fleet_died(struct broker *broker, const struct channel_message *message)
{
	struct worker *worker = fleet_find(&broker->fleet, message->worker);

	if (worker)
		died(broker, worker, message->status);
}

static void on_pidfd(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct broker *broker = worker->broker;

	(void)fd;
	(void)what;
	event_del(worker->pidfd_event);
	/* Announced: the supervisor will tell, with the status. */
	if (!worker->announced)
		died(broker, worker, -1);
}

int fleet_end_watch(struct broker *broker, struct worker *worker)
{
	worker->broker = broker;
	worker->pidfd_event = event_new(broker->base, worker->pidfd, EV_READ,
					on_pidfd, worker);
	if (!worker->pidfd_event || event_add(worker->pidfd_event, NULL) < 0)
		return -ENOMEM;
	return 0;
}
