#include "daemon/broker/entry.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/callback.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "proto/http_args.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/limits.h"
#include "proto/retry.h"

static int refuse(struct entry_fault *fault, const char *error)
{
	fault->error = error;
	return ENTRY_E_REFUSED;
}

/* With what there is, as far as it fits: it may be a slip of the hand. */
static int refuse_handler(struct call *call, struct slice handler,
			  const char *path, struct entry_fault *ret_fault)
{
	struct schema_fault *where = &ret_fault->where;
	const struct pools_handler *one = call->broker->pools.handlers;
	size_t n;

	ret_fault->handler = handler;
	snprintf(where->path, sizeof(where->path), "%s.handler", path);
	n = (size_t)snprintf(where->message, sizeof(where->message),
			     "nobody serves this handler; there is exec");
	for (; one && n < sizeof(where->message); one = one->hh.next)
		n += (size_t)snprintf(where->message + n,
				      sizeof(where->message) - n, ", %s",
				      one->name);
#ifndef REEVE_HTTP
	if (slice_is(handler, POOL_HTTP_NAME))
		snprintf(where->message, sizeof(where->message),
			 "this reeved was built without libcurl, and makes no "
			 "requests");
#endif
	return refuse(ret_fault, "org.reeve.jobs.NoSuchHandler");
}

/* What its worker would refuse is refused now, while somebody is there. */
static int check_request(const struct spec *spec, bool callback,
			 const char *path, struct entry_fault *ret_fault)
{
	struct schema_fault *where = &ret_fault->where;
	struct slice args = SPEC_HAS(spec, args) ? spec->args : SLICE("{}");
	char fault[HTTP_ARGS_FAULT_BYTES];
	const char *field;
	int r = http_args_check(args, callback, &field, fault);

	if (r <= 0)
		return r;
	snprintf(where->path, sizeof(where->path), "%s.args%s%s", path,
		 field[0] ? "." : "", field);
	snprintf(where->message, sizeof(where->message), "%.190s", fault);
	return refuse(ret_fault, "org.varlink.service.InvalidParameter");
}

int entry_served(struct call *call, const struct spec *spec, bool callback,
		 const char *path, struct entry_fault *ret_fault)
{
	const struct pools *pools = &call->broker->pools;
	uint32_t pool = pools_serving(pools, spec->handler);

	if (pool != SCHED_POOL_NONE && pools->list[pool].config &&
	    pools->list[pool].config->kind == POOL_HTTP)
		return check_request(spec, callback, path, ret_fault);
	if (pool != SCHED_POOL_NONE ||
	    reserves_know(call->broker, spec->handler))
		return 0;
	ret_fault->callback = callback;
	return refuse_handler(call, spec->handler, path, ret_fault);
}

int entry_check(struct call *call, struct slice object,
		const struct spec *defaults, const char *path, struct spec *ret,
		struct entry_fault *ret_fault)
{
	int r = spec_decode(&call->arena, object, defaults, path, ret,
			    &ret_fault->where);
	struct callbacks callbacks;

	if (r < 0)
		return r;
	if (r > 0)
		return refuse(ret_fault,
			      "org.varlink.service.InvalidParameter");
	callbacks = callbacks_of(ret);
	if (!callbacks_are_none(&callbacks)) {
		r = callback_check(call, &callbacks, path, ret_fault);
		if (r)
			return r;
	}
	if (call->parcel || spec_has_descriptors(ret)) {
		r = carry_check(call, ret, path, ret_fault);
		if (r)
			return r;
	}
	return entry_served(call, ret, false, path, ret_fault);
}

/* Numbers among those that go to the worker, in the same order. */
static void write_descriptors(struct json_out *out, const struct spec *spec)
{
	if (SPEC_HAS(spec, stdin_fd))
		json_out_member_int(out, "stdin_fd", spec->stdin_fd);
	if (SPEC_HAS(spec, stdout_fd))
		json_out_member_int(out, "stdout_fd", spec->stdout_fd);
	if (SPEC_HAS(spec, stderr_fd))
		json_out_member_int(out, "stderr_fd", spec->stderr_fd);
	if (SPEC_HAS(spec, cwd_fd))
		json_out_member_int(out, "cwd_fd", spec->cwd_fd);
}

/* What the worker gets: only what runs, as the client wrote it. */
static int write_spec(struct arena *arena, const struct spec *spec,
		      struct json_out *scratch, struct slice *ret)
{
	json_out_reset(scratch);
	json_out_object(scratch);
	if (SPEC_HAS(spec, args))
		json_out_member_raw(scratch, "args", spec->args);
	if (SPEC_HAS(spec, argv))
		json_out_member_raw(scratch, "argv", spec->argv);
	if (SPEC_HAS(spec, shell))
		json_out_member_string(scratch, "shell", spec->shell);
	if (SPEC_HAS(spec, stdin))
		json_out_member_string(scratch, "stdin", spec->stdin_text);
	if (SPEC_HAS(spec, stdin64))
		json_out_member_string(scratch, "stdin64", spec->stdin64);
	if (spec_has_descriptors(spec))
		write_descriptors(scratch, spec);
	json_out_object_end(scratch);
	if (!json_out_ok(scratch))
		return -ENOMEM;
	return arena_copy(arena, json_out_slice(scratch), ret);
}

