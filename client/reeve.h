#pragma once

/*
 * libreeve: talk to the task daemon reeved from C.
 *
 *	struct reeve *r = reeve_new();
 *	const char *argv[] = {"make", "-j8", NULL};
 *	struct reeve_spec spec = {.argv = argv};
 *	struct reeve_job *job = NULL;
 *	int64_t id;
 *
 *	if (reeve_connect(r, NULL) || reeve_submit(r, &spec, &id) ||
 *	    reeve_wait(r, id, -1, &job))
 *		fprintf(stderr, "%s\n", reeve_error(r)->message);
 *
 * A handle holds one connection for calls; each stream (waiting, following
 * output) has one of its own, and takes over the idle first one if there is
 * no other. No threads and no signals are used; SIGPIPE is not raised. A
 * handle and all that came from it belong to one thread at a time. Behind
 * fork() both processes may go on with the handle: the child's connects anew.
 * Streams, pools and consumers stay with the process that made them. Everything
 * that the daemon sends is checked and bounded.
 *
 * Return values: 0, or an enum reeve_code, of which reeve_error() tells the
 * details. A lost connection is opened again for some seconds
 * (reeve_set_patience()); what was in flight is sent again only where that
 * cannot do it twice. Results named ret_x are set only when 0 is returned.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEVE_API __attribute__((visibility("default")))
#define REEVE_CHECK __attribute__((warn_unused_result))

enum reeve_code {
	REEVE_OK = 0,
	REEVE_E_UNREACHABLE, /* no daemon answers on the socket */
	REEVE_E_LOST, /* the connection broke: it may have happened or not */
	REEVE_E_NOT_FOUND,   /* no such job, group, worker */
	REEVE_E_REFUSED,     /* a limit, a right, a state, a full disk */
	REEVE_E_INVALID,     /* a parameter: the caller's mistake */
	REEVE_E_PROTOCOL,    /* what the daemon sent is not the protocol */
	REEVE_E_TIMEOUT,     /* the time that the caller gave is over */
	REEVE_E_END,	     /* the stream is over: no error */
	REEVE_E_INTERRUPTED, /* the flag of reeve_set_interrupt() is set */
	REEVE_E_MEMORY,	     /* out of memory */
	REEVE_E_SYSTEM,	     /* the system said no; the message says to what */
	REEVE_E_FULL,	     /* as many are under way as may be */
};

struct reeve_error {
	enum reeve_code code;
	int system;    /* errno, 0: none */
	char name[96]; /* "org.reeve.jobs.NoSuchJob"; "" if not the daemon's */
	char message
		[512];	/* what happened and why; never empty after an error */
	char hint[256]; /* what to do next; may be "" */
};

/* Opaque: a handle, a stream of replies, a wait, the output of a job. */
struct reeve;
struct reeve_stream;
struct reeve_watch;
struct reeve_output;
struct reeve_job;

/** reeve_new() - a handle without a connection; NULL: out of memory */
REEVE_API struct reeve *reeve_new(void);

/** reeve_free() - close everything; streams must be closed before; takes NULL */
REEVE_API void reeve_free(struct reeve *r);

/**
 * reeve_connect() - connect to a daemon; does not start one
 * @socket:	path; NULL: what reeve_socket_path() says
 *
 * Return: 0, REEVE_E_UNREACHABLE, REEVE_E_SYSTEM, REEVE_E_INVALID.
 */
REEVE_API REEVE_CHECK int reeve_connect(struct reeve *r, const char *socket);

/** reeve_error() - of the last function that did not return 0; never NULL */
REEVE_API const struct reeve_error *reeve_error(const struct reeve *r);

/** reeve_set_patience() - how long to try to get a lost connection back
 * @ms:		milliseconds, 0: not at all; 5000 in a new handle */
REEVE_API void reeve_set_patience(struct reeve *r, int64_t ms);

