#pragma once

/* Existing: a submission that came to a job which was there already, because it
 * has the key or the unique word. */

#include "client/tool.h"

/**
 * existing_tell() - which job that is, and whether it does something else
 * @spec:	what was submitted
 * @attached:	it is followed, and is to live when we go
 */
void existing_tell(struct tool *tool, const struct reeve_spec *spec, int64_t id,
		   bool attached);

/** existing_left() - a signal came: it goes on, for it is somebody else's
 *
 * Return: the exit code, where the signal does not end us. */
int existing_left(struct tool *tool, int64_t id);
