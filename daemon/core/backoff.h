#pragma once

/*
 * Back-off of processes that die: a replacement is started at once while
 * deaths are rare, later and later when they come at first use or in a row:
 * at once, 1 s, 2 s, 4 s ... 60 s. Processes that die together count as one: a
 * row is made of replacements that die, not of a whole pool that was killed.
 * Pure; the supervisor asks it.
 */

#include "proto/base.h"

#define BACKOFF_FIRST_NS (1000 * INT64_C(1000000))
#define BACKOFF_MAX_NS (60 * 1000 * INT64_C(1000000))
/* A process that lived this long clears the account. */
#define BACKOFF_GOOD_NS (10 * 1000 * INT64_C(1000000))

struct backoff {
	uint32_t deaths;  /* in a row, of processes that were no use */
	int64_t until_ns; /* nothing starts before; 0: free */
	int64_t died_ns;  /* when the last counted one died */
};

/**
 * backoff_died() - a process ended that should not have
 * @lived_ns:	from its start
 * @useful:	it said ready and did something (a worker: finished a job)
 *
 * Return: when the replacement may start, monotonic; now_ns means at once.
 */
int64_t backoff_died(struct backoff *backoff, int64_t now_ns, int64_t lived_ns,
		     bool useful);

/**
 * backoff_unborn() - a process ended that had not begun, however long it took
 * @processes:	that each such try makes, 1 or 2; with two the wait is 4 s, 16 s,
 *		60 s, so that in its first minute neither makes ten of them
 */
int64_t backoff_unborn(struct backoff *backoff, int64_t now_ns,
		       int64_t lived_ns, uint32_t processes);

/** backoff_degraded() - are replacements being held back? */
bool backoff_degraded(const struct backoff *backoff, int64_t now_ns);

/** backoff_worked() - a process of this kind proved good */
void backoff_worked(struct backoff *backoff);