/**
 * reeve_set_interrupt() - a flag, set by a signal handler, that ends waiting
 * @flag:	looked at whenever a system call was interrupted; while it is
 *		not 0 calls that would block return REEVE_E_INTERRUPTED. NULL:
 *		none. Must live as long as the handle.
 */
REEVE_API void reeve_set_interrupt(struct reeve *r,
				   const volatile sig_atomic_t *flag);

enum reeve_scope { REEVE_SCOPE_EXPLICIT, REEVE_SCOPE_USER, REEVE_SCOPE_SYSTEM };

/**
 * reeve_socket_path() - where the daemon of this user listens
 * @ret:	takes the path
 * @bytes:	size of @ret, 108 is always enough
 * @ret_scope:	by whom the path is given; may be NULL
 *
 * $REEVE_SOCKET; else reeve.sock in $REEVE_RUNTIME_DIR, in the folder reeve of
 * $XDG_RUNTIME_DIR if that is this user's, in /run/reeve-0 for root or
 * /tmp/reeve-UID. Of the last two and /run/user/UID/reeve the other one, if only
 * there a daemon answers: a session's is found without one, as by a job of cron.
 * And /run/reeve/reeve.sock when only that one exists and this user is root or
 * the one that it belongs to.
 *
 * Return: 0, REEVE_E_INVALID (too long), REEVE_E_SYSTEM (the folder exists and
 * belongs to somebody else, or others may write to it).
 */
REEVE_API REEVE_CHECK int reeve_socket_path(char *ret, size_t bytes,
					    enum reeve_scope *ret_scope);

/* ---- Any call, as JSON ---- */

/**
 * reeve_call() - one method of the daemon, one reply
 * @method:	"org.reeve.jobs.Count"
 * @parameters:	JSON object; NULL: {}
 * @ret_reply:	the reply's parameters, a JSON object on one line that was
 *		checked; lives until the next call on @r. May be NULL.
 *
 * Sent again after a lost connection only when the method changes nothing, or
 * the same thing again.
 */
REEVE_API REEVE_CHECK int reeve_call(struct reeve *r, const char *method,
				     const char *parameters,
				     const char **ret_reply);

/**
 * reeve_stream_open() - a call with `more`: many replies
 *
 * Return: 0 or the error of connecting and sending; what the daemon refuses
 * comes from the first reeve_stream_next().
 */
REEVE_API REEVE_CHECK int reeve_stream_open(struct reeve *r, const char *method,
					    const char *parameters,
					    struct reeve_stream **ret);

/**
 * reeve_stream_next() - the next reply
 * @timeout_ms:	-1: no limit; 0: only what is there already
 * @ret_reply:	as in reeve_call(); lives until the next call on @stream
 *
 * Return: 0; REEVE_E_TIMEOUT; REEVE_E_END after the last reply; REEVE_E_LOST
 * (a raw stream is not resumed; reeve_watch and reeve_output are).
 */
REEVE_API REEVE_CHECK int reeve_stream_next(struct reeve_stream *stream,
					    int64_t timeout_ms,
					    const char **ret_reply);

/** reeve_stream_fd() - becomes readable when there is more; poll it only after
 * reeve_stream_next() with timeout 0 returned REEVE_E_TIMEOUT */
REEVE_API int reeve_stream_fd(const struct reeve_stream *stream);
REEVE_API void reeve_stream_close(struct reeve_stream *stream);

/* ---- Submissions ---- */

/* What an answer to a submission promises, at least: a job that cannot begin at
 * once is always REEVE_SYNC. */
enum reeve_durability {
	REEVE_SYNC,   /* answered when it is on disk */
	REEVE_MEMORY, /* at once: a crash may lose it, or run it again */
	REEVE_RESULT, /* nothing is promised before the job's end */
};

enum reeve_environment {
	REEVE_ENV_CAPTURED, /* as this process has it */
	REEVE_ENV_CLEAN, /* only what `env` says, and a plain PATH, HOME, ... */
	REEVE_ENV_LISTED, /* only what `env` says, and no umask of this process */
};

