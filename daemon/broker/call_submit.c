/* Submit, Flush. */

#include "daemon/broker/dry_run.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/refusal.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"
#include "daemon/broker/watch.h"
#include "proto/calls_jobs.h"

/* A submission that may have to wait for room. */
struct submit {
	struct room room;
	struct slice job; /* copied: the message is gone by then */
};

static void submit(struct call *call, struct slice job);

static void submit_again(struct call *call, int64_t room)
{
	const struct submit *state = call->state;

	(void)room;
	submit(call, state->job);
}

/* Return: the queue is full, and the call waits for room. */
static bool waits(struct call *call, struct slice queue)
{
	struct submit *state = call->state;

	if (!state || !submission_blocks(call, queue) ||
	    (!slice_equal(queue, state->room.queue) &&
	     arena_copy(&call->arena, queue, &state->room.queue)))
		return false;
	state->room.call = call;
	state->room.need = 1;
	state->room.bytes = state->job.n;
	state->room.again = submit_again;
	return room_wait(&state->room);
}

static void submit_committed(struct call *call, struct batch *batch)
{
	const struct store_entry *entry;
	struct json_out *out;
	struct slice queue;
	bool existing;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	entry = &batch->store.entries[call->first];
	existing = entry->what == STORE_EXISTING;
	queue = batch->store.lanes[entry->lane].queue;
	if (entry->what == STORE_REFUSED_FULL && waits(call, queue))
		return;
	/* A new job has them; nobody else needs them. */
	if (call->parcel)
		parcel_unref(TAKE(call->parcel));
	if (!existing && entry->what != STORE_NEW) {
		refusal_answer(call, entry, queue);
		return;
	}
	/* Registered before the first reply: an end cannot fall between. */
	if (call->more &&
	    watch_start(call, WATCH_JOBS, &entry->id, 1, existing, -1)) {
		call_error_memory(call);
		return;
	}
	last_submitted(call, entry->id);
	out = call_reply(call, call->more);
	json_out_member_int(out, "id", entry->id);
	if (existing)
		json_out_member_bool(out, "existing", true);
	json_out_member_text(out, "durability",
			     durability_name(DURABILITY_SYNC));
	call_reply_end(call);
}

/* It runs, and nobody is promised that it is on disk. */
static void answer_begun(struct call *call, const struct store_entry *entry)
{
	int64_t id = entry->begun.job;
	struct json_out *out;

	if (call->more && watch_start(call, WATCH_JOBS, &id, 1, false, -1)) {
		call_error_memory(call);
		return;
	}
	last_submitted(call, id);
	/* Who asked for the result alone has no use for its number yet. */
	call->patient = call->durability == DURABILITY_RESULT;
	out = call_reply(call, call->more);
	json_out_member_int(out, "id", id);
	json_out_member_text(out, "durability",
			     durability_name(call->durability));
	call_reply_end(call);
}

static void submit(struct call *call, struct slice job)
{
	struct batch *batch = call->broker->gathering;
	struct entry_fault fault = {0};
	int r;

	if (!submission_allowed(call))
		return;
	call->first = batch->store.entry_count;
	r = entry_add(call, job, NULL, "job", 0, &fault);
	if (r < 0) {
		call_error_memory(call);
	} else if (r) {
		submission_fault(call, &fault);
	} else if (batch->store.entries[call->first].begun.token) {
		answer_begun(call, &batch->store.entries[call->first]);
	} else {
		call->committed = submit_committed;
		call_join(call);
	}
}

void call_submit(struct call *call, void *params)
{
	struct call_submit *p = params;
	struct submit *state = NULL;

	if (p->dry_run) {
		dry_run(call, p->job);
		return;
	}
	call->count = 1;
	call->alone = true;
	if (call->broker->queues.blocking) {
		state = arena_alloc(&call->arena, sizeof(*state));
		if (!state || arena_copy(&call->arena, p->job, &state->job)) {
			call_error_memory(call);
			return;
		}
	}
	call->state = state;
	submit(call, state ? state->job : p->job);
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
