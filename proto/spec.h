#pragma once

/*
 * struct spec: a submission as the daemon reads it (type Spec of
 * org.reeve.jobs). Slices point into the message or the arena it was decoded
 * with.
 */

#include "proto/context.h"
#include "proto/schema.h"

enum spec_orphans { ORPHANS_KILL, ORPHANS_KEEP };
/* When another job has the key or the unique word. */
enum spec_on_conflict {
	CONFLICT_RETURN_EXISTING,
	CONFLICT_REPLACE,
	CONFLICT_REJECT,
};

struct spec {
	uint64_t has;
	struct slice handler, queue, name;
	struct slice args; /* raw object */
	struct slice argv; /* raw list of strings */
	struct slice shell;
	struct slice stdin_text, stdin64; /* stdin64: still base64 */
	struct slice context;		  /* raw Context */
	int64_t priority;
	int64_t delay_ms, run_at_ms;
	bool hold;
	int64_t timeout_ms, grace_ms;
	bool once;
	int64_t expire_ms, keep_ms;
	int64_t crash_limit;
	struct slice retry; /* raw RetryRule */
	int orphans;	    /* enum spec_orphans */
	struct slice key, unique;
	int on_conflict; /* enum spec_on_conflict */
	int64_t group;
	struct slice on_success, on_failure,
		on_done;   /* raw: proto/callback.h */
	int durability;	   /* enum durability */
	struct slice tags; /* raw map of strings */
	int64_t stdin_fd, stdout_fd, stderr_fd, cwd_fd; /* see `has` */
};

/* SPEC_HAS(spec, key); in the order of the table and of the interface file. */
/* clang-format off */
#define SPEC_FIELDS(X)                                                         \
	X(handler) X(queue) X(name) X(args) X(argv) X(shell) X(data) X(data64) \
	X(stdin) X(stdin64) X(context) X(priority) X(delay_ms) X(run_at_ms)    \
	X(hold) X(timeout_ms) X(grace_ms) X(expire_ms) X(keep_ms) X(once)      \
	X(crash_limit) X(retry) X(orphans) X(key) X(on_conflict) X(unique)     \
	X(serial) X(after) X(group) X(on_success) X(on_failure) X(on_done)     \
	X(durability) X(tags) X(payload_fd) X(stdin_fd) X(stdout_fd)           \
	X(stderr_fd) X(cwd_fd)
/* clang-format on */
#define SPEC_BIT(name) SPEC_##name,
enum spec_field { SPEC_FIELDS(SPEC_BIT) SPEC_FIELD_COUNT };
#define SPEC_HAS(spec, name) (((spec)->has >> SPEC_##name) & 1)

/* Does it name descriptors of its message? */
static inline bool spec_has_descriptors(const struct spec *spec)
{
	return spec->has >> SPEC_stdin_fd;
}

/* What a spec has when it does not say otherwise. */
#define SPEC_QUEUE_DEFAULT "default"
#define SPEC_HANDLER_EXEC "exec"
#define SPEC_CRASH_LIMIT_DEFAULT 3
#define SPEC_GRACE_MS_DEFAULT 10000

/**
 * spec_decode() - a Spec with its defaults, complete and without contradiction
 * @arena:	takes decoded strings
 * @object:	checked JSON
 * @defaults:	decoded by this function's sister; NULL: none
 * @path:	put before the field's name in a fault: "job", "jobs[3]"
 * @ret:	all members are valid, given or not; `has` tells which were given,
 *		here or in @defaults
 *
 * Beyond the table: something to run (argv or shell for exec, and no more than
 * one of them), arguments without NUL and within the limits, names and
 * tags without control characters, an absolute cwd, base64 that is base64, no pair of
 * fields that exclude each other, and callbacks that are such, all the way down.
 * Whether the handlers and the group exist is not known here.
 *
 * Return: 0, SCHEMA_E_*, or -ENOMEM.
 */
must_check int spec_decode(struct arena *arena, struct slice object,
			   const struct spec *defaults, const char *path,
			   struct spec *ret, struct schema_fault *ret_fault);

/**
 * spec_decode_over() - the same without a look into its callbacks
 * @ret:	in: what it has when it does not say otherwise; on error as it was
 */
must_check int spec_decode_over(struct arena *arena, struct slice object,
				const char *path, struct spec *ret,
				struct schema_fault *ret_fault);

/** spec_defaults_decode() - SubmitMany's defaults: need not be complete */
must_check int spec_defaults_decode(struct arena *arena, struct slice object,
				    const char *path, struct spec *ret,
				    struct schema_fault *ret_fault);

/**
 * spec_key_is_made() - is this a key of the client libraries' own making, so
 * that a submission can be sent twice? Nobody knows it by sight.
 */
bool spec_key_is_made(struct slice key);

extern const struct schema_type spec_type;
