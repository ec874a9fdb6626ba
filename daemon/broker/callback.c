#include "daemon/broker/callback.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/broker/call.h"
#include "daemon/broker/entry.h"
#include "daemon/broker/job_json.h"
#include "daemon/broker/state.h"
#include "proto/retry.h"

int callback_check(struct call *call, const struct callbacks *callbacks,
		   const char *path, struct entry_fault *ret_fault)
{
	struct callback_walk walk;
	bool found;
	int r;

	callback_walk_begin(&walk, &call->arena, callbacks, path,
			    &ret_fault->where);
	do {
		r = callback_walk_next(&walk, &found);
		if (r < 0)
			return r;
		if (r > 0) {
			ret_fault->error =
				"org.varlink.service.InvalidParameter";
			return ENTRY_E_REFUSED;
		}
		if (found) {
			r = entry_served(call, &walk.spec, true, walk.path,
					 ret_fault);
			if (r)
				return r;
		}
	} while (found);
	return 0;
}

static void write_lists(struct json_out *out, const struct callbacks *callbacks)
{
	for (int i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		struct slice list = callbacks->lists[i];

		if (list.n && json_count(list))
			json_out_member_raw(
				out, callback_when_name((enum callback_when)i),
				list);
	}
}

int callback_text(struct json_out *scratch, const struct callbacks *callbacks,
		  const struct call *call, struct arena *arena,
		  struct slice *ret)
{
	*ret = (struct slice){NULL, 0};
	if (callbacks_are_none(callbacks))
		return 0;
	json_out_reset(scratch);
	json_out_object(scratch);
	if (call) {
		json_out_member_int(scratch, "uid", call->uid);
		json_out_member_int(scratch, "gid", call->gid);
	}
	write_lists(scratch, callbacks);
	json_out_object_end(scratch);
	if (!json_out_ok(scratch))
		return -ENOMEM;
	return arena_copy(arena, json_out_slice(scratch), ret);
}

struct callbacks callback_lists(struct slice text)
{
	struct callbacks callbacks = {0};

	for (int i = 0; text.n && i < CALLBACK_WHEN_COUNT; i++) {
		struct slice list;

		if (json_find(text, callback_when_name((enum callback_when)i),
			      &list) &&
		    json_kind(list) == JSON_ARRAY)
			callbacks.lists[i] = list;
	}
	return callbacks;
}

void callback_write(struct json_out *out, struct slice text)
{
	struct callbacks callbacks = callback_lists(text);

	write_lists(out, &callbacks);
}

int callback_rules(struct broker *broker, struct slice text,
		   struct schema_fault *ret_fault)
{
	struct callbacks callbacks;
	struct arena arena = {0};
	struct json_fault fault;
	char *copy = NULL;
	int r = 0;

	if (text.n && json_check(text, &fault)) {
		snprintf(ret_fault->message, sizeof(ret_fault->message), "%s",
			 fault.message);
		return SCHEMA_E_KIND;
	}
	text = json_trim(text);
	callbacks = callback_lists(text);
	if (!callbacks_are_none(&callbacks)) {
		r = callbacks_check(&arena, &callbacks, "callbacks", ret_fault);
		arena_fini(&arena);
		if (r)
			return r;
		copy = strndup(text.p, text.n);
		if (!copy)
			return -ENOMEM;
	}
	free(broker->callback_rules);
	broker->callback_rules = copy;
	return 0;
}

int callback_batch(const struct broker *broker, struct batch *batch)
{
	batch->store.follow = callback_follow;
	if (!broker->callback_rules)
		return 0;
	return arena_copy(&batch->arena, slice_of(broker->callback_rules),
			  &batch->store.rules);
}

/* ---- From an end to jobs ---- */

/* What the callbacks of one end have in common. */
struct maker {
	struct store_follow *follow;
	unsigned whens; /* bits 1 << enum callback_when */
	/* Each made when first needed. */
	struct json_out record; /* who ended, and a newline */
	struct json_out of;	/* the same in short, for an environment */
	struct json_out scratch;
	size_t room;
};

/* Callbacks of one kind: of the job, its queue, or everything. */
struct source {
	struct slice text;
	uint32_t uid, gid;
	bool inherits; /* the context of what ended */
};

static int64_t member_int(struct slice object, const char *name,
			  int64_t otherwise)
{
	struct slice value;
	int64_t n;

	if (!object.n || !json_find(object, name, &value) ||
	    json_int(value, &n))
		return otherwise;
	return n;
}

/* Of a group: did all go well? */
static bool went_well(const struct store_follow *follow)
{
	if (follow->job)
		return follow->job->state == STATE_SUCCEEDED;
	return !follow->group->counts[STATE_FAILED] &&
	       !follow->group->counts[STATE_CANCELLED];
}

