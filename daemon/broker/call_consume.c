/* org.reeve.consume: what consumers outside the pools say. */

#include <errno.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/queue.h"
#include "daemon/broker/state.h"
#include "proto/calls_consume.h"
#include "proto/json_depth.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/utf8.h"

#define MS INT64_C(1000000)
#define STEER_MAX 1000
/* Of what a consumer says of a failure, as of what a worker says. */
#define TYPE_BYTES 256
#define MESSAGE_BYTES 4096
#define TRACE_BYTES 16384

_Static_assert(LEASE_MAX_MS *MS == LEASE_LONGEST_NS, "one limit");

static int64_t lease_ns(bool given, int64_t lease_ms)
{
	return given ? lease_ms * MS : LEASE_DEFAULT_NS;
}

static void too_many(struct call *call, const char *what, int64_t limit,
		     const char *message, const char *hint)
{
	struct json_out *out = call_error(call, "org.reeve.consume.TooMany");

	json_out_member_text(out, "what", what);
	json_out_member_int(out, "limit", limit);
	call_error_end(call, message, hint);
}

/* ---- Reserve ---- */

/* Names into the call's arena; answered when false. */
static bool read_names(struct call *call, const char *field, struct slice list,
		       struct slice **ret, size_t *ret_count)
{
	struct json_iter iter = json_enter(list);
	size_t count = json_count(list);
	struct slice item, name, copy;
	char path[64];

	*ret = arena_array(&call->arena, count + 1, sizeof(**ret));
	*ret_count = 0;
	if (!*ret)
		goto no_memory;
	for (size_t i = 0; json_item(&iter, &item); i++) {
		if (json_string(&call->arena, item, &name))
			goto no_memory;
		snprintf(path, sizeof(path), "%s[%zu]", field, i);
		if (!queue_name_good(name)) {
			call_error_parameter(call, path,
					     "a name has 1 to 255 bytes and no "
					     "control characters");
			return false;
		}
		for (size_t j = 0; j < *ret_count; j++) {
			if (slice_equal((*ret)[j], name)) {
				call_error_parameter(call, path,
						     "it is there twice");
				return false;
			}
		}
		if (arena_copy(&call->arena, name, &copy))
			goto no_memory;
		(*ret)[(*ret_count)++] = copy;
	}
	return true;
no_memory:
	call_error_memory(call);
	return false;
}

/* Return: may it wait? Answered when not. */
static bool may_reserve(struct call *call, const struct reserve_wish *wish)
{
	struct broker *broker = call->broker;
	const struct consumer *consumer = call->conn->consumer;

	if (broker->stop != BROKER_RUNS) {
		call_error_simple(call, "org.reeve.consume.Draining",
				  "the daemon is being stopped", NULL);
		return false;
	}
	for (size_t i = 0; i < wish->handler_count; i++) {
		uint32_t pool = pools_serving(&broker->pools,
					      wish->handlers[i]);

		if (pool == SCHED_POOL_NONE)
			continue;
		reserve_pool_serves(call, wish->handlers[i], pool);
		return false;
	}
	if (consumer && consumer->held >= LIMIT_LEASES_PER_CONNECTION) {
		too_many(call, "leases_per_connection",
			 LIMIT_LEASES_PER_CONNECTION,
			 "this connection has reserved so many that are not "
			 "settled",
			 "settle some");
		return false;
	}
	if (HASH_COUNT(broker->leases.by_job) >= LIMIT_LEASES) {
		too_many(call, "leases", LIMIT_LEASES,
			 "consumers hold as many leases as the daemon keeps",
			 "settle some, or wait for their deadlines");
		return false;
	}
	return true;
}

