/* Cancel, Hold, Release: by filter, in slices, so that nobody waits behind. */

#include <errno.h>

#include "daemon/broker/batch.h"
#include "daemon/broker/filter.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/calls_steer.h"
#include "proto/json_in.h"

#define STEER_SLICE 1000

struct steering {
	enum store_steer_kind kind;
	struct store_filter filter;
	struct slice reason;
	int64_t grace_ms; /* negative: the job's own */
	bool dry_run;
	int64_t after;
	int64_t changed, signalled;
};

static int add_slice(struct call *call)
{
	const struct steering *steering = call->state;
	struct batch *batch = call->broker->gathering;
	struct store_steer *steer;
	size_t i;

	if (batch_add_steer(batch, &i))
		return -ENOMEM;
	steer = &batch->store.steers[i];
	steer->kind = steering->kind;
	steer->filter = steering->filter;
	steer->dry_run = steering->dry_run;
	steer->uid = call->uid;
	steer->reason = steering->reason;
	steer->grace_ms = steering->grace_ms;
	steer->after = steering->after;
	steer->max = STEER_SLICE;
	call->first = i;
	call_join(call);
	return 0;
}

static void answer(struct call *call)
{
	const struct steering *steering = call->state;
	struct json_out *out = call_reply(call, false);

	if (steering->kind == STORE_CANCEL) {
		json_out_member_int(out, "cancelled", steering->changed);
		json_out_member_int(out, "signalled", steering->signalled);
	} else {
		json_out_member_int(out, "count", steering->changed);
	}
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
	steering->after = steer->next;
	if (!steer->next)
		answer(call);
	else if (add_slice(call))
		call_error_memory(call);
}

static void start(struct call *call, enum store_steer_kind kind,
		  struct slice filter, bool dry_run, int64_t grace_ms,
		  struct slice reason)
{
	struct steering *steering = arena_alloc(&call->arena,
						sizeof(*steering));

	if (!steering || arena_copy(&call->arena, reason, &steering->reason)) {
		call_error_memory(call);
		return;
	}
	steering->kind = kind;
	steering->dry_run = dry_run;
	steering->grace_ms = grace_ms;
	if (!filter_read(call, filter, true, &steering->filter))
		return;
	call->state = steering;
	call->committed = committed;
	if (add_slice(call))
		call_error_memory(call);
}

void call_cancel(struct call *call, void *params)
{
	struct call_cancel *p = params;

	start(call, STORE_CANCEL, p->filter, p->dry_run,
	      CALL_HAS(p, CANCEL, grace_ms) ? p->grace_ms : -1, p->reason);
}

void call_hold_jobs(struct call *call, void *params)
{
	struct call_hold *p = params;

	start(call, STORE_HOLD, p->filter, p->dry_run, -1, (struct slice){0});
}

void call_release_jobs(struct call *call, void *params)
{
	struct call_release *p = params;

	start(call, STORE_RELEASE, p->filter, p->dry_run, -1,
	      (struct slice){0});
}
