#include "daemon/core/adopt.h"

enum adopt_verdict adopt_decide(const struct adopt_facts *facts)
{
	/* Only a worker that lives, in this boot, can have dialled in. */
	require(!facts->dialled_in ||
		(facts->same_boot && facts->worker_alive));
	require(!facts->holds || facts->dialled_in);

	if (facts->dialled_in)
		return facts->holds ? ADOPT_KEEP : ADOPT_PUT_BACK;
	if (facts->same_boot && facts->worker_alive)
		return ADOPT_WAIT;
	if (!facts->first && (!facts->once || facts->unbegun))
		return ADOPT_PUT_BACK;
	return facts->same_boot ? ADOPT_WORKER_LOST : ADOPT_HOST_LOST;
}
