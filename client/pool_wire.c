/* What a pool says to the daemon and hears of it. */

#include "client/clock.h"
#include "client/job.h"
#include "client/pool.h"
#include "proto/json_in.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#define TURN_LOOK_MS 20 /* between two connections: look again soon */

/* ---- Ends ---- */

/* One that the daemon would not take, never heard of, or forgot. */
int pool_refuse(struct reeve_pool *pool, uint32_t slot, const char *state,
		const char *cause, const char *type, const char *message)
{
	struct reeve_job *job;
	struct json_out out = {0};
	int result;

	json_out_object(&out);
	json_out_member_int(&out, "id", pool->slots[slot].id);
	json_out_member_text(&out, "state", state);
	json_out_member_text(&out, "cause", cause);
	json_out_key(&out, "failure");
	json_out_object(&out);
	if (type)
		json_out_member_text(&out, "type", type);
	json_out_member_text(&out, "message", message);
	json_out_object_end(&out);
	json_out_object_end(&out);
	result = json_out_ok(&out) ? job_decode_any(json_out_slice(&out), &job)
				   : -ENOMEM;
	json_out_fini(&out);
	if (result != 0)
		return handle_link_fail(pool->r, -ENOMEM);
	pool_end(pool, slot, job);
	return 0;
}

/* Whose end it is; before the reply with the ids nobody knows. */
static void take_end(struct reeve_pool *pool, struct reeve_job *job)
{
	uint32_t slot = pool_find(pool, job->id);

	pool->heard++;
	if (slot != POOL_NONE && pool->slots[slot].state == POOL_WAITING) {
		pool_ids_remove(pool, slot);
		pool_end(pool, slot, job);
		return;
	}
	if (slot == POOL_NONE && pool->under_way_count > 0 && !pool->by_id)
		slot = pool_early(pool);
	else
		slot = POOL_NONE;
	if (slot == POOL_NONE) {
		reeve_job_free(job);
		return;
	}
	pool->slots[slot].id = job->id;
	pool->slots[slot].job = job;
	pool_ids_add(pool, slot);
}

static int take_ends(struct reeve_pool *pool, struct slice reply)
{
	struct json_iter iter;
	struct slice list, item;

	if (!json_find(reply, "ends", &list))
		return 0;
	iter = json_enter(list);
	while (json_item(&iter, &item)) {
		struct reeve_job *job;
		int result = job_decode(item, &job);

		if (result != 0)
			return result < 0
				       ? handle_link_fail(pool->r, result)
				       : handle_fail(pool->r, REEVE_E_PROTOCOL,
						     NULL,
						     "the daemon's answer to "
						     "Wait holds something "
						     "that is not an end");
		take_end(pool, job);
	}
	return 0;
}

/* ---- Answers ---- */

static int refuse_all(struct reeve_pool *pool, struct pool_batch *batch)
{
	struct reeve_error error = *reeve_error(pool->r);
	int result = 0;

	for (size_t i = 0; result == 0 && i < batch->count; i++)
		result = pool_refuse(pool, batch->slots[i], "failed",
				     "rejected", error.name, error.message);
	return result;
}

static int refuse_some(struct reeve_pool *pool, const struct pool_batch *batch,
		       struct slice reply)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice list, item, value, text;
	int result = 0;

	if (!json_find(reply, "rejected", &list))
		return 0;
	iter = json_enter(list);
	while (result == 0 && json_item(&iter, &item)) {
		const char *name = "", *message = "the daemon refused it";
		int64_t index;

		if (!json_find(item, "index", &value) ||
		    json_int(value, &index) != 0 || index < 0 ||
		    (size_t)index >= batch->count ||
		    pool->slots[batch->slots[index]].state != POOL_SENT)
			continue;
		if (json_find(item, "error", &value) &&
		    json_string(&arena, value, &text) == 0 &&
		    arena_copy(&arena, text, &text) == 0)
			name = text.p;
		if (json_find(item, "message", &value) &&
		    json_string(&arena, value, &text) == 0 &&
		    arena_copy(&arena, text, &text) == 0)
			message = text.p;
		result = pool_refuse(pool, batch->slots[index], "failed",
				     "rejected", name, message);
	}
	arena_fini(&arena);
	return result;
}

/* A task has its number; its end may be here already. */
static void take_id(struct reeve_pool *pool, uint32_t slot, int64_t id)
{
	uint32_t early = pool_find(pool, id);

	if (early != POOL_NONE && pool->slots[early].state == POOL_EARLY_END) {
		struct reeve_job *job = TAKE(pool->slots[early].job);

		pool_ids_remove(pool, early);
		pool_early_drop(pool, early);
		pool_end(pool, slot, job);
		return;
	}
	pool->slots[slot].id = id;
	pool->slots[slot].state = POOL_WAITING;
	pool_ids_add(pool, slot);
}

/* Ends nobody asked for: other people's jobs in our group. */
static void drop_early(struct reeve_pool *pool)
{
	for (size_t i = pool->most;
	     pool->early > 0 && i < pool->most + POOL_EARLY; i++) {
		if (pool->slots[i].state != POOL_EARLY_END)
			continue;
		pool_ids_remove(pool, (uint32_t)i);
		pool_early_drop(pool, (uint32_t)i);
	}
}