/* When another job has the key or the unique word of a submission. */
enum reeve_conflict {
	REEVE_CONFLICT_RETURN,	/* that one is the answer */
	REEVE_CONFLICT_REPLACE, /* it goes, if it still waits */
	REEVE_CONFLICT_REJECT,	/* REEVE_E_REFUSED */
};

/*
 * Descriptors that become the job's own: files, pipes, sockets, a folder to run
 * in; -1: none. The caller keeps its copies, and closes them when it likes (a
 * pipe ends when all have). Such a job is started once: it is not tried again,
 * and fails if the daemon ends before it began. Nothing of a stream that is
 * given is kept by the daemon.
 */
struct reeve_descriptors {
	int stdin_fd, stdout_fd, stderr_fd;
	int cwd_fd; /* instead of cwd */
};

/*
 * What is to be run. Zero means the default everywhere, so name what you need.
 * Of a command the working directory, the umask and the environment of this
 * process are captured; a handler has those of its pool, and takes nothing that
 * is for commands. Nothing is copied: all must live until the call returns.
 */
struct reeve_spec {
	const char *const *argv; /* ends with NULL; or: */
	const char *shell;	 /* for /bin/sh -c; or: */
	const char *handler;	 /* a function of a pool, which takes: */
	const char *args;	 /* a JSON object; NULL: {} */
	const char *queue;	 /* NULL: "default" */
	const char *name;	 /* for people; NULL: the command */
	const char *key;	 /* makes it idempotent; NULL: one is made */
	const char *unique;	 /* no two live jobs have it; NULL: none */
	enum reeve_conflict on_conflict; /* of key and unique */
	const char *const *tags;	 /* "key=value", ends with NULL */
	const void *stdin_data;
	size_t stdin_bytes;
	const struct reeve_descriptors *descriptors; /* NULL: none */
	const char *cwd;			     /* NULL: the present one */
	const char *const *env;	   /* "NAME=value" on top, ends with NULL */
	const char *umask;	   /* octal; NULL: the present one */
	const char *const *limits; /* "nofile=1024", ends with NULL; -1: none */
	int64_t nice;		   /* -20 .. 19; 0: the daemon's */
	enum reeve_environment environment;
	enum reeve_durability durability;
	int64_t priority;  /* higher runs first; 0: the daemon's */
	int64_t delay_ms;  /* not before so much later; or: */
	int64_t run_at_ms; /* not before, UTC */
	int64_t expire_ms; /* cancelled if it waited so long; 0: the
			      daemon's, -1: never */
	int64_t keep_ms;   /* after its end; 0: as all others, -1: not at all */
	int64_t timeout_ms;   /* of one attempt; 0: the daemon's, -1: none */
	int64_t grace_ms;     /* TERM to KILL; 0: the daemon's */
	int64_t crash_limit;  /* attempts lost with a worker; 0: the daemon's */
	int64_t group;	      /* of OpenGroup; 0: none */
	int64_t max_attempts; /* all tries; 0: the daemon's, no other field */
	int64_t backoff_ms;   /* doubled with each; 0: the daemon's */
	int64_t backoff_max_ms; /* 0: the daemon's */
	double jitter; /* part of each wait, more or less: up to 1; 0: the
			  daemon's, -1: none */
	const char *const *retry_causes; /* words; NULL: the daemon's */
	const int *retry_exits; /* exit codes, ends with 0; NULL: all */
	bool hold;		/* not before it is released */
	bool priority_given;	/* a priority of 0 is meant as such */
	bool once;		/* never start it twice */
	bool keep_orphans;	/* leave processes behind when it ends */
	bool no_key; /* do not make a key: a lost connection is an error */
	/* Jobs that are made when it has ended: JSON lists of what Submit
	 * takes, like [{"argv":["./mail","me"]}]; NULL: none. */
	const char *on_success;
	const char *on_failure; /* for good, cancelled and expired too */
	const char *on_done;	/* both */
};

