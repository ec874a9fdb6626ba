#include "client/asked.h"

#include "client/context.h"
#include "client/duration.h"
#include "client/field.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/spec.h"

#include <inttypes.h>
#include <stdio.h>

#define ASKED_TEXT_BYTES 1024
#define ASKED_VARIABLES 8 /* of those that are as here none is named */
#define GRACE_MS 10000	  /* what a job has of which nobody said more */
#define CRASH_LIMIT 3
#define JITTER 0.2
#define CAUSES "; on exit, signal, timeout, memory, handler"

struct asked {
	const struct tool *tool;
	struct arena arena;
	void (*row)(const struct tool *tool, const char *label,
		    const char *value);
};

struct slice asked_load(struct tool *tool, int64_t id, struct arena *arena)
{
	struct slice copy = SLICE("{}");
	const char *reply;
	char params[64];

	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", id);
	if (reeve_call(tool->r, "org.reeve.jobs.GetSpec", params, &reply) != 0)
		return copy;
	if (arena_copy(arena, field_object(slice_of(reply), "job"), &copy) != 0)
		return SLICE("{}");
	return copy;
}

printf_like(3, 4) static void say(struct asked *asked, const char *label,
				  const char *format, ...)
{
	char text[ASKED_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	asked->row(asked->tool, label, text);
}

static const char *text_of(struct asked *asked, struct slice object,
			   const char *name)
{
	return field_text(&asked->arena, object, name);
}

/* A key of a map, as a text. */
static const char *key_text(struct asked *asked, struct slice key)
{
	const char *quoted = arena_print(&asked->arena, "\"%.*s\"", (int)key.n,
					 key.p);
	struct slice text, copy;

	if (!quoted ||
	    json_string(&asked->arena, slice_of(quoted), &text) != 0 ||
	    arena_copy(&asked->arena, text, &copy) != 0)
		return "";
	return copy.p;
}

static const char *value_text(struct asked *asked, struct slice value)
{
	struct slice text = value, copy;

	if (json_kind(value) == JSON_STRING &&
	    json_string(&asked->arena, value, &text) != 0)
		return "";
	return arena_copy(&asked->arena, text, &copy) == 0 ? copy.p : "";
}

static void say_pairs(struct asked *asked, const char *label, struct slice map)
{
	struct json_iter iter = json_enter(map);
	struct slice key, value;

	while (json_member(&iter, &key, &value)) {
		const char *text = value_text(asked, value);

		say(asked, label, "%s=%s", key_text(asked, key),
		    strcmp(text, "-1") ? text : "unlimited");
		label = "";
	}
}

/* "exit, timeout" of a list. */
static void join(struct asked *asked, struct slice list, const char *before,
		 char *text, size_t size)
{
	struct json_iter iter = json_enter(list);
	struct slice item;
	size_t n = strlen(text);

	while (json_item(&iter, &item) && n < size) {
		snprintf(text + n, size - n, "%s%s", before,
			 value_text(asked, item));
		n = strlen(text);
		before = ", ";
	}
}

static void say_times(struct asked *asked, struct slice spec)
{
	char span[DURATION_BYTES];
	struct slice value;
	int64_t ms = field_int(spec, "timeout_ms");

	if (ms)
		say(asked, "timeout", "%s", duration_format(ms, span));
	ms = field_int(spec, "grace_ms");
	if (json_find(spec, "grace_ms", &value) && ms != GRACE_MS)
		say(asked, "grace", "%s from SIGTERM to SIGKILL",
		    duration_format(ms, span));
	ms = field_int(spec, "expire_ms");
	if (ms)
		say(asked, "expires",
		    "if it still waits %s after its submission",
		    duration_format(ms, span));
	if (json_find(spec, "keep_ms", &value)) {
		ms = field_int(spec, "keep_ms");
		if (ms)
			say(asked, "kept", "%s after its end",
			    duration_format(ms, span));
		else
			say(asked, "kept", "not at all after its end");
	}
}

static void say_retry(struct asked *asked, struct slice rule)
{
	char first[DURATION_BYTES], last[DURATION_BYTES];
	char text[ASKED_TEXT_BYTES], causes[128] = "";
	struct slice value;
	double jitter = JITTER;
	int64_t attempts = field_int(rule, "max_attempts");

	if (attempts < 2)
		return;
	snprintf(text, sizeof(text), "up to %" PRId64 " %s, after %s to %s",
		 attempts - 1, attempts == 2 ? "time" : "times",
		 duration_format(field_int(rule, "backoff_ms"), first),
		 duration_format(field_int(rule, "backoff_max_ms"), last));
	if (json_find(rule, "jitter", &value) &&
	    json_float(value, &jitter) == 0 && jitter != JITTER)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", %g%% more or less", jitter * 100);
	join(asked, field_list(rule, "causes"), "; on ", causes,
	     sizeof(causes));
	if (strcmp(causes, CAUSES) != 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
			 causes);
	join(asked, field_list(rule, "exit_codes"), "; exit codes ", text,
	     sizeof(text));
	asked->row(asked->tool, "retry", text);
}