static int watch_all(struct reeve_pool *pool);

static int take_ids(struct reeve_pool *pool, const struct pool_batch *batch,
		    struct slice reply)
{
	struct json_iter iter;
	struct slice list, value;
	int64_t id;
	int result;

	if (!json_find(reply, "ids", &list) || json_count(list) != batch->count)
		return handle_fail(pool->r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to SubmitMany does not "
				   "hold %zu ids",
				   batch->count);
	result = refuse_some(pool, batch, reply);
	iter = json_enter(list);
	for (size_t i = 0; result == 0 && json_item(&iter, &value); i++) {
		if (json_int(value, &id) != 0 || id < 0)
			return handle_fail(pool->r, REEVE_E_PROTOCOL, NULL,
					   "the daemon's answer to SubmitMany "
					   "holds an id that is none");
		if (pool->slots[batch->slots[i]].state != POOL_SENT)
			continue;
		if (id == 0)
			result = pool_refuse(pool, batch->slots[i], "failed",
					     "rejected", NULL,
					     "the daemon refused it");
		else
			take_id(pool, batch->slots[i], id);
	}
	return result;
}

static void batch_free(struct pool_batch *batch)
{
	json_out_fini(&batch->out);
	free(batch);
}

static int take_answer(struct reeve_pool *pool, struct slice message)
{
	struct pool_batch *batch = pool->under_way[0];
	struct slice reply;
	int result = handle_reply(pool->r, message, &reply, NULL);

	if (result == REEVE_E_PROTOCOL || result == REEVE_E_MEMORY)
		return result;
	pool->heard++;
	pool->under_way_count--;
	memmove(pool->under_way, pool->under_way + 1,
		pool->under_way_count * sizeof(batch));
	result = result ? refuse_all(pool, batch)
			: take_ids(pool, batch, reply);
	batch_free(batch);
	if (pool->under_way_count == 0 && pool->early > 0)
		drop_early(pool);
	if (result == 0 && pool->by_id)
		result = watch_all(pool);
	return result;
}

/* ---- Connections ---- */

static int open_ends(struct reeve_pool *pool)
{
	char params[80];

	snprintf(params, sizeof(params),
		 "{\"group\":%" PRId64 ",\"brief\":true}", pool->group);
	return stream_open(pool->r, "org.reeve.jobs.Wait", slice_of(params),
			   &pool->ends);
}

int pool_open(struct reeve_pool *pool, const char *name, const char *group)
{
	struct reeve *r = pool->r;
	struct json_out *out = handle_params(r);
	struct slice params, reply, value;
	int result;

	json_out_object(out);
	if (name)
		json_out_member_text(out, "name", name);
	json_out_object_end(out);
	result = handle_params_take(r, &params);
	if (group)
		params = slice_of(group);
	if (result == 0)
		/* Twice leaves an empty group behind, for a while. */
		result = handle_call(r, "org.reeve.jobs.OpenGroup", params,
				     true, &reply);
	if (result != 0)
		return result;
	if (!json_find(reply, "group", &value) ||
	    json_int(value, &pool->group) != 0)
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to OpenGroup has no "
				   "group");
	group_hold_begin(&pool->hold, r, pool->group);
	result = open_ends(pool);
	if (result == 0)
		result = handle_dial(r, &pool->calls,
				     clock_monotonic_ms() + r->patience_ms);
	return result;
}

/* One watch for all that wait. Nobody is told twice: a slot knows its end. */
static int watch_all(struct reeve_pool *pool)
{
	int64_t *ids = calloc(pool->most, sizeof(*ids));
	struct reeve_watch *watch;
	size_t count = 0;
	int result;

	if (!ids)
		return handle_link_fail(pool->r, -ENOMEM);
	for (size_t i = 0; i < pool->most; i++) {
		if (pool->slots[i].state == POOL_WAITING)
			ids[count++] = pool->slots[i].id;
	}
	while (pool->watch_count > 0)
		reeve_watch_free(pool->watches[--pool->watch_count]);
	result = count ? reeve_watch_new(pool->r, ids, count, &watch) : 0;
	if (result == 0 && count)
		pool->watches[pool->watch_count++] = watch;
	free(ids);
	return result;
}

static int send_batch(struct reeve_pool *pool, const struct pool_batch *batch)
{
	size_t sent;

	return link_send(&pool->calls, json_out_slice(&batch->out), &sent);
}

/* The broker was replaced, most likely. */
static int recover(struct reeve_pool *pool)
{
	int64_t deadline_ms = clock_monotonic_ms() + pool->r->patience_ms;
	int result;

	link_close(&pool->calls);
	reeve_stream_close(TAKE(pool->ends));
	pool->by_id = true;
	drop_early(pool);
	for (;;) {
		result = handle_dial(pool->r, &pool->calls, deadline_ms);
		if (result == 0)
			group_hold_again(&pool->hold);
		for (size_t i = 0; result == 0 && i < pool->under_way_count;
		     i++) {
			result = send_batch(pool, pool->under_way[i]);
			if (result == 0)
				continue;
			link_close(&pool->calls);
			result = handle_link_fail(pool->r, result);
		}
		if (result != REEVE_E_LOST ||
		    clock_monotonic_ms() >= deadline_ms)
			break;
		clock_pause(TURN_LOOK_MS);
	}
	return result ? result : watch_all(pool);
}

