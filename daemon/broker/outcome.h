#pragma once

/*
 * Outcome: from a worker's `done` statement, or a file in results/, to the
 * store's outcome. The text is a peer's: anything wrong in it is refused.
 */

#include "daemon/store/store.h"

enum {
	OUTCOME_E_BAD = 1, /* not a done statement */
};

/**
 * outcome_parse() - read a done statement
 * @text:	checked JSON
 * @arena:	takes copies of everything the outcome points to
 * @ret_run_us:	how long it ran, microseconds; negative: it did not
 *
 * Return: 0, OUTCOME_E_BAD, or -ENOMEM.
 */
must_check int outcome_parse(struct slice text, struct arena *arena,
			     struct store_outcome *ret, int64_t *ret_run_us);

/**
 * outcome_too_deep() - the same of a text that json_check() found too deep
 * @text:	nothing else is known of it
 *
 * What a handler returned is nested deeper than anybody could read: its job
 * has failed, with ResultNotJSON.
 *
 * Return: 0; OUTCOME_E_BAD also when it is not the result; or -ENOMEM.
 */
must_check int outcome_too_deep(struct slice text, struct arena *arena,
				struct store_outcome *ret, int64_t *ret_run_us);

/**
 * outcome_load() - what a worker left in results/TOKEN
 *
 * A result, or that it never began the job: STORE_PUT_BACK.
 *
 * Return: 0, -ENOENT: there is none, OUTCOME_E_BAD, or negative errno.
 */
must_check int outcome_load(const char *state_dir, int64_t token,
			    struct arena *arena, struct store_outcome *ret);

/** outcome_unlink() - it is committed: the file has done its work */
void outcome_unlink(const char *state_dir, int64_t token);