void call_reserve(struct call *call, void *params)
{
	struct call_reserve *p = params;
	struct reserve_wish wish = {
		.max = CALL_HAS(p, RESERVE, max) ? (uint32_t)p->max : 1,
		.lease_ns = lease_ns(CALL_HAS(p, RESERVE, lease_ms),
				     p->lease_ms),
		.wait_ms = CALL_HAS(p, RESERVE, wait_ms) ? p->wait_ms : -1,
	};
	int r;

	if (call->oneway) {
		call_error_parameter(call, "oneway", "nobody would have them");
		return;
	}
	if (call->more && CALL_HAS(p, RESERVE, wait_ms)) {
		call_error_parameter(call, "wait_ms",
				     "with more it waits until the connection "
				     "ends");
		return;
	}
	if (!read_names(call, "handlers", p->handlers, &wish.handlers,
			&wish.handler_count) ||
	    (CALL_HAS(p, RESERVE, queues) &&
	     !read_names(call, "queues", p->queues, &wish.queues,
			 &wish.queue_count)))
		return;
	if (!wish.handler_count ||
	    (CALL_HAS(p, RESERVE, queues) && !wish.queue_count)) {
		call_error_parameter(call,
				     wish.handler_count ? "queues" : "handlers",
				     "expected at least one name");
		return;
	}
	if (!may_reserve(call, &wish))
		return;
	r = reserve_start(call, &wish);
	if (r == RESERVE_HANDLER_E_TOO_MANY)
		too_many(call, "consumed_handlers", LIMIT_CONSUMED_HANDLERS,
			 "consumers ask for so many handlers already", NULL);
	else if (r)
		call_error_memory(call);
}

/* ---- Settle, Ack, Nack ---- */

/* What waits for the commit. */
struct settling {
	size_t first, count; /* outcomes in the batch */
	int64_t *lost;	     /* known at once */
	size_t lost_count;
};

/* Where one item of a list is, for a fault: "outcomes[3]". */
static const char *place(char room[64], const char *list, size_t i)
{
	snprintf(room, 64, "%s[%zu]", list, i);
	return room;
}

/* Each into an element of @ret, of @bytes; answered when false. */
static bool read_items(struct call *call, const char *field, struct slice list,
		       const struct schema_type *type, size_t bytes, void *ret)
{
	struct json_iter iter = json_enter(list);
	struct schema_fault fault;
	struct slice item;
	char path[64];

	for (size_t i = 0; json_item(&iter, &item); i++) {
		int r = schema_decode(type, &call->arena, item,
				      place(path, field, i),
				      (char *)ret + i * bytes, &fault);

		if (r > 0)
			call_error_parameter(call, fault.path, fault.message);
		else if (r < 0)
			call_error_memory(call);
		if (r)
			return false;
	}
	return true;
}

static void write_ids(struct json_out *out, const char *name,
		      const int64_t *ids, size_t count)
{
	json_out_key(out, name);
	json_out_array(out);
	for (size_t i = 0; i < count; i++)
		json_out_int(out, ids[i]);
	json_out_array_end(out);
}

static void on_settled(struct call *call, struct batch *batch)
{
	struct settling *s = call->state;
	size_t settled = 0;
	struct json_out *out;

	if (batch->result) {
		call_error_storage(call, batch->fault.message);
		return;
	}
	for (size_t i = s->first; i < s->first + s->count; i++) {
		const struct store_outcome *of = &batch->store.outcomes[i];

		if (of->accepted)
			settled++;
		else
			s->lost[s->lost_count++] = of->job;
	}
	out = call_reply(call, false);
	json_out_member_int(out, "settled", (int64_t)settled);
	write_ids(out, "lost", s->lost, s->lost_count);
	call_reply_end(call);
}

static struct settling *settling_new(struct call *call, size_t count)
{
	struct settling *s = arena_alloc(&call->arena, sizeof(*s));

	if (s)
		s->lost = arena_array(&call->arena, count + 1,
				      sizeof(*s->lost));
	if (!s || !s->lost)
		return NULL;
	s->first = call->broker->gathering->store.outcome_count;
	call->state = s;
	return s;
}

/* One end: into the batch if it is held, else it is lost. */
static int settle_one(struct call *call, struct settling *s, int64_t id,
		      int64_t token, const struct store_outcome *outcome)
{
	struct leased *leased = leases_find(call->broker, id, token);

	if (!leased) {
		s->lost[s->lost_count++] = id;
		return 0;
	}
	if (leases_end(call->broker, leased, outcome))
		return -ENOMEM;
	s->count++;
	return 0;
}

static void join(struct call *call, size_t bytes)
{
	call->committed = on_settled;
	call->broker->gathering->queued_bytes += bytes;
	call_join(call);
}

static void settle_failed(struct call *call, const struct settling *s)
{
	leases_take_back(call->broker, s->count);
	call_error_memory(call);
}

static void copy_text(struct json_out *out, const char *name, struct slice text,
		      size_t max)
{
	if (!text.n)
		return;
	text.n = utf8_cut(text, max);
	json_out_member_string(out, name, text);
}

