#include "daemon/broker/given.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/broker/advance_tell.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/overtime.h"
#include "daemon/broker/staff.h"
#include "daemon/broker/state.h"
#include "daemon/broker/unwilling.h"
#include "daemon/broker/worker_link.h"
#include "proto/json_in.h"

void given_free(struct given *given)
{
	advance_free(given->advance);
	free(given);
}

/* Its clock begins anew: how long it ran before nobody here has seen. */
static void adopt_clock(struct given *given,
			const struct store_running *running)
{
	overtime_begin(given, running->timeout_ms, running->grace_ms);
	if (running->cancel_asked)
		overrun_ask(&given->overrun, given->overrun.grace_ns,
			    clock_mono_ns());
}

int given_adopt(struct worker *worker, const struct store_running *running,
		const struct lane *lane)
{
	struct given *given = calloc(1, sizeof(*given));

	if (!given)
		return -ENOMEM;
	given->sched.id = running->job;
	given->sched.token = running->token;
	given->group = running->group;
	given->home = lane;
	given->attempt = running->attempt;
	given->sent = true; /* as far as we know */
	given->once = running->once;
	given->cancel_asked = running->cancel_asked;
	given->grace_ms = -1;
	if (!worker->commands)
		adopt_clock(given, running);
	TAILQ_INSERT_TAIL(&worker->adopted_jobs, &given->sched, link);
	return 0;
}

/* Is it among what the worker says it holds, and has it begun? */
static bool holds(struct slice holding, struct given *given,
		  int64_t *ret_started_ms)
{
	struct json_iter iter = json_enter(holding);
	struct slice item, value;
	int64_t n;

	while (json_item(&iter, &item)) {
		if (!json_find(item, "token", &value) || json_int(value, &n) ||
		    n != given->sched.token)
			continue;
		given->begun = json_find(item, "started_ms", &value);
		*ret_started_ms = 0;
		if (given->begun && json_int(value, &n) == 0)
			*ret_started_ms = n;
		return true;
	}
	return false;
}

/* It certainly never began: back to ready, not charged. */
static void put_back(struct broker *broker, int64_t job, int64_t token)
{
	struct batch *batch = broker->gathering;
	size_t i;

	if (batch_add_outcome(batch, 0, &i)) {
		log_error("no memory for an outcome, job waits for the next "
			  "broker job=%lld",
			  (long long)job);
		return;
	}
	batch->store.outcomes[i].job = job;
	batch->store.outcomes[i].token = token;
	batch->store.outcomes[i].kind = STORE_PUT_BACK;
	cycle_kick(broker);
}

/* The descriptors that it began with are its own. */
static void drop_begun(struct broker *broker, const struct given *given)
{
	if (given->begun)
		carry_drop(broker, given->sched.id);
}

/* The head's clock runs since it began, whoever listened then. */
static void take_adopted(struct broker *broker, struct worker *worker,
			 struct sched_job *job, int64_t started_ms)
{
	int64_t now_ns = clock_mono_ns();
	int64_t ran_ms = started_ms ? clock_wall_ms() - started_ms : 0;

	drop_begun(broker, (struct given *)job);
	sched_give(&broker->sched, &worker->sched, job, now_ns);
	if (ran_ms <= 0 || ran_ms >= now_ns / 1000000)
		return;
	if (worker->concurrent)
		job->given_ns = now_ns - ran_ms * 1000000;
	else if (worker->sched.job_count == 1)
		worker->sched.head_since_ns = now_ns - ran_ms * 1000000;
}

/* After the hello: a worker ends nothing before it knows who speaks. */
void given_disown(struct worker *worker, struct slice holding)
{
	struct json_iter iter = json_enter(holding);
	struct slice item, value;

	while (json_item(&iter, &item)) {
		int64_t job, token;

		if (!json_find(item, "job", &value) || json_int(value, &job) ||
		    !json_find(item, "token", &value) ||
		    json_int(value, &token) || given_find(worker, token))
			continue;
		worker_link_cancel(worker->link, job, token, -1, false);
	}
}

