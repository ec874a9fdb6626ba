/* Submit, SubmitMany, Flush. */

#include <errno.h>
#include <stdio.h>

#include "daemon/broker/entry.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "daemon/broker/watch.h"
#include "proto/calls_jobs.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/names.h"

/* A job of SubmitMany that was refused before the store saw it. */
struct rejection {
	struct rejection *next;
	size_t index;
	struct entry_fault fault;
};

struct submit_many {
	size_t jobs;			      /* in the call */
	size_t added;			      /* of them, to the batch */
	struct rejection *rejections, **last; /* by index */
	bool all_or_none;
};

static void answer_fault(struct call *call, const struct entry_fault *fault)
{
	struct json_out *out = call_error(call, fault->error);

	if (fault->handler.p)
		json_out_member_string(out, "handler", fault->handler);
	else
		json_out_member_text(out, "parameter", fault->where.path);
	call_error_end(call, fault->where.message,
		       fault->handler.p ? "exec is always there; reeve pool ls "
					  "shows the others"
					: CALL_HINT_PARAMETER);
}

/* New jobs may be refused while everything else goes on. */
static bool may_submit(struct call *call)
{
	if (call->broker->store_full) {
		call_error_storage(call, "no space left for the queue; "
					 "running jobs go on");
		return false;
	}
	if (call->broker->stop != BROKER_RUNS) {
		call_error_simple(call, "org.reeve.jobs.Draining",
				  "the daemon is being stopped",
				  "submit again when it is back");
		return false;
	}
	return true;
}

static void answer_group(struct call *call, const struct store_entry *entry)
{
	bool closed = entry->what == STORE_REFUSED_CLOSED;
	struct json_out *out =
		call_error(call, closed ? "org.reeve.jobs.GroupClosed"
					: "org.reeve.jobs.NoSuchGroup");

	json_out_member_int(out, "group", entry->group);
	call_error_end(call,
		       closed ? "the group is closed: it takes no more jobs"
			      : "there is no group with this id",
		       "OpenGroup makes a new one");
}

static void submit_committed(struct call *call, struct batch *batch)
{
	const struct store_entry *entry = &batch->store.entries[call->first];
	bool existing = entry->what == STORE_EXISTING;
	struct json_out *out;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	if (entry->what == STORE_REFUSED_GROUP ||
	    entry->what == STORE_REFUSED_CLOSED) {
		answer_group(call, entry);
		return;
	}
	/* Registered before the first reply: an end cannot fall between. */
	if (call->more &&
	    watch_start(call, WATCH_JOBS, &entry->id, 1, existing, -1)) {
		call_error_memory(call);
		return;
	}
	out = call_reply(call, call->more);
	json_out_member_int(out, "id", entry->id);
	if (existing)
		json_out_member_bool(out, "existing", true);
	json_out_member_text(out, "durability",
			     durability_name(DURABILITY_SYNC));
	call_reply_end(call);
}

static void dry_run(struct call *call, struct slice job)
{
	struct entry_fault fault = {0};
	struct spec spec;
	int r = entry_check(call, job, NULL, "job", &spec, &fault);

	if (r < 0) {
		call_error_memory(call);
	} else if (r) {
		answer_fault(call, &fault);
	} else {
		call_reply(call, false);
		call_reply_end(call);
	}
}

void call_submit(struct call *call, void *params)
{
	struct call_submit *submit = params;
	struct batch *batch = call->broker->gathering;
	struct entry_fault fault = {0};
	int r;

	if (submit->dry_run) {
		dry_run(call, submit->job);
		return;
	}
	call->count = 1;
	if (!may_submit(call))
		return;
	call->first = batch->store.entry_count;
	r = entry_add(call, submit->job, NULL, "job", 0, &fault);
	if (r < 0) {
		call_error_memory(call);
	} else if (r) {
		answer_fault(call, &fault);
	} else {
		call->committed = submit_committed;
		call_join(call);
	}
}

static int add_rejection(struct call *call, size_t index,
			 const struct entry_fault *fault)
{
	struct submit_many *many = call->state;
	struct rejection *rejection = arena_alloc(&call->arena,
						  sizeof(*rejection));

	if (!rejection)
		return -ENOMEM;
	rejection->index = index;
	rejection->fault = *fault;
	*many->last = rejection;
	many->last = &rejection->next;
	return 0;
}

static void write_rejection(struct json_out *out, size_t index,
			    const char *error, const char *field,
			    const char *message)
{
	json_out_object(out);
	json_out_member_int(out, "index", (int64_t)index);
	json_out_member_text(out, "error", error);
	if (field)
		json_out_member_text(out, "field", field);
	json_out_member_text(out, "message", message);
	json_out_object_end(out);
}

/* ids: what the store gave, 0 in the places of refused ones. */
static size_t write_ids(struct json_out *out, const struct submit_many *many,
			const struct store_entry *entries, int64_t *ret_ids)
{
	const struct rejection *refused = many->rejections;
	size_t next = 0, taken = 0;

	json_out_key(out, "ids");
	json_out_array(out);
	for (size_t i = 0; i < many->jobs; i++) {
		const struct store_entry *entry;

		if (refused && refused->index == i) {
			refused = refused->next;
			json_out_int(out, 0);
			continue;
		}
		entry = entries ? &entries[next++] : NULL;
		if (entry && (entry->what == STORE_NEW ||
			      entry->what == STORE_EXISTING)) {
			json_out_int(out, entry->id);
			ret_ids[taken++] = entry->id;
		} else {
			json_out_int(out, 0);
		}
	}
	json_out_array_end(out);
	return taken;
}

