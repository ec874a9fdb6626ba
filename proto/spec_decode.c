/*
 * What a spec must be beyond the types of its fields. One message per mistake,
 * with the field's path: somebody typed this by hand.
 */

#include "proto/spec.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/callback.h"
#include "proto/json_depth.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/names.h"
#include "proto/retry.h"

/* What the checks share. */
struct check {
	struct arena *arena;
	const char *path;
	struct schema_fault *fault;
};

static int printf_like(4, 5) fail(struct check *c, int error, const char *field,
				  const char *format, ...)
{
	va_list args;

	snprintf(c->fault->path, sizeof(c->fault->path), "%s%s%s", c->path,
		 c->path[0] ? "." : "", field);
	va_start(args, format);
	vsnprintf(c->fault->message, sizeof(c->fault->message), format, args);
	va_end(args);
	return error;
}

static bool has_control(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return true;
	}
	return false;
}

/* Names are printed by people's terminals and compared by their eyes. */
static int check_name(struct check *c, const char *field, struct slice name)
{
	if (name.n == 0)
		return fail(c, SCHEMA_E_RANGE, field, "must not be empty");
	if (has_control(name))
		return fail(c, SCHEMA_E_RANGE, field,
			    "must not hold control characters");
	return 0;
}

static bool has_nul(struct slice text)
{
	return text.n && memchr(text.p, 0, text.n);
}

static int fail_argument(struct check *c, size_t index, struct slice text)
{
	char field[40];

	snprintf(field, sizeof(field), "argv[%zu]", index);
	if (text.n == 0)
		return fail(c, SCHEMA_E_RANGE, field, "must name a program");
	if (has_nul(text))
		return fail(c, SCHEMA_E_RANGE, field, "must not hold a NUL");
	return fail(c, SCHEMA_E_RANGE, field,
		    "%zu bytes are more than the limit of %d", text.n,
		    LIMIT_ARGUMENT_BYTES);
}

/* argv: a program, and what execve() will take. */
static int check_argv(struct check *c, struct slice argv)
{
	struct json_iter iter = json_enter(argv);
	struct slice item, text;
	size_t total = 0, index = 0;
	int r;

	for (; json_item(&iter, &item); index++) {
		r = json_string(c->arena, item, &text);
		if (r)
			return r;
		if (has_nul(text) || text.n > LIMIT_ARGUMENT_BYTES ||
		    (index == 0 && text.n == 0))
			return fail_argument(c, index, text);
		total += text.n + 1;
	}
	if (index == 0)
		return fail(c, SCHEMA_E_RANGE, "argv",
			    "must hold at least a program");
	if (total > LIMIT_ARGV_BYTES)
		return fail(c, SCHEMA_E_RANGE, "argv",
			    "%zu bytes are more than the limit of %d", total,
			    LIMIT_ARGV_BYTES);
	return 0;
}

