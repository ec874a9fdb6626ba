#include "daemon/broker/last.h"

#include <errno.h>

#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"

struct last {
	struct read_request request;
	struct call *call;
	struct arena answer;
	int64_t id; /* 0: none, or it is gone */
};

static size_t place_of(const struct lasts *lasts, uint32_t uid)
{
	size_t i = 0;

	while (i < LAST_USERS &&
	       !(lasts->users[i].id && lasts->users[i].uid == uid))
		i++;
	return i;
}

void last_submitted(struct call *call, int64_t id)
{
	struct lasts *lasts = &call->broker->lasts;
	size_t i = place_of(lasts, call->uid);

	if (!id)
		return;
	if (i == LAST_USERS)
		i = lasts->next++ % LAST_USERS;
	lasts->users[i].uid = call->uid;
	lasts->users[i].id = id;
}

static int step(struct store *store, struct read_request *request)
{
	struct last *last = (struct last *)request;
	struct store_filter every = {0};
	struct store_row *rows;
	size_t count = 0, looked;
	int64_t next;
	int r = 0;

	if (last->id)
		r = store_get(store, &last->answer, &last->id, 1, false, false,
			      &rows, &count, &looked);
	if (r == 0 && !count)
		r = store_list(store, &last->answer, &every, 0, true, false, 1,
			       &rows, &count, &next);
	last->id = r == 0 && count ? rows[0].id : 0;
	return r;
}

static void done(struct read_request *request, int result)
{
	struct last *last = (struct last *)request;
	struct call *call = last->call;
	struct json_out *out;

	if (result) {
		call_error_storage(call, "the database could not be read");
	} else {
		out = call_reply(call, false);
		if (last->id)
			json_out_member_int(out, "id", last->id);
		call_reply_end(call);
	}
	arena_fini(&last->answer);
	call_release(call);
}

void call_last(struct call *call, void *params)
{
	const struct lasts *lasts = &call->broker->lasts;
	struct last *last = arena_alloc(&call->arena, sizeof(*last));
	size_t i = place_of(lasts, call->uid);

	(void)params;
	if (!last) {
		call_error_memory(call);
		return;
	}
	last->call = call;
	last->id = i < LAST_USERS ? lasts->users[i].id : 0;
	last->request.step = step;
	last->request.done = done;
	call_hold(call);
	reader_ask(&call->broker->reader, &last->request);
}
