/* List, Configure, Pause, Resume of org.reeve.queues. */

#include <errno.h>
#include <stdio.h>

#include "daemon/broker/callback.h"
#include "daemon/broker/callback_file.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/job_json.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/queue_file.h"
#include "daemon/broker/queue_find.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"
#include "daemon/broker/worker_link.h"
#include "proto/calls_queues.h"
#include "proto/limits.h"

/* What a call sets, and what was before: a failed commit changes nothing. */
struct setting {
	struct queue_find find; /* first: it is asked with it */
	bool paused;
	struct store_queue *old;
	size_t old_count;
};

/* ---- Settings ---- */

/* What workers hold and have not begun comes back. */
static void recall(struct broker *broker, struct slice queue)
{
	for (struct worker *worker = broker->fleet.by_id; worker;
	     worker = worker->hh.next) {
		struct sched_job *job;

		if (!worker->link)
			continue;
		TAILQ_FOREACH (job, &worker->sched.jobs, link) {
			const struct lane *lane;

			if (!job->lane) /* adopted: it has begun, or leaves */
				continue;
			lane = (const struct lane *)((char *)job->lane -
						     offsetof(struct lane,
							      sched));
			if (slice_equal(lane->queue, queue))
				worker_link_recall(worker->link, job->id,
						   job->token);
		}
	}
}

static void undo(struct call *call, const struct setting *setting)
{
	struct broker *broker = call->broker;

	for (size_t i = 0; i < setting->old_count; i++) {
		const struct store_queue *old = &setting->old[i];

		lanes_pause(&broker->lanes, old->name, old->paused);
		if (queue_set(&broker->queues, old))
			log_error("no memory to take a queue's settings back");
	}
}

/* It is paused now and was not, or the other way. */
static void tell(struct broker *broker, const struct store_queue *old)
{
	bool paused = queue_settings(&broker->queues, old->name).paused;

	if (paused != old->paused)
		subscribe_tell(broker,
			       &(struct told_event){
				       .kind = paused ? EVENT_QUEUE_PAUSED
						      : EVENT_QUEUE_RESUMED,
				       .queue = old->name,
			       });
}

static void committed(struct call *call, struct batch *batch)
{
	const struct setting *setting = call->state;

	if (batch->result) {
		undo(call, setting);
		call_error_storage(call, batch->fault.message);
		return;
	}
	for (size_t i = 0; setting->paused && i < setting->old_count; i++)
		recall(call->broker, setting->old[i].name);
	for (size_t i = 0; i < setting->old_count; i++)
		tell(call->broker, &setting->old[i]);
	cycle_kick(call->broker); /* who goes on has jobs to claim */
	call_reply(call, false);
	call_reply_end(call);
}

static void too_many(struct call *call)
{
	char message[80];

	snprintf(message, sizeof(message),
		 "there are %d queues with settings already, the limit",
		 LIMIT_LANES);
	call_error_parameter(call, "name", message);
}

static void join(struct call *call)
{
	call->committed = committed;
	call_join(call);
}

/* What the files say is changed there, or the next start would take it back.
 * Return: was the call answered? */
static bool is_held(struct call *call, const struct call_configure *p)
{
	const bool lists[CALLBACK_WHEN_COUNT] = {
		[CALLBACK_SUCCESS] = CALL_HAS(p, CONFIGURE, on_success),
		[CALLBACK_FAILURE] = CALL_HAS(p, CONFIGURE, on_failure),
		[CALLBACK_DONE] = CALL_HAS(p, CONFIGURE, on_done),
	};
	const char *key = queue_file_holds(call->broker, p->name,
					   CALL_HAS(p, CONFIGURE, max_length),
					   CALL_HAS(p, CONFIGURE, overflow));
	char message[LIMIT_NAME_BYTES + 128];

	for (int i = 0; !key && i < CALLBACK_WHEN_COUNT; i++) {
		if (lists[i] && callback_file_holds(call->broker, p->name,
						    (enum callback_when)i))
			key = callback_when_name((enum callback_when)i);
	}
	if (!key)
		return false;
	snprintf(message, sizeof(message),
		 "the configuration says it: queues.%.*s.%s; change it there, "
		 "then: reeve daemon reload",
		 (int)p->name.n, p->name.p, key);
	call_error_parameter(call, key, message);
	return true;
}

/* Those that are given replace their list, the others stay. */
static int set_callbacks(struct call *call, const struct call_configure *p,
			 struct store_queue *set, struct entry_fault *fault)
{
	struct callbacks callbacks = callback_lists(set->callbacks);
	struct callbacks given = {0};
	int r;

	if (CALL_HAS(p, CONFIGURE, on_success))
		given.lists[CALLBACK_SUCCESS] = p->on_success;
	if (CALL_HAS(p, CONFIGURE, on_failure))
		given.lists[CALLBACK_FAILURE] = p->on_failure;
	if (CALL_HAS(p, CONFIGURE, on_done))
		given.lists[CALLBACK_DONE] = p->on_done;
	/* Whoever mends one of them is not held up by another. */
	r = callback_check(call, &given, "", fault);
	if (r)
		return r;
	for (int i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		if (given.lists[i].n)
			callbacks.lists[i] = given.lists[i];
	}
	return callback_text(&call->broker->scratch, &callbacks, call,
			     &call->arena, &set->callbacks);
}

static bool names_callbacks(const struct call_configure *p)
{
	return CALL_HAS(p, CONFIGURE, on_success) ||
	       CALL_HAS(p, CONFIGURE, on_failure) ||
	       CALL_HAS(p, CONFIGURE, on_done);
}

