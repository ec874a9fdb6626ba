#pragma once

/* Start: --at of commands, read, and what was understood told. */

#include "client/tool.h"
#include "client/when.h"

/** start_read() - text of --at; over already is no error
 * @now_ms:	what it is reckoned from
 *
 * Return: 0, or the exit code, with the error said. */
must_check int start_read(const struct tool *tool, const char *text,
			  int64_t now_ms, struct when *ret);

/** start_tell_odd() - a note where the clocks change just then */
void start_tell_odd(const struct tool *tool, const char *text,
		    const struct when *when);
