#pragma once

/*
 * Callbacks: the Specs in on_success, on_failure and on_done of a Spec, a group
 * or a queue. Each becomes a job when what it follows has ended, and may have
 * callbacks of its own, to a depth of LIMIT_CALLBACK_DEPTH.
 */

#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/spec.h"

enum callback_when {
	CALLBACK_SUCCESS,
	CALLBACK_FAILURE,
	CALLBACK_DONE,
	CALLBACK_WHEN_COUNT,
};

/* What a callback has when it does not say otherwise. */
#define CALLBACK_QUEUE "callbacks"
#define CALLBACK_TIMEOUT_MS 30000
#define CALLBACK_CRASH_LIMIT 5
/* Of the rule for another try, all but the number. */
#define CALLBACK_RETRY_REST                                                    \
	"\"backoff_ms\":1000,\"backoff_max_ms\":60000,\"jitter\":0.2,"         \
	"\"causes\":[\"exit\",\"signal\",\"timeout\",\"memory\","              \
	"\"handler\",\"exec\"]}"
#define CALLBACK_RETRY "{\"max_attempts\":5," CALLBACK_RETRY_REST

/* Raw lists of Specs by enum callback_when; n 0: none. */
struct callbacks {
	struct slice lists[CALLBACK_WHEN_COUNT];
};

/** callback_when_name() - "on_success" */
const char *callback_when_name(enum callback_when when);

/** callbacks_of() - those of a decoded spec */
struct callbacks callbacks_of(const struct spec *spec);
/** callbacks_are_none() - also when all lists are empty */
bool callbacks_are_none(const struct callbacks *callbacks);

/**
 * callback_decode() - one callback, complete with its defaults
 * @object:	checked JSON
 * @path:	put before the field's name in a fault: "job.on_failure[1]"
 * @ret:	as spec_decode() has it; `retry` is CALLBACK_RETRY when none is
 *		given. Callbacks of its own are not looked into
 *
 * What a job only has because somebody submits it is refused: key, unique,
 * group, hold, once, input, descriptors, durability and the like.
 *
 * Return: 0, SCHEMA_E_*, or -ENOMEM.
 */
must_check int callback_decode(struct arena *arena, struct slice object,
			       const char *path, struct spec *ret,
			       struct schema_fault *ret_fault);

/* A walk over callbacks and theirs, each before its own. */
struct callback_walk {
	struct arena *arena;
	struct schema_fault *fault;
	struct callback_level {
		struct callbacks in;
		int when;
		size_t index;
		struct json_iter iter;
		char path[128];
	} levels[LIMIT_CALLBACK_DEPTH];
	int depth; /* levels in use */
	/* The one that the last step found. */
	struct spec spec;
	char path[128];
};

/**
 * callback_walk_begin() - before the first of @callbacks
 * @path:	of what they are of: "job"; "": of the call itself
 */
void callback_walk_begin(struct callback_walk *walk, struct arena *arena,
			 const struct callbacks *callbacks, const char *path,
			 struct schema_fault *ret_fault);

/**
 * callback_walk_next() - decode the next one
 * @ret_found:	false: that was all
 *
 * Return: as callback_decode(); nested too deep: SCHEMA_E_RANGE.
 */
must_check int callback_walk_next(struct callback_walk *walk, bool *ret_found);

/** callbacks_check() - walk through all of them; return as the walk does */
must_check int callbacks_check(struct arena *arena,
			       const struct callbacks *callbacks,
			       const char *path,
			       struct schema_fault *ret_fault);
