#pragma once

/* Pools of handlers on the stage: what the supervisor tells, and workers. */

#include "tests/unit/broker/stage.h"

/* The pool `img`, number 1, of worker programs: handlers thumb and scale. */
#define STAGE_IMG                                                              \
	"{\"number\":1,\"name\":\"img\",\"kind\":2,\"min\":2,\"max\":8,"       \
	"\"idle_ms\":60000,\"ping_ms\":10000,\"retire_jobs\":0,"               \
	"\"retire_age_ms\":0,\"retire_kib\":0,\"jitter_permille\":0,"          \
	"\"broken\":0,\"handles\":[\"thumb\",\"scale\"]}"
#define STAGE_EXEC                                                             \
	"{\"number\":0,\"name\":\"exec\",\"kind\":0,\"min\":2,\"max\":2,"      \
	"\"idle_ms\":0,\"ping_ms\":0,\"retire_jobs\":0,\"retire_age_ms\":0,"   \
	"\"retire_kib\":0,\"jitter_permille\":0,\"broken\":0,\"handles\":[]}"
#define STAGE_POOLS "[" STAGE_EXEC "," STAGE_IMG "]"

/** stage_pools() - the supervisor says what pools there are */
void stage_pools(struct stage *stage, const char *json);

/** stage_pool_state() - how pool @number is; @reason NULL: it is well */
void stage_pool_state(struct stage *stage, int number, const char *reason,
		      int64_t generation);

/** stage_handler_dial() - worker @id of `img` is born and says ready
 * @handlers:	JSON list, NULL: all that it must */
int stage_handler_dial(struct stage *stage, int64_t id, const char *handlers);

/** stage_handler() - the same, greeted */
int stage_handler(struct stage *stage, int64_t id);

/** stage_thumb() - submit a job for thumb; other members of the Spec */
int64_t stage_thumb(struct stage *stage, int client, const char *members);

/** stage_fail() - the worker's word: it failed */
void stage_fail(int fd, int64_t job, int64_t token, const char *type);

/** stage_unheard() - the supervisor was told nothing of this kind */
bool stage_unheard(struct stage *stage, enum channel_kind kind);
