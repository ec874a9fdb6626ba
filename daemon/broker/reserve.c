#include "daemon/broker/reserve.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "proto/json_in.h"
#include "proto/limits.h"

/* A reply grows no larger; one argument may go beyond. */
#define REPLY_BYTES ((size_t)4 * 1024 * 1024)

struct reserve_interest {
	TAILQ_ENTRY(reserve_interest)
	link; /* of its handler; the next to be served */
	struct reserve_handler *handler;
	struct reservation *reservation;
};

struct reservation {
	TAILQ_ENTRY(reservation) link;
	TAILQ_ENTRY(reservation) told_link;
	struct call *call;
	struct consumer *consumer; /* of its connection */
	struct reserve_wish wish;
	struct reserve_interest *interests; /* one for each handler */
	size_t interest_count;
	uint32_t asked; /* wanted in batches that are not committed */
	bool told;	/* in the list of those for whom claims came */
	bool over;	/* it gets nothing more */
	TAILQ_HEAD(, leased) fresh; /* what came, to be told */
	struct event *timer;	    /* of wait_ms; NULL: none */
};

static struct lane *lane_of(struct sched_lane *sched)
{
	return (struct lane *)((char *)sched - offsetof(struct lane, sched));
}

void reserves_init(struct reserves *reserves)
{
	*reserves = (struct reserves){0};
	TAILQ_INIT(&reserves->list);
	TAILQ_INIT(&reserves->told);
}

/* ---- Handlers ---- */

void reserves_fini(struct reserves *reserves)
{
	require(TAILQ_EMPTY(&reserves->list) && !reserves->asked);
	reserve_handlers_fini(&reserves->handlers);
}

bool reserves_know(struct broker *broker, struct slice handler)
{
	struct reserve_handler *known =
		reserve_handler_find(&broker->reserves.handlers, handler);
	struct lane *lane;

	if (known)
		return true;
	for (lane = broker->lanes.by_key; lane; lane = lane->hh.next) {
		if (!slice_equal(lane->handler, handler) ||
		    !lane_is_live(lane->counts))
			continue;
		/* Not to look for it again; if there is no room, then do. */
		(void)!reserve_handler_get(&broker->reserves.handlers, handler,
					   &known);
		return true;
	}
	return false;
}

size_t reserves_waiting(const struct broker *broker, struct slice handler)
{
	const struct reserve_handler *known =
		reserve_handler_find(&broker->reserves.handlers, handler);
	const struct reserve_interest *interest;
	size_t count = 0;

	if (!known)
		return 0;
	TAILQ_FOREACH (interest, &known->interests, link)
		count++;
	return count;
}

/* ---- Ends ---- */

/* It gets nothing more; what came and was not told goes back. */
static void end(struct reservation *r)
{
	struct broker *broker = r->call->broker;
	struct leased *leased;

	if (r->over)
		return;
	r->over = true;
	TAILQ_REMOVE(&broker->reserves.list, r, link);
	if (r->told)
		TAILQ_REMOVE(&broker->reserves.told, r, told_link);
	r->told = false;
	for (size_t i = 0; i < r->interest_count; i++)
		TAILQ_REMOVE(&r->interests[i].handler->interests,
			     &r->interests[i], link);
	while ((leased = TAILQ_FIRST(&r->fresh))) {
		TAILQ_REMOVE(&r->fresh, leased, fresh);
		leases_put_back(broker, leased);
	}
	if (r->timer)
		event_free(r->timer);
	r->timer = NULL;
}

static void answer_none(struct reservation *r)
{
	struct call *call = r->call;
	struct json_out *out;

	end(r);
	out = call_reply(call, false);
	json_out_key(out, "leases");
	json_out_array(out);
	json_out_array_end(out);
	call_reply_end(call);
}

static void on_deaf(struct call *call)
{
	end(call->state);
}

static void on_drained(struct call *call)
{
	cycle_kick(call->broker);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct reservation *r = arg;

	(void)fd;
	(void)what;
	/* What a batch brings at this moment is still told. */
	if (r->asked)
		r->wish.wait_ms = 0;
	else
		answer_none(r);
}

