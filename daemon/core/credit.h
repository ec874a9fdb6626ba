#pragma once

/*
 * Credit: how many jobs a worker may have at once, begun or queued behind the
 * one that runs. It starts at 1 and grows while what is queued stays below
 * CREDIT_QUEUED_NS of work, judged by the slow end (about the p99) of recent
 * run times; one long job brings it back to 1. A run that is slower, but not
 * long, counts once another one is soon behind it: where there is more to run
 * than processors, each job that is interrupted is such a run. One job ahead of a short worker
 * nearly doubles the rate; a job queued behind a long one is a job that waits
 * for nothing. With the shortest ones what counts is how many share a commit:
 * 512 of them at a worker are twice the rate of 64.
 */

#include "proto/base.h"

#define CREDIT_MAX 512
#define CREDIT_QUEUED_NS (10 * 1000 * 1000)

struct credit {
	uint32_t jobs;	   /* how many at once, 1 .. limit */
	uint32_t limit;	   /* 1 .. CREDIT_MAX; 1 for `once` pools */
	int64_t slow_ns;   /* decaying high estimate of one run */
	int64_t odd_ns;	   /* a slower run that does not count yet; 0: none */
	uint32_t odd_left; /* for so many runs more */
};

/** credit_init() - one job at once; @limit 1 .. CREDIT_MAX */
void credit_init(struct credit *credit, uint32_t limit);

/** credit_ran() - one job took @run_ns, 0 or more */
void credit_ran(struct credit *credit, int64_t run_ns);