/* What only a process of its own can have. */
static int check_handler(struct check *c, const struct spec *spec)
{
	static const struct {
		enum spec_field field;
		const char *name;
	} only_exec[] = {
		{SPEC_argv, "argv"},	       {SPEC_shell, "shell"},
		{SPEC_stdin, "stdin"},	       {SPEC_stdin64, "stdin64"},
		{SPEC_context, "context"},     {SPEC_orphans, "orphans"},
		{SPEC_stdin_fd, "stdin_fd"},   {SPEC_stdout_fd, "stdout_fd"},
		{SPEC_stderr_fd, "stderr_fd"}, {SPEC_cwd_fd, "cwd_fd"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(only_exec); i++) {
		if (spec->has >> only_exec[i].field & 1)
			return fail(c, SCHEMA_E_CONFLICT, only_exec[i].name,
				    "only handler exec runs commands; another "
				    "one takes args");
	}
	/* Whoever asks for the job gets it inside a reply. */
	if (SPEC_HAS(spec, args) &&
	    json_is_deeper(spec->args, LIMIT_DATA_DEPTH))
		return fail(c, SCHEMA_E_RANGE, "args",
			    "nested deeper than %d levels", LIMIT_DATA_DEPTH);
	return 0;
}

/* Exactly one thing to run. */
static int check_work(struct check *c, const struct spec *spec)
{
	bool argv = SPEC_HAS(spec, argv), shell = SPEC_HAS(spec, shell);

	if (!slice_is(spec->handler, SPEC_HANDLER_EXEC))
		return check_handler(c, spec);
	if (argv && shell)
		return fail(c, SCHEMA_E_CONFLICT, "shell",
			    "excludes argv: give one of them");
	if (SPEC_HAS(spec, args))
		return fail(c, SCHEMA_E_CONFLICT, "args",
			    "handler exec takes argv or shell, not args");
	if (argv)
		return check_argv(c, spec->argv);
	if (!shell)
		return fail(c, SCHEMA_E_MISSING, "argv",
			    "nothing to run: give argv, shell or a handler");
	if (spec->shell.n == 0 || has_nul(spec->shell))
		return fail(c, SCHEMA_E_RANGE, "shell",
			    "must be a command without NUL");
	return 0;
}

static int check_env(struct check *c, struct slice env)
{
	struct json_iter iter = json_enter(env);
	struct slice key, value, quoted, text;
	size_t total = 0;
	int r;

	while (json_member(&iter, &key, &value)) {
		/* The key with its quotes, as a string to decode. */
		quoted = (struct slice){key.p - 1, key.n + 2};
		r = json_string(c->arena, quoted, &key);
		if (r == 0)
			r = json_string(c->arena, value, &text);
		if (r)
			return r;
		if (key.n == 0 || has_nul(key) || memchr(key.p, '=', key.n) ||
		    has_nul(text))
			return fail(c, SCHEMA_E_RANGE, "context.env",
				    "names must not be empty nor hold =, and "
				    "nothing may hold a NUL");
		if (key.n + text.n + 1 > LIMIT_ARGUMENT_BYTES)
			return fail(c, SCHEMA_E_RANGE, "context.env",
				    "one variable is longer than %d bytes",
				    LIMIT_ARGUMENT_BYTES);
		total += key.n + text.n + 2;
	}
	if (total > LIMIT_ARGV_BYTES)
		return fail(c, SCHEMA_E_RANGE, "context.env",
			    "%zu bytes are more than the limit of %d", total,
			    LIMIT_ARGV_BYTES);
	return 0;
}

/* Tags are printed as names are. */
static int check_tags(struct check *c, struct slice tags)
{
	struct json_iter iter = json_enter(tags);
	struct slice key, value, name, text;

	while (json_member(&iter, &key, &value)) {
		int r = json_string(
			c->arena, (struct slice){key.p - 1, key.n + 2}, &name);

		if (r == 0)
			r = json_string(c->arena, value, &text);
		if (r)
			return r;
		if (has_control(name) || has_control(text))
			return fail(c, SCHEMA_E_RANGE, "tags",
				    "must not hold control characters, in "
				    "names and in values");
	}
	return 0;
}

static int check_context(struct check *c, struct slice object, bool has_cwd_fd)
{
	struct context context = {0};
	char path[sizeof(c->fault->path)];
	int r;

	snprintf(path, sizeof(path), "%s%scontext", c->path,
		 c->path[0] ? "." : "");
	r = schema_decode(&context_type, c->arena, object, path, &context,
			  c->fault);
	if (r)
		return r;
	if (context.cwd.p && (context.cwd.n == 0 || context.cwd.p[0] != '/' ||
			      has_nul(context.cwd)))
		return fail(c, SCHEMA_E_RANGE, "context.cwd",
			    "must be an absolute path");
	if (context.cwd.p && has_cwd_fd)
		return fail(c, SCHEMA_E_CONFLICT, "cwd_fd",
			    "excludes context.cwd: give one of them");
	return context.env.p ? check_env(c, context.env) : 0;
}

static int check_stdin(struct check *c, const struct spec *spec)
{
	struct slice bytes;
	int r;

	if (SPEC_HAS(spec, stdin) && SPEC_HAS(spec, stdin64))
		return fail(c, SCHEMA_E_CONFLICT, "stdin64",
			    "excludes stdin: give one of them");
	if (SPEC_HAS(spec, stdin_fd) &&
	    (SPEC_HAS(spec, stdin) || SPEC_HAS(spec, stdin64)))
		return fail(c, SCHEMA_E_CONFLICT, "stdin_fd",
			    "excludes stdin and stdin64: give one of them");
	if (!SPEC_HAS(spec, stdin64))
		return 0;
	r = json_base64(c->arena, spec->stdin64, &bytes);
	if (r == JSON_E_SYNTAX)
		return fail(c, SCHEMA_E_RANGE, "stdin64", "is not base64");
	return r;
}

/* What the promises of once and durability exclude. */
static int check_promises(struct check *c, const struct spec *spec)
{
	bool memory = spec->durability == DURABILITY_MEMORY;

	if (memory && spec->once)
		return fail(c, SCHEMA_E_CONFLICT, "once",
			    "excludes durability memory: the start would not "
			    "be on disk");
	if (memory && SPEC_HAS(spec, key))
		return fail(c, SCHEMA_E_CONFLICT, "key",
			    "excludes durability memory: a crash would forget "
			    "the key");
	if (memory && (SPEC_HAS(spec, on_success) ||
		       SPEC_HAS(spec, on_failure) || SPEC_HAS(spec, on_done)))
		return fail(c, SCHEMA_E_CONFLICT, "durability",
			    "memory excludes callbacks: a crash would forget "
			    "them");
	if (memory && SPEC_HAS(spec, unique))
		return fail(c, SCHEMA_E_CONFLICT, "unique",
			    "excludes durability memory: a crash would forget "
			    "the word");
	if (spec->durability == DURABILITY_RESULT && spec->once)
		return fail(c, SCHEMA_E_CONFLICT, "once",
			    "excludes durability result: the start would not "
			    "be on disk");
	return 0;
}

/* How often it is tried. */
static int check_tries(struct check *c, const struct spec *spec)
{
	struct retry_rule rule;
	char path[sizeof(c->fault->path)];
	int r;

	if (!SPEC_HAS(spec, retry))
		return 0;
	snprintf(path, sizeof(path), "%s%sretry", c->path,
		 c->path[0] ? "." : "");
	r = retry_rule_decode(c->arena, spec->retry, path, &rule, c->fault);
	if (r == 0)
		r = retry_rule_check(&rule, path, c->fault);
	if (r == 0 && spec->once && rule.max_attempts > 1)
		return fail(c, SCHEMA_E_CONFLICT, "retry",
			    "excludes once: it is never started twice");
	if (r == 0 && spec_has_descriptors(spec) && rule.max_attempts > 1)
		return fail(c, SCHEMA_E_CONFLICT, "retry",
			    "excludes descriptors: what was read from them or "
			    "written to them is not there again");
	return r;
}

/* What a job must be, and defaults need not. */
static int check_whole(struct check *c, const struct spec *spec)
{
	if (SPEC_HAS(spec, on_conflict) && !SPEC_HAS(spec, key) &&
	    !SPEC_HAS(spec, unique))
		return fail(c, SCHEMA_E_CONFLICT, "on_conflict",
			    "goes with key or unique");
	return check_work(c, spec);
}

static int check_spec(struct check *c, const struct spec *spec)
{
	int r = check_name(c, "handler", spec->handler);

	if (r == 0)
		r = check_name(c, "queue", spec->queue);
	if (r == 0 && SPEC_HAS(spec, name))
		r = check_name(c, "name", spec->name);
	if (r == 0 && SPEC_HAS(spec, key))
		r = check_name(c, "key", spec->key);
	if (r == 0 && SPEC_HAS(spec, unique))
		r = check_name(c, "unique", spec->unique);
	if (r == 0 && SPEC_HAS(spec, tags))
		r = check_tags(c, spec->tags);
	if (r == 0 && SPEC_HAS(spec, delay_ms) && SPEC_HAS(spec, run_at_ms))
		r = fail(c, SCHEMA_E_CONFLICT, "run_at_ms",
			 "excludes delay_ms: give one of them");
	if (r == 0)
		r = check_stdin(c, spec);
	if (r == 0)
		r = check_promises(c, spec);
	if (r == 0)
		r = check_tries(c, spec);
	if (r == 0 && SPEC_HAS(spec, context))
		r = check_context(c, spec->context, SPEC_HAS(spec, cwd_fd));
	return r;
}

#define BIT(field) (UINT64_C(1) << SPEC_##field)

/* A field that the job gives itself turns off a default that excludes it. */
static uint64_t merge(uint64_t own, uint64_t defaults)
{
	static const uint64_t exclusive[] = {
		BIT(argv) | BIT(shell),
		BIT(stdin) | BIT(stdin64),
		BIT(delay_ms) | BIT(run_at_ms),
	};

	for (size_t i = 0; i < ARRAY_COUNT(exclusive); i++) {
		if (own & exclusive[i])
			defaults &= ~exclusive[i];
	}
	return own | defaults;
}

/* Members that are not given must not keep what a default had put there. */
static void clear_excluded(struct spec *spec)
{
	if (!SPEC_HAS(spec, argv))
		spec->argv = (struct slice){0};
	if (!SPEC_HAS(spec, shell))
		spec->shell = (struct slice){0};
	if (!SPEC_HAS(spec, stdin))
		spec->stdin_text = (struct slice){0};
	if (!SPEC_HAS(spec, stdin64))
		spec->stdin64 = (struct slice){0};
	if (!SPEC_HAS(spec, delay_ms))
		spec->delay_ms = 0;
	if (!SPEC_HAS(spec, run_at_ms))
		spec->run_at_ms = 0;
}

/* What a Spec has that says nothing. */
static struct spec of_nothing(void)
{
	return (struct spec){
		.handler = SLICE(SPEC_HANDLER_EXEC),
		.queue = SLICE(SPEC_QUEUE_DEFAULT),
		.durability = DURABILITY_SYNC,
		.crash_limit = SPEC_CRASH_LIMIT_DEFAULT,
		.grace_ms = SPEC_GRACE_MS_DEFAULT,
	};
}

/* What is given goes over what is in @ret. */
static int decode(struct arena *arena, struct slice object, bool whole,
		  const char *path, struct spec *ret,
		  struct schema_fault *ret_fault)
{
	struct check c = {arena, path, ret_fault};
	uint64_t defaults = ret->has;
	struct spec spec = *ret;
	int r;

	if (object.n > LIMIT_SPEC_BYTES) {
		snprintf(ret_fault->path, sizeof(ret_fault->path), "%s", path);
		snprintf(ret_fault->message, sizeof(ret_fault->message),
			 "%zu bytes are more than the limit of %d", object.n,
			 LIMIT_SPEC_BYTES);
		return SCHEMA_E_RANGE;
	}
	r = schema_decode(&spec_type, arena, object, path, &spec, ret_fault);
	if (r)
		return r;
	if (defaults) {
		spec.has = merge(spec.has, defaults);
		clear_excluded(&spec);
	}
	r = check_spec(&c, &spec);
	if (r == 0 && whole)
		r = check_whole(&c, &spec);
	if (r == 0)
		*ret = spec;
	return r;
}

static int decode_all(struct arena *arena, struct slice object,
		      const struct spec *defaults, bool whole, const char *path,
		      struct spec *ret, struct schema_fault *ret_fault)
{
	struct spec spec = defaults ? *defaults : of_nothing();
	struct callbacks callbacks;
	int r = decode(arena, object, whole, path, &spec, ret_fault);

	if (r)
		return r;
	callbacks = callbacks_of(&spec);
	if (!callbacks_are_none(&callbacks))
		r = callbacks_check(arena, &callbacks, path, ret_fault);
	if (r == 0)
		*ret = spec;
	return r;
}

int spec_decode(struct arena *arena, struct slice object,
		const struct spec *defaults, const char *path, struct spec *ret,
		struct schema_fault *ret_fault)
{
	return decode_all(arena, object, defaults, true, path, ret, ret_fault);
}

int spec_decode_over(struct arena *arena, struct slice object, const char *path,
		     struct spec *ret, struct schema_fault *ret_fault)
{
	return decode(arena, object, true, path, ret, ret_fault);
}

int spec_defaults_decode(struct arena *arena, struct slice object,
			 const char *path, struct spec *ret,
			 struct schema_fault *ret_fault)
{
	return decode_all(arena, object, NULL, false, path, ret, ret_fault);
}
