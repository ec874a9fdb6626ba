#pragma once

/*
 * Effective: what a daemon that is started now would make of its files,
 * environment and defaults. reeved itself is asked, so both see the same.
 */

#include "client/tool.h"

#define EFFECTIVE_PATH_BYTES 1024

struct effective {
	char problem[512]; /* the first one, with its place; "": all is well */
	char socket[EFFECTIVE_PATH_BYTES]; /* "" if there is a problem */
	char runtime_dir[EFFECTIVE_PATH_BYTES], state_dir[EFFECTIVE_PATH_BYTES];
	int files; /* that were read */
};

/** effective_load() - ask reeved
 *
 * Return: false: there is none, or it does not say.
 */
must_check bool effective_load(struct effective *ret);
