/* Rules of retry: read with the failure that they decide on. */

#include "daemon/core/retry.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"

/* Whoever gave it has checked it. */
static int decode(struct txn *txn, struct slice text, struct retry_rule *ret)
{
	struct schema_fault fault;

	return retry_rule_decode(txn->arena, text, "retry", ret, &fault);
}

int retry_tries(struct txn *txn, const struct store_entry *entry, uint32_t *ret)
{
	struct retry_rule rule;
	int error;

	*ret = entry->max_attempts ? entry->max_attempts : 1;
	if (!entry->retry.n)
		return 0;
	error = decode(txn, entry->retry, &rule);
	if (!error)
		*ret = (uint32_t)rule.max_attempts;
	return error == -ENOMEM ? error : 0;
}

/* Failures since the counting last began: a retry by hand that began anew has
 * raised max_attempts by those before. */
static uint32_t failures_of(const struct live *live,
			    const struct retry_rule *rule)
{
	const struct job_facts *facts = &live->facts;
	int64_t failures = (int64_t)facts->attempt - facts->crashes;
	int64_t before = (int64_t)facts->max_attempts - rule->max_attempts;

	if (live->flags & FLAG_RETRIED && before > 0)
		failures -= before;
	return failures > 1 ? (uint32_t)failures : 1;
}

int retry_decide(struct txn *txn, struct live *live,
		 const struct store_outcome *outcome)
{
	const struct retry_wish wish = {
		.final = outcome->final,
		.pause_ms = outcome->has_pause ? outcome->pause_ms : -1,
		.least_ms = outcome->least_ms,
	};
	struct retry_rule rule;
	struct extra extra;
	int error = extra_get(txn, live->id, &extra);

	if (error)
		return error;
	/* A rule that nobody understands allows nothing. */
	error = extra.retry.n ? decode(txn, extra.retry, &rule) : -EINVAL;
	if (error == -ENOMEM)
		return error;
	live->facts.final = error || outcome->cause >= CAUSE_COUNT ||
			    !retry_applies(&rule, outcome->cause,
					   outcome->exit_code);
	if (!live->facts.final)
		live->facts.backoff_ms = retry_delay_ms(
			&rule, failures_of(live, &rule), (uint64_t)live->token);
	retry_answer(&wish, &live->facts.final, &live->facts.backoff_ms);
	return 0;
}
