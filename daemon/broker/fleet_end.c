#include "daemon/broker/fleet_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/outcome.h"
#include "daemon/broker/state.h"
#include "daemon/broker/worker_link.h"

/* What a person should read: {"message":"..."}; no bytes of a peer in it. */
static int lost_message(struct arena *arena, enum job_cause cause, int status,
			struct slice *ret)
{
	char text[160];

	if (cause == CAUSE_HOST_LOST)
		snprintf(
			text, sizeof(text),
			"{\"message\":\"the machine was restarted under it\"}");
	else if (status >= 0 && WIFSIGNALED(status))
		snprintf(text, sizeof(text),
			 "{\"message\":\"its worker was killed by signal %d "
			 "(%s)\"}",
			 WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
	else if (status >= 0)
		snprintf(text, sizeof(text),
			 "{\"message\":\"its worker ended with status %d\"}",
			 WEXITSTATUS(status));
	else
		snprintf(text, sizeof(text),
			 "{\"message\":\"its worker is gone\"}");
	return arena_copy(arena, slice_of(text), ret);
}

int fleet_lost(struct broker *broker, struct batch *batch, int64_t job,
	       int64_t token, bool charged, enum job_cause cause, int status)
{
	struct store_outcome outcome;
	size_t i;
	int r;

	r = outcome_load(broker->config->state_dir, token, &batch->arena,
			 &outcome);
	if (r == OUTCOME_E_BAD)
		log_error("a result file cannot be read, ignored job=%lld "
			  "token=%lld",
			  (long long)job, (long long)token);
	if (batch_add_outcome(batch, 0, &i))
		return -ENOMEM;
	if (r == 0 && outcome.job == job) {
		batch->store.outcomes[i] = outcome;
		return 0;
	}
	batch->store.outcomes[i].job = job;
	batch->store.outcomes[i].token = token;
	batch->store.outcomes[i].kind = charged ? STORE_LOST : STORE_PUT_BACK;
	if (!charged)
		return 0;
	batch->store.outcomes[i].cause = cause;
	return lost_message(&batch->arena, cause, status,
			    &batch->store.outcomes[i].failure);
}

static void end_job(struct broker *broker, struct worker *worker,
		    struct sched_job *job, bool charged)
{
	if (fleet_lost(broker, broker->gathering, job->id, job->token, charged,
		       CAUSE_WORKER_LOST, worker->status))
		log_error("no memory for an outcome, job waits for the next "
			  "broker job=%lld",
			  (long long)job->id);
	free(job);
}

void fleet_end(struct broker *broker, struct worker *worker)
{
	struct sched_job *job;
	bool charged = true;

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

	while ((job = TAILQ_FIRST(&worker->adopted_jobs))) {
		TAILQ_REMOVE(&worker->adopted_jobs, job, link);
		end_job(broker, worker, job, charged);
		charged = false;
	}
	while (worker->scheduled &&
	       (job = sched_worker_lost(&broker->sched, &worker->sched,
					&charged)))
		end_job(broker, worker, job,
			charged && ((struct given *)job)->sent);
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

/* Its connection may still hold results that it wrote before it died. */
static void died(struct broker *broker, struct worker *worker, int status)
{
	if (worker->dead || worker->died_ns)
		return;
	worker->status = status;
	worker->died_ns = clock_mono_ns();
	fleet_leaving(broker, worker);
	if (!worker->link)
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
