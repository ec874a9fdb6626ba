#include "daemon/broker/dry_run.h"

#include <errno.h>

#include "daemon/broker/call.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/refusal.h"
#include "daemon/broker/state.h"
#include "daemon/broker/submission.h"

struct dry {
	struct read_request request;
	struct call *call;
	struct arena answer;
	struct slice queue;
	struct store_entry entry; /* as far as a refusal needs it */
	enum job_state state;	  /* of the job that has the key */
};

/* Who has the key? Jobs that ended have theirs until they are removed. */
static int look_at_key(struct store *store, struct dry *dry)
{
	struct store_filter filter = {
		.key = dry->entry.key,
		.has_uid = true,
		.uid = dry->entry.uid,
	};
	struct store_row *rows;
	int64_t after = 0;
	size_t count;
	int r;

	do {
		r = store_list(store, &dry->answer, &filter, after, true, false,
			       1, &rows, &count, &after);
	} while (r == 0 && !count && after);
	if (r == 0 && count) {
		dry->entry.id = rows[0].id;
		dry->state = rows[0].state;
	}
	return r;
}

static int look_at_group(struct store *store, struct dry *dry)
{
	struct store_group group;
	int r = store_get_group(store, &dry->answer, dry->entry.group, &group);

	if (r == -ENOENT)
		dry->entry.what = STORE_REFUSED_GROUP;
	else if (r == 0 && group.closed)
		dry->entry.what = STORE_REFUSED_CLOSED;
	return r == -ENOENT ? 0 : r;
}

static int step(struct store *store, struct read_request *request)
{
	struct dry *dry = (struct dry *)request;
	int r = 0;

	if (dry->entry.key.n)
		r = look_at_key(store, dry);
	if (r == 0 && dry->entry.group)
		r = look_at_group(store, dry);
	return r;
}

/* What the store would make of a key that somebody has. */
static void decide_key(struct dry *dry)
{
	bool ended = state_is_end(dry->state);

	switch (dry->entry.on_conflict) {
	case CONFLICT_RETURN_EXISTING:
		dry->entry.what = STORE_EXISTING;
		break;
	case CONFLICT_REJECT:
		dry->entry.what = STORE_REFUSED_TAKEN;
		break;
	case CONFLICT_REPLACE:
		if (!ended && dry->state == STATE_RUNNING)
			dry->entry.what = STORE_REFUSED_TAKEN;
		break;
	}
}

static bool is_full(const struct dry *dry)
{
	const struct broker *broker = dry->call->broker;
	int64_t counts[STATE_COUNT] = {0}, limit;

	limit = queue_settings(&broker->queues, dry->queue).max_length;
	lanes_sum(&broker->lanes, dry->queue, counts);
	return limit && lane_waiting(counts) >= limit;
}

static void answer(struct dry *dry)
{
	struct json_out *out;

	if (dry->entry.id)
		decide_key(dry);
	if (dry->entry.what == STORE_NEW && is_full(dry))
		dry->entry.what = STORE_REFUSED_FULL;
	if (dry->entry.what != STORE_NEW && dry->entry.what != STORE_EXISTING) {
		refusal_answer(dry->call, &dry->entry, dry->queue);
		return;
	}
	out = call_reply(dry->call, false);
	if (dry->entry.what == STORE_EXISTING) {
		json_out_member_int(out, "id", dry->entry.id);
		json_out_member_bool(out, "existing", true);
	}
	call_reply_end(dry->call);
}

static void done(struct read_request *request, int result)
{
	struct dry *dry = (struct dry *)request;
	struct call *call = dry->call;

	if (result)
		call_error_storage(call, "the database could not be read");
	else
		answer(dry);
	arena_fini(&dry->answer);
	call_release(call);
}

/* The message is gone when the store has answered. */
static int keep(struct call *call, const struct spec *spec, struct dry *dry)
{
	struct arena *arena = &call->arena;
	int r = arena_copy(arena, spec->queue, &dry->queue);

	if (r == 0 && SPEC_HAS(spec, key))
		r = arena_copy(arena, spec->key, &dry->entry.key);
	dry->call = call;
	dry->entry.what = STORE_NEW;
	dry->entry.uid = call->uid;
	dry->entry.group = SPEC_HAS(spec, group) ? spec->group : 0;
	dry->entry.on_conflict = (enum spec_on_conflict)spec->on_conflict;
	return r;
}

void dry_run(struct call *call, struct slice job)
{
	struct entry_fault fault = {0};
	struct dry *dry;
	struct spec spec;
	int r = entry_check(call, job, NULL, "job", &spec, &fault);

	if (r > 0) {
		submission_fault(call, &fault);
		return;
	}
	dry = r ? NULL : arena_alloc(&call->arena, sizeof(*dry));
	if (!dry || keep(call, &spec, dry)) {
		call_error_memory(call);
		return;
	}
	if (!submission_allowed(call))
		return;
	dry->request.step = step;
	dry->request.done = done;
	call_hold(call);
	reader_ask(&call->broker->reader, &dry->request);
}