void given_compare(struct broker *broker, struct worker *worker,
		   struct slice holding)
{
	struct sched_job *job, *next;
	int64_t started_ms;

	for (job = TAILQ_FIRST(&worker->sched.jobs); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (holds(holding, (struct given *)job, &started_ms)) {
			drop_begun(broker, (struct given *)job);
			continue;
		}
		put_back(broker, job->id, job->token);
		sched_end(&broker->sched, &worker->sched, job, -1,
			  clock_mono_ns());
		given_free((struct given *)job);
	}
	while ((job = TAILQ_FIRST(&worker->adopted_jobs))) {
		TAILQ_REMOVE(&worker->adopted_jobs, job, link);
		if (holds(holding, (struct given *)job, &started_ms)) {
			take_adopted(broker, worker, job, started_ms);
			continue;
		}
		put_back(broker, job->id, job->token);
		given_free((struct given *)job);
	}
}

static void say_cancel(struct worker *worker, const struct given *given)
{
	worker_link_cancel(worker->link, given->sched.id, given->sched.token,
			   given->grace_ms, given->overrun.timed_out);
}

void given_resume(struct worker *worker)
{
	struct sched_job *job;

	TAILQ_FOREACH (job, &worker->sched.jobs, link) {
		const struct given *given = (const struct given *)job;

		if (given->cancel_asked || overtime_asked(given))
			say_cancel(worker, given);
	}
}

static void hand_over(struct broker *broker, struct worker *worker,
		      struct lane *lane, const struct store_claim *claim,
		      struct given *given)
{
	given->sched.id = claim->job;
	given->sched.token = claim->token;
	given->sched.lane = &lane->sched;
	given->group = claim->group;
	given->attempt = claim->attempt;
	given->once = claim->once;
	if (!worker->commands)
		overtime_begin(given, claim->timeout_ms, claim->grace_ms);
	sched_give(&broker->sched, &worker->sched, &given->sched,
		   clock_mono_ns());
}

/* In one block with what the row's texts point to. */
static struct given *given_with_row(const struct store_row *row)
{
	size_t bytes = sizeof(struct given) + sizeof(*row);
	struct given *given;
	char *text;
	struct slice *texts[4];

	bytes += row->queue.n + row->handler.n + row->name.n + row->tags.n;
	given = calloc(1, bytes);
	if (!given)
		return NULL;
	given->row = (struct store_row *)(given + 1);
	*given->row = *row;
	texts[0] = &given->row->queue;
	texts[1] = &given->row->handler;
	texts[2] = &given->row->name;
	texts[3] = &given->row->tags;
	text = (char *)(given->row + 1);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (texts[i]->n)
			memcpy(text, texts[i]->p, texts[i]->n);
		texts[i]->p = text;
		text += texts[i]->n;
	}
	return given;
}

int given_begin(struct broker *broker, struct worker *worker, struct lane *lane,
		const struct store_claim *claim, bool memory,
		const struct store_row *row)
{
	struct given *given = row ? given_with_row(row)
				  : calloc(1, sizeof(*given));

	if (!given)
		return -ENOMEM;
	given->memory = memory;
	hand_over(broker, worker, lane, claim, given);
	worker_link_job(worker->link, lane, claim, NULL);
	given->sent = true;
	return 0;
}

void given_deliver(struct broker *broker, struct worker *worker,
		   struct lane *lane, const struct store_claim *claim)
{
	struct parcel *parcel = NULL;
	struct given *given;

	if (claim->descriptors) {
		parcel = carry_find(broker, claim->job);
		if (!parcel) {
			carry_lost(broker, claim);
			return;
		}
	}
	given = calloc(1, sizeof(*given));
	if (!given || worker->dead || worker->died_ns) {
		free(given);
		put_back(broker, claim->job, claim->token);
		return;
	}
	hand_over(broker, worker, lane, claim, given);
	if (worker->link) {
		worker_link_job(worker->link, lane, claim, parcel);
		given->sent = true;
	}
	/* Away: it will dial in without it, and the job goes back. */
}

