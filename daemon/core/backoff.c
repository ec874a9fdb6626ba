#include "daemon/core/backoff.h"

/* The wait after so many deaths in a row, of so many processes each. */
static int64_t wait_ns(uint32_t deaths, uint32_t processes)
{
	uint64_t doubled = (uint64_t)deaths * processes;
	int64_t wait = BACKOFF_FIRST_NS;

	if (deaths < 2)
		return 0;
	for (uint64_t i = 2; i < doubled && wait < BACKOFF_MAX_NS; i++)
		wait *= 2;
	return wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS;
}

static int64_t count(struct backoff *backoff, int64_t now_ns, int64_t lived_ns,
		     uint32_t processes)
{
	bool together;

	/* Born before the last counted death: of the same generation, so it
	 * says nothing about what replaces it. */
	together = backoff->deaths && now_ns - lived_ns < backoff->died_ns;
	if (!together) {
		if (backoff->deaths < UINT32_MAX)
			backoff->deaths++;
		backoff->until_ns = now_ns +
				    wait_ns(backoff->deaths, processes);
		backoff->died_ns = now_ns;
	}
	return backoff->until_ns > now_ns ? backoff->until_ns : now_ns;
}

int64_t backoff_died(struct backoff *backoff, int64_t now_ns, int64_t lived_ns,
		     bool useful)
{
	require(lived_ns >= 0);
	if (!useful && lived_ns < BACKOFF_GOOD_NS)
		return count(backoff, now_ns, lived_ns, 1);
	backoff_worked(backoff);
	return now_ns;
}

int64_t backoff_unborn(struct backoff *backoff, int64_t now_ns,
		       int64_t lived_ns, uint32_t processes)
{
	require(lived_ns >= 0 && processes > 0);
	return count(backoff, now_ns, lived_ns, processes);
}

bool backoff_degraded(const struct backoff *backoff, int64_t now_ns)
{
	return backoff->until_ns > now_ns;
}

void backoff_worked(struct backoff *backoff)
{
	*backoff = (struct backoff){0};
}
