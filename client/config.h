#pragma once

/* Config: a reload of the daemon, as two commands ask for it. */

#include "client/tool.h"

/**
 * config_reload() - let the daemon read its configuration again, and print what
 * changed
 * @dry_run:	only what would
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int config_reload(struct tool *tool, bool dry_run);
