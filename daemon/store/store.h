#pragma once

/*
 * Store: all that the daemon asks of a queue engine. Batch calls only; no SQL
 * outside the engine's files. The first engine is SQLite (sqlite_*.c); one for
 * several hosts comes behind the same interface, so nothing here needs the
 * whole queue in one process.
 *
 * Two threads: one calls store_write() and nothing else, one calls the reading
 * half, each on a handle of its own. Every call blocks.
 *
 * Logical refusals are results in the batch. An error (negative errno) fails
 * the whole batch: nothing of it happened. Times are wall-clock milliseconds;
 * ids and tokens are positive and below 2^53 and are never used twice.
 */

#include "daemon/store/row.h"
#include "proto/arena.h"
#include "proto/base.h"
#include "proto/names.h"
#include "proto/spec.h"

/* Errors of the engine, beside negative errno. */
enum {
	STORE_E_NEWER = 1, /* written by a newer version: left untouched */
	STORE_E_FOREIGN,   /* not a database of reeve: left untouched */
	STORE_E_CORRUPT,   /* damaged: left untouched */
	STORE_E_FULL,	   /* no space: nothing of the batch happened */
	STORE_E_IO,	   /* reading or writing failed: close and open again */
	STORE_E_GONE,	   /* removed or replaced while open: do not go on */
};

struct store;
struct store_follow;

struct store_config {
	const char *directory; /* 0700, exists; holds jobs.db, reserve */
	bool reader; /* query only; the writer must have opened it before */
	int64_t reserve_bytes; /* of the reserve file, 0: none */
	/* Called now and then while it opens, which may take minutes when an
	 * older file is brought up to date; NULL: nobody is told. */
	void (*alive)(void *owner);
	void *owner;
};

struct store_fault {
	char message[256]; /* what and why, names the file */
};

/**
 * store_open() - open, create or migrate
 *
 * The caller holds store.lock. A file of a newer version, of another program or
 * a damaged one is refused untouched.
 *
 * Return: 0, STORE_E_*, or negative errno.
 */
must_check int store_open(struct store **ret, const struct store_config *config,
			  struct store_fault *ret_fault);
void store_close(struct store *store);
AUTO_DEFINE(struct store *, store_close)
/** store_identity() - 32 hex digits that no other store has; of a writer */
const char *store_identity(const struct store *store);

/** store_log_*() - of log_room.h: is the log short, a step; beside any call */
bool store_log_short(const struct store *store);
void store_log_step(struct store *store);

/* ---- The writing half ---- */

/* A lane named in a batch; entries and wants refer to it by its index. */
struct store_lane {
	struct slice queue, handler;
	int32_t id; /* out: the store's number, also when it was known */
	/* out: how many jobs are in each state, after the batch */
	int64_t counts[STATE_COUNT];
};

/* A context named in a batch, JSON text; interned by content. */
struct store_context {
	struct slice text;
	int64_t id; /* in: if known, else 0; out (the store may have forgotten
			an unused one: then it is a new id) */
};

enum store_entered {
	STORE_NEW = 1,
	STORE_EXISTING,	       /* the key names job `id` already */
	STORE_REFUSED_GROUP,   /* no such group */
	STORE_REFUSED_CLOSED,  /* the group is closed */
	STORE_REFUSED_DEPENDS, /* its all-or-none call had a refusal */
	STORE_REFUSED_FULL,    /* its queue holds max_length waiting jobs */
	STORE_REFUSED_TAKEN,   /* job `id` has its key or unique word */
};

