#include "daemon/broker/drain.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/queue_find.h"
#include "daemon/broker/state.h"
#include "proto/calls_queues.h"

#define DRAIN_PAGE 256

struct drain {
	struct queue_find find; /* is there such a queue? */
	TAILQ_ENTRY(drain) link;
	struct call *call;
	struct slice queue;  /* n 0: all */
	int64_t until_ms;    /* scheduled before it counts; 0: none */
	int64_t deadline_ns; /* monotonic; 0: none */
	/* Scheduled jobs, page by page. */
	struct read_request request;
	struct arena answer;
	bool reading, again;
	int64_t after, scheduled, next_scheduled;
};

void drains_init(struct drains *drains)
{
	TAILQ_INIT(&drains->list);
}

static void leave(struct drain *drain)
{
	TAILQ_REMOVE(&drain->call->broker->drains.list, drain, link);
	drain->call->deaf = NULL;
}

static void on_deaf(struct call *call)
{
	struct drain *drain = call->state;

	leave(drain);
	call_release(call);
}

static int64_t unfinished(const struct drain *drain)
{
	int64_t counts[STATE_COUNT] = {0};

	lanes_sum(&drain->call->broker->lanes, drain->queue, counts);
	return counts[STATE_READY] + counts[STATE_RUNNING];
}

static void answer(struct drain *drain, int64_t remaining)
{
	struct call *call = drain->call;
	struct json_out *out;

	leave(drain);
	if (remaining) {
		out = call_error(call, "org.reeve.queues.Timeout");
		json_out_member_int(out, "remaining", remaining);
		call_error_end(call, "not drained in that time",
			       "the jobs go on; call Drain again");
	} else {
		call_reply(call, false);
		call_reply_end(call);
	}
	call_release(call);
}

static int step(struct store *store, struct read_request *request)
{
	struct drain *drain = (struct drain *)((char *)request -
					       offsetof(struct drain, request));
	struct store_filter filter = {
		.all = true,
		.queue = drain->queue,
		.states = 1u << STATE_SCHEDULED,
	};
	struct store_row *rows;
	size_t count;
	int r;

	arena_reset(&drain->answer);
	r = store_list(store, &drain->answer, &filter, drain->after, false,
		       false, DRAIN_PAGE, &rows, &count, &drain->after);
	for (size_t i = 0; r == 0 && i < count; i++)
		drain->next_scheduled += rows[i].run_at_ms < drain->until_ms;
	return r == 0 && drain->after ? READER_AGAIN : r;
}

static void look(struct drain *drain);

static void done(struct read_request *request, int result)
{
	struct drain *drain = (struct drain *)((char *)request -
					       offsetof(struct drain, request));
	struct call *call = drain->call;

	drain->reading = false;
	arena_fini(&drain->answer);
	drain->scheduled = drain->next_scheduled;
	if (!call->conn) {
		/* Nobody listens any more. */
	} else if (result) {
		leave(drain);
		call_error_storage(call, "the database could not be read");
		call_release(call);
	} else if (drain->again) {
		look(drain);
	} else if (!unfinished(drain) && !drain->scheduled) {
		answer(drain, 0);
	}
	call_release(call);
}

static void look(struct drain *drain)
{
	if (drain->reading) {
		drain->again = true;
		return;
	}
	drain->again = false;
	if (unfinished(drain))
		return;
	if (!drain->until_ms) {
		answer(drain, 0);
		return;
	}
	drain->reading = true;
	drain->after = drain->next_scheduled = 0;
	drain->request.step = step;
	drain->request.done = done;
	call_hold(drain->call);
	reader_ask(&drain->call->broker->reader, &drain->request);
}

void drains_look(struct broker *broker)
{
	struct drain *drain, *next;
	int64_t now_ns = clock_mono_ns();

	for (drain = TAILQ_FIRST(&broker->drains.list); drain; drain = next) {
		int64_t left = unfinished(drain) + drain->scheduled;

		next = TAILQ_NEXT(drain, link);
		if (left && drain->deadline_ns && now_ns >= drain->deadline_ns)
			answer(drain, left);
		else
			look(drain);
	}
}

static void begin(struct queue_find *find)
{
	struct drain *drain = (struct drain *)find;
	struct call *call = find->call;

	if (!call->conn)
		return;
	TAILQ_INSERT_TAIL(&call->broker->drains.list, drain, link);
	call->deaf = on_deaf;
	call_hold(call);
	/* 0 looks once. */
	if (drain->deadline_ns && drain->deadline_ns <= clock_mono_ns() &&
	    unfinished(drain))
		answer(drain, unfinished(drain));
	else
		look(drain);
}

void call_drain(struct call *call, void *params)
{
	struct call_drain *p = params;
	struct drain *drain = arena_alloc(&call->arena, sizeof(*drain));

	if (!drain ||
	    (p->name.n && arena_copy(&call->arena, p->name, &drain->queue))) {
		call_error_memory(call);
		return;
	}
	drain->call = call;
	drain->until_ms = p->until_ms;
	if (CALL_HAS(p, DRAIN, wait_ms))
		drain->deadline_ns = clock_mono_ns() + p->wait_ms * 1000000;
	call->state = drain;
	queue_find_start(call, &drain->find, p->name, begin);
}