void given_begun(struct broker *broker, struct worker *worker, int64_t token)
{
	struct sched_job *job = sched_find(&worker->sched, token);

	if (!job)
		return;
	((struct given *)job)->begun = true;
	carry_drop(broker, job->id);
}

struct given *given_find(struct worker *worker, int64_t token)
{
	struct sched_job *job = sched_find(&worker->sched, token);

	if (job)
		return (struct given *)job;
	TAILQ_FOREACH (job, &worker->adopted_jobs, link) {
		if (job->token == token)
			return (struct given *)job;
	}
	return NULL;
}

static int64_t grace_ns(const struct broker *broker, int64_t grace_ms)
{
	return (grace_ms < 0 ? broker->config->grace_ms : grace_ms) * 1000000;
}

void given_judge(struct worker *worker, struct store_outcome *outcome)
{
	const struct given *given = given_find(worker, outcome->token);

	if (given)
		overtime_judge(given, outcome);
}

int given_advances(struct broker *broker, struct given *given,
		   const struct advance_word *word)
{
	const struct sched_lane *lane = given->sched.lane;
	struct slice queue = {0};

	if (given->home)
		queue = given->home->queue;
	else if (lane)
		queue = ((const struct lane *)((const char *)lane -
					       offsetof(struct lane, sched)))
				->queue;
	return advance_tell(broker, &given->advance, given->sched.id,
			    given->group, queue, word);
}

const struct advance *given_advance(struct broker *broker,
				    const struct store_row *row)
{
	struct worker *worker = row->state == STATE_RUNNING
					? fleet_find(&broker->fleet,
						     row->worker)
					: NULL;
	const struct sched_job *job;

	if (row->worker == LEASES_WORKER)
		return leases_advance(&broker->leases, row);
	if (!worker || !worker->scheduled)
		return NULL;
	TAILQ_FOREACH (job, &worker->sched.jobs, link) {
		if (job->id == row->id)
			return ((const struct given *)job)->advance;
	}
	return NULL;
}

void given_cancel(struct broker *broker, const struct store_signal *signal)
{
	struct worker *worker = fleet_find(&broker->fleet, signal->worker);
	struct given *given;

	if (signal->worker == LEASES_WORKER)
		leases_cancel(broker, signal);
	given = worker ? given_find(worker, signal->token) : NULL;
	if (!given)
		return; /* its end is under way */
	given->cancel_asked = true;
	given->grace_ms = signal->grace_ms;
	if (!worker->commands)
		overrun_ask(&given->overrun, grace_ns(broker, signal->grace_ms),
			    clock_mono_ns());
	if (worker->link)
		say_cancel(worker, given);
	/* Away: told when it dials in. */
}

void given_result(struct broker *broker, struct worker *worker, int64_t token,
		  int64_t run_ns, int64_t cpu_us)
{
	struct sched_job *job = sched_find(&worker->sched, token);

	if (!job)
		return;
	sched_end(&broker->sched, &worker->sched, job, run_ns, clock_mono_ns());
	given_free((struct given *)job);
	if (run_ns < 0)
		return;
	unwilling_worked(broker, worker);
	worker->jobs_done++;
	staff_worked(broker, worker);
	worker->dials = 0;
	worker->cpu_us += cpu_us;
	if (worker->proved)
		return;
	worker->proved = true;
	link_send(broker, &(struct channel_message){
				  .kind = CHANNEL_USEFUL,
				  .worker = worker->id,
			  });
}

void given_free_adopted(struct worker *worker)
{
	struct sched_job *job;

	while ((job = TAILQ_FIRST(&worker->adopted_jobs))) {
		TAILQ_REMOVE(&worker->adopted_jobs, job, link);
		given_free((struct given *)job);
	}
}

bool given_is_enough(const struct worker *worker)
{
	uint32_t count = worker->sched.job_count;

	return count >= 2 && count >= worker->sched.credit.jobs / 2;
}