struct store_entry {
	uint32_t lane;		/* index into the batch's lanes */
	uint32_t context;	/* index into contexts, UINT32_MAX: none */
	struct slice name, key; /* n 0: none */
	struct slice spec;	/* JSON object, as the worker gets it */
	struct slice tags;	/* JSON object or n 0 */
	uint32_t uid, gid;
	int64_t group;		      /* 0: none */
	int32_t priority;	      /* higher runs first */
	int64_t run_at_ms;	      /* 0: at once */
	int64_t timeout_ms, grace_ms; /* 0: none / default */
	int64_t expire_ms; /* after its birth cancelled if it waits; 0: never */
	int64_t keep_ms;   /* after its end; -1: as all others, 0: not at all */
	uint32_t max_attempts, crash_limit;
	bool hold, once, orphans_keep;
	/* It was given descriptors, which nobody but the caller has: once it
	 * goes together with. To which of them its output goes. */
	bool descriptors, stdout_given, stderr_given;
	struct slice retry;	/* JSON, a whole RetryRule; n 0: none. Its
				max_attempts is the one that counts */
	struct slice unique;	/* no two live jobs of a uid have it; n 0 */
	struct slice callbacks; /* JSON, as store_follow gets it; n 0: none */
	int64_t follows, follows_group; /* whose callback it is; 0: nobody's */
	enum spec_on_conflict on_conflict; /* of key and unique */
	/* Entries of one all-or-none call carry the same number and are
	 * neighbours, others 0: if one is refused none is entered. */
	uint32_t unit;
	/* It runs already, its first attempt, with numbers that were reserved.
	 * token 0: it does not. Else it has no key, unique word, group, unit
	 * or time, is not held, and its queue has no limit. */
	struct {
		int64_t job, token, worker;
	} begun;
	/* out */
	enum store_entered what;
	int64_t id;
	int64_t replaced; /* the waiting job that was cancelled for it, or 0 */
};

/* Another spec for a job that waits. Its id, group, key and age stay. */
struct store_edit {
	int64_t job;
	uint32_t uid; /* who asks; UINT32_MAX: nobody is asked */
	/* Its key, group, uid, hold and unit are not looked at. STORE_REFUSED_
	 * TAKEN: another live job, `id`, has its unique word. */
	struct store_entry entry;
	/* out */
	bool found, edited;
	bool foreign;	      /* it is another user's: it stays what it is */
	bool descriptors;     /* it was given some: it stays what it is */
	bool follows;	      /* it is a callback: it stays what it is */
	enum job_state state; /* as it was; why not, when it was not edited */
};

enum store_overflow { STORE_OVERFLOW_REJECT, STORE_OVERFLOW_BLOCK };

/* What a queue is beyond its jobs. Without a row: all zero. */
struct store_queue {
	struct slice name;
	bool paused;
	int64_t max_length; /* waiting jobs, 0: no limit */
	enum store_overflow overflow;
	struct slice callbacks; /* of its jobs, as store_follow gets them */
};

/* The end of an attempt, or what else a worker said of it. */
enum store_outcome_kind {
	STORE_SUCCEEDED = 1,
	STORE_FAILED_ATTEMPT, /* with a cause */
	STORE_LOST,	      /* cause WORKER_LOST or HOST_LOST */
	STORE_PUT_BACK,	      /* it never began */
};

struct store_outcome {
	int64_t job, token;
	enum store_outcome_kind kind;
	enum job_cause cause;
	int32_t exit_code; /* -1: none */
	int32_t signal;	   /* 0: none */
	bool core;
	int64_t started_ms, finished_ms; /* 0: unknown, the store fills in */
	int64_t cpu_us, peak_kib;
	int64_t stdout_bytes, stderr_bytes;
	bool output_file; /* the output is in a file; `log` is what it must be:
			     {"bytes":n,"sha256":"..."} */
	struct slice log; /* else output records; n 0: none */
	struct slice result;  /* JSON, of handlers */
	struct slice failure; /* JSON {"type","message","trace"}, or n 0 */
	/* Of FAILED_ATTEMPT, what the handler wishes: like this it is not tried
	 * again; with has_pause: after so long; and never before least_ms. */
	bool final, has_pause;
	int64_t pause_ms, least_ms;
	bool accepted; /* out: the token was current */
};

struct store_want {
	uint32_t lane;	/* index into the batch's lanes */
	int64_t worker; /* row id */
	uint32_t max;
	uint32_t got; /* out */
	void *tag;    /* the caller's */
};