/* The batch that looked is through. */
static void on_committed(struct call *call, struct batch *batch)
{
	struct reservation *r = call->state;

	if (r->over)
		return;
	if (batch->result) {
		end(r);
		call_error_storage(call, batch->fault.message);
	} else {
		answer_none(r);
	}
}

static bool is_silent(const struct reservation *r)
{
	const struct consumer *consumer = r->consumer;

	return r->call->more && !r->asked && consumer->lapsed &&
	       consumer->lapsed == consumer->held;
}

void reserves_tick(struct broker *broker)
{
	struct reservation *r = TAILQ_FIRST(&broker->reserves.list);

	while (r) {
		if (!is_silent(r)) {
			r = TAILQ_NEXT(r, link);
			continue;
		}
		/* That may let its connection say something else. */
		answer_none(r);
		r = TAILQ_FIRST(&broker->reserves.list);
	}
}

void reserves_drain(struct broker *broker)
{
	struct reservation *r;

	while ((r = TAILQ_FIRST(&broker->reserves.list))) {
		struct call *call = r->call;

		end(r);
		call_error_simple(call, "org.reeve.consume.Draining",
				  "the daemon is being stopped", NULL);
	}
}

void reserve_pool_serves(struct call *call, struct slice handler, uint32_t pool)
{
	const char *name = call->broker->pools.list[pool].config->name;
	struct json_out *out = call_error(call, "org.reeve.consume.PoolServes");

	json_out_member_string(out, "handler", handler);
	json_out_member_text(out, "pool", name);
	call_error_end(call,
		       "jobs of this handler go to the workers of a pool, and "
		       "to nobody else",
		       "reserve another handler, or take it off the pool's "
		       "handles");
}

/* Return: was it answered? */
static bool check_pools(struct reservation *r)
{
	const struct pools *pools = &r->call->broker->pools;

	for (size_t i = 0; i < r->wish.handler_count; i++) {
		struct slice handler = r->wish.handlers[i];
		uint32_t pool = pools_serving(pools, handler);
		struct call *call = r->call;

		if (pool == SCHED_POOL_NONE)
			continue;
		end(r);
		reserve_pool_serves(call, handler, pool);
		return true;
	}
	return false;
}

void reserves_pools(struct broker *broker)
{
	struct reservation *r, *next;
	bool again = true;

	/* An answer may let its connection say something else. */
	while (again) {
		again = false;
		for (r = TAILQ_FIRST(&broker->reserves.list); r && !again;
		     r = next) {
			next = TAILQ_NEXT(r, link);
			again = check_pools(r);
		}
	}
}

/* ---- Begin ---- */

static int set_timer(struct reservation *r)
{
	int64_t wait_ms = r->wish.wait_ms;
	struct timeval delay = {
		.tv_sec = wait_ms / 1000,
		.tv_usec = wait_ms % 1000 * 1000,
	};

	if (wait_ms <= 0)
		return 0;
	r->timer = event_new(r->call->broker->base, -1, 0, on_timeout, r);
	if (!r->timer || event_add(r->timer, &delay) < 0)
		return -ENOMEM;
	return 0;
}

static int add_interests(struct reservation *r)
{
	struct reserve_handlers *handlers = &r->call->broker->reserves.handlers;

	r->interests = arena_array(&r->call->arena, r->wish.handler_count,
				   sizeof(*r->interests));
	if (!r->interests)
		return -ENOMEM;
	for (size_t i = 0; i < r->wish.handler_count; i++) {
		struct reserve_interest *interest = &r->interests[i];
		int result = reserve_handler_get(handlers, r->wish.handlers[i],
						 &interest->handler);

		if (result)
			return result;
		interest->reservation = r;
		TAILQ_INSERT_TAIL(&interest->handler->interests, interest,
				  link);
		r->interest_count++;
	}
	return 0;
}

static struct consumer *consumer_of(struct conn *conn)
{
	if (!conn->consumer)
		conn->consumer = calloc(1, sizeof(*conn->consumer));
	if (conn->consumer && !conn->consumer->refs)
		conn->consumer->refs = 1;
	return conn->consumer;
}

