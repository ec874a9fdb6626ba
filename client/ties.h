#pragma once

/* Ties: whom a job follows as a callback, and which callbacks it has. */

#include "client/tool.h"

/** ties_print() - rows of `reeve show`
 * @row:	prints one
 *
 * What the daemon has forgotten, or does not tell, is left out or said so. */
void ties_print(struct tool *tool, const struct reeve_job *job,
		void (*row)(const struct tool *tool, const char *label,
			    const char *value));

/** ties_text() - a callback in a line: its command, "call notify", its URL
 * @spec:	checked JSON of type Spec */
#define TIES_TEXT_BYTES 512
void ties_text(struct slice spec, char ret[TIES_TEXT_BYTES]);
