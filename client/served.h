#pragma once

/* Served: the names of pools and handlers, for "did you mean". */

#include "client/tool.h"

enum served { SERVED_HANDLER, SERVED_POOL };

/** served_missing() - say that there is none of that name, and the nearest
 *
 * Return: the exit code. */
must_check int served_missing(struct tool *tool, enum served kind,
			      const char *name);

/** served_fail() - the library's last error; of a handler or pool that is not
 * there, with the nearest name as the hint
 * @name:	that was asked for
 *
 * Return: its exit code. */
must_check int served_fail(struct tool *tool, const char *name);
