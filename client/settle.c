/*
 * Settle: what can be said of leases: how they ended, that they go back, that
 * they are held for longer. Each may be sent twice: of what is over nothing is
 * done.
 */

#include "client/handle.h"
#include "client/reeve_consume.h"
#include "proto/json_in.h"

#include <errno.h>

/* A list of ids in the reply; those of ours become @hold. */
static void mark(struct slice reply, const char *member,
		 const struct reeve_held *held, size_t count,
		 enum reeve_hold hold, enum reeve_hold *ret)
{
	struct json_iter iter;
	struct slice list, item;
	int64_t id;

	if (!json_find(reply, member, &list))
		return;
	iter = json_enter(list);
	while (json_item(&iter, &item)) {
		if (json_int(item, &id) != 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (held[i].id == id)
				ret[i] = hold;
		}
	}
}

static void write_held(struct json_out *out, const struct reeve_held *held)
{
	json_out_object(out);
	json_out_member_int(out, "id", held->id);
	json_out_member_int(out, "token", held->token);
	json_out_object_end(out);
}

static void write_helds(struct json_out *out, const struct reeve_held *held,
			size_t count)
{
	json_out_key(out, "held");
	json_out_array(out);
	for (size_t i = 0; i < count; i++)
		write_held(out, &held[i]);
	json_out_array_end(out);
}

/* What was written, sent; @ret_holds may be NULL. */
static int call(struct reeve *r, const char *method,
		const struct reeve_held *held, size_t count,
		enum reeve_hold *ret_holds)
{
	struct slice params, reply;
	int result = handle_params_take(r, &params);

	if (result == 0)
		result = handle_call(r, method, params, true, &reply);
	if (result != 0 || !ret_holds)
		return result;
	for (size_t i = 0; i < count; i++)
		ret_holds[i] = REEVE_HOLD_OURS;
	mark(reply, "cancelled", held, count, REEVE_HOLD_CANCELLED, ret_holds);
	mark(reply, "lost", held, count, REEVE_HOLD_LOST, ret_holds);
	return 0;
}

static void write_failure(struct json_out *out,
			  const struct reeve_outcome *outcome)
{
	json_out_key(out, "failure");
	json_out_object(out);
	if (outcome->failure_type)
		json_out_member_text(out, "type", outcome->failure_type);
	json_out_member_text(out, "message", outcome->failure);
	if (outcome->trace)
		json_out_member_text(out, "trace", outcome->trace);
	json_out_object_end(out);
	if (outcome->retry_ms > 0)
		json_out_member_int(out, "retry_ms", outcome->retry_ms);
	if (outcome->bury)
		json_out_member_bool(out, "bury", true);
}

static int write_outcome(struct reeve *r, struct json_out *out,
			 const struct reeve_outcome *outcome)
{
	struct slice result = slice_of(outcome->result);
	struct json_fault fault = {0};

	json_out_object(out);
	json_out_member_int(out, "id", outcome->id);
	json_out_member_int(out, "token", outcome->token);
	if (outcome->failure) {
		write_failure(out, outcome);
	} else if (outcome->result) {
		if (json_check(result, &fault) != 0)
			return handle_fail(r, REEVE_E_INVALID, NULL,
					   "the result of job %lld is not "
					   "JSON: %s at byte %zu",
					   (long long)outcome->id,
					   fault.message, fault.offset);
		json_out_member_raw(out, "result", json_trim(result));
	}
	json_out_object_end(out);
	return 0;
}

int reeve_settle(struct reeve *r, const struct reeve_outcome *outcomes,
		 size_t count, enum reeve_hold *ret_holds)
{
	struct json_out *out = handle_params(r);
	struct reeve_held *held = calloc(count + 1, sizeof(*held));
	int result = held ? 0 : handle_link_fail(r, -ENOMEM);

	json_out_object(out);
	json_out_key(out, "outcomes");
	json_out_array(out);
	for (size_t i = 0; result == 0 && i < count; i++) {
		held[i] = (struct reeve_held){outcomes[i].id,
					      outcomes[i].token};
		result = write_outcome(r, out, &outcomes[i]);
	}
	json_out_array_end(out);
	json_out_object_end(out);
	if (result == 0)
		result = call(r, "org.reeve.consume.Settle", held, count,
			      ret_holds);
	free(held);
	return result;
}

int reeve_put_back(struct reeve *r, const struct reeve_held *held, size_t count,
		   int64_t delay_ms, enum reeve_hold *ret_holds)
{
	struct json_out *out = handle_params(r);

	json_out_object(out);
	write_helds(out, held, count);
	if (delay_ms > 0)
		json_out_member_int(out, "delay_ms", delay_ms);
	json_out_object_end(out);
	return call(r, "org.reeve.consume.Nack", held, count, ret_holds);
}

int reeve_extend(struct reeve *r, const struct reeve_held *held, size_t count,
		 int64_t lease_ms, enum reeve_hold *ret_holds)
{
	struct json_out *out = handle_params(r);

	json_out_object(out);
	write_helds(out, held, count);
	if (lease_ms > 0)
		json_out_member_int(out, "lease_ms", lease_ms);
	json_out_object_end(out);
	return call(r, "org.reeve.consume.Extend", held, count, ret_holds);
}

static bool is_true(struct slice reply, const char *member)
{
	struct slice value;
	bool found = false;

	return json_find(reply, member, &value) &&
	       json_bool(value, &found) == 0 && found;
}

int reeve_tell_progress(struct reeve *r, const struct reeve_held *held,
			double fraction, const char *note,
			enum reeve_hold *ret_hold)
{
	struct json_out *out = handle_params(r);
	struct slice params, reply;
	int result;

	json_out_object(out);
	json_out_key(out, "held");
	write_held(out, held);
	if (fraction >= 0) {
		json_out_key(out, "fraction");
		json_out_float(out, fraction);
	}
	if (note)
		json_out_member_text(out, "note", note);
	json_out_object_end(out);
	result = handle_params_take(r, &params);
	if (result == 0)
		result = handle_call(r, "org.reeve.consume.Progress", params,
				     true, &reply);
	if (result != 0 || !ret_hold)
		return result;
	*ret_hold = REEVE_HOLD_OURS;
	if (is_true(reply, "cancelled"))
		*ret_hold = REEVE_HOLD_CANCELLED;
	if (is_true(reply, "lost"))
		*ret_hold = REEVE_HOLD_LOST;
	return 0;
}
