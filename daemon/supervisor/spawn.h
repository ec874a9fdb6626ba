#pragma once

/*
 * Spawn: makes processes: the roles, each an exec of our own program, the
 * programs of handler pools, the probe of the cgroups, and the daemon itself
 * behind --daemon. The only place that
 * forks; possible because there is one thread.
 */

#include "proto/base.h"

#include <sys/types.h>

#define SPAWN_FDS_MAX 32
#define SPAWN_EXIT_NO_EXEC 111
/* Of a program, as a shell has it: not there, or not to be executed. */
#define SPAWN_EXIT_NO_PROGRAM 127
#define SPAWN_EXIT_UNFIT 126

enum {
	SPAWN_E_STARTER = 1, /* this process only waited: leave it */
};

struct spawn {
	const char *role;    /* argv[1]; NULL: a program, `tail` is its argv */
	char *const *flags;  /* of a role: the rest of argv, ends with NULL */
	char *const *tail;   /* behind the flags; NULL: nothing */
	const char *program; /* another one, in tests; NULL: ourselves */
	/* Of a process of a handler pool: NAME=value, ends with NULL. It has
	 * no other REEVE_ of ours, begins in / and says what it says to our
	 * standard error. NULL: the environment is ours. */
	char *const *env;
	int fds[SPAWN_FDS_MAX]; /* become 3, 4, ...; -1: stays closed */
	size_t fd_count;
	int words;	  /* becomes 2; 0: our own */
	int cgroup;	  /* descriptor of the folder it is born in; -1: ours */
	int listen_count; /* REEVE_LISTEN; 0: unset */
	uint64_t nofile; /* soft limit that jobs get, for roles as REEVE_NOFILE,
			     for programs in force; 0: unset */
	bool drop_oom_protection; /* of a unit with OOMScoreAdjust= */
	bool raise_nofile; /* the role itself gets as many as the hard limit */
};

/**
 * spawn_role() - start a role, or a program of a handler pool
 *
 * It gets a session of its own (the terminal's signals are ours), default
 * signals, /dev/null as 0 and 1, our standard error, and nothing else but @fds.
 *
 * Return: 0, or negative errno when the process could not be made. When it
 *         cannot be executed it exits with status 111, a program with 126 or
 *         127, and says so to standard error.
 */
must_check int spawn_role(const struct spawn *spawn, pid_t *ret_pid);

/** spawn_idle() - a child that only waits for its end, born in @cgroup */
must_check int spawn_idle(int cgroup, pid_t *ret_pid);

/**
 * spawn_detached() - go on as a daemon: session of its own, no terminal
 * @ret_ready:	in the daemon: to be given to spawn_ready(); -1 in the starter
 * @ret_status:	in the starter: the status to exit with
 *
 * Return: 0 in the daemon; SPAWN_E_STARTER in the starter, once the daemon
 *         said how it went or ended; or negative errno.
 */
must_check int spawn_detached(int *ret_ready, int *ret_status);

/** spawn_ready() - let the waiting starter go, with that status; only once */
void spawn_ready(int *ready, int status);
