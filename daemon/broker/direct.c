#include "daemon/broker/direct.h"

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/given.h"
#include "daemon/broker/state.h"
#include "daemon/core/job.h"

/* Few while few are used: what a daemon that ends had left is a gap in the
 * numbers that people see. */
#define SUPPLY_MIN 8
#define SUPPLY_MAX 4096

/* ---- Numbers ---- */

static struct direct_supply *supply(struct direct *direct)
{
	if (direct->now.left)
		return &direct->now;
	if (!direct->next.left) {
		/* Used up between two batches: more the next time. */
		direct->wanted = !direct->wanted ? SUPPLY_MIN
				 : direct->wanted < SUPPLY_MAX
					 ? direct->wanted * 2
					 : SUPPLY_MAX;
		return NULL;
	}
	direct->now = direct->next;
	direct->next.left = 0;
	return &direct->now;
}

void direct_reserve(struct broker *broker, struct batch *batch)
{
	struct direct *direct = &broker->direct;

	if (direct->wanted && !direct->next.left && !direct->asked) {
		batch->store.reserve = direct->wanted;
		direct->asked = true;
	}
}

void direct_committed(struct broker *broker, const struct batch *batch)
{
	const struct store_batch *store = &batch->store;

	if (!store->reserve)
		return;
	broker->direct.asked = false;
	broker->direct.next = (struct direct_supply){
		.job = store->reserved_job,
		.token = store->reserved_token,
		.left = store->reserve,
	};
}

/* ---- Contexts ---- */

static int64_t context_id(struct direct *direct, struct slice text)
{
	struct direct_context *context;
	char *copy;

	for (size_t i = 0; i < DIRECT_CONTEXTS; i++) {
		context = &direct->contexts[i];
		if (context->text &&
		    slice_equal((struct slice){context->text, context->n},
				text))
			return context->id;
	}
	copy = malloc(text.n + 1);
	if (!copy)
		return 0;
	memcpy(copy, text.p, text.n);
	context = &direct->contexts[direct->context_count % DIRECT_CONTEXTS];
	free(context->text);
	*context = (struct direct_context){
		.text = copy,
		.n = text.n,
		.id = DIRECT_CONTEXT_FIRST + direct->context_count++,
	};
	return context->id;
}

void direct_fini(struct direct *direct)
{
	for (size_t i = 0; i < DIRECT_CONTEXTS; i++)
		free(direct->contexts[i].text);
}

/* ---- Start ---- */

static bool asks(const struct call *call, const struct spec *spec)
{
	if (!call->alone)
		return false;
	/* Who does not wait for the end is promised the beginning. */
	return spec->durability == DURABILITY_MEMORY ||
	       (spec->durability == DURABILITY_RESULT && call->more);
}

/* Whatever only the store can decide, it decides first. */
static bool is_plain(const struct broker *broker, const struct lane *lane,
		     const struct store_entry *entry)
{
	return !entry->key.n && !entry->unique.n && !entry->group &&
	       !entry->hold && !entry->run_at_ms && !entry->once &&
	       !entry->descriptors && !broker->store_failed &&
	       !queue_settings(&broker->queues, lane->queue).max_length;
}

/* @ret: what the worker is told. Return: false: no memory for it. */
static bool describe(struct broker *broker, const struct store_entry *entry,
		     struct store_claim *ret)
{
	*ret = (struct store_claim){
		.job = entry->begun.job,
		.token = entry->begun.token,
		.attempt = 1,
		.timeout_ms = entry->timeout_ms,
		.grace_ms = entry->grace_ms,
		.orphans_keep = entry->orphans_keep,
		.uid = entry->uid,
		.gid = entry->gid,
		.spec = entry->spec,
	};
	if (entry->context == UINT32_MAX)
		return true;
	ret->context_text =
		broker->gathering->store.contexts[entry->context].text;
	ret->context = context_id(&broker->direct, ret->context_text);
	return ret->context;
}

/* The finished job as its waiter sees it, but for its end. */
static void row_of(const struct store_entry *entry, const struct lane *lane,
		   int64_t now_ms, struct store_row *ret)
{
	*ret = (struct store_row){
		.id = entry->begun.job,
		.queue = lane->queue,
		.handler = lane->handler,
		.name = entry->name,
		.tags = entry->tags,
		.priority = entry->priority,
		.attempt = 1,
		.max_attempts = entry->max_attempts,
		.uid = entry->uid,
		.created_ms = now_ms,
		.started_ms = now_ms,
	};
}

