/* Steering by filter, in slices, so that nobody waits behind. */

#include <errno.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/batch.h"
#include "daemon/broker/filter.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/queue.h"
#include "daemon/broker/state.h"
#include "proto/calls_queues.h"
#include "proto/calls_steer.h"
#include "proto/json_in.h"

#define STEER_SLICE 1000

#define WAITING                                                                \
	(1u << STATE_HELD | 1u << STATE_BLOCKED | 1u << STATE_SCHEDULED |      \
	 1u << STATE_READY)
#define ENDED                                                                  \
	(1u << STATE_SUCCEEDED | 1u << STATE_FAILED | 1u << STATE_CANCELLED)

struct steering {
	struct store_steer asked; /* what each slice asks for, but `after` */
	int64_t changed, signalled;
	void (*answer)(struct call *call);
	/* Of a purge. */
	uint32_t ended; /* states to remove when the waiting are cancelled */
};

static int add_slice(struct call *call)
{
	const struct steering *steering = call->state;
	struct batch *batch = call->broker->gathering;
	size_t i;

	if (batch_add_steer(batch, &i))
		return -ENOMEM;
	batch->store.steers[i] = steering->asked;
	call->first = i;
	call_join(call);
	return 0;
}

static void answer_cancel(struct call *call)
{
	const struct steering *steering = call->state;
	struct json_out *out = call_reply(call, false);

	json_out_member_int(out, "cancelled", steering->changed);
	json_out_member_int(out, "signalled", steering->signalled);
	call_reply_end(call);
}

static void answer_count(struct call *call)
{
	const struct steering *steering = call->state;

	json_out_member_int(call_reply(call, false), "count",
			    steering->changed);
	call_reply_end(call);
}

static void committed(struct call *call, struct batch *batch)
{
	const struct store_steer *steer = &batch->store.steers[call->first];
	struct steering *steering = call->state;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	steering->changed += steer->changed;
	steering->signalled += steer->signalled;
	steering->asked.after = steer->next;
	if (!steer->next)
		steering->answer(call);
	else if (add_slice(call))
		call_error_memory(call);
}

/* Who owns the processes, or the machine, could end them anyway. */
static bool reaches_all(const struct call *call)
{
	return call->uid == 0 || call->uid == geteuid();
}

static struct steering *steering_new(struct call *call,
				     enum store_steer_kind kind)
{
	struct steering *steering = arena_alloc(&call->arena,
						sizeof(*steering));

	if (!steering) {
		call_error_memory(call);
		return NULL;
	}
	steering->asked.kind = kind;
	steering->asked.uid = reaches_all(call) ? UINT32_MAX : call->uid;
	steering->asked.grace_ms = -1;
	steering->asked.max = STEER_SLICE;
	steering->answer = answer_count;
	call->state = steering;
	call->committed = committed;
	return steering;
}

static void start(struct call *call)
{
	if (add_slice(call))
		call_error_memory(call);
}

/* Return: NULL when the call was answered. */
static struct steering *steer(struct call *call, enum store_steer_kind kind,
			      struct slice filter, bool dry_run)
{
	struct steering *steering = steering_new(call, kind);

	if (!steering ||
	    !filter_read(call, filter, true, &steering->asked.filter))
		return NULL;
	steering->asked.dry_run = dry_run;
	return steering;
}

void call_cancel(struct call *call, void *params)
{
	struct call_cancel *p = params;
	struct steering *steering = steer(call, STORE_CANCEL, p->filter,
					  p->dry_run);

	if (!steering)
		return;
	if (CALL_HAS(p, CANCEL, grace_ms))
		steering->asked.grace_ms = p->grace_ms;
	steering->answer = answer_cancel;
	if (p->reason.n &&
	    arena_copy(&call->arena, p->reason, &steering->asked.reason))
		call_error_memory(call);
	else
		start(call);
}

void call_hold_jobs(struct call *call, void *params)
{
	struct call_hold *p = params;

	if (steer(call, STORE_HOLD, p->filter, p->dry_run))
		start(call);
}

