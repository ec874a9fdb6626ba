#include "client/spec.h"

#include "client/context.h"
#include "proto/json_in.h"
#include "proto/spec.h"

#include <stdio.h>

static bool is_utf8(const char *text, const char *field,
		    struct spec_fault *fault)
{
	if (json_utf8(slice_of(text)))
		return true;
	*fault = (struct spec_fault){field, text};
	return false;
}

static bool write_text(struct json_out *out, const char *name, const char *text,
		       struct spec_fault *fault)
{
	if (!text)
		return true;
	if (!is_utf8(text, name, fault))
		return false;
	json_out_member_text(out, name, text);
	return true;
}

static int write_command(struct json_out *out, const struct reeve_spec *spec,
			 struct spec_fault *fault)
{
	bool has_argv = spec->argv && spec->argv[0];

	if (has_argv == (spec->shell != NULL)) {
		*fault = (struct spec_fault){"argv", NULL};
		return SPEC_E_EMPTY;
	}
	if (!write_text(out, "shell", spec->shell, fault))
		return SPEC_E_UTF8;
	if (!has_argv)
		return 0;
	json_out_key(out, "argv");
	json_out_array(out);
	for (const char *const *at = spec->argv; *at; at++) {
		if (!is_utf8(*at, "argv", fault))
			return SPEC_E_UTF8;
		json_out_string(out, slice_of(*at));
	}
	json_out_array_end(out);
	return 0;
}

const char *spec_handler(const struct reeve_spec *spec)
{
	if (!spec->handler || strcmp(spec->handler, SPEC_HANDLER_EXEC) == 0)
		return NULL;
	return spec->handler;
}

int spec_check_args(const char *args, struct spec_fault *ret_fault)
{
	struct json_fault fault = {0};
	struct slice text = slice_of(args);

	*ret_fault = (struct spec_fault){"args", args,
					 "it is another kind of value", 0};
	if (json_check(text, &fault) != 0) {
		ret_fault->why = fault.message;
		ret_fault->offset = fault.offset;
		return SPEC_E_ARGS;
	}
	return json_kind(json_trim(text)) == JSON_OBJECT ? 0 : SPEC_E_ARGS;
}

/* What only a process of its own has; NULL: nothing of it. */
static const char *of_commands(const struct reeve_spec *spec)
{
	if (spec->argv && spec->argv[0])
		return "argv";
	if (spec->shell)
		return "shell";
	if (spec->stdin_bytes > 0)
		return "stdin";
	if (spec->descriptors)
		return "descriptors";
	if (spec->cwd)
		return "cwd";
	if (spec->env && spec->env[0])
		return "env";
	if (spec->limits && spec->limits[0])
		return "limits";
	if (spec->umask)
		return "umask";
	if (spec->nice != 0)
		return "nice";
	return spec->keep_orphans ? "keep_orphans" : NULL;
}

static int write_args(struct json_out *out, const struct reeve_spec *spec,
		      struct spec_fault *fault)
{
	*fault = (struct spec_fault){.field = of_commands(spec)};
	if (fault->field)
		return SPEC_E_HANDLER;
	if (!spec->args)
		return 0;
	if (spec_check_args(spec->args, fault) != 0)
		return SPEC_E_ARGS;
	json_out_member_raw(out, "args", json_trim(slice_of(spec->args)));
	return 0;
}

/* In the order of the fields, so that a number is how many come before. */
static size_t list_descriptors(const struct reeve_spec *spec,
			       const char *names[SPEC_DESCRIPTORS],
			       int fds[SPEC_DESCRIPTORS])
{
	const struct reeve_descriptors *of = spec->descriptors;
	size_t count = 0;

	if (!of)
		return 0;
	const struct {
		const char *name;
		int fd;
	} all[SPEC_DESCRIPTORS] = {
		{"stdin_fd", of->stdin_fd},
		{"stdout_fd", of->stdout_fd},
		{"stderr_fd", of->stderr_fd},
		{"cwd_fd", of->cwd_fd},
	};

	for (size_t i = 0; i < SPEC_DESCRIPTORS; i++) {
		if (all[i].fd < 0)
			continue;
		names[count] = all[i].name;
		fds[count++] = all[i].fd;
	}
	return count;
}