/**
 * reeve_submit() - put a job into the queue
 * @ret_id:	its number, positive
 *
 * Sent again by itself after a lost connection: the key lets the daemon know
 * it, so there is never a second job.
 *
 * Return: 0, REEVE_E_INVALID (also: an argument that is not UTF-8, or a
 * descriptor that is none), REEVE_E_REFUSED, or of the connection.
 */
REEVE_API REEVE_CHECK int
reeve_submit(struct reeve *r, const struct reeve_spec *spec, int64_t *ret_id);

/** reeve_submit_existed() - what the last reeve_submit() gave was there before:
 * an older job, perhaps somebody else's, has the key or the unique word */
REEVE_API bool reeve_submit_existed(const struct reeve *r);

/**
 * reeve_apply() - submit a job, and wait for its end
 * @timeout_ms:	-1: no limit; 0 and more: REEVE_E_TIMEOUT behind it. The job goes
 *		on, as it does when the wait is interrupted; spec->timeout_ms is
 *		what ends a job.
 *
 * One call and one connection, so the quickest way to call a handler: with
 * spec->durability REEVE_RESULT two or three times quicker than with REEVE_SYNC,
 * but if the daemon is replaced meanwhile the job is submitted again, and may
 * run twice. Without descriptors.
 *
 * Return: 0 however the job ended; else as reeve_submit() and reeve_wait().
 */
REEVE_API REEVE_CHECK int reeve_apply(struct reeve *r,
				      const struct reeve_spec *spec,
				      int64_t timeout_ms,
				      struct reeve_job **ret);

/**
 * reeve_submit_many() - one call, one transaction
 * @defaults:	what all have in common, context, handler and group too
 * @jobs:	only argv, shell, args, name, key and stdin of these count;
 *		descriptors go with reeve_submit() alone
 * @count:	1 .. 10000
 * @ret_ids:	room for @count; 0 where the daemon refused one, of which
 *		reeve_error() then tells the first although 0 is returned
 */
REEVE_API REEVE_CHECK int reeve_submit_many(struct reeve *r,
					    const struct reeve_spec *defaults,
					    const struct reeve_spec *jobs,
					    size_t count, int64_t *ret_ids);

/* ---- Jobs ---- */

enum reeve_state {
	REEVE_HELD,
	REEVE_BLOCKED,
	REEVE_SCHEDULED,
	REEVE_READY,
	REEVE_RUNNING,
	REEVE_SUCCEEDED,
	REEVE_FAILED,
	REEVE_CANCELLED,
};

/* Why the last attempt ended. */
enum reeve_cause {
	REEVE_CAUSE_NONE,
	REEVE_CAUSE_EXIT,
	REEVE_CAUSE_SIGNAL,
	REEVE_CAUSE_TIMEOUT,
	REEVE_CAUSE_MEMORY,
	REEVE_CAUSE_CANCELLED,
	REEVE_CAUSE_DEPENDENCY,
	REEVE_CAUSE_WORKER_LOST,
	REEVE_CAUSE_HOST_LOST,
	REEVE_CAUSE_REJECTED,
	REEVE_CAUSE_EXPIRED,
	REEVE_CAUSE_HANDLER,
	REEVE_CAUSE_EXEC,
	REEVE_CAUSE_OTHER, /* a word that this version does not know */
};

/* A job as the daemon told it, without the key that a library made where nobody
 * gave one. Strings are never NULL; times are UTC milliseconds, 0: not yet or
 * unknown. */