/* The failure as it is kept, in the batch's arena. */
static int write_failure(struct call *call, struct slice text,
			 struct slice *ret)
{
	struct json_out *out = &call->broker->scratch;
	struct call_failure failure = {0};
	struct schema_fault fault;
	int r = schema_decode(&consume_failure_type, &call->arena, text, "",
			      &failure, &fault);

	/* It was looked at before. */
	require(r <= 0);
	if (r)
		return r;
	json_out_reset(out);
	json_out_object(out);
	copy_text(out, "type", failure.type, TYPE_BYTES);
	copy_text(out, "message", failure.message, MESSAGE_BYTES);
	copy_text(out, "trace", failure.trace, TRACE_BYTES);
	json_out_object_end(out);
	if (!json_out_ok(out))
		return -ENOMEM;
	return arena_copy(&call->broker->gathering->arena, json_out_slice(out),
			  ret);
}

static int make_outcome(struct call *call, const struct call_outcome *from,
			struct store_outcome *ret)
{
	struct arena *arena = &call->broker->gathering->arena;

	*ret = (struct store_outcome){.kind = STORE_SUCCEEDED};
	if (CALL_HAS(from, OUTCOME, failure)) {
		ret->kind = STORE_FAILED_ATTEMPT;
		ret->cause = CAUSE_HANDLER;
		ret->final = from->bury ||
			     (CALL_HAS(from, OUTCOME, retry) && !from->retry);
		ret->has_pause = CALL_HAS(from, OUTCOME, retry_ms);
		ret->pause_ms = from->retry_ms;
		return write_failure(call, from->failure, &ret->failure);
	}
	if (CALL_HAS(from, OUTCOME, result))
		return arena_copy(arena, from->result, &ret->result);
	return 0;
}

/* What the tables cannot say; answered when false. */
static bool check_outcomes(struct call *call, const struct call_outcome *list,
			   size_t count)
{
	struct schema_fault fault;
	struct call_failure failure;
	char path[96];

	for (size_t i = 0; i < count; i++) {
		int r;

		snprintf(path, sizeof(path), "outcomes[%zu].result", i);
		if (CALL_HAS(&list[i], OUTCOME, result) &&
		    json_is_deeper(list[i].result, LIMIT_DATA_DEPTH)) {
			call_error_parameter(call, path, "nested too deep");
			return false;
		}
		if (!CALL_HAS(&list[i], OUTCOME, failure))
			continue;
		if (CALL_HAS(&list[i], OUTCOME, result)) {
			call_error_parameter(call, path, "excluded by failure");
			return false;
		}
		snprintf(path, sizeof(path), "outcomes[%zu].failure", i);
		r = schema_decode(&consume_failure_type, &call->arena,
				  list[i].failure, path, &failure, &fault);
		if (r > 0)
			call_error_parameter(call, fault.path, fault.message);
		else if (r < 0)
			call_error_memory(call);
		if (r)
			return false;
	}
	return true;
}

