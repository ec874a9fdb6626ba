#include "daemon/core/retry.h"

#include "daemon/core/mix.h"

bool retry_applies(const struct retry_rule *rule, enum job_cause cause,
		   int32_t exit_code)
{
	if (!(rule->cause_bits & 1u << cause))
		return false;
	if (cause != CAUSE_EXIT || !rule->code_count)
		return true;
	for (size_t i = 0; i < rule->code_count; i++) {
		if (rule->codes[i] == exit_code)
			return true;
	}
	return false;
}

int64_t retry_delay_ms(const struct retry_rule *rule, uint32_t failures,
		       uint64_t seed)
{
	int64_t delay = rule->backoff_ms;
	double share; /* -1 .. 1 */

	require(failures >= 1);
	/* Below the limit, so that doubling it stays far from overflow. */
	for (uint32_t i = 1; i < failures && delay < rule->backoff_max_ms; i++)
		delay *= 2;
	if (delay > rule->backoff_max_ms)
		delay = rule->backoff_max_ms;
	share = mix_share(seed) * 2 - 1;
	return delay + (int64_t)((double)delay * rule->jitter * share);
}

void retry_answer(const struct retry_wish *wish, bool *final,
		  int64_t *backoff_ms)
{
	if (wish->final)
		*final = true;
	else if (wish->pause_ms >= 0)
		*backoff_ms = wish->pause_ms;
	if (*backoff_ms < wish->least_ms)
		*backoff_ms = wish->least_ms;
}
