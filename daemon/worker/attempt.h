#pragma once

/*
 * Attempt: the runner of commands, one job from its start to its end.
 *
 *	IDLE --begin--> RUNNING --main process ended--> CLEARING --nothing of
 *	it is left, or what is left is kept--> DRAINING --pipes empty--> ENDED
 *	--report--> IDLE
 *	IDLE --begin, cannot be started--> ENDED
 *
 * A timeout or a cancel sends TERM to the group of a RUNNING job, and KILL to
 * all of it when the grace is over. It never blocks: the loop calls it when
 * children changed, pipes are readable, or attempt_due_ns() has come.
 */

#include "daemon/config/config.h"
#include "daemon/worker/leaf.h"
#include "daemon/worker/output.h"
#include "daemon/worker/progress.h"
#include "daemon/worker/run_command.h"
#include "daemon/worker/runner.h"
#include "proto/json_out.h"
#include "proto/names.h"

/* How long the rest of a job may withstand SIGKILL. */
#define ATTEMPT_CLEAR_NS 5000000000
/* How long somebody else may hold the pipes open. */
#define ATTEMPT_DRAIN_NS 1000000000

enum attempt_state {
	ATTEMPT_IDLE,
	ATTEMPT_RUNNING,
	ATTEMPT_CLEARING,
	ATTEMPT_DRAINING,
	ATTEMPT_ENDED,
};

enum { ATTEMPT_STDOUT, ATTEMPT_STDERR, ATTEMPT_PIPES };

struct attempt {
	struct runner runner; /* its state is the coarser one */
	enum attempt_state state;
	int32_t main; /* its main process; 0: none, or reaped */
	struct run_end end;
	int64_t started_ns, finished_ms, run_us;
	enum job_cause cause; /* TIMEOUT, CANCELLED, EXEC; NONE: by status */
	struct command_fault fault;  /* of EXEC */
	int read_fd[ATTEMPT_PIPES];  /* -1: end of file */
	int write_fd[ATTEMPT_PIPES]; /* held while it runs: no early wake-up */
	int64_t timeout_ns, kill_ns; /* INT64_MAX: never */
	int64_t round_ns, clear_ns, drain_ns;
	bool group_killed; /* its cgroup must not be used again */
	bool none_left;	   /* no process of it is left */

	struct output output;
	struct progress progress;
	struct leaf leaf;
	struct run run;
	struct arena arena;
	const struct config *config; /* the caller's */
	int null_fd;
};

/**
 * attempt_init() - make ready for jobs
 * @slot_fd:	cgroup folder, owned from now on; -1: none
 * @null_fd:	/dev/null, stays the caller's
 *
 * Return: 0 or negative errno.
 */
must_check int attempt_init(struct attempt *attempt,
			    const struct config *config, int slot_fd,
			    int null_fd, int64_t nofile);
void attempt_fini(struct attempt *attempt);
