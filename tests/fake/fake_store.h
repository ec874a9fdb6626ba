#pragma once

/*
 * Fake store: store.h in memory, linked instead of the engine. One handle
 * serves both halves. What a test wants to see goes wrong, or wait, is asked
 * for here.
 *
 * Not for: durability, order of priorities across lanes, events of steering.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/store/store.h"

#define FAKE_JOBS_MAX 20000
#define FAKE_ATTEMPTS_MAX 8
#define FAKE_MAX 64 /* workers, groups, lanes */

struct fake_job {
	int64_t id, token, worker, context;
	enum job_state state;
	enum job_cause cause;
	char *queue, *handler, *name, *key, *spec, *tags, *failure, *log,
		*reason, *unique, *retry, *result;
	size_t log_bytes;
	uint32_t uid, gid, attempt, crashes, crash_limit;
	int32_t priority, exit_code, signal, lane;
	int64_t group, run_at_ms, created_ms, started_ms, finished_ms;
	int64_t timeout_ms, grace_ms, expire_ms, keep_ms;
	uint32_t max_attempts, failures;
	struct store_attempt attempts[FAKE_ATTEMPTS_MAX];
	size_t attempt_count;
	bool once, orphans_keep, core, cancel_asked, output_file, purged;
	bool descriptors, stdout_given, stderr_given;
	bool final; /* the handler wished no further attempt */
	int64_t pause_ms;
};

#define FAKE_STORE_IDENTITY "00112233445566778899aabbccddeeff"

struct fake_lane {
	char *queue, *handler;
	int64_t counts[STATE_COUNT];
	bool changed;
};

struct store {
	pthread_mutex_t lock;
	pthread_cond_t released;
	struct fake_job *jobs; /* by id - 1 */
	size_t job_count;
	struct fake_lane lanes[FAKE_MAX];
	size_t lane_count;
	struct store_worker workers[FAKE_MAX];
	size_t worker_count;
	struct store_group groups[FAKE_MAX];
	bool group_changed[FAKE_MAX];
	size_t group_count;
	struct store_queue queues[FAKE_MAX];
	size_t queue_count;
	char *contexts[FAKE_MAX];
	size_t context_count;
	int64_t tokens;
	struct store_event *events; /* by number - 1 */
	size_t event_count, event_room;
	int64_t oldest_event; /* those before it are purged; 0: none */
	char boot_id[40];     /* of the rows; must outlive them */
	bool opened;	      /* by store_open(): store_close() frees it */
	/* Wishes of the test. */
	bool hold_writes, hold_reads; /* they block until released */
	bool stale_reads; /* the next store_get_group() holds, having looked */
	int writers_held, readers_held;
	int fail;	       /* result of the next writes; 0: none */
	int fail_count;	       /* so many of them */
	int fail_reads;	       /* result of every read; 0: none */
	int64_t next_due_ms;   /* forced, if not 0 */
	bool gone;	       /* store_check() says so */
	int64_t run_time_ms;   /* of every job, 0: not known */
	_Atomic int log_steps; /* that the log is short of */
	/* What was seen. */
	int writes, reads;
};

/** fake_store_new() - empty; both halves may use it at once */
struct store *fake_store_new(void);
/** fake_store_free() - nobody may use it any more */
void fake_store_free(struct store *store);

/** fake_store_hold() - block the writer and the reader, or let them go on */
void fake_store_hold(struct store *store, bool writes, bool reads);

/** fake_store_fail() - the next @count writes give @result */
void fake_store_fail(struct store *store, int result, int count);

/** fake_store_job() - its row; look only while nobody writes */
struct fake_job *fake_store_job(struct store *store, int64_t id);

/** fake_store_examined() - what store_examine() gives, and when it may end */
void fake_store_examined(int result, bool held);

/** fake_store_once() - may it begin only once? Also while somebody writes */
bool fake_store_once(struct store *store, int64_t id);

/** fake_store_add() - a job that is there before the broker starts */
struct fake_job *fake_store_add(struct store *store, enum job_state state);

/** fake_store_group() - a group that is there before; its number */
int64_t fake_store_group(struct store *store, bool closed);

/* Shared by its files. */
int fake_begin(struct store *store);
int fake_finish(struct store *store, int r);
void fake_events(struct store *store, struct store_batch *batch);
struct fake_out {
	struct store *store;
	struct store_batch *batch;
	size_t ended_room, claim_room, signal_room;
};
char *fake_text(struct slice from);
int32_t fake_lane_at(struct store *store, struct slice queue,
		     struct slice handler);
struct store_group *fake_group_at(struct store *store, int64_t id);
struct slice fake_copy(struct arena *arena, const char *text);
struct fake_job *fake_enter(struct store *store, enum job_state state,
			    struct slice queue, struct slice handler,
			    int64_t group);
void fake_enter_at(struct store *store, struct fake_job *job,
		   enum job_state state, struct slice queue,
		   struct slice handler, int64_t group);
void fake_move(struct store *store, struct fake_job *job, enum job_state state);
void fake_end(struct fake_out *out, struct fake_job *job, enum job_state state,
	      enum job_cause cause);
void fake_attempt(struct fake_job *job, int64_t now_ms);
void fake_steer(struct fake_out *out, struct store_steer *of);
void fake_edit(struct fake_out *out, struct store_edit *of);
bool fake_matches(const struct fake_job *job, const struct store_filter *of);
void fake_row(const struct store *store, const struct fake_job *job,
	      struct arena *arena, bool with_spec, bool with_log,
	      struct store_row *ret);
