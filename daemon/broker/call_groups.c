/* OpenGroup, CloseGroup, HoldGroup, GetGroup. */

#include <errno.h>

#include "daemon/broker/batch.h"
#include "daemon/broker/callback.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/job_json.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"
#include "proto/calls_jobs.h"

struct group_read {
	struct read_request request;
	struct call *call;
	int64_t id;
	struct store_group group;
	struct arena answer;
};

static void no_such_group(struct call *call, int64_t id)
{
	struct json_out *out = call_error(call, "org.reeve.jobs.NoSuchGroup");

	json_out_member_int(out, "group", id);
	call_error_end(call, "there is no group with this id",
		       "OpenGroup makes a new one");
}

static void hold(struct call *call, const struct store_group_op *op)
{
	struct json_out *out;

	if (!op->closed) {
		if (group_hold_take(call, op->id))
			call_error_memory(call);
		return;
	}
	out = call_error(call, "org.reeve.jobs.GroupClosed");
	json_out_member_int(out, "group", op->id);
	call_error_end(call, "the group is closed: it takes no more jobs",
		       "OpenGroup makes a new one");
}

static void committed(struct call *call, struct batch *batch)
{
	const struct store_group_op *op = &batch->store.groups[call->first];
	struct json_out *out;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	if (!op->found) {
		no_such_group(call, op->id);
		return;
	}
	if (op->kind == STORE_GROUP_TIE) {
		hold(call, op);
		return;
	}
	out = call_reply(call, false);
	if (op->kind == STORE_GROUP_OPEN)
		json_out_member_int(out, "group", op->id);
	call_reply_end(call);
}

static void start(struct call *call, const struct store_group_op *op)
{
	struct batch *batch = call->broker->gathering;
	struct slice name;
	size_t i;

	if (arena_copy(&batch->arena, op->name, &name) ||
	    batch_add_group(batch, &i)) {
		call_error_memory(call);
		return;
	}
	batch->store.groups[i] = *op;
	if (name.n)
		batch->store.groups[i].name = name;
	call->first = i;
	call->committed = committed;
	call_join(call);
}

void call_open_group(struct call *call, void *params)
{
	struct call_open_group *p = params;
	struct callbacks callbacks = {
		{p->on_success, p->on_failure, p->on_done}};
	struct entry_fault fault = {0};
	struct slice text = {NULL, 0};
	int r = callback_check(call, &callbacks, "", &fault);

	if (r == 0)
		r = callback_text(&call->broker->scratch, &callbacks, call,
				  &call->broker->gathering->arena, &text);
	if (r > 0)
		submission_fault(call, &fault);
	else if (r < 0)
		call_error_memory(call);
	if (r)
		return;
	start(call, &(struct store_group_op){
			    .kind = STORE_GROUP_OPEN,
			    .name = p->name,
			    .total = p->total,
			    .uid = call->uid,
			    .callbacks = text,
		    });
}

void call_close_group(struct call *call, void *params)
{
	struct call_close_group *p = params;

	start(call, &(struct store_group_op){
			    .kind = STORE_GROUP_CLOSE,
			    .id = p->group,
			    .uid = call->uid,
		    });
}

void call_hold_group(struct call *call, void *params)
{
	struct call_hold_group *p = params;

	start(call, &(struct store_group_op){
			    .kind = STORE_GROUP_TIE,
			    .id = p->group,
			    .uid = call->uid,
		    });
}

static int read_group(struct store *store, struct read_request *request)
{
	struct group_read *read = (struct group_read *)request;

	return store_get_group(store, &read->answer, read->id, &read->group);
}

static void group_done(struct read_request *request, int result)
{
	struct group_read *read = (struct group_read *)request;
	struct call *call = read->call;
	struct json_out *out;

	if (result == -ENOENT) {
		no_such_group(call, read->id);
	} else if (result) {
		call_error_storage(call, "the database could not be read");
	} else {
		out = call_reply(call, false);
		json_out_key(out, "group");
		job_json_group(out, &read->group,
			       advance_sum(&call->broker->advances, read->id));
		call_reply_end(call);
	}
	arena_fini(&read->answer);
	call_release(call);
}

void call_get_group(struct call *call, void *params)
{
	struct call_get_group *p = params;
	struct group_read *read = arena_alloc(&call->arena, sizeof(*read));

	if (!read) {
		call_error_memory(call);
		return;
	}
	read->call = call;
	read->id = p->group;
	read->request.step = read_group;
	read->request.done = group_done;
	call_hold(call);
	reader_ask(&call->broker->reader, &read->request);
}