struct reeve_job {
	int64_t id;
	enum reeve_state state;
	enum reeve_cause cause;
	const char *queue, *handler, *name, *key;
	const char *command; /* the arguments in one line, "" if not told */
	const char *failure; /* what the daemon says of it, "" if nothing */
	const char *failure_type;  /* "ENOENT", "ValueError"; "" if untold */
	const char *failure_trace; /* of a handler; "" if untold */
	const char *args;   /* of a handler, a JSON object; "" if not told */
	const char *result; /* JSON: what a handler returned; "null": nothing */
	const char *note;   /* what it says while it runs; "" if nothing */
	double progress;    /* 0 to 1, while it runs; -1: untold */
	int64_t priority, attempt, max_attempts, crashes, group, uid;
	int64_t created_ms, run_at_ms, started_ms, finished_ms;
	int64_t exit_code;		    /* -1: none */
	int64_t signal;			    /* 0: none */
	int64_t cpu_us, peak_kib;	    /* -1: unknown */
	int64_t stdout_bytes, stderr_bytes; /* -1: unknown */
	int64_t worker_pid;		    /* while it runs; 0: none */
	const char *json;		    /* all of it, one line */
};

/** reeve_job_parse() - decode a JSON object of type Job
 *
 * Return: 0, REEVE_E_PROTOCOL, REEVE_E_MEMORY. */
REEVE_API REEVE_CHECK int reeve_job_parse(const char *json,
					  struct reeve_job **ret);
REEVE_API void reeve_job_free(struct reeve_job *job);

/** reeve_job_ended() - succeeded, failed or cancelled */
REEVE_API bool reeve_job_ended(const struct reeve_job *job);

/**
 * reeve_job_exit() - the exit code with which `reeve run` tells this end
 *
 * The job's own code; 128 + n for signal n; 121 cancelled, 122 worker lost, 123
 * dependency failed, 124 timeout, 125 refused or unknown, 126 and 127 could not
 * be started.
 */
REEVE_API int reeve_job_exit(const struct reeve_job *job);

/** The words of the protocol; static. */
REEVE_API const char *reeve_state_name(enum reeve_state state);
REEVE_API const char *reeve_cause_name(enum reeve_cause cause);

/** reeve_get() - one job; REEVE_E_NOT_FOUND if there is none of that number */
REEVE_API REEVE_CHECK int reeve_get(struct reeve *r, int64_t id,
				    struct reeve_job **ret);

/** reeve_wait() - until it has ended, or @timeout_ms (-1: no limit) are over */
REEVE_API REEVE_CHECK int reeve_wait(struct reeve *r, int64_t id,
				     int64_t timeout_ms,
				     struct reeve_job **ret);

/** reeve_cancel() - a waiting job ends at once, a running one is killed
 * @reason:	kept with its end; may be NULL
 *
 * Return: 0 also when it has ended already. */
REEVE_API REEVE_CHECK int reeve_cancel(struct reeve *r, int64_t id,
				       const char *reason);

/**
 * reeve_watch_new() - many jobs, in the order in which they end
 * @ids:	1 .. 10000 of them, copied; one that is named twice counts once
 *
 * Those that have ended already come first. Survives a lost connection.
 */
REEVE_API REEVE_CHECK int reeve_watch_new(struct reeve *r, const int64_t *ids,
					  size_t count,
					  struct reeve_watch **ret);

/** reeve_watch_next() - the next job that ended; to be freed by the caller
 *
 * Return: 0, REEVE_E_TIMEOUT, REEVE_E_END when all have been told. */
REEVE_API REEVE_CHECK int reeve_watch_next(struct reeve_watch *watch,
					   int64_t timeout_ms,
					   struct reeve_job **ret);
/** reeve_watch_fd() - as reeve_stream_fd(); may change with every call */
REEVE_API int reeve_watch_fd(const struct reeve_watch *watch);
/** reeve_watch_left() - how many have not been told yet */
REEVE_API size_t reeve_watch_left(const struct reeve_watch *watch);
REEVE_API void reeve_watch_free(struct reeve_watch *watch);

/* ---- Many calls at once ---- */

