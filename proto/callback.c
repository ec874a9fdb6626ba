#include "proto/callback.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/names.h"

static const char *const when_names[CALLBACK_WHEN_COUNT] = {
	"on_success", "on_failure", "on_done"};

const char *callback_when_name(enum callback_when when)
{
	return when_names[when];
}

struct callbacks callbacks_of(const struct spec *spec)
{
	return (struct callbacks){
		{spec->on_success, spec->on_failure, spec->on_done}};
}

bool callbacks_are_none(const struct callbacks *callbacks)
{
	for (int i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		if (callbacks->lists[i].n && json_count(callbacks->lists[i]))
			return false;
	}
	return true;
}

static int printf_like(4, 5) fail(struct schema_fault *fault, int error,
				  const char *path, const char *format, ...)
{
	va_list args;

	snprintf(fault->path, sizeof(fault->path), "%s", path);
	va_start(args, format);
	vsnprintf(fault->message, sizeof(fault->message), format, args);
	va_end(args);
	return error;
}

/* What cannot be, and why. */
static int check_fields(const struct spec *spec, const char *path,
			struct schema_fault *ret_fault)
{
#define NO_INPUT "a callback reads the record of what it follows"
#define NO_CHOICE "a callback is entered when what it follows ends, each time"
	static const struct {
		enum spec_field field;
		const char *name, *why;
	} refused[] = {
		{SPEC_stdin, "stdin", NO_INPUT},
		{SPEC_stdin64, "stdin64", NO_INPUT},
		{SPEC_key, "key", NO_CHOICE},
		{SPEC_unique, "unique", NO_CHOICE},
		{SPEC_on_conflict, "on_conflict", NO_CHOICE},
		{SPEC_hold, "hold", NO_CHOICE},
		{SPEC_run_at_ms, "run_at_ms",
		 "a callback follows an end: give delay_ms, counted from it"},
		{SPEC_once, "once", "a callback is delivered at least once"},
		{SPEC_durability, "durability",
		 "a callback is on disk with the end that it follows"},
		{SPEC_group, "group", "a callback belongs to no group"},
		{SPEC_stdin_fd, "stdin_fd", "descriptors do not wait so long"},
		{SPEC_stdout_fd, "stdout_fd",
		 "descriptors do not wait so long"},
		{SPEC_stderr_fd, "stderr_fd",
		 "descriptors do not wait so long"},
		{SPEC_cwd_fd, "cwd_fd", "descriptors do not wait so long"},
	};
	char field[sizeof(ret_fault->path)];

	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		if (!(spec->has >> refused[i].field & 1))
			continue;
		snprintf(field, sizeof(field), "%s.%s", path, refused[i].name);
		return fail(ret_fault, SCHEMA_E_CONFLICT, field, "%s",
			    refused[i].why);
	}
	return 0;
}

int callback_decode(struct arena *arena, struct slice object, const char *path,
		    struct spec *ret, struct schema_fault *ret_fault)
{
	struct spec spec = {
		.handler = SLICE(SPEC_HANDLER_EXEC),
		.queue = SLICE(CALLBACK_QUEUE),
		.durability = DURABILITY_SYNC,
		.crash_limit = CALLBACK_CRASH_LIMIT,
		.timeout_ms = CALLBACK_TIMEOUT_MS,
		.grace_ms = SPEC_GRACE_MS_DEFAULT,
		.retry = SLICE(CALLBACK_RETRY),
	};
	int r = spec_decode_over(arena, object, path, &spec, ret_fault);

	if (r == 0)
		r = check_fields(&spec, path, ret_fault);
	if (r == 0)
		*ret = spec;
	return r;
}

static void enter(struct callback_level *level,
		  const struct callbacks *callbacks, const char *path)
{
	*level = (struct callback_level){.in = *callbacks, .when = -1};
	snprintf(level->path, sizeof(level->path), "%s", path);
}

void callback_walk_begin(struct callback_walk *walk, struct arena *arena,
			 const struct callbacks *callbacks, const char *path,
			 struct schema_fault *ret_fault)
{
	walk->arena = arena;
	walk->fault = ret_fault;
	walk->depth = 1;
	enter(&walk->levels[0], callbacks, path);
}

/* Of this level, in the order of its lists. */
static bool next_of(struct callback_level *level, struct slice *ret)
{
	for (;;) {
		if (level->when >= 0 && level->in.lists[level->when].n &&
		    json_item(&level->iter, ret)) {
			level->index++;
			return true;
		}
		if (++level->when == CALLBACK_WHEN_COUNT)
			return false;
		level->index = 0;
		if (level->in.lists[level->when].n)
			level->iter = json_enter(level->in.lists[level->when]);
	}
}

/* Paths that do not fit are cut, as all paths of faults are. */
static void write_path(struct callback_walk *walk,
		       const struct callback_level *level)
{
	char index[32];
	size_t n;

	snprintf(index, sizeof(index), "[%zu]", level->index - 1);
	n = (size_t)snprintf(walk->path, sizeof(walk->path), "%.80s%s%s",
			     level->path, level->path[0] ? "." : "",
			     when_names[level->when]);
	if (n < sizeof(walk->path))
		snprintf(walk->path + n, sizeof(walk->path) - n, "%s", index);
}

int callback_walk_next(struct callback_walk *walk, bool *ret_found)
{
	struct callbacks own;
	struct slice object;
	int r;

	*ret_found = false;
	while (walk->depth && !next_of(&walk->levels[walk->depth - 1], &object))
		walk->depth--;
	if (!walk->depth)
		return 0;
	write_path(walk, &walk->levels[walk->depth - 1]);
	r = callback_decode(walk->arena, object, walk->path, &walk->spec,
			    walk->fault);
	if (r)
		return r;
	*ret_found = true;
	own = callbacks_of(&walk->spec);
	if (callbacks_are_none(&own))
		return 0;
	if (walk->depth == LIMIT_CALLBACK_DEPTH)
		return fail(walk->fault, SCHEMA_E_RANGE, walk->path,
			    "a callback of a callback of a callback has none: "
			    "%d levels are the limit",
			    LIMIT_CALLBACK_DEPTH);
	enter(&walk->levels[walk->depth++], &own, walk->path);
	return 0;
}

int callbacks_check(struct arena *arena, const struct callbacks *callbacks,
		    const char *path, struct schema_fault *ret_fault)
{
	struct callback_walk walk;
	bool found = true;
	int r = 0;

	callback_walk_begin(&walk, arena, callbacks, path, ret_fault);
	while (r == 0 && found)
		r = callback_walk_next(&walk, &found);
	return r;
}
