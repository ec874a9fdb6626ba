#pragma once

/*
 * Tool: what every command of `reeve` is given. The commands stand in
 * client/command.h.
 */

#include "client/reeve.h"
#include "proto/base.h"

/* Exit codes of reeve(1) that are not a job's. */
enum {
	EXIT_FINE = 0,
	EXIT_FAILED = 1, /* the command itself, or one of many jobs */
	EXIT_USAGE = 2,
	EXIT_MISSING = 3, /* not found */
	EXIT_REFUSED = 4,
	EXIT_UNREACHABLE = 120,
	EXIT_CANCELLED = 121,
	EXIT_TIMEOUT = 124,
	EXIT_INTERNAL = 125,
};

/* What an output stream can do. */
struct screen {
	bool terminal;
	bool colour;
	bool unicode;
	int width; /* columns; 0: no limit */
};

struct tool {
	struct reeve *r; /* NULL until tool_connect() */
	struct screen out, err;
	/* Flags that every command takes. */
	bool json, quiet, no_autostart, help;
	const char *colour; /* NULL: auto; always, never */
	const char *socket; /* NULL: where it usually is */
	/* Where the daemon's files say, if that is elsewhere; "": they do not. */
	char configured[108];
	bool asked; /* what they say */
	/* The exit code speaks for a job: own errors use only 120 to 127. */
	bool speaks_for_job;
	/* Errors go here instead of to stderr; NULL: none do. */
	char *said;
	size_t said_bytes;
};

/**
 * tool_connect() - reach the daemon, or start one
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int tool_connect(struct tool *tool);

/**
 * tool_reach() - connect tool->r; nothing is said or started
 *
 * Nobody listens at the usual place: then where the configuration says.
 *
 * Return: as reeve_connect().
 */
must_check int tool_reach(struct tool *tool);

/** tool_connect_only() - as tool_connect(), but never starts one
 * @hint:	when none listens; NULL: how to start it */
must_check int tool_connect_only(struct tool *tool, const char *hint);

/** tool_daemon_pid() - of the daemon connected to; 0: it does not say. Asked of
 * the daemon itself: its socket may belong to a service manager. */
int tool_daemon_pid(struct tool *tool);

/** tool_screens() - fill out and err from the terminal and the environment */
void tool_screens(struct tool *tool);