/*
 * A pool: many calls of one handler under way, without a thread. What the
 * daemon has is durable, and outlives this process.
 *
 *	struct reeve_spec square = {.handler = "square"};
 *	struct reeve_task task = {.on_result = add, .on_error = tell, .data = &sum};
 *
 *	reeve_pool_new(r, &square, 1000, false, &pool);
 *	for (i = 0; i < 1000000; i++) {
 *		snprintf(args, sizeof(args), "{\"args\":[%d]}", i);
 *		task.args = args;
 *		reeve_pool_put(pool, &task);
 *	}
 *	reeve_pool_close(pool);
 *	reeve_pool_join(pool, -1);
 *	reeve_pool_free(pool);
 *
 * Tasks travel in batches, as large as the load makes them; each is a job by
 * itself, and nothing is lost together. After a lost connection the same tasks
 * are under way as before, none of them twice: what was not answered is sent
 * again with its key, ends are asked for by id, and no callback is called
 * twice. If the daemon is not back within the handle's patience the pool is
 * broken: REEVE_E_LOST, and those that are left are not called.
 *
 * Callbacks are run in the caller's thread, one at a time, by put, next, map,
 * close, join and terminate, and by nothing else. In an event loop: poll
 * reeve_pool_fds(), then reeve_pool_next() with timeout 0. A callback may put
 * more tasks, but none is waited for there: REEVE_E_FULL; it may make calls of
 * the handle, close and terminate; it leaves next, map, join and free to its
 * caller, and returns (no longjmp, no exception). A slow one holds up its pool,
 * not the daemon, and never more than `outstanding` are kept for it; what fails
 * in one is its own affair, and no other is the worse for it.
 */
struct reeve_pool;

/* Exactly one of the two is called, once, unless both are NULL: then
 * reeve_pool_next() gives the job. One of a task that the daemon refused, or
 * that was never submitted, has the id 0; one that ended while the connection
 * was lost, and is not kept, the failure_type NoSuchJob. @job lives until it
 * returns. */
struct reeve_task {
	const char *args; /* a JSON object; NULL: {}; copied */
	void (*on_result)(void *data, const struct reeve_job *job);
	void (*on_error)(void *data, const struct reeve_job *job);
	void *data; /* for them, and for reeve_pool_next() */
};

/**
 * reeve_pool_new() - begin; the daemon makes a group for it, and closes that
 * when the program is gone
 * @defaults:	handler, and what holds for all: queue, timeout, retries; `name`
 *		is the group's. Not read later.
 * @outstanding: most tasks that were put and not handed out; 0: 10000, which is
 *		the most. A few thousand are enough.
 * @ordered:	hand out in the order of reeve_pool_put(), else as they end
 */
REEVE_API REEVE_CHECK int reeve_pool_new(struct reeve *r,
					 const struct reeve_spec *defaults,
					 size_t outstanding, bool ordered,
					 struct reeve_pool **ret);

/** reeve_pool_put() - a call, asynchronously
 *
 * With a callback it waits while `outstanding` are under way, and runs callbacks
 * meanwhile; without it returns REEVE_E_FULL then: take some. Return: 0,
 * REEVE_E_FULL, REEVE_E_INVALID (args is no object, too long or too
 * deep: the pool goes on), REEVE_E_REFUSED (closed),
 * or of the connection. */
REEVE_API REEVE_CHECK int reeve_pool_put(struct reeve_pool *pool,
					 const struct reeve_task *task);

/**
 * reeve_pool_next() - one that has ended, to be freed by the caller
 * @ret_data:	of its task; may be NULL
 *
 * Return: 0, REEVE_E_TIMEOUT, REEVE_E_END when none is under way.
 */
REEVE_API REEVE_CHECK int reeve_pool_next(struct reeve_pool *pool,
					  int64_t timeout_ms,
					  struct reeve_job **ret,
					  void **ret_data);

