/*
 * Consumer: asks for leases on a connection of its own, one call at a time, and
 * gives them out one by one.
 */

#include "client/clock.h"
#include "client/handle.h"
#include "client/patience.h"
#include "client/reeve_consume.h"
#include "proto/json_in.h"

#include <errno.h>
#include <sys/socket.h>

#define CONSUME_BACK 100 /* leases in one call */

struct reeve_consumer {
	struct reeve *r;
	struct link link;
	struct json_out params;
	struct json_out leases; /* of the last answer: a JSON array */
	struct json_iter iter;	/* those that were not given out */
	bool asked;		/* an answer is due */
	bool stopped;
	struct patience patience;
};

/* ---- A lease ---- */

struct lease_box {
	struct reeve_lease lease; /* first: the two are freed as one */
	struct arena arena;
};

void reeve_lease_free(struct reeve_lease *lease)
{
	struct lease_box *box = (struct lease_box *)(void *)lease;

	if (!box)
		return;
	arena_fini(&box->arena);
	free(box);
}

AUTO_DEFINE(struct reeve_lease *, reeve_lease_free)

static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{"id", offsetof(struct reeve_lease, id)},
	{"token", offsetof(struct reeve_lease, token)},
	{"attempt", offsetof(struct reeve_lease, attempt)},
	{"group", offsetof(struct reeve_lease, group)},
	{"deadline_ms", offsetof(struct reeve_lease, deadline_ms)},
	{"timeout_ms", offsetof(struct reeve_lease, timeout_ms)},
	{"uid", offsetof(struct reeve_lease, uid)},
};

static int decode_member(struct lease_box *box, struct slice key,
			 struct slice value)
{
	struct reeve_lease *lease = &box->lease;
	const char **text = NULL;
	struct slice copy = value;
	int result = 0;

	if (json_kind(value) == JSON_NULL)
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		if (json_key_is(key, numbers[i].name))
			return json_int(value, (int64_t *)((char *)lease +
							   numbers[i].offset));
	}
	if (json_key_is(key, "args") && json_kind(value) == JSON_OBJECT)
		text = &lease->args;
	else if (json_key_is(key, "handler"))
		text = &lease->handler;
	else if (json_key_is(key, "queue"))
		text = &lease->queue;
	if (!text)
		return 0;
	if (text != &lease->args)
		result = json_string(&box->arena, value, &copy);
	if (result == 0)
		result = arena_copy(&box->arena, copy, &copy);
	if (result == 0)
		*text = copy.p;
	return result;
}

/* 0, a positive number when this is no lease, -ENOMEM. */
static int decode(struct slice item, struct reeve_lease **ret)
{
	AUTO(reeve_lease_free) struct reeve_lease *lease = NULL;
	struct lease_box *box = calloc(1, sizeof(*box));
	struct json_iter iter = json_enter(item);
	struct slice key, value, copy;
	int result;

	if (!box)
		return -ENOMEM;
	lease = &box->lease;
	lease->handler = lease->queue = "";
	lease->args = "{}";
	result = arena_copy(&box->arena, item, &copy);
	while (result == 0 && json_member(&iter, &key, &value))
		result = decode_member(box, key, value);
	if (result != 0)
		return result;
	lease->json = copy.p;
	if (lease->id <= 0)
		return JSON_E_KIND;
	*ret = TAKE(lease);
	return 0;
}

/* 0 with *ret set, or NULL when all were given out. */
static int next_held(struct reeve_consumer *consumer, struct reeve_lease **ret)
{
	struct slice item;
	int result;

	*ret = NULL;
	if (!json_item(&consumer->iter, &item))
		return 0;
	result = decode(item, ret);
	if (result < 0)
		return handle_link_fail(consumer->r, result);
	if (result > 0)
		return handle_fail(consumer->r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Reserve holds "
				   "something that is not a lease");
	return 0;
}

/* ---- Asking ---- */

static void write_names(struct json_out *out, const char *key,
			const char *const *names)
{
	json_out_key(out, key);
	json_out_array(out);
	for (; *names; names++)
		json_out_string(out, slice_of(*names));
	json_out_array_end(out);
}

int reeve_consumer_new(struct reeve *r, const struct reeve_reserve *reserve,
		       struct reeve_consumer **ret)
{
	struct reeve_consumer *consumer;
	struct json_out *out;

	if (!reserve->handlers || !reserve->handlers[0])
		return handle_fail(r, REEVE_E_INVALID, "Name one at least",
				   "a consumer needs a handler");
	consumer = calloc(1, sizeof(*consumer));
	if (!consumer)
		return handle_link_fail(r, -ENOMEM);
	consumer->r = r;
	link_init(&consumer->link, r->interrupt);
	out = &consumer->params;
	json_out_object(out);
	write_names(out, "handlers", reserve->handlers);
	if (reserve->queues)
		write_names(out, "queues", reserve->queues);
	if (reserve->most > 1)
		json_out_member_int(out, "max", (int64_t)reserve->most);
	if (reserve->lease_ms > 0)
		json_out_member_int(out, "lease_ms", reserve->lease_ms);
	json_out_object_end(out);
	if (!json_out_ok(out)) {
		reeve_consumer_free(consumer);
		return handle_link_fail(r, -ENOMEM);
	}
	*ret = consumer;
	return 0;
}

static int keep_reply(struct reeve_consumer *consumer, struct slice reply)
{
	struct slice leases;

	json_out_reset(&consumer->leases);
	consumer->iter = (struct json_iter){0};
	if (!json_find(reply, "leases", &leases))
		return 0;
	json_out_raw(&consumer->leases, leases);
	if (!json_out_ok(&consumer->leases))
		return handle_link_fail(consumer->r, -ENOMEM);
	consumer->iter = json_enter(json_out_slice(&consumer->leases));
	return 0;
}