void call_configure(struct call *call, void *params)
{
	struct call_configure *p = params;
	struct broker *broker = call->broker;
	struct setting *setting = arena_alloc(&call->arena, sizeof(*setting));
	struct entry_fault fault = {0};
	struct store_queue set;
	int r;

	if (!queue_name_good(p->name)) {
		call_error_parameter(call, "name", QUEUE_NAME_RULE);
		return;
	}
	if (CALL_HAS(p, CONFIGURE, overflow) &&
	    p->overflow == OVERFLOW_DROP_OLDEST) {
		call_error_parameter(call, "overflow",
				     "drop_oldest is not built yet: reject or "
				     "block");
		return;
	}
	if (is_held(call, p))
		return;
	if (!setting || arena_copy(&call->arena, p->name, &p->name)) {
		call_error_memory(call);
		return;
	}
	set = queue_settings(&broker->queues, p->name);
	setting->old = arena_alloc(&call->arena, sizeof(*setting->old));
	if (!setting->old) {
		call_error_memory(call);
		return;
	}
	set.name = p->name;
	setting->old[0] = set;
	setting->old_count = 1;
	if (names_callbacks(p)) {
		/* What is replaced goes with that. */
		r = arena_copy(&call->arena, set.callbacks,
			       &setting->old[0].callbacks);
		if (r == 0)
			r = set_callbacks(call, p, &set, &fault);
		if (r < 0)
			call_error_memory(call);
		else if (r)
			submission_fault(call, &fault);
		if (r)
			return;
	}
	if (CALL_HAS(p, CONFIGURE, max_length))
		set.max_length = p->max_length;
	if (CALL_HAS(p, CONFIGURE, overflow))
		set.overflow = p->overflow == OVERFLOW_BLOCK
				       ? STORE_OVERFLOW_BLOCK
				       : STORE_OVERFLOW_REJECT;
	call->state = setting;
	r = queue_file_set(broker, &set);
	if (r == QUEUE_E_TOO_MANY)
		too_many(call);
	else if (r)
		call_error_memory(call);
	else
		join(call);
}

/* ---- Pause, Resume ---- */

static int pause_all(struct call *call, struct setting *setting)
{
	struct queue_find *find = &setting->find;
	int r = 0;

	setting->old = arena_array(&call->arena, find->name_count + 1,
				   sizeof(*setting->old));
	if (!setting->old)
		return -ENOMEM;
	for (size_t i = 0; i < find->name_count && r == 0; i++) {
		struct store_queue set = queue_settings(&call->broker->queues,
							find->names[i]);

		if (set.paused == setting->paused)
			continue;
		/* Those of the search do not live until the commit. */
		if (arena_copy(&call->arena, find->names[i], &set.name))
			return -ENOMEM;
		setting->old[setting->old_count++] = set;
		set.paused = setting->paused;
		r = queue_file_set(call->broker, &set);
	}
	return r;
}

static void pause_found(struct queue_find *find)
{
	struct setting *setting = (struct setting *)find;
	struct call *call = find->call;
	int r = pause_all(call, setting);

	if (r) {
		undo(call, setting);
		if (r == QUEUE_E_TOO_MANY)
			too_many(call);
		else
			call_error_memory(call);
		return;
	}
	/* With nothing to change, too: an answer means that it is on disk. */
	join(call);
}

static void start_pause(struct call *call, struct slice name, bool paused)
{
	struct setting *setting = arena_alloc(&call->arena, sizeof(*setting));

	if (!setting) {
		call_error_memory(call);
		return;
	}
	setting->paused = paused;
	call->state = setting;
	queue_find_start(call, &setting->find, name, pause_found);
}

void call_pause(struct call *call, void *params)
{
	struct call_pause *p = params;

	if (CALL_HAS(p, PAUSE, running) && p->running == PAUSE_REQUEUE)
		call_error_parameter(call, "running",
				     "requeue is not built yet: running jobs "
				     "are left alone");
	else
		start_pause(call, p->name, true);
}

void call_resume(struct call *call, void *params)
{
	struct call_resume *p = params;

	start_pause(call, p->name, false);
}

/* ---- List ---- */

static void write_queue(struct json_out *out, struct broker *broker,
			const struct queue_find *find, size_t at)
{
	struct slice name = find->names[at];
	struct store_queue set = queue_settings(&broker->queues, name);

	json_out_object(out);
	json_out_member_string(out, "name", name);
	json_out_member_bool(out, "paused", set.paused);
	json_out_member_int(out, "weight", 1);
	if (set.max_length)
		json_out_member_int(out, "max_length", set.max_length);
	if (set.max_length || set.overflow == STORE_OVERFLOW_BLOCK)
		json_out_member_text(out, "overflow",
				     set.overflow == STORE_OVERFLOW_BLOCK
					     ? "block"
					     : "reject");
	json_out_key(out, "counts");
	job_json_counts(out, find->counts[at]);
	if (find->oldest_ms[at])
		json_out_member_int(out, "oldest_ready_ms",
				    find->oldest_ms[at]);
	callback_write(out, set.callbacks);
	json_out_object_end(out);
}

static void list_found(struct queue_find *find)
{
	struct json_out *out = call_reply(find->call, false);

	json_out_key(out, "queues");
	json_out_array(out);
	for (size_t i = 0; i < find->name_count; i++)
		write_queue(out, find->call->broker, find, i);
	json_out_array_end(out);
	call_reply_end(find->call);
}

void call_list_queues(struct call *call, void *params)
{
	struct queue_find *find = arena_alloc(&call->arena, sizeof(*find));

	(void)params;
	if (!find) {
		call_error_memory(call);
		return;
	}
	find->with_oldest = true;
	queue_find_start(call, find, (struct slice){0}, list_found);
}
