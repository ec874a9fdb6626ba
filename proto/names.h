#pragma once

/*
 * The closed lists of words: states, causes, durability. One X list each makes
 * the enum and the names on the wire, in the store and in the client.
 *
 * The numbers are stored in the database: append, never renumber.
 */

#include "proto/base.h"

#define JOB_STATES(X)                                                          \
	X(HELD, "held")                                                        \
	X(BLOCKED, "blocked")                                                  \
	X(SCHEDULED, "scheduled")                                              \
	X(READY, "ready")                                                      \
	X(RUNNING, "running")                                                  \
	X(SUCCEEDED, "succeeded")                                              \
	X(FAILED, "failed")                                                    \
	X(CANCELLED, "cancelled")
#define JOB_STATE_ENUM(name, text) STATE_##name,
enum job_state { JOB_STATES(JOB_STATE_ENUM) STATE_COUNT };

/* Why an attempt ended. CAUSE_NONE: it succeeded, or has not ended. */
#define JOB_CAUSES(X)                                                          \
	X(NONE, "none")                                                        \
	X(EXIT, "exit")                                                        \
	X(SIGNAL, "signal")                                                    \
	X(TIMEOUT, "timeout")                                                  \
	X(MEMORY, "memory")                                                    \
	X(CANCELLED, "cancelled")                                              \
	X(DEPENDENCY, "dependency")                                            \
	X(WORKER_LOST, "worker_lost")                                          \
	X(HOST_LOST, "host_lost")                                              \
	X(REJECTED, "rejected")                                                \
	X(EXPIRED, "expired")                                                  \
	X(HANDLER, "handler")                                                  \
	X(EXEC, "exec")
#define JOB_CAUSE_ENUM(name, text) CAUSE_##name,
enum job_cause { JOB_CAUSES(JOB_CAUSE_ENUM) CAUSE_COUNT };

#define DURABILITIES(X)                                                        \
	X(MEMORY, "memory")                                                    \
	X(RESULT, "result")                                                    \
	X(SYNC, "sync")
#define DURABILITY_ENUM(name, text) DURABILITY_##name,
enum durability { DURABILITIES(DURABILITY_ENUM) DURABILITY_COUNT };

/* Up to REMOVED they are kept, numbered, in the store; the others are told to
 * who listens, and gone. */
#define EVENT_KINDS(X)                                                         \
	X(SUBMITTED, "submitted")                                              \
	X(STARTED, "started")                                                  \
	X(FINISHED, "finished")                                                \
	X(FAILED, "failed")                                                    \
	X(RETRYING, "retrying")                                                \
	X(CANCELLED, "cancelled")                                              \
	X(REMOVED, "removed")                                                  \
	X(PROGRESS, "progress")                                                \
	X(QUEUE_PAUSED, "queue_paused")                                        \
	X(QUEUE_RESUMED, "queue_resumed")                                      \
	X(QUEUE_EMPTY, "queue_empty")                                          \
	X(WORKER_UP, "worker_up")                                              \
	X(WORKER_DOWN, "worker_down")                                          \
	X(NODE_UP, "node_up")                                                  \
	X(NODE_DOWN, "node_down")                                              \
	X(LOST, "lost")
#define EVENT_KIND_ENUM(name, text) EVENT_##name,
enum event_kind { EVENT_KINDS(EVENT_KIND_ENUM) EVENT_KIND_COUNT };

/** state_name() and the like - static text; the argument is in range */
const char *state_name(enum job_state state);
const char *cause_name(enum job_cause cause);
const char *durability_name(enum durability durability);
const char *event_kind_name(enum event_kind kind);

/** state_parse() and the like - false when there is no such word */
bool state_parse(struct slice text, enum job_state *ret);
bool cause_parse(struct slice text, enum job_cause *ret);
bool event_kind_parse(struct slice text, enum event_kind *ret);

/** event_kind_is_kept() - does this number stand for an event of the store? */
bool event_kind_is_kept(unsigned int kind);

/** state_is_end() - succeeded, failed or cancelled */
bool state_is_end(enum job_state state);
