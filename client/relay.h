#pragma once

/* Relay: output of jobs to our own stdout and stderr, byte for byte. */

#include "client/tool.h"

enum {
	RELAY_E_CLOSED = -1, /* nobody reads our stdout or stderr any more */
};

/**
 * relay_write() - one piece to the stream it belongs to
 * Return: 0, RELAY_E_CLOSED, or the exit code of an error that was said: it
 * cannot be written, as on a full disk.
 */
must_check int relay_write(const struct tool *tool,
			   const struct reeve_chunk *chunk);

/**
 * relay_job() - all that a finished job wrote
 * @prefix:	each line begins with it and a tab, and the last one ends; NULL:
 *		as it was written
 *
 * Return: as relay_write(); errors of the daemon are said as a note, because the
 * job itself ended.
 */
must_check int relay_job(const struct tool *tool, int64_t id,
			 enum reeve_channel channel, const char *prefix);
