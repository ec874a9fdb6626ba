#pragma once

/*
 * Run lines: the runner of handlers that a filter serves. `args` go in as a
 * line, one line comes out: the result, or an object with nothing but `error`
 * (and `retry`, `retry_ms`), which says that the job failed.
 *
 * What goes wrong with the filter is the running job's failure, not the
 * worker's death: another filter is started, later and later if it never gets
 * anything done. One that ends before it has read anything never began a job;
 * then the worker leaves, as one that could not be born.
 */

#include "daemon/core/backoff.h"
#include "daemon/worker/filter.h"
#include "daemon/worker/progress.h"
#include "daemon/worker/runner.h"
#include "daemon/worker/verdict.h"

/* A filter that has to be waited for so long is the supervisor's business. */
#define RUN_LINES_PAUSE_NS INT64_C(1000000000)

struct run_lines {
	struct runner runner;
	struct filter filter;
	struct progress progress;
	struct backoff backoff;
	struct verdict verdict;
	struct arena arena; /* of the handlers' names */
	struct arena words; /* of an answer */
	int64_t start_ns;   /* not before; 0: not down */
	bool cancelled;
	bool answered; /* this filter has answered a job */
	enum runner_reason reason;
	bool by_us; /* it is ended because we want it to */
	int64_t began_ns, cpu_us;
};

/**
 * run_lines_init() - start the filter
 * @run:	program and arguments, NULL behind; the caller's
 * @slot_fd:	cgroup folder, owned from now on; -1: none
 * @null_fd:	/dev/null, stays the caller's
 *
 * REEVE_HANDLERS in the environment: what it serves, separated by blanks.
 *
 * Return: 0, FILTER_E_FAULT when it cannot be started (it is logged), or
 *         negative errno.
 */
must_check int run_lines_init(struct run_lines *lines, char **run, int slot_fd,
			      int null_fd, int64_t nofile);
void run_lines_fini(struct run_lines *lines);