void call_settle(struct call *call, void *params)
{
	struct call_settle *p = params;
	size_t count = json_count(p->outcomes);
	struct call_outcome *list = arena_array(&call->arena, count + 1,
						sizeof(*list));
	struct settling *s = settling_new(call, count);

	if (!list || !s) {
		call_error_memory(call);
		return;
	}
	if (!read_items(call, "outcomes", p->outcomes, &consume_outcome_type,
			sizeof(*list), list) ||
	    !check_outcomes(call, list, count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct store_outcome outcome;

		if (make_outcome(call, &list[i], &outcome) ||
		    settle_one(call, s, list[i].id, list[i].token, &outcome)) {
			settle_failed(call, s);
			return;
		}
	}
	join(call, p->outcomes.n);
}

/* The pairs of a call; NULL: answered. */
static struct call_held *read_held(struct call *call, struct slice list,
				   size_t *ret_count)
{
	struct call_held *held;

	*ret_count = json_count(list);
	held = arena_array(&call->arena, *ret_count + 1, sizeof(*held));
	if (!held) {
		call_error_memory(call);
		return NULL;
	}
	if (!read_items(call, "held", list, &consume_held_type, sizeof(*held),
			held))
		return NULL;
	return held;
}

/* All with the same end. Return: those that were held; NULL: answered. */
static struct settling *settle_held(struct call *call, struct slice list,
				    const struct store_outcome *outcome)
{
	size_t count;
	struct call_held *held = read_held(call, list, &count);
	struct settling *s = held ? settling_new(call, count) : NULL;

	if (held && !s)
		call_error_memory(call);
	for (size_t i = 0; s && i < count; i++) {
		if (settle_one(call, s, held[i].id, held[i].token, outcome)) {
			settle_failed(call, s);
			return NULL;
		}
	}
	return s;
}

void call_ack(struct call *call, void *params)
{
	struct call_ack *p = params;

	if (settle_held(call, p->held,
			&(struct store_outcome){.kind = STORE_SUCCEEDED}))
		join(call, p->held.n);
}

/* They go back in this transaction, and are moved on in it. */
static int delay(struct call *call, const struct settling *s, int64_t delay_ms)
{
	struct batch *batch = call->broker->gathering;
	int64_t *ids = arena_array(&batch->arena, s->count + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < s->count; i++)
		ids[i] = batch->store.outcomes[s->first + i].job;
	for (size_t done = 0; done < s->count; done += STEER_MAX) {
		size_t left = s->count - done, i;
		struct store_steer *steer;

		if (batch_add_steer(batch, &i))
			return -ENOMEM;
		steer = &batch->store.steers[i];
		steer->kind = STORE_CHANGE;
		steer->filter.ids = ids + done;
		steer->filter.id_count = left < STEER_MAX ? left : STEER_MAX;
		steer->uid = UINT32_MAX;
		steer->change_run_at = true;
		steer->run_at_ms = clock_wall_ms() + delay_ms;
		steer->max = STEER_MAX;
	}
	return 0;
}

void call_nack(struct call *call, void *params)
{
	struct call_nack *p = params;
	struct settling *s = settle_held(
		call, p->held, &(struct store_outcome){.kind = STORE_PUT_BACK});

	if (!s)
		return;
	if (p->delay_ms && delay(call, s, p->delay_ms))
		settle_failed(call, s);
	else
		join(call, p->held.n);
}

/* ---- Extend, Progress ---- */

void call_extend(struct call *call, void *params)
{
	struct call_extend *p = params;
	int64_t ns = lease_ns(CALL_HAS(p, EXTEND, lease_ms), p->lease_ms);
	int64_t now_ns = clock_mono_ns(), *lost, *cancelled;
	int64_t first_ns = now_ns + ns; /* a job's timeout may come before */
	size_t count, lost_count = 0, cancelled_count = 0;
	struct call_held *held = read_held(call, p->held, &count);
	struct json_out *out;

	if (!held)
		return;
	lost = arena_array(&call->arena, count + 1, sizeof(*lost));
	cancelled = arena_array(&call->arena, count + 1, sizeof(*cancelled));
	if (!lost || !cancelled) {
		call_error_memory(call);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct leased *leased = leases_find(call->broker, held[i].id,
						    held[i].token);

		if (!leased ||
		    lease_extend(&leased->lease, held[i].token, now_ns, ns))
			lost[lost_count++] = held[i].id;
		else if (leased->lease.cancelled)
			cancelled[cancelled_count++] = held[i].id;
		else if (leased->lease.deadline_ns < first_ns)
			first_ns = leased->lease.deadline_ns;
	}
	out = call_reply(call, false);
	json_out_member_int(out, "deadline_ms",
			    clock_wall_ms() + (first_ns - now_ns) / MS);
	write_ids(out, "lost", lost, lost_count);
	write_ids(out, "cancelled", cancelled, cancelled_count);
	call_reply_end(call);
}

void call_consume_progress(struct call *call, void *params)
{
	struct call_consume_progress *p = params;
	struct advance_word word = {
		.has_fraction = CALL_HAS(p, CONSUME_PROGRESS, fraction),
		.fraction = p->fraction,
		.note = p->note,
	};
	struct call_held held = {0};
	struct schema_fault fault;
	struct leased *leased;
	struct json_out *out;
	int r = schema_decode(&consume_held_type, &call->arena, p->held, "held",
			      &held, &fault);

	/* It was checked with the call. */
	require(r <= 0);
	if (word.has_fraction && !(word.fraction >= 0 && word.fraction <= 1)) {
		call_error_parameter(call, "fraction", "expected 0 to 1");
		return;
	}
	leased = r ? NULL : leases_find(call->broker, held.id, held.token);
	if (r == 0 && leased)
		r = leases_advances(call->broker, leased, &word);
	if (r) {
		call_error_memory(call);
		return;
	}
	out = call_reply(call, false);
	json_out_member_bool(out, "lost", !leased);
	json_out_member_bool(out, "cancelled",
			     leased && leased->lease.cancelled);
	call_reply_end(call);
}