/* A claim that this batch made: the attempt is recorded. */
struct store_claim {
	uint32_t want; /* index of the want that it serves */
	int64_t job, token;
	uint32_t attempt;
	uint32_t lane;	 /* index into the batch's lanes */
	int64_t context; /* id, 0: none */
	struct slice
		context_text; /* only when asked: store_batch.with_contexts */
	int64_t group;
	uint32_t uid, gid;
	int64_t timeout_ms, grace_ms;
	bool orphans_keep, once;
	bool descriptors; /* the caller must have them */
	struct slice spec;
};

/*
 * RETRY and REMOVE are for jobs that ended, the others for those that live.
 * STRAND ends what waits with cause EXEC and `failure`: nobody can start it. A
 * RETRY that names neither ids nor states leaves out what succeeded; it leaves
 * out once jobs that ran, those that were given descriptors, and those whose
 * unique word another job has now. A CHANGE is not held up by a full queue, and
 * so is no RETRY.
 */
enum store_steer_kind {
	STORE_CANCEL = 1,
	STORE_HOLD,
	STORE_RELEASE,
	STORE_RETRY,
	STORE_REMOVE,
	STORE_CHANGE,
	STORE_STRAND,
};

/* Steering by filter, one slice of at most `max` jobs, from `after` on. */
struct store_steer {
	enum store_steer_kind kind;
	struct store_filter filter;
	bool dry_run;
	uint32_t uid;	      /* who asks; UINT32_MAX: nobody is asked */
	struct slice reason;  /* kept with the end; n 0: none */
	struct slice failure; /* JSON, of a strand */
	int64_t grace_ms;     /* of a cancel; negative: the job's own */
	int64_t run_at_ms;    /* of a retry and a change; 0: at once */
	bool reset_attempts;  /* of a retry: count failures and losses anew */
	bool change_run_at, change_priority; /* what a change changes ... */
	int32_t priority;
	struct slice queue; /* ... n 0: stays where it is */
	int64_t after;	    /* `next` of the slice before; 0: begin */
	uint32_t max;	    /* 1 .. 1000 */
	/* out */
	uint32_t changed;   /* ended or moved at once */
	uint32_t signalled; /* running: marked, to be killed */
	int64_t next;	    /* 0: no more is left; else the next `after` */
};

/* A running job that this batch asks to end. */
struct store_signal {
	int64_t job, token, worker, grace_ms;
};

/* TIE: it is to be closed when nobody holds it; ABANDON: nobody does. */
enum store_group_kind {
	STORE_GROUP_OPEN = 1,
	STORE_GROUP_CLOSE,
	STORE_GROUP_TIE,
	STORE_GROUP_ABANDON
};
struct store_group_op {
	enum store_group_kind kind;
	int64_t id, total; /* id: out for OPEN, else in; total 0: unknown */
	struct slice name;
	uint32_t uid;
	struct slice callbacks; /* of OPEN, as store_follow gets them; n 0 */
	bool found, closed;	/* out; closed: for good, it is not tied */
};

/* A worker row, written with its first claim. */
struct store_worker {
	int64_t id, slot; /* id: the supervisor's, unique for ever */
	struct slice pool;
	int64_t pid, start_ticks; /* field 22 of /proc/PID/stat */
	struct slice boot_id;
	uint8_t secret_hash[32]; /* SHA-256 */
};

/* One line of the numbered history. */
struct store_event {
	int64_t seq, at_ms;
	enum event_kind kind;
	enum job_cause cause; /* of the attempt that ended; else NONE */
	int64_t job, group;   /* group 0: none */
	uint32_t attempt;     /* 0: none began yet */
	struct slice queue;
};
/* A batch with more tells none of them: they are read by store_events(). */
#define STORE_EVENTS_TOLD 4096

struct store_group {
	int64_t id;
	struct slice name;
	int64_t total;
	bool closed, abandoned; /* abandoned: nobody held it any more */
	uint32_t uid;
	int64_t counts[STATE_COUNT];
};

