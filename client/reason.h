#pragma once

/* Reason: what the daemon says of a job that waits or has ended, to people. */

#include "proto/arena.h"

/** reason_text() - its message, in @arena; of one that tells of a time with that
 * time, as it is called here
 * @reason:	checked JSON of type Reason */
const char *reason_text(struct arena *arena, struct slice reason);
