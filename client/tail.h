#pragma once

/* Tail: the last lines of what a job wrote, in bounded memory. */

#include "client/tool.h"

#define TAIL_BYTES 4096

struct tail {
	char text[TAIL_BYTES + 1]; /* terminated; control characters replaced */
	size_t lines;		   /* at most this many are kept */
	bool cut;		   /* there was more before */
};

/** tail_load() - of both channels, of that try or, with 0, of the last one
 *
 * Return: 0 or an enum reeve_code.
 */
must_check int tail_load(struct tool *tool, int64_t id, int64_t attempt,
			 size_t lines, struct tail *ret);

/** tail_add() - more output; keeps the end of it */
void tail_add(struct tail *tail, const char *data, size_t bytes);

/** tail_finish() - drop all but the last lines, make it fit for a terminal */
void tail_finish(struct tail *tail);