/*
 * One transaction, in this order: workers, jobs that began before it, outcomes, stranded jobs, steering,
 * groups, queues, edits, submissions, expired and due jobs, callbacks of all that ended, claims, reserved numbers,
 * events, purge, purge of events. Everything that is not marked "out" belongs to the caller and must live until
 * store_write() returns; what is out lives in `arena`.
 */
struct store_batch {
	struct arena *arena;
	int64_t now_ms;

	struct store_lane *lanes; /* every lane that is named below */
	size_t lane_count;
	struct store_context *contexts;
	size_t context_count;
	struct store_worker *workers;
	size_t worker_count;
	const int64_t *gone_workers; /* rows to forget */
	size_t gone_worker_count;
	struct store_outcome *outcomes;
	size_t outcome_count;
	struct store_steer *steers;
	size_t steer_count;
	struct store_group_op *groups;
	size_t group_count;
	struct store_queue *queues; /* settings to write, before entries */
	size_t queue_count;
	struct store_edit *edits;
	size_t edit_count;
	struct store_entry *entries;
	size_t entry_count;
	uint32_t promote_max; /* due jobs to make ready, and expired ones to
				 end; 0: do not look */
	/* The descriptors of jobs are lost: what waits for some ends with
	 * cause EXEC and this failure. Behind outcomes. n 0: they are there */
	struct slice strand;
	struct store_want *wants;
	size_t want_count;
	bool with_contexts; /* fill store_claim.context_text */
	uint32_t reserve; /* numbers of jobs and of tokens, for entries of later
			     batches that begin before they are committed */
	uint32_t purge_max; /* finished jobs to purge; 0: do not look */
	int64_t purge_succeeded_before_ms; /* finished before; 0: none */
	int64_t purge_failed_before_ms;	   /* failed and cancelled */
	int64_t keep_done_max; /* count of finished jobs kept; 0: no limit */
	/* Makes callbacks of an end (follow.h); NULL: there are none. */
	int (*follow)(struct store_follow *follow);
	struct slice rules; /* callbacks of every job, for it; n 0: none */
	int64_t purge_events_before_ms; /* events of before; 0: none ... */
	int64_t keep_events_max; /* ... at least so many stay; 0: no limit */
	bool with_events;	 /* fill `events` */

	/* out */
	struct store_claim *claims;
	size_t claim_count;
	/* Full rows of the jobs that ended in this batch, without spec. */
	struct store_row *ended;
	size_t ended_count;
	struct store_signal *signals;
	size_t signal_count;
	/* Every lane whose counts this batch changed, with names. */
	struct store_lane *changed_lanes;
	size_t changed_lane_count;
	/* Every group that this batch changed. */
	struct store_group *changed_groups;
	size_t changed_group_count;
	int64_t next_due_ms; /* earliest that is due or expires; 0: none */
	int64_t first_event, event_count; /* numbers given to this batch */
	struct store_event *events; /* so many; NULL: not asked, or too many */
	/* The first of `reserve` numbers each, never given to anything else. */
	int64_t reserved_job, reserved_token;
	/* Purged jobs that may have output files, which are to be removed. */
	int64_t *purged;
	size_t purged_count;
	bool purge_more; /* there is more to purge: ask again soon */
};

/**
 * store_write() - one batch, one transaction, on disk when it returns 0
 *
 * A job that is entered into a lane with no ready job, while a want of that
 * lane has room, is inserted as running: it never touches the ready index.
 *
 * Return: 0; STORE_E_FULL, STORE_E_IO, STORE_E_CORRUPT, STORE_E_GONE, -ENOMEM or -EBUSY: nothing of it happened, and
 * no state in memory has changed. -EBUSY: another process has kept the database locked for 5 s; the same batch may be
 * written again as it is. After STORE_E_IO the handle is good for store_close() only: a failed fsync is never tried
 * again on it. STORE_E_GONE: nobody will find the file under its name any more; if it was taken away during this very
 * call the batch may be in it.
 */
