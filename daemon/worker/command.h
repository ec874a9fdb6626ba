#pragma once

/*
 * Command: what execve() gets, built from a job before anything is forked, so
 * that the child only makes system calls.
 */

#include "daemon/worker/order.h"
#include "proto/arena.h"

/* Which of a job's descriptors came with it; the first three are 0, 1, 2. */
enum { GIVEN_STDIN, GIVEN_STDOUT, GIVEN_STDERR, GIVEN_CWD, COMMAND_GIVEN };

struct command {
	char **argv; /* terminated; argv[-1] is a free slot */
	char **envp;
	const char **paths; /* to be tried in this order; terminated */
	const struct place *place;
	struct slice input; /* what stdin yields */
	bool has_input;
	int given[COMMAND_GIVEN]; /* came with the job; the order's; -1: none */
};

struct command_fault {
	int error; /* errno */
	char message[256];
};

enum {
	COMMAND_E_FAULT = 1, /* it cannot be started: the fault says why */
};

/**
 * command_build() - decode argv and stdin, find where the program may be,
 * complete the environment
 * @arena:	everything in @ret lives in it, except envp, which is the
 *		place's (but for callbacks) and holds until the next call with
 *		the same place
 * @socket:	REEVE_SOCKET
 *
 * Return: 0, COMMAND_E_FAULT, or -ENOMEM.
 */
must_check int command_build(struct command *ret, struct arena *arena,
			     struct order *job, const char *socket,
			     struct command_fault *ret_fault);

/**
 * command_paths() - where to look for @name
 * @path:	PATH; an empty entry is the current directory
 *
 * A name with a slash is taken as it is.
 *
 * Return: the terminated list; NULL without memory.
 */
must_check const char **command_paths(struct arena *arena, const char *name,
				      const char *path);
