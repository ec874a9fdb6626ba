#pragma once

/*
 * Defaults: what the configuration says of jobs whose Spec does not, for each
 * queue that it names, and for all others. Complete: what a queue leaves open
 * is filled in already. And what it says of those queues themselves.
 */

#include "proto/base.h"
#include "proto/limits.h"

#define DEFAULTS_QUEUES_MAX 1000

struct job_defaults {
	char queue[LIMIT_NAME_BYTES + 1]; /* "": of all that are not named */
	/* -1: as `defaults` in the table says. */
	int64_t timeout_ms, grace_ms, crash_limit;
	int64_t priority;
	int64_t expire_ms; /* 0: never */
	bool orphans_keep;
	/* How it is tried again, as of struct retry_rule. */
	int64_t max_attempts; /* 1: not */
	int64_t backoff_ms, backoff_max_ms;
	double jitter;
	uint32_t cause_bits;
	/* How many may wait, 0: any number; what a full queue does, 0: it
	 * refuses, 1: it blocks. -1: as it was set at run time. */
	int64_t max_length, overflow;
};

struct defaults_config {
	struct job_defaults *list; /* owned; the first is that of all */
	size_t count;		   /* 0: nothing is configured */
};