static void write_group(struct json_out *out, const struct store_follow *follow)
{
	json_out_object(out);
	job_json_group_members(out, follow->group, 0);
	if (follow->failed_count) {
		json_out_key(out, "first_failed");
		json_out_array(out);
		for (size_t i = 0; i < follow->failed_count; i++)
			json_out_int(out, follow->failed[i]);
		json_out_array_end(out);
	}
	json_out_object_end(out);
}

static void write_job(struct json_out *out, const struct store_row *job)
{
	struct store_row without = *job;

	json_out_object(out);
	job_json_members(out, job);
	json_out_object_end(out);
	if (out->n <= CALLBACK_RECORD_BYTES || !job->result.n)
		return;
	without.result = (struct slice){NULL, 0};
	without.result_omitted = true;
	json_out_reset(out);
	json_out_object(out);
	job_json_members(out, &without);
	json_out_object_end(out);
}

/* One line of JSON, with its newline. */
static struct slice record_of(struct maker *maker)
{
	struct json_out *out = &maker->record;

	if (!out->n) {
		if (maker->follow->job)
			write_job(out, maker->follow->job);
		else
			write_group(out, maker->follow);
		json_out_byte(out, '\n');
	}
	return json_out_slice(out);
}

static void write_of_job(struct json_out *out, const struct store_row *job)
{
	json_out_member_int(out, "job", job->id);
	json_out_member_text(out, "state", state_name(job->state));
	if (job->cause != CAUSE_NONE)
		json_out_member_text(out, "cause", cause_name(job->cause));
	if (job->exit_code >= 0)
		json_out_member_int(out, "exit_code", job->exit_code);
	if (job->signal)
		json_out_member_int(out, "signal", job->signal);
	if (job->name.n)
		json_out_member_string(out, "name", job->name);
	json_out_member_string(out, "queue", job->queue);
	json_out_member_int(out, "attempt", job->attempt);
}

static void write_of_group(struct json_out *out,
			   const struct store_group *group)
{
	json_out_member_int(out, "group", group->id);
	if (group->name.n)
		json_out_member_string(out, "name", group->name);
	json_out_member_int(out, "succeeded", group->counts[STATE_SUCCEEDED]);
	json_out_member_int(out, "failed", group->counts[STATE_FAILED]);
	json_out_member_int(out, "cancelled", group->counts[STATE_CANCELLED]);
}

static struct slice of_of(struct maker *maker)
{
	struct json_out *out = &maker->of;

	if (!out->n) {
		json_out_object(out);
		if (maker->follow->job)
			write_of_job(out, maker->follow->job);
		else
			write_of_group(out, maker->follow->group);
		json_out_object_end(out);
	}
	return json_out_slice(out);
}

/* Its own arguments, and who ended instead of what has that name. */
static int write_args(struct maker *maker, const struct spec *spec,
		      struct json_out *out)
{
	const char *name = maker->follow->job ? "job" : "group";
	struct slice record = record_of(maker), key, value;
	struct json_iter iter = json_enter(spec->args);

	json_out_key(out, "args");
	json_out_object(out);
	while (spec->args.n && json_member(&iter, &key, &value)) {
		if (json_key_is(key, name))
			continue;
		/* A raw key is what stands between its quotes. */
		if (json_string(maker->follow->arena,
				(struct slice){key.p - 1, key.n + 2}, &key))
			return -ENOMEM;
		json_out_key_slice(out, key);
		json_out_raw(out, value);
	}
	json_out_member_raw(out, name, (struct slice){record.p, record.n - 1});
	json_out_object_end(out);
	return 0;
}

/* What its worker gets. */
static int write_spec(struct maker *maker, const struct spec *spec,
		      struct slice *ret)
{
	struct json_out *out = &maker->scratch;

	json_out_reset(out);
	json_out_object(out);
	if (slice_is(spec->handler, SPEC_HANDLER_EXEC)) {
		if (SPEC_HAS(spec, argv))
			json_out_member_raw(out, "argv", spec->argv);
		else
			json_out_member_string(out, "shell", spec->shell);
		json_out_member_string(out, "stdin", record_of(maker));
		json_out_member_raw(out, "of", of_of(maker));
	} else if (write_args(maker, spec, out)) {
		return -ENOMEM;
	}
	json_out_object_end(out);
	if (!json_out_ok(out) || !json_out_ok(&maker->record) ||
	    !json_out_ok(&maker->of))
		return -ENOMEM;
	return arena_copy(maker->follow->arena, json_out_slice(out), ret);
}

