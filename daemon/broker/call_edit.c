/* Edit: another spec for a job that waits. GetSpec: the one that it has. */

#include <errno.h>

#include "daemon/broker/callback.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"
#include "proto/calls_steer.h"
#include "proto/json_in.h"

/* Of a job that root submitted the daemon's own user sees what it does and
 * how it goes; its environment, and what is done in root's name, are root's. */
static bool is_his(const struct call *call, uint32_t uid)
{
	return call->uid == 0 || call->uid == uid;
}

static void say_foreign(struct call *call)
{
	call_error_simple(call, "org.varlink.service.PermissionDenied",
			  "another user submitted this job",
			  "ask that user, or root; it can be held and "
			  "cancelled");
}

static void committed(struct call *call, struct batch *batch)
{
	const struct store_edit *edit;
	struct json_out *out;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	edit = &batch->store.edits[call->first];
	if (edit->found && edit->edited) {
		call_reply(call, false);
		call_reply_end(call);
		return;
	}
	if (edit->foreign) {
		say_foreign(call);
		return;
	}
	if (edit->found && edit->entry.what == STORE_REFUSED_TAKEN) {
		out = call_error(call, "org.reeve.jobs.Duplicate");
		json_out_member_string(out, "key", edit->entry.unique);
		json_out_member_int(out, "id", edit->entry.id);
		call_error_end(call, "another job has that unique word",
			       "let that one end, or choose another word");
		return;
	}
	out = call_error(call, edit->found ? "org.reeve.jobs.WrongState"
					   : "org.reeve.jobs.NoSuchJob");
	json_out_member_int(out, "id", edit->job);
	if (!edit->found) {
		call_error_end(call, "there is no job with this id",
			       "it may have been purged; List shows what is "
			       "there");
		return;
	}
	json_out_member_text(out, "state", state_name(edit->state));
	if (edit->follows) {
		call_error_end(call,
			       "it is a callback: its input is the end that it "
			       "follows",
			       "cancel it and submit another job");
		return;
	}
	if (edit->descriptors) {
		call_error_end(call,
			       "it was given descriptors, which another spec "
			       "cannot have",
			       "cancel it and submit another one");
		return;
	}
	call_error_end(call, "only a job that waits can be edited",
		       state_is_end(edit->state)
			       ? "it has ended: submit another one"
			       : "cancel it, or let it end");
}

/* What belongs to the job and not to what it does. */
static const char *fixed_field(const struct spec *spec)
{
	if (SPEC_HAS(spec, group))
		return "job.group";
	if (SPEC_HAS(spec, key))
		return "job.key";
	if (SPEC_HAS(spec, on_conflict))
		return "job.on_conflict";
	return NULL;
}

static int add(struct call *call, int64_t id, const struct spec *spec,
	       struct entry_fault *fault)
{
	struct batch *batch = call->broker->gathering;
	struct store_entry entry;
	struct lane *lane;
	size_t i;
	int r = entry_make(call, spec, "job", &entry, &lane, fault);

	if (r == 0)
		r = batch_add_edit(batch, &i);
	if (r)
		return r;
	batch->store.edits[i].job = id;
	batch->store.edits[i].uid = call->uid ? call->uid : UINT32_MAX;
	batch->store.edits[i].entry = entry;
	call->first = i;
	return 0;
}

void call_edit(struct call *call, void *params)
{
	struct call_edit *p = params;
	struct entry_fault fault = {0};
	struct spec spec;
	const char *fixed;
	int r = entry_check(call, p->job, NULL, "job", &spec, &fault);

	fixed = r ? NULL : fixed_field(&spec);
	if (fixed) {
		call_error_parameter(call, fixed,
				     "stays what it is: leave it out");
		return;
	}
	if (r == 0)
		r = add(call, p->id, &spec, &fault);
	if (r < 0) {
		call_error_memory(call);
	} else if (r) {
		submission_fault(call, &fault);
	} else {
		call->committed = committed;
		call_join(call);
	}
}