static void write_causes(struct json_out *out, const struct retry_rule *rule)
{
	json_out_key(out, "causes");
	json_out_array(out);
	for (int i = 0; i < CAUSE_COUNT; i++) {
		if (rule->cause_bits & 1u << i)
			json_out_string(
				out, slice_of(cause_name((enum job_cause)i)));
	}
	json_out_array_end(out);
	if (!rule->code_count)
		return;
	json_out_key(out, "exit_codes");
	json_out_array(out);
	for (size_t i = 0; i < rule->code_count; i++)
		json_out_int(out, rule->codes[i]);
	json_out_array_end(out);
}

/* The rule with its defaults: they may change, the job's rule does not. */
int entry_rule(struct arena *arena, const struct retry_rule *rule,
	       struct json_out *scratch, struct slice *ret)
{
	json_out_reset(scratch);
	json_out_object(scratch);
	json_out_member_int(scratch, "max_attempts", rule->max_attempts);
	json_out_member_int(scratch, "backoff_ms", rule->backoff_ms);
	json_out_member_int(scratch, "backoff_max_ms", rule->backoff_max_ms);
	json_out_key(scratch, "jitter");
	json_out_float(scratch, rule->jitter);
	write_causes(scratch, rule);
	json_out_object_end(scratch);
	if (!json_out_ok(scratch))
		return -ENOMEM;
	return arena_copy(arena, json_out_slice(scratch), ret);
}

static const struct job_defaults *defaults_of(const struct call *call,
					      const struct spec *spec)
{
	return defaults_find(&call->broker->defaults, spec->queue);
}

/* False when it is not to be tried again: what cannot be is not. */
static bool default_rule(const struct call *call, const struct spec *spec,
			 struct retry_rule *ret)
{
	const struct job_defaults *defaults = defaults_of(call, spec);

	if (defaults->max_attempts < 2 || spec->once ||
	    spec_has_descriptors(spec))
		return false;
	*ret = (struct retry_rule){
		.max_attempts = defaults->max_attempts,
		.backoff_ms = defaults->backoff_ms,
		.backoff_max_ms = defaults->backoff_max_ms,
		.jitter = defaults->jitter,
		.cause_bits = defaults->cause_bits,
	};
	return true;
}

static int copy_retry(struct call *call, const struct spec *spec,
		      struct store_entry *entry)
{
	struct schema_fault fault;
	struct retry_rule rule;
	int r = 0;

	if (SPEC_HAS(spec, retry))
		r = retry_rule_decode(&call->arena, spec->retry, "", &rule,
				      &fault);
	else if (!default_rule(call, spec, &rule))
		return 0;
	/* entry_check() has seen it. */
	require(r <= 0);
	if (r)
		return r;
	entry->max_attempts = (uint32_t)rule.max_attempts;
	return entry_rule(&call->broker->gathering->arena, &rule,
			  &call->broker->scratch, &entry->retry);
}

/* The texts, copied once into the batch's arena. */
static int copy_texts(struct call *call, const struct spec *spec,
		      struct store_entry *entry)
{
	struct arena *arena = &call->broker->gathering->arena;
	struct callbacks callbacks = callbacks_of(spec);
	int r = write_spec(arena, spec, &call->broker->scratch, &entry->spec);

	if (r == 0 && SPEC_HAS(spec, name))
		r = arena_copy(arena, spec->name, &entry->name);
	if (r == 0 && SPEC_HAS(spec, key))
		r = arena_copy(arena, spec->key, &entry->key);
	if (r == 0 && SPEC_HAS(spec, tags))
		r = arena_copy(arena, spec->tags, &entry->tags);
	if (r == 0 && SPEC_HAS(spec, unique))
		r = arena_copy(arena, spec->unique, &entry->unique);
	if (r == 0)
		r = copy_retry(call, spec, entry);
	if (r == 0)
		r = callback_text(&call->broker->scratch, &callbacks, NULL,
				  arena, &entry->callbacks);
	return r;
}

/* Of the queue, else of all. */
static int64_t first_of(int64_t queue, int64_t all)
{
	return queue >= 0 ? queue : all;
}

/* What the Spec says; a 0 that it says is none, whatever the default. */
static void copy_rules(struct call *call, const struct spec *spec,
		       struct store_entry *entry)
{
	const struct config *config = call->broker->config;
	const struct job_defaults *defaults = defaults_of(call, spec);

