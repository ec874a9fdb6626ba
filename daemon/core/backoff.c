#include "daemon/core/backoff.h"

/* The wait after so many deaths in a row. */
static int64_t wait_ns(uint32_t deaths)
{
	int64_t wait = BACKOFF_FIRST_NS;

	if (deaths < 2)
		return 0;
	for (uint32_t i = 2; i < deaths && wait < BACKOFF_MAX_NS; i++)
		wait *= 2;
	return wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS;
}

int64_t backoff_died(struct backoff *backoff, int64_t now_ns, int64_t lived_ns,
		     bool useful)
{
	bool together;

	require(lived_ns >= 0);
	if (useful || lived_ns >= BACKOFF_GOOD_NS) {
		backoff_worked(backoff);
		return now_ns;
	}

	/* Born before the last counted death: of the same generation, so it
	 * says nothing about what replaces it. */
	together = backoff->deaths && now_ns - lived_ns < backoff->died_ns;
	if (!together) {
		if (backoff->deaths < UINT32_MAX)
			backoff->deaths++;
		backoff->until_ns = now_ns + wait_ns(backoff->deaths);
		backoff->died_ns = now_ns;
	}
	return backoff->until_ns > now_ns ? backoff->until_ns : now_ns;
}

bool backoff_degraded(const struct backoff *backoff, int64_t now_ns)
{
	return backoff->until_ns > now_ns;
}

void backoff_worked(struct backoff *backoff)
{
	*backoff = (struct backoff){0};
}