must_check int store_write(struct store *store, struct store_batch *batch,
			   struct store_fault *ret_fault);

/**
 * store_check() - is what is open still what is found under its name?
 *
 * Cheap, for every second, and the one call that any thread may make while
 * another uses the handle. store_write() looks by itself, after each commit.
 *
 * Return: 0 or STORE_E_GONE.
 */
must_check int store_check(const struct store *store,
			   struct store_fault *ret_fault);

/**
 * store_examine() - does the whole file hold together, page by page?
 * @store:	opened with `reader`, for nothing else
 *
 * Reads everything there is, so it blocks for seconds; only between two tables
 * can the log begin anew. Nobody waits for it. store_interrupt(), from another
 * thread while @store is open, ends it soon; it does nothing to a call that has
 * not begun, so it is repeated until the call has returned.
 *
 * Return: 0, STORE_E_CORRUPT (the fault names the table and the finding),
 * STORE_E_IO, -ENOMEM, -EBUSY, or -ECANCELED when it was interrupted.
 */
must_check int store_examine(struct store *store,
			     struct store_fault *ret_fault);
void store_interrupt(struct store *store);

/* ---- The reading half ---- */

/* Everything a new broker must know before it begins. */
struct store_snapshot {
	struct store_lane *lanes; /* all of them, with counts */
	struct store_worker *workers;
	struct store_running *running; /* by worker, by token */
	struct store_queue *queues;    /* those with settings */
	int64_t *tied_groups;	       /* that are open */
	size_t lane_count, worker_count, running_count, queue_count,
		tied_group_count;
	int64_t next_due_ms;
	int64_t next_event; /* the number that the next one gets */
	bool descriptors;   /* a live job was given some: strand what waits */
};
struct store_running {
	int64_t job, token, worker, started_ms;
	int64_t group; /* 0: none */
	int64_t timeout_ms, grace_ms;
	uint32_t attempt;
	int32_t lane;
	bool once, cancel_asked;
};
must_check int store_load(struct store *store, struct arena *arena,
			  struct store_snapshot *ret,
			  struct store_fault *ret_fault);

/**
 * store_get() - rows by id, in the order asked; unknown ids are left out
 * @ret_looked:	how many of @ids it looked at, at least one: texts of more than
 *		STORE_PAGE_BYTES come only as those of one row, and the rest of
 *		@ids is for another call
 */
#define STORE_PAGE_BYTES (8 * 1024 * 1024)
must_check int store_get(struct store *store, struct arena *arena,
			 const int64_t *ids, size_t count, bool with_spec,
			 bool with_log, struct store_row **ret,
			 size_t *ret_count, size_t *ret_looked);

/**
 * store_list() - one page of rows that match, by id, without log
 * @after:	go on behind this id; 0: begin
 * @with_spec:	with spec and callbacks, as of store_get()
 * @max:	1 .. 1000
 * @ret_next:	the next `after`; 0: that was all. A page may hold fewer than
 *		@max rows, even none, and have a next: a step looks at a bounded
 *		number of rows so that it stays under 50 ms, and texts of more
 *		than STORE_PAGE_BYTES make a page only as those of one row
 */
must_check int store_list(struct store *store, struct arena *arena,
			  const struct store_filter *filter, int64_t after,
			  bool newest_first, bool with_spec, uint32_t max,
			  struct store_row **ret, size_t *ret_count,
			  int64_t *ret_next);

/**
 * store_count() - jobs that match, by state; one bounded step as store_list()
 *
 * Filters by queue, handler and state alone are answered from the lanes at
 * once. @counts is added to.
 */
must_check int store_count(struct store *store, struct arena *arena,
			   const struct store_filter *filter, int64_t after,
			   int64_t counts[STATE_COUNT], int64_t *ret_next);

/** store_lanes() - all lanes with their counts */
must_check int store_lanes(struct store *store, struct arena *arena,
			   struct store_lane **ret, size_t *ret_count);

