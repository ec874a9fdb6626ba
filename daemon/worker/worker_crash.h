#pragma once

/*
 * Named crash points: REEVE_TEST_CRASH=start:3 makes the worker kill itself the
 * third time it comes by "start". Only in builds with -Dtest_hooks=true.
 */

#ifdef REEVE_TEST_HOOKS
/** worker_crash() - SIGKILL here, if the environment asks for it */
void worker_crash(const char *name);
#else
static inline void worker_crash(const char *name)
{
	(void)name;
}
#endif
