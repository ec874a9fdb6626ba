#pragma once

/*
 * Effective: what a daemon that is started now would make of its files,
 * environment and defaults. reeved itself is asked, so both see the same.
 */

#include "client/tool.h"
#include "proto/arena.h"

#define EFFECTIVE_PATH_BYTES 1024
#define EFFECTIVE_TEXT_BYTES 512

struct effective {
	/* The first one, with its place; "": all is well. */
	char problem[EFFECTIVE_TEXT_BYTES], warning[EFFECTIVE_TEXT_BYTES];
	int warnings;
	char socket[EFFECTIVE_PATH_BYTES]; /* "" if there is a problem */
	char runtime_dir[EFFECTIVE_PATH_BYTES], state_dir[EFFECTIVE_PATH_BYTES];
	int files; /* that were read */
};

/** effective_text() - a problem or a warning, with its place */
void effective_text(struct slice problem, struct arena *arena,
		    char ret[EFFECTIVE_TEXT_BYTES]);

/** effective_load() - ask reeved
 *
 * Return: false: there is none, or it does not say.
 */
must_check bool effective_load(struct effective *ret);