/* Is the variable here what it is there? */
static bool is_here(const char *name, const char *value)
{
	const char *here = getenv(name);

	return here && strcmp(here, value) == 0;
}

/* Of what was taken along most is as here: told is what is not. */
static void say_env(struct asked *asked, struct slice context)
{
	struct slice env = field_object(context, "env"), key, value;
	struct json_iter iter = json_enter(env);
	bool clean = strcmp(text_of(asked, context, "env_mode"), "clean") == 0;
	const char *label = "env";
	size_t said = 0, same = 0, more = 0;

	while (json_member(&iter, &key, &value)) {
		const char *name = key_text(asked, key);
		const char *text = value_text(asked, value);

		if (!clean && is_here(name, text)) {
			same++;
		} else if (said == ASKED_VARIABLES) {
			more++;
		} else {
			say(asked, label, "%s=%s", name, text);
			label = "";
			said++;
		}
	}
	if (more)
		say(asked, label, "and %zu more: show --json", more);
	if (clean)
		say(asked, said ? "" : "env", "and a plain environment");
	else if (said && same)
		say(asked, "", "and %zu variables as they are here", same);
}

static void say_place(struct asked *asked, struct slice context)
{
	const char *cwd = text_of(asked, context, "cwd");
	int64_t mask = field_int(context, "umask");
	struct slice value;

	if (cwd[0])
		say(asked, "cwd", "%s", cwd);
	if (json_find(context, "umask", &value) && mask != context_umask())
		say(asked, "umask", "%03" PRIo64, (uint64_t)mask);
	if (field_int(context, "nice"))
		say(asked, "nice", "%" PRId64, field_int(context, "nice"));
	say_pairs(asked, "limit", field_object(context, "limits"));
	say_env(asked, context);
}

static void say_rest(struct asked *asked, struct slice spec)
{
	const char *unique = text_of(asked, spec, "unique");
	int64_t crash_limit = field_int(spec, "crash_limit");
	struct slice value;

	if (unique[0])
		say(asked, "unique", "%s", unique);
	if (field_bool(spec, "once"))
		say(asked, "once", "never started twice");
	if (crash_limit && crash_limit != CRASH_LIMIT)
		say(asked, "crashes",
		    "it fails when %" PRId64 " %s died under it", crash_limit,
		    crash_limit == 1 ? "worker" : "workers");
	if (strcmp(text_of(asked, spec, "orphans"), "keep") == 0)
		say(asked, "orphans", "its processes are left behind");
	if (json_find(spec, "stdin", &value))
		say(asked, "stdin", "%zu bytes",
		    strlen(value_text(asked, value)));
	else if (json_find(spec, "stdin64", &value))
		say(asked, "stdin", "given, no text");
}

void asked_print(const struct tool *tool, struct slice spec,
		 void (*row)(const struct tool *tool, const char *label,
			     const char *value))
{
	struct asked asked = {.tool = tool, .row = row};

	say_pairs(&asked, "tag", field_object(spec, "tags"));
	say_times(&asked, spec);
	say_retry(&asked, field_object(spec, "retry"));
	say_rest(&asked, spec);
	say_place(&asked, field_object(spec, "context"));
	arena_fini(&asked.arena);
}
