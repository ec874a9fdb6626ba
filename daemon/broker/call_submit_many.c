/* SubmitMany: one transaction, and what each job of it has become. */

#include "daemon/broker/entry.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/broker/methods.h"
#include "daemon/broker/refusal.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"
#include "daemon/broker/watch.h"
#include "proto/calls_jobs.h"
#include "proto/json_in.h"
#include "proto/limits.h"

/* Why a job was not taken, as the reply says it. */
struct rejection {
	const char *error;
	const char *field; /* NULL: none */
	const char *message;
};

/* One job of the call, in its order. */
struct many_job {
	struct slice text; /* raw Spec */
	int64_t id;	   /* taken: the store's number, else 0 */
	bool existing;
	bool added; /* it is in the batch that the call has joined */
	bool open;  /* not decided yet */
	const struct rejection *rejection; /* NULL: none, or it depends */
};

struct submit_many {
	struct room room;
	struct many_job *jobs;
	size_t count, open;
	struct spec *defaults; /* NULL: none */
	bool all_or_none;
	bool keeps; /* the texts outlive the message: it may wait */
	size_t bytes;
};

static int reject(struct call *call, struct many_job *job, const char *error,
		  const char *field, const char *message)
{
	struct submit_many *many = call->state;
	struct rejection *rejection = arena_alloc(&call->arena,
						  sizeof(*rejection));
	struct slice texts[2] = {{0}, {0}};

	if (!rejection ||
	    (field && arena_copy(&call->arena, slice_of(field), &texts[0])) ||
	    arena_copy(&call->arena, slice_of(message), &texts[1]))
		return -ENOMEM;
	*rejection = (struct rejection){error, texts[0].p, texts[1].p};
	job->rejection = rejection;
	job->open = false;
	many->open--;
	return 0;
}

static int reject_fault(struct call *call, struct many_job *job,
			const struct entry_fault *fault)
{
	return reject(call, job, fault->error, fault->where.path,
		      fault->where.message);
}

static void write_ids(struct json_out *out, const struct submit_many *many)
{
	json_out_key(out, "ids");
	json_out_array(out);
	for (size_t i = 0; i < many->count; i++)
		json_out_int(out, many->jobs[i].id);
	json_out_array_end(out);
}

static void write_rejected(struct json_out *out, const struct submit_many *many)
{
	json_out_key(out, "rejected");
	json_out_array(out);
	for (size_t i = 0; i < many->count; i++) {
		const struct rejection *rejection = many->jobs[i].rejection;

		if (!rejection)
			continue;
		json_out_object(out);
		json_out_member_int(out, "index", (int64_t)i);
		json_out_member_text(out, "error", rejection->error);
		if (rejection->field)
			json_out_member_text(out, "field", rejection->field);
		json_out_member_text(out, "message", rejection->message);
		json_out_object_end(out);
	}
	json_out_array_end(out);
}

/* With more: tell of the ends. Those of old jobs are looked up. */
static int watch(struct call *call, size_t *ret_taken)
{
	const struct submit_many *many = call->state;
	bool existing = false;
	size_t count = 0;
	int64_t *ids = arena_array(&call->arena, many->count, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < many->count; i++) {
		/* What was taken while others waited may have ended. */
		existing = existing || many->jobs[i].existing ||
			   many->room.order;
		if (many->jobs[i].id)
			ids[count++] = many->jobs[i].id;
	}
	*ret_taken = count;
	if (!call->more || !count)
		return 0;
	return watch_start(call, WATCH_JOBS, ids, count, existing, -1);
}

static void answer(struct call *call)
{
	const struct submit_many *many = call->state;
	struct json_out *out;
	size_t taken;

	for (size_t i = 0; i < many->count; i++)
		last_submitted(call, many->jobs[i].id);
	if (watch(call, &taken)) {
		call_error_memory(call);
		return;
	}
	call->refused = call->count - taken;
	out = call_reply(call, call->more && taken);
	write_ids(out, many);
	write_rejected(out, many);
	json_out_member_text(out, "durability",
			     durability_name(DURABILITY_SYNC));
	call_reply_end(call);
}

/* ---- Into the batch, and out of it ---- */

/* All checks first: an all-or-none call must leave nothing behind. */
static int check_all(struct call *call)
{
	struct submit_many *many = call->state;
	struct entry_fault fault = {0};
	struct spec spec;
	char path[32];

	for (size_t i = 0; i < many->count; i++) {
		int r;

		snprintf(path, sizeof(path), "jobs[%zu]", i);
		r = entry_check(call, many->jobs[i].text, many->defaults, path,
				&spec, &fault);
		if (r > 0)
			r = reject_fault(call, &many->jobs[i], &fault);
		if (r)
			return r;
	}
	return 0;
}

