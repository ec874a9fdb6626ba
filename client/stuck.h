#pragma once

/* Stuck: somebody waits for jobs that will not start by themselves. */

#include "client/tool.h"

/** stuck_tell() - if one of them is held, or its queue paused: say so once, and
 * what would let it go. Of very many only the first are looked at. */
void stuck_tell(struct tool *tool, const int64_t *ids, size_t count);

/** stuck_tell_group() - the same for the jobs of a group */
void stuck_tell_group(struct tool *tool, int64_t group);
