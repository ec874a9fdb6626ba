#include "daemon/core/credit.h"

/*
 * Part of the way from the high estimate to a faster run that one run takes:
 * with 1/64 a peak is half forgotten after 44 runs and gone after 300, so that
 * what is estimated is about the slowest of a hundred.
 */
#define CREDIT_DECAY 64

/* Longer is too long all the same, and would only take longer to forget. */
#define CREDIT_SLOW_MAX_NS (10 * CREDIT_QUEUED_NS)

void credit_init(struct credit *credit, uint32_t limit)
{
	require(limit >= 1 && limit <= CREDIT_MAX);
	*credit = (struct credit){.jobs = 1, .limit = limit};
}

/* A slower run: long, or the second of late, or remembered as the first. */
static void slower(struct credit *credit, int64_t run_ns)
{
	if (run_ns >= CREDIT_QUEUED_NS) {
		credit->slow_ns = run_ns;
		return;
	}
	if (credit->odd_left)
		credit->slow_ns = run_ns < credit->odd_ns ? run_ns
							  : credit->odd_ns;
	if (!credit->odd_left || run_ns > credit->odd_ns)
		credit->odd_ns = run_ns;
	credit->odd_left = CREDIT_DECAY;
}

/* How many may be there so that those behind the first are 10 ms of work. */
static uint32_t target(const struct credit *credit)
{
	int64_t behind;

	if (credit->slow_ns <= 0)
		return credit->limit;
	behind = CREDIT_QUEUED_NS / credit->slow_ns;
	return behind >= credit->limit ? credit->limit : 1 + (uint32_t)behind;
}

void credit_ran(struct credit *credit, int64_t run_ns)
{
	uint32_t most;

	require(run_ns >= 0);
	if (run_ns > CREDIT_SLOW_MAX_NS)
		run_ns = CREDIT_SLOW_MAX_NS;
	if (credit->odd_left)
		credit->odd_left--;
	if (run_ns > credit->slow_ns)
		slower(credit, run_ns);
	else
		credit->slow_ns -=
			(credit->slow_ns - run_ns + CREDIT_DECAY - 1) /
			CREDIT_DECAY;

	/* One more a run doubles it every time round. */
	most = target(credit);
	credit->jobs = credit->jobs < most ? credit->jobs + 1 : most;
}