static int copy_texts(struct maker *maker, const struct spec *spec,
		      struct store_entry *entry)
{
	struct arena *arena = maker->follow->arena;
	struct callbacks callbacks = callbacks_of(spec);
	struct schema_fault fault;
	struct retry_rule rule;
	int r = write_spec(maker, spec, &entry->spec);

	if (r == 0)
		r = callback_text(&maker->scratch, &callbacks, NULL, arena,
				  &entry->callbacks);
	if (r == 0)
		r = retry_rule_decode(arena, spec->retry, "", &rule, &fault);
	require(r <= 0); /* callback_decode() has seen it */
	if (r)
		return r;
	entry->max_attempts = (uint32_t)rule.max_attempts;
	return entry_rule(arena, &rule, &maker->scratch, &entry->retry);
}

static void copy_facts(const struct maker *maker, const struct source *source,
		       const struct spec *spec, struct store_entry *entry)
{
	entry->uid = source->uid;
	entry->gid = source->gid;
	entry->name = spec->name;
	entry->tags = spec->tags;
	entry->priority = (int32_t)spec->priority;
	entry->timeout_ms = spec->timeout_ms;
	entry->grace_ms = spec->grace_ms;
	entry->crash_limit = (uint32_t)spec->crash_limit;
	entry->expire_ms = spec->expire_ms;
	entry->keep_ms = SPEC_HAS(spec, keep_ms) ? spec->keep_ms : -1;
	entry->orphans_keep = spec->orphans == ORPHANS_KEEP;
	if (spec->delay_ms)
		entry->run_at_ms = maker->follow->now_ms + spec->delay_ms;
}

static int make_one(struct maker *maker, const struct source *source,
		    struct slice object)
{
	struct store_follow *follow = maker->follow;
	struct store_follower *ret = &follow->list[follow->count];
	struct schema_fault fault;
	struct spec spec;
	int r = callback_decode(follow->arena, object, "", &spec, &fault);

	/* It was one when it was taken. Should a later version see it in
	 * another light, then what ended must not suffer for it. */
	if (r)
		return r < 0 ? r : 0;
	require(follow->count < maker->room);
	*ret = (struct store_follower){
		.entry = {.context = UINT32_MAX},
		.queue = spec.queue,
		.handler = spec.handler,
	};
	if (slice_is(spec.handler, SPEC_HANDLER_EXEC)) {
		ret->context = spec.context;
		ret->inherits = !spec.context.n && source->inherits;
	}
	copy_facts(maker, source, &spec, &ret->entry);
	r = copy_texts(maker, &spec, &ret->entry);
	follow->count += r == 0;
	return r;
}

static int make_all(struct maker *maker, const struct source *source)
{
	struct callbacks callbacks = callback_lists(source->text);
	int r = 0;

	for (int i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		struct json_iter iter;
		struct slice object;

		if (!(maker->whens & 1u << i) || !callbacks.lists[i].n)
			continue;
		iter = json_enter(callbacks.lists[i]);
		while (r == 0 && json_item(&iter, &object))
			r = make_one(maker, source, object);
	}
	return r;
}

static size_t count(const struct source *source)
{
	struct callbacks callbacks = callback_lists(source->text);
	size_t n = 0;

	for (int i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		if (callbacks.lists[i].n)
			n += json_count(callbacks.lists[i]);
	}
	return n;
}

/* Others' callbacks do not run in the environment of this job's owner. */
static struct source source_of(const struct store_follow *follow,
			       struct slice text, int64_t uid, int64_t gid)
{
	struct source source = {.text = text};

	source.uid = (uint32_t)member_int(text, "uid", uid);
	source.gid = (uint32_t)member_int(text, "gid", gid);
	source.inherits = follow->job && source.uid == follow->job->uid;
	return source;
}

int callback_follow(struct store_follow *follow)
{
	struct maker maker = {.follow = follow, .whens = 1u << CALLBACK_DONE};
	const struct store_row *job = follow->job;
	const struct source sources[] = {
		source_of(follow, follow->callbacks, job ? job->uid : 0,
			  follow->gid),
		source_of(follow, follow->of_queue, 0, 0),
		source_of(follow, follow->rules, geteuid(), getegid()),
	};
	int r = 0;

	maker.whens |= went_well(follow) ? 1u << CALLBACK_SUCCESS
					 : 1u << CALLBACK_FAILURE;
	for (size_t i = 0; i < ARRAY_COUNT(sources); i++)
		maker.room += count(&sources[i]);
	follow->count = 0;
	follow->list = arena_array(follow->arena, maker.room,
				   sizeof(*follow->list));
	if (!follow->list)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(sources); i++)
		r = make_all(&maker, &sources[i]);
	json_out_fini(&maker.record);
	json_out_fini(&maker.of);
	json_out_fini(&maker.scratch);
	return r;
}
