#pragma once

/* Steer: one change to many jobs, by ids or by filter. */

#include "client/selector.h"

/* Flags; each method looks at its own. */
struct steer_options {
	bool dry_run, yes;
	const char *reason;
	int64_t grace_ms, delay_ms;
	bool reset;
	/* Of Change. */
	bool change_priority, change_run_at;
	int64_t priority, run_at_ms;
	const char *queue; /* NULL: stays */
};

struct steer {
	struct tool *tool;
	const struct steer_options *options;
	struct selector selector;
	const char *method; /* "org.reeve.jobs.Cancel" */
	const char *verb;   /* "cancelled" */
	/* Of several only these, unless words say others; 0: any. */
	uint32_t states;
	/* What came of it. */
	int64_t waiting, running; /* running: only of Cancel */
};

/**
 * steer_run() - read the words, ask if they may find many, do it, say how many
 *
 * Frees the selector.
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int steer_run(struct steer *steer, int argc, char **argv);
