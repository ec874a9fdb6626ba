#pragma once

/*
 * Retry: whether a failed attempt is followed by another, and when. Pure; the
 * store asks before it steps the job.
 */

#include "proto/retry.h"

/**
 * retry_applies() - may what ended like this be tried again?
 * @exit_code:	looked at for CAUSE_EXIT alone
 *
 * Attempts are counted by job_step(), lost ones are none of the rule's.
 */
bool retry_applies(const struct retry_rule *rule, enum job_cause cause,
		   int32_t exit_code);

/**
 * retry_delay_ms() - before the next attempt
 * @failures:	so far, at least 1
 * @seed:	something that differs from try to try (the token): jitter
 *
 * backoff_ms, doubled for each failure behind the first, at most
 * backoff_max_ms, and then up to jitter more or less.
 */
int64_t retry_delay_ms(const struct retry_rule *rule, uint32_t failures,
		       uint64_t seed);

/* What the handler that failed says about another try. */
struct retry_wish {
	bool final;	  /* like this it never goes well */
	int64_t pause_ms; /* instead of the rule's; -1: as the rule says */
	int64_t least_ms; /* never sooner, whoever says the pause; 0: as it is */
};

/**
 * retry_answer() - the rule's decision, with the handler's wish
 * @final, @backoff_ms: of the rule; a wish never brings a try that the rule
 *		has not
 */
void retry_answer(const struct retry_wish *wish, bool *final,
		  int64_t *backoff_ms);