int reserve_start(struct call *call, const struct reserve_wish *wish)
{
	struct broker *broker = call->broker;
	struct reservation *r = arena_alloc(&call->arena, sizeof(*r));
	int result;

	if (!r || !consumer_of(call->conn))
		return -ENOMEM;
	r->call = call;
	r->consumer = call->conn->consumer;
	consumer_speaks(r->consumer);
	r->wish = *wish;
	TAILQ_INIT(&r->fresh);
	TAILQ_INSERT_TAIL(&broker->reserves.list, r, link);
	result = add_interests(r);
	if (result == 0)
		result = set_timer(r);
	if (result) {
		end(r);
		return result;
	}
	call->state = r;
	call->deaf = on_deaf;
	call->drained = on_drained;
	if (wish->wait_ms == 0) {
		call->committed = on_committed;
		call_join(call);
	}
	cycle_kick(broker);
	return 0;
}

/* ---- With the batches ---- */

/* How many more it may have. */
static uint32_t credit(const struct reservation *r)
{
	const struct reserves *reserves = &r->call->broker->reserves;
	size_t all = HASH_COUNT(r->call->broker->leases.by_job) +
		     reserves->asked;
	uint32_t max = r->call->more ? r->wish.max
				     : LIMIT_LEASES_PER_CONNECTION;
	uint32_t has = r->consumer->held + r->asked, free;

	if (r->over || (r->told && !r->call->more) || has >= max ||
	    all >= LIMIT_LEASES || call_full(r->call))
		return 0;
	free = max - has;
	if (!r->call->more && free > r->wish.max - r->asked)
		free = r->wish.max - r->asked;
	return free < LIMIT_LEASES - all ? free
					 : (uint32_t)(LIMIT_LEASES - all);
}

static bool takes_queue(const struct reservation *r, struct slice queue)
{
	for (size_t i = 0; i < r->wish.queue_count; i++) {
		if (slice_equal(r->wish.queues[i], queue))
			return true;
	}
	return !r->wish.queue_count;
}

static uint32_t room_for(const struct reserve_interest *interest,
			 const struct lane *lane)
{
	const struct reservation *r = interest->reservation;

	return takes_queue(r, lane->queue) ? credit(r) : 0;
}

static int ask(struct broker *broker, struct batch *batch, struct lane *lane,
	       struct reservation *r, uint32_t max)
{
	struct sched_want want = sched_ask(&broker->sched, &lane->sched, max);

	if (batch_add_want(batch, lane, &want, r)) {
		sched_want_done(&broker->sched, &want);
		return -ENOMEM;
	}
	r->asked += want.max;
	broker->reserves.asked += want.max;
	call_hold(r->call);
	return 0;
}

/* What is open is shared evenly among those who have room. */
static int plan_lane(struct broker *broker, struct batch *batch,
		     struct lane *lane)
{
	struct reserve_handler *handler =
		reserve_handler_find(&broker->reserves.handlers, lane->handler);
	struct reserve_interest *interest, *next;
	uint64_t hungry = 0;

	if (!handler)
		return 0;
	TAILQ_FOREACH (interest, &handler->interests, link)
		hungry += room_for(interest, lane) > 0;
	for (interest = TAILQ_FIRST(&handler->interests);
	     interest && hungry && lane->sched.open; interest = next) {
		uint64_t share = (lane->sched.open + hungry - 1) / hungry;
		uint32_t room = room_for(interest, lane);

		next = TAILQ_NEXT(interest, link);
		if (!room)
			continue;
		if (ask(broker, batch, lane, interest->reservation,
			room < share ? room : (uint32_t)share))
			return -ENOMEM;
		hungry--;
		TAILQ_REMOVE(&handler->interests, interest, link);
		TAILQ_INSERT_TAIL(&handler->interests, interest, link);
	}
	return 0;
}

static bool is_anyone_hungry(const struct reserves *reserves)
{
	const struct reservation *r;

	TAILQ_FOREACH (r, &reserves->list, link) {
		if (credit(r))
			return true;
	}
	return false;
}