void call_release_jobs(struct call *call, void *params)
{
	struct call_release *p = params;

	if (steer(call, STORE_RELEASE, p->filter, p->dry_run))
		start(call);
}

void call_retry(struct call *call, void *params)
{
	struct call_retry *p = params;
	struct steering *steering = steer(call, STORE_RETRY, p->filter,
					  p->dry_run);
	struct store_filter *filter;

	if (!steering)
		return;
	filter = &steering->asked.filter;
	/* What succeeded is run again only when somebody says so. */
	if (!filter->states && !filter->ids)
		filter->states = 1u << STATE_FAILED | 1u << STATE_CANCELLED;
	steering->asked.reset_attempts = p->reset_attempts;
	if (p->delay_ms)
		steering->asked.run_at_ms = clock_wall_ms() + p->delay_ms;
	start(call);
}

void call_remove(struct call *call, void *params)
{
	struct call_remove *p = params;

	if (steer(call, STORE_REMOVE, p->filter, p->dry_run))
		start(call);
}

void call_change(struct call *call, void *params)
{
	struct call_change *p = params;
	struct steering *steering = steer(call, STORE_CHANGE, p->filter,
					  p->dry_run);
	struct store_steer *asked;

	if (!steering)
		return;
	asked = &steering->asked;
	asked->change_priority = CALL_HAS(p, CHANGE, priority);
	asked->priority = (int32_t)p->priority;
	asked->change_run_at = CALL_HAS(p, CHANGE, run_at_ms);
	asked->run_at_ms = p->run_at_ms;
	if (CALL_HAS(p, CHANGE, queue) && !queue_name_good(p->queue)) {
		call_error_parameter(call, "queue", QUEUE_NAME_RULE);
		return;
	}
	if (!asked->change_priority && !asked->change_run_at && !p->queue.n) {
		call_error_parameter(call, "priority",
				     "nothing to change: give priority, "
				     "run_at_ms or queue");
		return;
	}
	if (p->queue.n && arena_copy(&call->arena, p->queue, &asked->queue))
		call_error_memory(call);
	else
		start(call);
}

/* ---- Purge: the waiting jobs of a queue are cancelled, others removed ---- */

static void answer_purge(struct call *call)
{
	struct steering *steering = call->state;

	if (steering->ended) {
		steering->asked.kind = STORE_REMOVE;
		steering->asked.filter.states = steering->ended;
		steering->asked.reason = (struct slice){0};
		steering->ended = 0;
		start(call);
		return;
	}
	json_out_member_int(call_reply(call, false), "removed",
			    steering->changed);
	call_reply_end(call);
}

/* Return: false when the call was answered. */
static bool read_states(struct call *call, struct slice list, uint32_t *ret)
{
	struct json_iter iter = json_enter(list);
	struct slice item, word;
	enum job_state state;

	*ret = 0;
	while (json_item(&iter, &item)) {
		if (json_string(&call->arena, item, &word) ||
		    !state_parse(word, &state)) {
			call_error_parameter(call, "states",
					     "is not a list of states");
			return false;
		}
		if (state == STATE_RUNNING) {
			call_error_parameter(call, "states",
					     "running jobs are not purged; "
					     "Cancel ends them");
			return false;
		}
		*ret |= 1u << state;
	}
	if (*ret)
		return true;
	call_error_parameter(call, "states",
			     "holds for no job; leave it out for all that "
			     "wait");
	return false;
}

void call_purge(struct call *call, void *params)
{
	struct call_purge *p = params;
	struct steering *steering = steering_new(call, STORE_CANCEL);
	uint32_t states = WAITING;

	if (!steering || (CALL_HAS(p, PURGE, states) &&
			  !read_states(call, p->states, &states)))
		return;
	if (arena_copy(&call->arena, p->name, &steering->asked.filter.queue)) {
		call_error_memory(call);
		return;
	}
	steering->asked.filter.states = states & WAITING;
	steering->asked.reason = SLICE("purged");
	steering->ended = states & ENDED;
	steering->answer = answer_purge;
	if (states & WAITING)
		start(call);
	else
		answer_purge(call);
}