size_t spec_descriptors(const struct reeve_spec *spec,
			int ret[SPEC_DESCRIPTORS])
{
	const char *names[SPEC_DESCRIPTORS];

	return list_descriptors(spec, names, ret);
}

static void write_descriptors(struct json_out *out,
			      const struct reeve_spec *spec)
{
	const char *names[SPEC_DESCRIPTORS];
	int fds[SPEC_DESCRIPTORS];
	size_t count = list_descriptors(spec, names, fds);

	for (size_t i = 0; i < count; i++)
		json_out_member_int(out, names[i], (int64_t)i);
}

static int write_work(struct json_out *out, const struct reeve_spec *spec,
		      const char *handler, struct spec_fault *fault)
{
	if (handler)
		return write_args(out, spec, fault);
	if (spec->args) {
		*fault = (struct spec_fault){.field = "args"};
		return SPEC_E_HANDLER;
	}
	return write_command(out, spec, fault);
}

static int write_item(struct json_out *out, const struct reeve_spec *spec,
		      const char *handler, const char *key,
		      struct spec_fault *fault)
{
	int result = write_work(out, spec, handler, fault);

	if (result != 0)
		return result;
	if (!write_text(out, "name", spec->name, fault) ||
	    !write_text(out, "key", key, fault))
		return SPEC_E_UTF8;
	if (spec->stdin_bytes > 0)
		json_out_member_bytes(
			out, "stdin",
			(struct slice){spec->stdin_data, spec->stdin_bytes});
	write_descriptors(out, spec);
	return 0;
}

static int write_tags(struct json_out *out, const char *const *tags,
		      struct spec_fault *fault)
{
	if (!tags || !tags[0])
		return 0;
	json_out_key(out, "tags");
	json_out_object(out);
	for (; *tags; tags++) {
		const char *equals = strchr(*tags, '=');

		if (!equals || equals == *tags) {
			*fault = (struct spec_fault){"tags", *tags};
			return SPEC_E_TAG;
		}
		if (!is_utf8(*tags, "tags", fault))
			return SPEC_E_UTF8;
		json_out_key_slice(
			out, (struct slice){*tags, (size_t)(equals - *tags)});
		json_out_string(out, slice_of(equals + 1));
	}
	json_out_object_end(out);
	return 0;
}

static void write_positive(struct json_out *out, const char *name,
			   int64_t value)
{
	if (value > 0)
		json_out_member_int(out, name, value);
}

/* 0: left to the daemon; below: 0 is said. */
static void write_time(struct json_out *out, const char *name, int64_t ms)
{
	if (ms != 0)
		json_out_member_int(out, name, ms > 0 ? ms : 0);
}

static const char *durability_word(enum reeve_durability durability)
{
	switch (durability) {
	case REEVE_MEMORY:
		return "memory";
	case REEVE_RESULT:
		return "result";
	case REEVE_SYNC:
	default:
		return NULL;
	}
}

static const char *conflict_word(enum reeve_conflict conflict)
{
	switch (conflict) {
	case REEVE_CONFLICT_REPLACE:
		return "replace";
	case REEVE_CONFLICT_REJECT:
		return "reject";
	case REEVE_CONFLICT_RETURN:
	default:
		return NULL;
	}
}

static bool write_causes(struct json_out *out, const char *const *causes,
			 struct spec_fault *fault)
{
	json_out_key(out, "causes");
	json_out_array(out);
	for (; *causes; causes++) {
		if (!is_utf8(*causes, "retry.causes", fault))
			return false;
		json_out_string(out, slice_of(*causes));
	}
	json_out_array_end(out);
	return true;
}

static bool write_retry(struct json_out *out, const struct reeve_spec *spec,
			struct spec_fault *fault)
{
	if (spec->max_attempts <= 0)
		return true;
	json_out_key(out, "retry");
	json_out_object(out);
	json_out_member_int(out, "max_attempts", spec->max_attempts);
	write_positive(out, "backoff_ms", spec->backoff_ms);
	write_positive(out, "backoff_max_ms", spec->backoff_max_ms);
	if (spec->jitter != 0) {
		json_out_key(out, "jitter");
		json_out_float(out, spec->jitter < 0 ? 0 : spec->jitter);
	}
	if (spec->retry_causes && !write_causes(out, spec->retry_causes, fault))
		return false;
	if (spec->retry_exits) {
		json_out_key(out, "exit_codes");
		json_out_array(out);
		for (const int *code = spec->retry_exits; *code; code++)
			json_out_int(out, *code);
		json_out_array_end(out);
	}
	json_out_object_end(out);
	return true;
}