/** store_get_group() - -ENOENT: no such group */
must_check int store_get_group(struct store *store, struct arena *arena,
			       int64_t id, struct store_group *ret);

/** store_get_spec() - what a job is: all that an edit replaces
 *
 * Return: 0, -ENOENT: no such job. */
struct store_spec {
	struct store_row row;	     /* with its spec */
	struct slice context, retry; /* JSON; n 0: none */
	struct slice unique;	     /* n 0: none */
	struct slice callbacks;	     /* as entered; n 0: none */
	int64_t timeout_ms, grace_ms;
	int64_t expire_ms; /* after it was created; 0: never, or it has ended */
	int64_t keep_ms;   /* -1: as all others */
	uint32_t crash_limit; /* this and max_attempts: before a retry */
	uint32_t max_attempts;
	bool once, orphans_keep;
};
must_check int store_get_spec(struct store *store, struct arena *arena,
			      int64_t id, struct store_spec *ret);

/** store_attempts() - those before the current or last one, oldest first */
struct store_attempt {
	uint32_t number;
	enum job_cause cause;
	int64_t started_ms, finished_ms;
	int32_t exit_code; /* -1: none */
	int32_t signal;
	bool core;
	int64_t cpu_us, peak_kib;
	struct slice failure; /* JSON, n 0: none */
};
must_check int store_attempts(struct store *store, struct arena *arena,
			      int64_t job, struct store_attempt **ret,
			      size_t *ret_count);

/**
 * store_attempt_log() - what a try wrote that is over and was followed by others
 *
 * The last one of a job that has ended is told of by its row.
 *
 * @ret_log:	as in struct store_row; n 0: none, or no such attempt
 */
must_check int store_attempt_log(struct store *store, struct arena *arena,
				 int64_t job, uint32_t attempt,
				 struct slice *ret_log, bool *ret_file);

/**
 * store_ahead() - ready jobs of its lane that go before a ready job
 * @max:	stop counting there
 *
 * Return: 0, -ENOENT: it is not ready.
 */
must_check int store_ahead(struct store *store, int64_t job, int64_t max,
			   int64_t *ret);

/**
 * store_run_time() - mean run time of the newest finished jobs like this one
 * @name:	of the job; n 0: of the whole lane
 * @ret_count:	how many it is the mean of, at most 100; 0: nothing is known
 */
must_check int store_run_time(struct store *store, struct slice queue,
			      struct slice handler, struct slice name,
			      int64_t *ret_ms, int64_t *ret_count);

/**
 * store_oldest_ready() - since when the first ready job of a queue is ready
 * @ret_ms:	wall clock; 0: none is
 */
must_check int store_oldest_ready(struct store *store, struct slice queue,
				  int64_t *ret_ms);

/**
 * store_events() - the history from a number on
 * @from:	the first one wanted; 0, or one that is gone: from the oldest;
 *		-n: the last n
 * @max:	look at so many at most
 * @take:	is called for each, in order, whose slices live until it
 *		returns; false: that was enough
 *
 * Return: 0, STORE_E_*, or negative errno.
 */
struct store_history {
	int64_t oldest; /* the first that is kept; head: none is */
	int64_t head;	/* the number that the next one gets */
	int64_t next;	/* where to go on */
};
must_check int store_events(struct store *store, int64_t from, uint32_t max,
			    bool (*take)(void *context,
					 const struct store_event *event),
			    void *context, struct store_history *ret);

/**
 * store_event_at() - the first event at or after a time
 * @ret:	its number; that of the next one, if all are older
 *
 * If the clock was set back meanwhile it is one of those at which that time
 * came.
 */
must_check int store_event_at(struct store *store, int64_t at_ms, int64_t *ret);

/** store_size() - bytes of the database and its log, for Status */
int64_t store_size(struct store *store);

/** store_verify() - count broken invariants, named in @ret_fault; for tests */
must_check int store_verify(struct store *store, struct store_fault *ret_fault);