/* Add what is open, at most @max of it; note what cannot be. */
static int add_all(struct call *call, uint32_t unit, int64_t max)
{
	struct submit_many *many = call->state;
	struct entry_fault fault = {0};
	int64_t added = 0;
	char path[32];

	for (size_t i = 0; i < many->count && added < max; i++) {
		struct many_job *job = &many->jobs[i];
		int r;

		if (!job->open)
			continue;
		snprintf(path, sizeof(path), "jobs[%zu]", i);
		r = entry_add(call, job->text, many->defaults, path, unit,
			      &fault);
		if (r > 0)
			r = reject_fault(call, job, &fault);
		else if (r == 0)
			job->added = true;
		if (r)
			return r;
		added += job->added;
	}
	return 0;
}

/*
 * Take the call's entries out again. What they weighed goes, too: a batch that
 * stays empty does not leave, and its weight would hold up every client.
 */
static void take_back(struct call *call, size_t queued_bytes)
{
	struct batch *batch = call->broker->gathering;

	batch->store.entry_count = call->first;
	batch->queued_bytes = queued_bytes;
}

static void committed(struct call *call, struct batch *batch);

/* What is open goes into the batch, or all of it is decided. */
static void submit(struct call *call, int64_t max)
{
	struct submit_many *many = call->state;
	struct batch *batch = call->broker->gathering;
	size_t queued_bytes = batch->queued_bytes;
	size_t open = many->open;
	int r;

	call->first = batch->store.entry_count;
	r = add_all(call, many->all_or_none ? ++batch->units : 0, max);
	if (r) {
		take_back(call, queued_bytes);
		call_error_memory(call);
	} else if (many->all_or_none && many->open < open) {
		/* One queue too many: only adding can tell. */
		take_back(call, queued_bytes);
		answer(call);
	} else if (!many->open) {
		answer(call);
	} else {
		call->committed = committed;
		call_join(call);
	}
}

static void again(struct call *call, int64_t room)
{
	const struct submit_many *many = call->state;

	/* Whoever does not wait is told about each of its jobs. */
	if (many->all_or_none || !submission_blocks(call, many->room.queue))
		room = INT64_MAX;
	if (submission_allowed(call))
		submit(call, room);
}

/* May it be tried again, and can that ever help? */
static bool may_wait(struct call *call, struct slice queue)
{
	const struct submit_many *many = call->state;
	int64_t limit = queue_settings(&call->broker->queues, queue).max_length;

	return many->keeps && call->conn && submission_blocks(call, queue) &&
	       (!many->all_or_none || (int64_t)many->count <= limit);
}

/* Return: the call waits until there is room in this queue. */
static bool waits(struct call *call, struct slice queue)
{
	struct submit_many *many = call->state;

	if (!slice_equal(queue, many->room.queue) &&
	    arena_copy(&call->arena, queue, &many->room.queue))
		return false;
	many->room.call = call;
	many->room.need = many->all_or_none ? (int64_t)many->count : 1;
	many->room.bytes = many->bytes;
	many->room.again = again;
	return room_wait(&many->room);
}

static int take_refusal(struct call *call, struct many_job *job,
			const struct store_entry *entry, struct slice queue)
{
	struct submit_many *many = call->state;
	struct refusal refusal = refusal_of(call->broker, entry, queue);

	if (refusal.error)
		return reject(call, job, refusal.error, refusal.field,
			      refusal.message);
	job->open = false; /* another one is to blame */
	many->open--;
	return 0;
}

/*
 * What the store made of the jobs in the batch. @wait: a full queue that makes
 * its submitters wait leaves its jobs open.
 * Return: 0 or -ENOMEM; @ret_queue is one to wait for, or n 0.
 */
static int take_results(struct call *call, const struct batch *batch, bool wait,
			struct slice *ret_queue)
{
	struct submit_many *many = call->state;
	const struct store_entry *entry = &batch->store.entries[call->first];
	int r = 0;

