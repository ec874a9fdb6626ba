#pragma once

/*
 * Run: fork, exec and wait, for a worker's jobs. The owner of clone and wait in
 * this role.
 *
 * The child shares the worker's memory on a stack of its own until it execs,
 * and the worker stands still meanwhile (CLONE_VM | CLONE_VFORK): it may only
 * make system calls, and what goes wrong in it is in memory when the worker
 * goes on. Where that is not to be had (other machines, sanitizers) it is a
 * copy, which waits the same way and reports through a shared page.
 */

#include <sys/resource.h>

#include "daemon/worker/command.h"

#define RUN_DESCRIPTORS 4 /* stdin, stdout, stderr, progress */

struct run_shared;

struct run {
	struct run_shared *shared; /* a page that the child writes to */
	char *stack;		   /* lowest byte, behind a guard page */
	int32_t pid;		   /* the worker's own */
	struct rlimit nofile;	   /* what jobs get back */
};

struct run_files {
	int fd[RUN_DESCRIPTORS]; /* become 0, 1, 2, 3; each above 3 */
	int cgroup_fd;		 /* -1: none */
	int cwd_fd;		 /* where it runs; -1: the place's folder */
};

/* What waiting has found out about the main process. */
struct run_end {
	bool ended;
	int status; /* as waitpid() has it */
	int64_t cpu_us;
	int64_t peak_kib;
};

enum {
	RUN_E_FAULT = 1, /* not started: the fault says why */
};

/** run_init() - 0 or negative errno; @nofile is the soft limit of jobs */
must_check int run_init(struct run *run, int64_t nofile);
void run_fini(struct run *run);

/**
 * run_start() - start a command in a session of its own
 *
 * Returns when it has become the program, or failed to; a child that failed is
 * reaped already (tests/assume/test_start.c).
 *
 * Return: 0 or RUN_E_FAULT.
 */
must_check int run_start(struct run *run, const struct command *command,
			 const struct run_files *files, int32_t *ret_pid,
			 struct command_fault *ret_fault);

/**
 * run_reap() - collect every child that has ended, without waiting
 * @main:	the main process of the running job, 0: none
 * @end:	filled when @main is among them
 *
 * The worker is the subreaper of its jobs, so what a job left behind becomes
 * a child of the worker: no child means nothing is left.
 *
 * Return: true when there are no children any more.
 */
bool run_reap(int32_t main, struct run_end *end);