	entry->priority = (int32_t)(SPEC_HAS(spec, priority)
					    ? spec->priority
					    : defaults->priority);
	entry->timeout_ms = SPEC_HAS(spec, timeout_ms)
				    ? spec->timeout_ms
				    : first_of(defaults->timeout_ms,
					       config->timeout_ms);
	entry->grace_ms = SPEC_HAS(spec, grace_ms)
				  ? spec->grace_ms
				  : first_of(defaults->grace_ms,
					     config->grace_ms);
	entry->crash_limit =
		(uint32_t)(SPEC_HAS(spec, crash_limit)
				   ? spec->crash_limit
				   : first_of(defaults->crash_limit,
					      config->crash_limit));
	entry->expire_ms = SPEC_HAS(spec, expire_ms) ? spec->expire_ms
						     : defaults->expire_ms;
	/* Only commands have processes of their own. */
	entry->orphans_keep = SPEC_HAS(spec, orphans)
				      ? spec->orphans == ORPHANS_KEEP
				      : defaults->orphans_keep &&
						slice_is(spec->handler,
							 SPEC_HANDLER_EXEC);
}

static void copy_facts(struct call *call, const struct spec *spec,
		       struct store_entry *entry)
{
	int64_t now_ms = clock_wall_ms();

	copy_rules(call, spec, entry);
	entry->uid = call->uid;
	entry->gid = call->gid;
	entry->group = SPEC_HAS(spec, group) ? spec->group : 0;
	entry->on_conflict = (enum spec_on_conflict)spec->on_conflict;
	entry->keep_ms = SPEC_HAS(spec, keep_ms) ? spec->keep_ms : -1;
	entry->hold = spec->hold;
	entry->descriptors = spec_has_descriptors(spec);
	entry->stdout_given = SPEC_HAS(spec, stdout_fd);
	entry->stderr_given = SPEC_HAS(spec, stderr_fd);
	/* What was read from a pipe, or written to it, cannot be undone. */
	entry->once = spec->once || entry->descriptors;
	if (SPEC_HAS(spec, run_at_ms))
		entry->run_at_ms = spec->run_at_ms;
	else if (SPEC_HAS(spec, delay_ms) && spec->delay_ms)
		entry->run_at_ms = now_ms + spec->delay_ms;
}

static int fill(struct call *call, const struct spec *spec,
		struct store_entry *entry, struct lane **ret_lane)
{
	struct batch *batch = call->broker->gathering;
	struct lanes *lanes = &call->broker->lanes;
	uint32_t pool = pools_lane(&call->broker->pools, spec->handler);
	int r = lane_get(lanes, spec->queue, spec->handler, pool, ret_lane);

	*entry = (struct store_entry){
		.context = UINT32_MAX,
		.max_attempts = 1,
		.keep_ms = -1,
	};

	if (r == LANE_E_TOO_MANY) {
		lanes_forget(lanes, cycle_oldest(call->broker));
		r = lane_get(lanes, spec->queue, spec->handler, pool, ret_lane);
	}

	if (r == 0)
		r = batch_lane(batch, *ret_lane, &entry->lane);
	if (r == 0)
		r = copy_texts(call, spec, entry);
	if (r == 0 && SPEC_HAS(spec, context))
		r = batch_context(batch, spec->context, &entry->context);
	if (r == 0)
		copy_facts(call, spec, entry);
	return r;
}

int entry_make(struct call *call, const struct spec *spec, const char *path,
	       struct store_entry *ret, struct lane **ret_lane,
	       struct entry_fault *ret_fault)
{
	int r = fill(call, spec, ret, ret_lane);

	if (r == LANE_E_TOO_MANY) {
		snprintf(ret_fault->where.path, sizeof(ret_fault->where.path),
			 "%s.queue", path);
		snprintf(ret_fault->where.message,
			 sizeof(ret_fault->where.message),
			 "there are %d queues with unfinished jobs "
			 "already, the limit",
			 LIMIT_LANES);
		return refuse(ret_fault,
			      "org.varlink.service.InvalidParameter");
	}
	return r;
}

int entry_add(struct call *call, struct slice object,
	      const struct spec *defaults, const char *path, uint32_t unit,
	      struct entry_fault *ret_fault)
{
	struct batch *batch = call->broker->gathering;
	struct store_entry entry;
	struct spec spec;
	struct lane *lane;
	size_t i;
	int r = entry_check(call, object, defaults, path, &spec, ret_fault);

	if (r == 0)
		r = entry_make(call, &spec, path, &entry, &lane, ret_fault);
	if (r == 0)
		r = batch_add_entry(batch, &i);
	if (r)
		return r;
	entry.unit = unit;
	batch->queued_bytes += object.n + sizeof(entry);
	if (!direct_start(call, &spec, lane, &entry))
		sched_lane_incoming(&call->broker->sched, &lane->sched, 1);
	batch->store.entries[i] = entry;
	return 0;
}
