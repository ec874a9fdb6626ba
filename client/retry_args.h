#pragma once

/* Retry args: --retry and its companions, as part of a submission. */

#include "client/tool.h"

#define RETRY_ARGS_CAUSES_MAX 8
#define RETRY_ARGS_EXITS_MAX 64

struct retry_args {
	const char *retries; /* --retry: further tries; NULL: the daemon's */
	const char *on;	     /* "exit,timeout"; NULL: the daemon's */
	const char *exits;   /* "75,100-111" */
	const char *backoff; /* "1s..10m", or "1s" */
	const char *jitter;  /* "20%", or "0.2" */
	/* Read by retry_args_spec(). */
	char words[128];
	const char *causes[RETRY_ARGS_CAUSES_MAX + 1];
	int codes[RETRY_ARGS_EXITS_MAX + 1];
};

/**
 * retry_args_spec() - into a submission, which points into @args afterwards
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int retry_args_spec(struct tool *tool, struct retry_args *args,
			       struct reeve_spec *spec);