static void write_rejected(struct json_out *out, const struct submit_many *many,
			   const struct store_entry *entries)
{
	const struct rejection *refused = many->rejections;
	size_t next = 0;

	json_out_key(out, "rejected");
	json_out_array(out);
	for (size_t i = 0; i < many->jobs; i++) {
		if (refused && refused->index == i) {
			write_rejection(out, i, refused->fault.error,
					refused->fault.where.path,
					refused->fault.where.message);
			refused = refused->next;
			continue;
		}
		if (!entries)
			continue;
		if (entries[next].what == STORE_REFUSED_GROUP)
			write_rejection(out, i, "org.reeve.jobs.NoSuchGroup",
					"group",
					"there is no group with this id");
		else if (entries[next].what == STORE_REFUSED_CLOSED)
			write_rejection(out, i, "org.reeve.jobs.GroupClosed",
					"group", "the group is closed");
		next++;
	}
	json_out_array_end(out);
}

/* Submissions that have ended already are looked up: keys name old jobs. */
static bool any_existing(const struct store_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (entries[i].what == STORE_EXISTING)
			return true;
	}
	return false;
}

static void answer_many(struct call *call, const struct store_entry *entries)
{
	const struct submit_many *many = call->state;
	bool existing = entries && any_existing(entries, many->added);
	struct json_out ids = {0};
	struct json_out *out;
	int64_t *taken;
	size_t count;

	taken = arena_array(&call->arena, many->jobs, sizeof(*taken));
	json_out_object(&ids);
	if (taken)
		count = write_ids(&ids, many, entries, taken);
	else
		count = 0;
	if (!taken || !json_out_ok(&ids) ||
	    (call->more && count &&
	     watch_start(call, WATCH_JOBS, taken, count, existing, -1))) {
		json_out_fini(&ids);
		call_error_memory(call);
		return;
	}
	json_out_fini(&ids);
	call->refused = call->count - count;
	out = call_reply(call, call->more && count);
	write_ids(out, many, entries, taken);
	write_rejected(out, many, entries);
	json_out_member_text(out, "durability",
			     durability_name(DURABILITY_SYNC));
	call_reply_end(call);
}

static void many_committed(struct call *call, struct batch *batch)
{
	if (batch->result)
		call_error_storage(call, batch->fault.message);
	else
		answer_many(call, &batch->store.entries[call->first]);
}

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
		answer_fault(call, &fault);
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

/* All checks first: an all-or-none call must leave nothing behind. */
static int check_all(struct call *call, struct slice jobs,
		     const struct spec *defaults)
{
	struct json_iter iter = json_enter(jobs);
	struct entry_fault fault = {0};
	struct slice job;
	struct spec spec;
	char path[32];

	for (size_t i = 0; json_item(&iter, &job); i++) {
		int r;

		snprintf(path, sizeof(path), "jobs[%zu]", i);
		r = entry_check(call, job, defaults, path, &spec, &fault);
		if (r > 0)
			r = add_rejection(call, i, &fault);
		if (r)
			return r;
	}
	return 0;
}

/* Add what can be added, note what cannot. */
static int add_all(struct call *call, struct slice jobs,
		   const struct spec *defaults, uint32_t unit)
{
	struct submit_many *many = call->state;
	struct json_iter iter = json_enter(jobs);
	struct entry_fault fault = {0};
	struct slice job;
	char path[32];

	for (size_t i = 0; json_item(&iter, &job); i++) {
		int r;

		snprintf(path, sizeof(path), "jobs[%zu]", i);
		r = entry_add(call, job, defaults, path, unit, &fault);
		if (r > 0)
			r = add_rejection(call, i, &fault);
		else if (r == 0)
			many->added++;
		if (r)
			return r;
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

void call_submit_many(struct call *call, void *params)
{
	struct call_submit_many *p = params;
	struct batch *batch = call->broker->gathering;
	struct submit_many *many = arena_alloc(&call->arena, sizeof(*many));
	struct spec defaults = {0};
	bool with = CALL_HAS(p, SUBMIT_MANY, defaults);
	size_t queued_bytes;
	uint32_t unit = 0;
	int r;

	if (!many) {
		call_error_memory(call);
		return;
	}
	many->jobs = json_count(p->jobs);
	many->last = &many->rejections;
	call->count = many->jobs;
	call->state = many;
	if (!count_jobs(call, many->jobs) || !may_submit(call))
		return;
	if (with && !read_defaults(call, p->defaults, &defaults))
		return;
	if (p->all_or_none) {
		r = check_all(call, p->jobs, with ? &defaults : NULL);
		if (r)
			call_error_memory(call);
		else if (many->rejections)
			answer_many(call, NULL);
		if (r || many->rejections)
			return;
		unit = ++batch->units;
	}
	call->first = batch->store.entry_count;
	queued_bytes = batch->queued_bytes;
	r = add_all(call, p->jobs, with ? &defaults : NULL, unit);
	if (r) {
		take_back(call, queued_bytes);
		call_error_memory(call);
	} else if (unit && many->rejections) {
		/* One queue too many: only adding can tell. */
		take_back(call, queued_bytes);
		answer_many(call, NULL);
	} else if (!many->added) {
		answer_many(call, NULL);
	} else {
		call->committed = many_committed;
		call_join(call);
	}
}

void call_flush(struct call *call, void *params)
{
	struct conn *conn = call->conn;
	struct json_out *out;

	(void)params;
	/* It ran alone, so every submission before it is through. */
	out = call_reply(call, false);
	json_out_member_int(out, "accepted", conn->oneway_accepted);
	json_out_member_int(out, "rejected", conn->oneway_rejected);
	conn->oneway_accepted = 0;
	conn->oneway_rejected = 0;
	call_reply_end(call);
}