	*ret_queue = (struct slice){0};
	for (size_t i = 0; i < many->count && r == 0; i++) {
		struct many_job *job = &many->jobs[i];
		const struct store_entry *of = entry;
		struct slice queue;

		entry += job->added;
		if (!job->added || !job->open)
			continue;
		queue = batch->store.lanes[of->lane].queue;
		if (of->what == STORE_NEW || of->what == STORE_EXISTING) {
			job->id = of->id;
			job->existing = of->what == STORE_EXISTING;
			job->open = false;
			many->open--;
		} else if (wait && of->what == STORE_REFUSED_FULL &&
			   may_wait(call, queue)) {
			*ret_queue = queue;
		} else if (!wait || of->what != STORE_REFUSED_DEPENDS) {
			r = take_refusal(call, job, of, queue);
		}
	}
	return r;
}

/* All of it is known, or the rest waits for room. */
static int decide(struct call *call, const struct batch *batch)
{
	struct submit_many *many = call->state;
	struct slice queue, none;
	int r = take_results(call, batch, true, &queue);

	/* All or none: another refusal decides for those that could wait. */
	if (r == 0 && queue.n &&
	    (!many->all_or_none || many->open == many->count) &&
	    waits(call, queue))
		return 0;
	return r ? r : take_results(call, batch, false, &none);
}

static void committed(struct call *call, struct batch *batch)
{
	struct submit_many *many = call->state;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	if (decide(call, batch)) {
		call_error_memory(call);
		return;
	}
	for (size_t i = 0; i < many->count; i++)
		many->jobs[i].added = false;
	if (many->room.waiting)
		return;
	if (!many->open)
		answer(call);
	else if (!submission_blocks(call, many->room.queue) ||
		 !waits(call, many->room.queue))
		submit(call, INT64_MAX); /* only a part was tried */
}

/* ---- The call ---- */

static bool read_defaults(struct call *call, struct slice defaults,
			  struct spec *ret)
{
	struct entry_fault fault = {
		.error = "org.varlink.service.InvalidParameter"};
	int r = spec_defaults_decode(&call->arena, defaults, "defaults", ret,
				     &fault.where);

	if (r < 0)
		call_error_memory(call);
	else if (r)
		submission_fault(call, &fault);
	return r == 0;
}

static bool count_jobs(struct call *call, size_t count)
{
	struct json_out *out;

	if (count && count <= LIMIT_JOBS_PER_CALL)
		return true;
	if (!count) {
		call_error_parameter(call, "jobs", "expected at least one job");
		return false;
	}
	out = call_error(call, "org.reeve.jobs.TooLarge");
	json_out_member_text(out, "what", "jobs");
	json_out_member_int(out, "size", (int64_t)count);
	json_out_member_int(out, "limit", LIMIT_JOBS_PER_CALL);
	call_error_end(call, "too many jobs in one call",
		       "send them in several calls");
	return false;
}

/* The jobs as they stand in the message, or in a copy that can wait. */
static int list_jobs(struct call *call, struct call_submit_many *p)
{
	struct submit_many *many = call->state;
	struct json_iter iter;
	size_t i = 0;

	if (many->keeps &&
	    (arena_copy(&call->arena, p->jobs, &p->jobs) ||
	     (p->defaults.p &&
	      arena_copy(&call->arena, p->defaults, &p->defaults))))
		return -ENOMEM;
	many->bytes = p->jobs.n + p->defaults.n;
	many->jobs = arena_array(&call->arena, many->count,
				 sizeof(*many->jobs));
	if (!many->jobs)
		return -ENOMEM;
	for (iter = json_enter(p->jobs); i < many->count; i++) {
		if (!json_item(&iter, &many->jobs[i].text))
			break;
		many->jobs[i].open = true;
	}
	many->open = i;
	return 0;
}

void call_submit_many(struct call *call, void *params)
{
	struct call_submit_many *p = params;
	struct submit_many *many = arena_alloc(&call->arena, sizeof(*many));
	bool with = CALL_HAS(p, SUBMIT_MANY, defaults);

	if (many && with)
		many->defaults = arena_alloc(&call->arena,
					     sizeof(*many->defaults));
	if (!many || (with && !many->defaults)) {
		call_error_memory(call);
		return;
	}
	many->count = json_count(p->jobs);
	many->all_or_none = p->all_or_none;
	many->keeps = call->broker->queues.blocking > 0;
	call->count = many->count;
	call->state = many;
	if (!count_jobs(call, many->count) || !submission_allowed(call))
		return;
	if (list_jobs(call, p)) {
		call_error_memory(call);
		return;
	}
	if (with && !read_defaults(call, p->defaults, many->defaults))
		return;
	if (many->all_or_none) {
		if (check_all(call))
			call_error_memory(call);
		else if (many->open < many->count)
			answer(call);
		if (call->replied || many->open < many->count)
			return;
	}
	submit(call, INT64_MAX);
}
