#include "daemon/worker/worker_crash.h"

#ifdef REEVE_TEST_HOOKS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

void worker_crash(const char *name)
{
	static int passed;
	const char *wanted = getenv("REEVE_TEST_CRASH");
	size_t n = strlen(name);
	int turn = 1;

	if (!wanted || strncmp(wanted, name, n) != 0)
		return;
	if (wanted[n] == ':')
		turn = atoi(wanted + n + 1);
	else if (wanted[n])
		return;
	if (++passed >= turn)
		raise(SIGKILL);
}

#else
/* A file without a declaration is not C. */
extern int worker_crash_unused;
#endif
