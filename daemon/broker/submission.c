#include "daemon/broker/submission.h"

#include "daemon/broker/call.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/state.h"

void submission_fault(struct call *call, const struct entry_fault *fault)
{
	struct json_out *out = call_error(call, fault->error);
	const char *hint = CALL_HINT_PARAMETER;

	if (fault->handler.p) {
		json_out_member_string(out, "handler", fault->handler);
		hint = "reeve pool ls shows who serves what; a consumer makes "
		       "one known: reeve work NAME -- COMMAND";
	}
	if (fault->callback)
		hint = "what a callback calls is served before the job is "
		       "submitted; reeve pool ls shows by whom";
	if (!fault->handler.p || fault->callback)
		json_out_member_text(out, "parameter", fault->where.path);
	call_error_end(call, fault->where.message, hint);
}

/* New jobs may be refused while everything else goes on. */
bool submission_allowed(struct call *call)
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

bool submission_blocks(const struct call *call, struct slice queue)
{
	return queue_settings(&call->broker->queues, queue).overflow ==
	       STORE_OVERFLOW_BLOCK;
}