/* Nobody answers, or nobody any more: the next step tries again, for as long as
 * the handle is patient. */
static int broken(struct reeve_consumer *consumer, int result, bool wait)
{
	struct reeve *r = consumer->r;
	int64_t pause_ms;

	link_close(&consumer->link);
	consumer->asked = false;
	if (result != LINK_E_CLOSED && result != LINK_E_NOBODY)
		return handle_link_fail(r, result);
	if (!patience_broken(&consumer->patience, clock_monotonic_ms(),
			     r->patience_ms, &pause_ms))
		return handle_link_fail(r, result);
	if (!wait)
		return handle_link_fail(r, LINK_E_TIMEOUT);
	clock_pause(pause_ms);
	return 0;
}

static int ask(struct reeve_consumer *consumer)
{
	struct reeve *r = consumer->r;
	size_t sent;
	int result = handle_message(r, "org.reeve.consume.Reserve",
				    json_out_slice(&consumer->params), NULL);

	if (result != 0)
		return result;
	consumer->link.interrupt = r->interrupt;
	if (consumer->link.fd < 0) {
		result = link_open(&consumer->link, r->path, r->ours);
		if (result != 0)
			return result;
		patience_opened(&consumer->patience, clock_monotonic_ms());
	}
	result = link_send(&consumer->link, json_out_slice(&r->out), &sent);
	consumer->asked = result == 0;
	return result;
}

static int step(struct reeve_consumer *consumer, int64_t timeout_ms)
{
	struct slice message, reply;
	int result = 0;

	if (!consumer->asked)
		result = ask(consumer);
	if (result == 0)
		result = link_receive(&consumer->link, timeout_ms, &message);
	if (result == LINK_E_TIMEOUT || result == LINK_E_INTERRUPTED)
		return handle_link_fail(consumer->r, result);
	if (result != 0)
		return broken(consumer, result, timeout_ms != 0);
	consumer->asked = false;
	patience_progress(&consumer->patience);
	result = handle_reply(consumer->r, message, &reply, NULL);
	return result ? result : keep_reply(consumer, reply);
}

int reeve_consumer_next(struct reeve_consumer *consumer, int64_t timeout_ms,
			struct reeve_lease **ret)
{
	int64_t deadline_ms = timeout_ms < 0
				      ? -1
				      : clock_monotonic_ms() + timeout_ms;

	for (;;) {
		struct reeve_lease *lease;
		int result;

		if (consumer->stopped)
			return handle_fail(consumer->r, REEVE_E_END, NULL,
					   "the consumer was stopped");
		result = next_held(consumer, &lease);
		if (result == 0 && lease) {
			*ret = lease;
			return 0;
		}
		if (deadline_ms >= 0) {
			timeout_ms = deadline_ms - clock_monotonic_ms();
			if (timeout_ms < 0)
				timeout_ms = 0;
		}
		if (result == 0)
			result = step(consumer, timeout_ms);
		if (result != 0)
			return result;
	}
}

int reeve_consumer_fd(const struct reeve_consumer *consumer)
{
	return consumer->asked ? consumer->link.fd : -1;
}

/* ---- The end ---- */

/* From now on the daemon cannot send, so it keeps what it would have sent; what
 * it has sent before is still there. */
static int take_last(struct reeve_consumer *consumer)
{
	struct slice message, reply;
	int result = 0;

	if (!consumer->asked || consumer->link.fd < 0)
		return 0;
	consumer->asked = false;
	consumer->link.interrupt = NULL;
	shutdown(consumer->link.fd, SHUT_RD);
	while (result == 0) {
		result = link_receive(&consumer->link, 0, &message);
		if (result == LINK_E_CLOSED || result == LINK_E_TIMEOUT)
			return 0;
		if (result == 0 &&
		    handle_reply(consumer->r, message, &reply, NULL) == 0 &&
		    keep_reply(consumer, reply) != 0)
			result = -ENOMEM;
	}
	return handle_link_fail(consumer->r, result);
}

static int put_back_held(struct reeve_consumer *consumer)
{
	for (;;) {
		struct reeve_held held[CONSUME_BACK];
		struct reeve_lease *lease = NULL;
		size_t count = 0;
		int result = 0;

		while (result == 0 && count < CONSUME_BACK) {
			result = next_held(consumer, &lease);
			if (result != 0 || !lease)
				break;
			held[count++] = (struct reeve_held){lease->id,
							    lease->token};
			reeve_lease_free(lease);
		}
		if (result == 0 && count > 0)
			result = reeve_put_back(consumer->r, held, count, 0,
						NULL);
		if (result != 0 || count == 0)
			return result;
	}
}

int reeve_consumer_stop(struct reeve_consumer *consumer)
{
	struct reeve *r = consumer->r;
	const volatile sig_atomic_t *interrupt = r->interrupt;
	int result;

	if (consumer->stopped)
		return 0;
	consumer->stopped = true;
	/* Whoever is interrupted stops: that is no reason to lose leases. */
	reeve_set_interrupt(r, NULL);
	/* Those in hand first: an answer is only due when there are none. */
	result = put_back_held(consumer);
	if (result == 0)
		result = take_last(consumer);
	if (result == 0)
		result = put_back_held(consumer);
	link_close(&consumer->link);
	reeve_set_interrupt(r, interrupt);
	return result;
}

void reeve_consumer_free(struct reeve_consumer *consumer)
{
	if (!consumer)
		return;
	(void)!reeve_consumer_stop(consumer);
	link_close(&consumer->link);
	json_out_fini(&consumer->params);
	json_out_fini(&consumer->leases);
	free(consumer);
}
