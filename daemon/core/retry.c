#include "daemon/core/retry.h"

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

/* splitmix64, by Sebastiano Vigna: one good mix of a counter. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
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
	share = (double)(mix(seed) >> 11) / (double)(UINT64_C(1) << 52) - 1;
	return delay + (int64_t)((double)delay * rule->jitter * share);
}