int pool_send(struct reeve_pool *pool)
{
	struct pool_batch *batch = pool->gather;
	int result;

	if (!batch || pool->under_way_count == POOL_UNDER_WAY)
		return 0;
	json_out_array_end(&batch->out);
	json_out_append(&batch->out, SLICE("}}"));
	json_out_byte(&batch->out, '\0');
	if (!json_out_ok(&batch->out))
		return handle_link_fail(pool->r, -ENOMEM);
	pool->gather = NULL;
	pool->under_way[pool->under_way_count++] = batch;
	result = send_batch(pool, batch);
	if (result == LINK_E_CLOSED)
		return recover(pool);
	return result ? handle_link_fail(pool->r, result) : 0;
}

/* ---- A turn ---- */

static int hear_answers(struct reeve_pool *pool)
{
	while (pool->under_way_count > 0) {
		struct slice message;
		int result = link_receive(&pool->calls, 0, &message);

		if (result == LINK_E_TIMEOUT)
			return 0;
		if (result == LINK_E_CLOSED)
			return recover(pool);
		result = result ? handle_link_fail(pool->r, result)
				: take_answer(pool, message);
		if (result != 0)
			return result;
	}
	return 0;
}

static int hear_ends(struct reeve_pool *pool)
{
	while (pool->ends) {
		struct slice reply;
		int result = stream_next(pool->ends, 0, &reply);

		if (result == REEVE_E_TIMEOUT)
			return 0;
		if (result == REEVE_E_END && pool->closed) {
			reeve_stream_close(TAKE(pool->ends));
			pool->by_id = true;
			return watch_all(pool);
		}
		if (result == REEVE_E_LOST || result == REEVE_E_END)
			return recover(pool);
		if (result == 0)
			result = take_ends(pool, reply);
		if (result != 0)
			return result;
	}
	return 0;
}

/*
 * One ended while the broker was away and is not kept any more: nobody knows
 * how. That is its own error, and the others go on.
 */
static int lose(struct reeve_pool *pool)
{
	uint32_t slot = pool_find(pool, pool->r->missing);
	int result;

	if (slot == POOL_NONE || pool->slots[slot].state != POOL_WAITING)
		return REEVE_E_NOT_FOUND;
	pool_ids_remove(pool, slot);
	pool->heard++;
	result = pool_refuse(pool, slot, "failed", "unknown", "NoSuchJob",
			     "it ended while the connection was lost, and is "
			     "not kept: how is not known");
	return result ? result : watch_all(pool);
}

static int hear_watches(struct reeve_pool *pool)
{
	for (size_t i = 0; i < pool->watch_count; i++) {
		struct reeve_job *job;
		int result;

		while ((result = reeve_watch_next(pool->watches[i], 0, &job)) ==
		       0)
			take_end(pool, job);
		if (result == REEVE_E_NOT_FOUND)
			return lose(pool); /* all watches are new */
		if (result != REEVE_E_TIMEOUT && result != REEVE_E_END)
			return result;
	}
	return 0;
}

static int hear(struct reeve_pool *pool)
{
	int result = hear_answers(pool);

	if (result == 0)
		result = hear_ends(pool);
	if (result == 0)
		result = hear_watches(pool);
	return result ? result : pool_send(pool);
}

int pool_turn(struct reeve_pool *pool, int64_t timeout_ms)
{
	int64_t deadline_ms = timeout_ms < 0
				      ? -1
				      : clock_monotonic_ms() + timeout_ms;
	uint64_t heard = pool->heard;
	int result = pool_send(pool);

	while (result == 0) {
		int64_t left_ms = -1;
		int fds[2];

		result = hear(pool);
		if (result != 0 || pool->heard != heard)
			break;
		if (handle_interrupted(pool->r))
			return handle_link_fail(pool->r, LINK_E_INTERRUPTED);
		if (deadline_ms >= 0)
			left_ms = deadline_ms - clock_monotonic_ms();
		if (deadline_ms >= 0 && left_ms <= 0)
			return handle_link_fail(pool->r, LINK_E_TIMEOUT);
		if (reeve_pool_fds(pool, fds) == 0 &&
		    (left_ms < 0 || left_ms > TURN_LOOK_MS))
			left_ms = TURN_LOOK_MS;
		poll((struct pollfd[]){{fds[0], POLLIN, 0},
				       {fds[1], POLLIN, 0}},
		     2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
	}
	return result;
}

int reeve_pool_fds(const struct reeve_pool *pool, int fds[2])
{
	fds[0] = pool->under_way_count > 0 ? pool->calls.fd : -1;
	fds[1] = pool->ends ? reeve_stream_fd(pool->ends) : -1;
	return pool->by_id ? 0 : (fds[0] >= 0) + (fds[1] >= 0);
}
