#pragma once

/*
 * Runner: what runs a job, one at a time. The desk knows nothing else of how a
 * job is run: as a command (attempt), by a plugin in this process (run_plugin),
 * by a filter (run_lines). One that runs many at once (run_http) puts each that
 * it begins among the `others`, is IDLE again, and takes it back as its job when
 * it has ended.
 *
 *	IDLE --begin--> RUNNING --by itself--> ENDED --report--> IDLE
 *	IDLE --begin, cannot be started, or done at once--> ENDED
 *	RUNNING --it turns out that it never began--> UNBEGUN --desk--> IDLE
 *
 * Nothing here blocks but `begin` of a plugin, which is the handler.
 */

#include <poll.h>

#include "daemon/worker/order.h"
#include "daemon/worker/worker.h"
#include "proto/json_out.h"

#define RUNNER_FDS 3

enum runner_state {
	RUNNER_IDLE,
	RUNNER_RUNNING,
	RUNNER_ENDED,
	RUNNER_UNBEGUN, /* it has the job, which never began */
};

enum runner_reason { RUNNER_BY_CLIENT, RUNNER_BY_TIMEOUT };

struct runner {
	const struct runner_kind *kind;
	enum runner_state state;
	struct order *job;	  /* owned; NULL when IDLE */
	struct order_list others; /* owned; that run beside it */
	int64_t started_ms;
	enum worker_exit retire; /* not OK: leave with it, behind its report */
	bool busy;		 /* IDLE, but it takes no job now */
	/* What it serves, as `ready` says it; NULL behind. */
	const char *const *handlers;
	int prefetch;
	/* As the broker said; the desk's. */
	const char *socket;
	char store[40]; /* whose jobs these are */
	size_t max_line;
};

struct runner_kind {
	/* Start runner->job; RUNNING or ENDED afterwards. Needs IDLE. */
	void (*begin)(struct runner *runner);
	/* End runner->job, or one of the others; nothing if it is over. */
	void (*cancel)(struct runner *runner, const struct order *job,
		       int64_t grace_ms, enum runner_reason reason,
		       int64_t now_ns);
	/* The line of its end, with its newline. Needs ENDED, leaves IDLE. */
	void (*report)(struct runner *runner, struct json_out *out);
	/* SIGCHLD came; in every state. */
	void (*children)(struct runner *runner);
	/* What it waits for; entries are preset to -1. */
	void (*fill)(const struct runner *runner,
		     struct pollfd fds[RUNNER_FDS]);
	/* Some of that came. */
	void (*readable)(struct runner *runner,
			 const struct pollfd fds[RUNNER_FDS]);
	/* A statement about the running job, if it is its time. */
	void (*say)(struct runner *runner, struct json_out *out,
		    int64_t now_ns);
	/* When tick or say want to be called; INT64_MAX: never. */
	int64_t (*due_ns)(const struct runner *runner);
	void (*tick)(struct runner *runner, int64_t now_ns);
};