bool direct_start(struct call *call, const struct spec *spec, struct lane *lane,
		  struct store_entry *entry)
{
	struct broker *broker = call->broker;
	struct batch *batch = broker->gathering;
	bool memory = spec->durability == DURABILITY_MEMORY;
	struct sched_worker *free;
	struct direct_supply *from;
	struct store_claim claim;
	struct worker *worker;
	struct store_row row;

	if (!asks(call, spec) || !is_plain(broker, lane, entry))
		return false;
	free = sched_start(&broker->sched, &lane->sched);
	worker = free ? worker_of(free) : NULL;
	from = supply(&broker->direct);
	if (!from || !worker || !worker->link || worker->died_ns)
		return false;
	entry->begun.job = from->job;
	entry->begun.token = from->token;
	entry->begun.worker = worker->id;
	row_of(entry, lane, clock_wall_ms(), &row);
	if (!describe(broker, entry, &claim) ||
	    fleet_row(broker, batch, worker) ||
	    given_begin(broker, worker, lane, &claim, memory,
			memory && !entry->retry.n ? &row : NULL)) {
		entry->begun.token = 0;
		return false;
	}
	from->job++;
	from->token++;
	from->left--;
	broker->direct.serial = batch->serial;
	call->durability = (enum durability)spec->durability;
	batch_patient(batch, clock_mono_ns());
	cycle_kick(broker);
	return true;
}

/* ---- End ---- */

bool direct_ended(struct broker *broker, struct worker *worker,
		  const struct store_outcome *outcome)
{
	struct given *given = given_find(worker, outcome->token);
	struct store_row *row = given ? given->row : NULL;
	struct job_step step;
	struct job_facts facts = {
		.state = STATE_RUNNING,
		.attempt = 1,
		.max_attempts = 1,
		.crash_limit = 1,
		.cancel_asked = given && given->cancel_asked,
	};
	enum job_event event = outcome->kind == STORE_SUCCEEDED ? JOB_SUCCEED
								: JOB_FAIL;

	if (!given || !given->memory)
		return false;
	if (!row || job_step(&facts, event, outcome->cause, 0, &step))
		return true;
	require(step.ended);
	row->state = step.facts.state;
	row->cause = step.cause;
	if (outcome->started_ms)
		row->started_ms = outcome->started_ms;
	row->finished_ms = outcome->finished_ms ? outcome->finished_ms
						: clock_wall_ms();
	row->exit_code = outcome->exit_code;
	row->signal = outcome->signal;
	row->core = outcome->core;
	row->output_file = outcome->output_file;
	row->cpu_us = outcome->cpu_us;
	row->peak_kib = outcome->peak_kib;
	row->stdout_bytes = outcome->stdout_bytes;
	row->stderr_bytes = outcome->stderr_bytes;
	row->result = outcome->result;
	row->failure = outcome->failure;
	broker->direct.serial = broker->gathering->serial;
	waits_early(&broker->waits, row);
	return true;
}

void direct_refused(struct broker *broker, const struct batch *batch)
{
	if (batch->store.reserve)
		broker->direct.asked = false;
	for (size_t i = 0; i < batch->store.entry_count; i++) {
		const struct store_entry *entry = &batch->store.entries[i];
		struct worker *worker;
		struct given *given;

		if (!entry->begun.token)
			continue;
		worker = fleet_find(&broker->fleet, entry->begun.worker);
		given = worker ? given_find(worker, entry->begun.token) : NULL;
		if (!given || !given->row)
			waits_failed(&broker->waits, entry->begun.job,
				     batch->fault.message);
	}
}

/* ---- Reads ---- */

bool direct_behind(struct conn *conn)
{
	struct broker *broker = conn->broker;

	if (!conn->behind)
		conn->behind = broker->direct.serial;
	if (conn->behind < cycle_oldest(broker)) {
		conn->behind = 0;
		return false;
	}
	if (broker->gathering->serial == conn->behind) {
		broker->gathering->hurry = true;
		cycle_kick(broker);
	}
	return true;
}
