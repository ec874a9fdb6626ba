#pragma once

/*
 * struct context: where and how a command runs (type Context of
 * org.reeve.jobs), as the daemon reads it.
 */

#include "proto/schema.h"

enum context_env_mode { ENV_CAPTURED, ENV_CLEAN };

struct context {
	uint64_t has;
	struct slice cwd;
	struct slice env; /* raw map of strings */
	int env_mode;
	int64_t umask;
	int64_t nice;
	struct slice limits; /* raw map of integers: "nofile": 1024 */
};
enum context_field {
	CONTEXT_cwd,
	CONTEXT_env,
	CONTEXT_env_mode,
	CONTEXT_umask,
	CONTEXT_nice,
	CONTEXT_limits
};
#define CONTEXT_HAS(context, name) (((context)->has >> CONTEXT_##name) & 1)

extern const struct schema_type context_type;