/**
 * reeve_pool_map() - many calls, and all their ends
 * @ret_jobs:	room for @count, in the order of @args, each to be freed by the
 *		caller; NULL where an error came first
 */
REEVE_API REEVE_CHECK int reeve_pool_map(struct reeve_pool *pool,
					 const char *const *args, size_t count,
					 struct reeve_job **ret_jobs);

/** reeve_pool_fds() - which to poll, beside others: then reeve_pool_next() with
 * timeout 0. -1: not this one. Return: how many; 0: look again in 20 ms. */
REEVE_API int reeve_pool_fds(const struct reeve_pool *pool, int fds[2]);
/** reeve_pool_left() - tasks that were put and not handed out */
REEVE_API size_t reeve_pool_left(const struct reeve_pool *pool);
/** reeve_pool_group() - its group: `reeve ls group=N` shows the jobs */
REEVE_API int64_t reeve_pool_group(const struct reeve_pool *pool);

/** reeve_pool_close() - nothing more is put; waits until all is submitted */
REEVE_API REEVE_CHECK int reeve_pool_close(struct reeve_pool *pool);
/** reeve_pool_join() - until all that were put have ended, and callbacks are
 * through; @timeout_ms -1: no limit. Jobs for reeve_pool_next() stay for it. */
REEVE_API REEVE_CHECK int reeve_pool_join(struct reeve_pool *pool,
					  int64_t timeout_ms);
/** reeve_pool_terminate() - close, and cancel all that has not ended; its ends
 * come as others do. @reason: kept with the jobs; may be NULL */
REEVE_API REEVE_CHECK int reeve_pool_terminate(struct reeve_pool *pool,
					       const char *reason);
/** reeve_pool_free() - not in a callback. What is under way goes on in the
 * daemon, and nobody is told. Takes NULL. */
REEVE_API void reeve_pool_free(struct reeve_pool *pool);

/* ---- Output ---- */

enum reeve_channel { REEVE_BOTH, REEVE_STDOUT, REEVE_STDERR };

/* A piece as the daemon read it: in order within each channel. */
struct reeve_chunk {
	enum reeve_channel channel; /* never REEVE_BOTH */
	int64_t at_ms;		    /* when it was read, UTC */
	const char *data; /* lives until the next call on the output */
	size_t bytes;
	int64_t omitted; /* bytes dropped here, data is empty then; else 0 */
};

/**
 * reeve_output_open() - read what a job writes, from its beginning
 * @channel:	one, or both as they came
 * @follow:	until the job ends; else what is there now
 *
 * Survives a lost connection.
 */
REEVE_API REEVE_CHECK int reeve_output_open(struct reeve *r, int64_t id,
					    enum reeve_channel channel,
					    bool follow,
					    struct reeve_output **ret);

/** reeve_output_set_attempt() - before the first piece: of this try, from 1; it
 * may be still to come. Without it: of the last one. */
REEVE_API void reeve_output_set_attempt(struct reeve_output *output,
					int64_t attempt);

/** reeve_output_next() - the next piece
 *
 * Return: 0, REEVE_E_TIMEOUT, REEVE_E_END. */
REEVE_API REEVE_CHECK int reeve_output_next(struct reeve_output *output,
					    int64_t timeout_ms,
					    struct reeve_chunk *ret);
/** reeve_output_elsewhere() - does it go to a descriptor that came with the job?
 * Nothing of it is kept then. Known when the first reeve_output_next() is over.
 * @channel:	not REEVE_BOTH */
REEVE_API bool reeve_output_elsewhere(const struct reeve_output *output,
				      enum reeve_channel channel);
/** reeve_output_fd() - as reeve_stream_fd(); may change with every call */
REEVE_API int reeve_output_fd(const struct reeve_output *output);
REEVE_API void reeve_output_free(struct reeve_output *output);

/** reeve_version() - of this library, "0.1.0" */
REEVE_API const char *reeve_version(void);

#ifdef __cplusplus
}
#endif