static int write_callbacks(struct json_out *out, const struct reeve_spec *spec,
			   struct spec_fault *fault)
{
	const struct {
		const char *name, *list;
	} all[] = {
		{"on_success", spec->on_success},
		{"on_failure", spec->on_failure},
		{"on_done", spec->on_done},
	};

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		struct json_fault at = {.message = "it is another kind of "
						   "value"};
		struct slice list = slice_of(all[i].list ? all[i].list : "");

		if (!all[i].list)
			continue;
		if (json_check(list, &at) != 0 ||
		    json_kind(json_trim(list)) != JSON_ARRAY) {
			*fault = (struct spec_fault){all[i].name, all[i].list,
						     at.message, at.offset};
			return SPEC_E_CALLBACKS;
		}
		json_out_member_raw(out, all[i].name, json_trim(list));
	}
	return 0;
}

static int write_common(struct json_out *out, const struct reeve_spec *spec,
			struct spec_fault *fault)
{
	const char *durability = durability_word(spec->durability);
	const char *conflict = conflict_word(spec->on_conflict);
	int result;

	if (!write_text(out, "handler", spec_handler(spec), fault) ||
	    !write_text(out, "queue", spec->queue, fault))
		return SPEC_E_UTF8;
	result = write_tags(out, spec->tags, fault);
	if (result != 0)
		return result;
	if (spec->priority != 0 || spec->priority_given)
		json_out_member_int(out, "priority", spec->priority);
	write_positive(out, "delay_ms", spec->delay_ms);
	write_positive(out, "run_at_ms", spec->run_at_ms);
	write_time(out, "expire_ms", spec->expire_ms);
	write_time(out, "keep_ms", spec->keep_ms);
	write_time(out, "timeout_ms", spec->timeout_ms);
	write_positive(out, "grace_ms", spec->grace_ms);
	write_positive(out, "crash_limit", spec->crash_limit);
	write_positive(out, "group", spec->group);
	if (spec->hold)
		json_out_member_bool(out, "hold", true);
	if (spec->once)
		json_out_member_bool(out, "once", true);
	if (spec->keep_orphans)
		json_out_member_text(out, "orphans", "keep");
	if (durability)
		json_out_member_text(out, "durability", durability);
	if (conflict)
		json_out_member_text(out, "on_conflict", conflict);
	if (!write_text(out, "unique", spec->unique, fault) ||
	    !write_retry(out, spec, fault))
		return SPEC_E_UTF8;
	result = write_callbacks(out, spec, fault);
	if (result != 0 || spec_handler(spec))
		return result;
	return context_write(out, spec, fault);
}

int spec_write(struct json_out *out, const struct reeve_spec *spec,
	       const char *key, struct spec_fault *ret_fault)
{
	int result;

	json_out_object(out);
	result = write_item(out, spec, spec_handler(spec), key, ret_fault);
	if (result == 0)
		result = write_common(out, spec, ret_fault);
	json_out_object_end(out);
	return result;
}

int spec_write_defaults(struct json_out *out, const struct reeve_spec *spec,
			struct spec_fault *ret_fault)
{
	int result;

	json_out_object(out);
	result = write_common(out, spec, ret_fault);
	json_out_object_end(out);
	return result;
}

int spec_write_item(struct json_out *out, const struct reeve_spec *defaults,
		    const struct reeve_spec *spec, const char *key,
		    struct spec_fault *ret_fault)
{
	int result;

	json_out_object(out);
	result = write_item(out, spec, spec_handler(defaults), key, ret_fault);
	json_out_object_end(out);
	return result;
}

void spec_escape(const char *text, char ret[SPEC_ESCAPED_BYTES])
{
	size_t n = 0;

	for (; *text && n + 8 < SPEC_ESCAPED_BYTES; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = c >= ' ' && c < 127;

		n += (size_t)snprintf(ret + n, SPEC_ESCAPED_BYTES - n,
				      plain ? "%c" : "\\x%02x", c);
	}
	snprintf(ret + n, SPEC_ESCAPED_BYTES - n, "%s", *text ? "..." : "");
}
