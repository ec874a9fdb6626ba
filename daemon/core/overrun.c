#include "daemon/core/overrun.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void overrun_ask(struct overrun *overrun, int64_t grace_ns, int64_t now_ns)
{
	require(grace_ns >= 0);
	/* A second one may be less patient, never more. */
	if (overrun->stage == OVERRUN_RUNS) {
		overrun->stage = OVERRUN_ASKED;
		overrun->since_ns = now_ns;
		overrun->grace_ns = grace_ns;
	} else if (overrun->stage == OVERRUN_ASKED &&
		   add(now_ns, grace_ns) <
			   add(overrun->since_ns, overrun->grace_ns)) {
		overrun->since_ns = now_ns;
		overrun->grace_ns = grace_ns;
	}
}

bool overrun_watched(const struct overrun *overrun)
{
	return overrun->timeout_ns || overrun->stage != OVERRUN_RUNS;
}

/* When the stage is over. */
static int64_t due(const struct overrun *overrun, int64_t head_since_ns)
{
	switch (overrun->stage) {
	case OVERRUN_RUNS:
		return overrun->timeout_ns
			       ? add(head_since_ns, overrun->timeout_ns)
			       : INT64_MAX;
	case OVERRUN_ASKED:
		return add(later(overrun->since_ns, head_since_ns),
			   overrun->grace_ns);
	case OVERRUN_TERMED:
		return add(overrun->since_ns, OVERRUN_KILL_NS);
	case OVERRUN_KILLED:
		break;
	}
	return INT64_MAX;
}

enum overrun_act overrun_step(struct overrun *overrun, int64_t head_since_ns,
			      int64_t now_ns, int64_t *ret_next_ns)
{
	static const enum overrun_act acts[] = {
		[OVERRUN_RUNS] = OVERRUN_SAY,
		[OVERRUN_ASKED] = OVERRUN_TERM,
		[OVERRUN_TERMED] = OVERRUN_KILL,
		[OVERRUN_KILLED] = OVERRUN_NOTHING,
	};
	int64_t at_ns = due(overrun, head_since_ns);
	enum overrun_act act;

	if (at_ns > now_ns || overrun->stage >= OVERRUN_KILLED) {
		*ret_next_ns = at_ns;
		return OVERRUN_NOTHING;
	}
	act = acts[overrun->stage];
	if (overrun->stage == OVERRUN_RUNS)
		overrun->timed_out = true;
	overrun->stage++;
	overrun->since_ns = now_ns;
	*ret_next_ns = due(overrun, head_since_ns);
	return act;
}