/* ---- GetSpec ---- */

struct get_spec {
	struct read_request request;
	struct call *call;
	struct arena answer;
	int64_t id;
	bool found;
	struct store_spec spec;
};

static int get_spec_step(struct store *store, struct read_request *request)
{
	struct get_spec *get = (struct get_spec *)request;
	int r = store_get_spec(store, &get->answer, get->id, &get->spec);

	get->found = r == 0;
	return r == -ENOENT ? 0 : r;
}

static void member_raw(struct json_out *out, const char *name,
		       struct slice value)
{
	if (value.n)
		json_out_member_raw(out, name, value);
}

static void member_text(struct json_out *out, const char *name,
			struct slice text)
{
	if (text.n)
		json_out_member_string(out, name, text);
}

static void member_int(struct json_out *out, const char *name, int64_t value)
{
	if (value > 0)
		json_out_member_int(out, name, value);
}

/* Everything that Edit would otherwise take for left out. */
static void write_spec(struct json_out *out, const struct store_spec *spec)
{
	const struct store_row *row = &spec->row;
	struct json_iter iter = json_enter(row->spec);
	struct slice key, value;

	json_out_object(out);
	json_out_member_string(out, "handler", row->handler);
	json_out_member_string(out, "queue", row->queue);
	member_text(out, "name", row->name);
	/* argv, shell, stdin: they are in there as they were sent. */
	while (json_member(&iter, &key, &value)) {
		if (json_key_is(key, "of")) /* whom a callback follows */
			continue;
		json_out_key_slice(out, key);
		json_out_raw(out, value);
	}
	member_raw(out, "context", spec->context);
	json_out_member_int(out, "priority", row->priority);
	member_int(out, "run_at_ms", row->run_at_ms);
	json_out_member_int(out, "timeout_ms", spec->timeout_ms);
	json_out_member_int(out, "grace_ms", spec->grace_ms);
	json_out_member_int(out, "expire_ms", spec->expire_ms);
	if (spec->keep_ms >= 0)
		json_out_member_int(out, "keep_ms", spec->keep_ms);
	if (spec->once)
		json_out_member_bool(out, "once", true);
	json_out_member_int(out, "crash_limit", spec->crash_limit);
	json_out_member_raw(out, "retry",
			    spec->retry.n ? spec->retry
					  : SLICE("{\"max_attempts\":1}"));
	if (slice_is(row->handler, SPEC_HANDLER_EXEC))
		json_out_member_text(out, "orphans",
				     spec->orphans_keep ? "keep" : "kill");
	member_text(out, "unique", spec->unique);
	member_raw(out, "tags", row->tags);
	callback_write(out, spec->callbacks);
	json_out_object_end(out);
}

static void get_spec_done(struct read_request *request, int result)
{
	struct get_spec *get = (struct get_spec *)request;
	struct call *call = get->call;
	struct json_out *out;

	if (result) {
		call_error_storage(call, "the database could not be read");
	} else if (!get->found) {
		out = call_error(call, "org.reeve.jobs.NoSuchJob");
		json_out_member_int(out, "id", get->id);
		call_error_end(call, "there is no job with this id",
			       "it may have been purged; List shows what is "
			       "there");
	} else if (!is_his(call, get->spec.row.uid)) {
		say_foreign(call);
	} else {
		out = call_reply(call, false);
		json_out_key(out, "job");
		write_spec(out, &get->spec);
		call_reply_end(call);
	}
	arena_fini(&get->answer);
	call_release(call);
}

void call_get_spec(struct call *call, void *params)
{
	struct call_get_spec *p = params;
	struct get_spec *get = arena_alloc(&call->arena, sizeof(*get));

	if (!get) {
		call_error_memory(call);
		return;
	}
	get->call = call;
	get->id = p->id;
	get->request.step = get_spec_step;
	get->request.done = get_spec_done;
	call_hold(call);
	reader_ask(&call->broker->reader, &get->request);
}
