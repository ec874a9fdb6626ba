/* Edit: another spec for a job that waits. */

#include "daemon/broker/entry.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"
#include "proto/calls_steer.h"

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
	batch->store.edits[i].uid = call->uid;
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
