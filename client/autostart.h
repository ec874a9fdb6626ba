#pragma once

/*
 * Autostart: a daemon for the user who has none yet. Through the user's service
 * manager where it knows the unit, else `reeved --daemon`, detached and with a
 * clean environment.
 */

#include "client/tool.h"

#define AUTOSTART_PATIENCE_MS 5000

/** autostart_wanted() - neither --no-autostart nor REEVE_AUTOSTART=0 */
bool autostart_wanted(const struct tool *tool);

/**
 * autostart_run() - start one and connect tool->r to it
 *
 * Two that start at the same time: the loser's daemon refuses, and both connect
 * to the winner's.
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int autostart_run(struct tool *tool);

/**
 * autostart_find() - where reeved is
 * @ret:	takes the path, PATH_MAX bytes
 *
 * $REEVED; beside this program; as it is built, ../daemon; ../libexec,
 * ../lib/reeve, ../sbin; then in PATH. Return: false when there is none.
 */
bool autostart_find(char *ret);

/**
 * autostart_ask() - what `reeved --check=json` says, as one that is started now
 * @ret:	takes it, at most @bytes with the 0 at its end
 *
 * Return: false: there is no reeved, or it cannot be run.
 */
must_check bool autostart_ask(char *ret, size_t bytes);

/**
 * autostart_check() - let reeved look at its configuration; it says itself what
 * it found
 * @file:	in place of the user's; NULL: that
 *
 * Return: 0; EXIT_FAILED with problems; or another exit code, with the error
 *         said.
 */
must_check int autostart_check(struct tool *tool, const char *file);