int reserves_plan(struct broker *broker, struct batch *batch)
{
	struct sched_pool *pool = &broker->sched.pools[SCHED_POOL_NONE];
	struct sched_lane *lane = TAILQ_FIRST(&pool->lanes), *next;
	struct sched_lane *last = TAILQ_LAST(&pool->lanes, sched_lanes);
	bool done = broker->sched.draining || !lane;

	if (done || !is_anyone_hungry(&broker->reserves))
		return 0;
	/* What is asked of goes to the end: once round, no further. */
	for (; !done; lane = next) {
		next = TAILQ_NEXT(lane, link);
		done = lane == last || !next;
		if (plan_lane(broker, batch, lane_of(lane)))
			return -ENOMEM;
	}
	return 0;
}

void reserves_deliver(struct broker *broker, void *tag, const struct lane *lane,
		      const struct store_claim *claim)
{
	struct reservation *r = tag;
	/* Its connection may be gone. */
	struct leased *leased = leases_take(
		broker, claim, r->over ? NULL : r->consumer, r->wish.lease_ns);

	if (!leased) {
		log_error("no memory for a lease, job waits for the next "
			  "broker job=%lld",
			  (long long)claim->job);
		return;
	}
	if (r->over) {
		leases_put_back(broker, leased);
		return;
	}
	leased->lane = lane;
	TAILQ_INSERT_TAIL(&r->fresh, leased, fresh);
	if (!r->told)
		TAILQ_INSERT_TAIL(&broker->reserves.told, r, told_link);
	r->told = true;
}

void reserves_done(struct broker *broker, void *tag, uint32_t max)
{
	struct reservation *r = tag;

	require(r->asked >= max && broker->reserves.asked >= max);
	r->asked -= max;
	broker->reserves.asked -= max;
	/* Its time was over while it asked. */
	if (!r->over && !r->told && !r->asked && !r->call->more && r->timer &&
	    !r->wish.wait_ms)
		answer_none(r);
	call_release(r->call);
}

/* ---- Replies ---- */

static void write_lease(struct json_out *out, const struct leased *leased,
			int64_t now_ns)
{
	const struct lane *lane = leased->lane;
	const struct store_claim *claim = leased->claim;
	struct slice args;

	json_out_object(out);
	json_out_member_int(out, "id", claim->job);
	json_out_member_int(out, "token", claim->token);
	json_out_member_int(out, "attempt", claim->attempt);
	json_out_member_string(out, "handler", lane->handler);
	json_out_member_string(out, "queue", lane->queue);
	if (json_find(claim->spec, "args", &args))
		json_out_member_raw(out, "args", args);
	json_out_member_int(out, "deadline_ms",
			    leases_deadline(leased, now_ns));
	if (claim->timeout_ms)
		json_out_member_int(out, "timeout_ms", claim->timeout_ms);
	if (claim->group)
		json_out_member_int(out, "group", claim->group);
	json_out_member_int(out, "uid", claim->uid);
	json_out_object_end(out);
}

/* As many as fit; they are the consumer's then, if it reads the reply. */
static void write_fresh(struct reservation *r, struct json_out *out)
{
	int64_t now_ns = clock_mono_ns();
	size_t bytes = 0;
	struct leased *leased;

	r->consumer->told = r->call->conn->replies + 1;

	json_out_key(out, "leases");
	json_out_array(out);
	while ((leased = TAILQ_FIRST(&r->fresh)) && bytes < REPLY_BYTES) {
		TAILQ_REMOVE(&r->fresh, leased, fresh);
		require(leased->claim);
		bytes += leased->claim->spec.n;
		write_lease(out, leased, now_ns);
		leased->told = r->consumer->told;
		leased->claim = NULL;
	}
	json_out_array_end(out);
}

static void tell(struct reservation *r)
{
	struct call *call = r->call;

	while (call->more && !TAILQ_EMPTY(&r->fresh)) {
		write_fresh(r, call_reply(call, true));
		call_reply_end(call);
	}
	if (call->more)
		return;
	write_fresh(r, call_reply(call, false));
	end(r);
	call_reply_end(call);
}

void reserves_tell(struct broker *broker)
{
	struct reservation *r;

	while ((r = TAILQ_FIRST(&broker->reserves.told))) {
		TAILQ_REMOVE(&broker->reserves.told, r, told_link);
		r->told = false;
		tell(r);
	}
}
