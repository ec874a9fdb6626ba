#pragma once

/*
 * Results: the reports of attempts that ended, kept until the broker says that
 * they are settled. Without a broker they go to state_dir/results/TOKEN, where
 * the next broker imports them, whatever happens to this worker.
 */

#include <sys/queue.h>

#include "proto/base.h"

struct result {
	TAILQ_ENTRY(result) link;
	int64_t job, token, attempt, started_ms;
	bool spooled; /* it is in results/, safe on disk */
	size_t bytes;
	char line[]; /* the done statement with its newline */
};

TAILQ_HEAD(result_list, result);

struct results {
	const char *state_dir;	 /* the caller's */
	struct result_list list; /* oldest first */
	size_t count, spooled_count;
};

/** results_init() - none yet */
void results_init(struct results *results, const char *state_dir);

/** results_fini() - forget them; what is in results/ stays there */
void results_fini(struct results *results);

/** results_add() - keep a report; @line is copied; 0 or -ENOMEM */
must_check int results_add(struct results *results, const struct result *head,
			   struct slice line);

/** results_settled() - it is committed; an unknown token is ignored */
void results_settled(struct results *results, int64_t token);

/**
 * results_spool() - write all that are not on disk yet
 *
 * Each into a file of another name that is synced, then renamed; the folder is
 * synced once at the end. Only then they count as spooled.
 *
 * Return: 0 or negative errno; call it again later.
 */
must_check int results_spool(struct results *results);
