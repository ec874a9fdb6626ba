#pragma once

/*
 * Group watch: Wait for a group. With `more` every end is a reply, those that
 * had ended before first, in pages; the last reply says pending 0 when the
 * group is closed and nothing of it is left. Without, one reply without rows:
 * List with the group's number shows them, in pages.
 */

#include "daemon/broker/call.h"

/** group_watch_start() - the call ends when the watch does; 0 or -ENOMEM
 * @brief:	tell ends instead of jobs, all that ended together in one reply */
must_check int group_watch_start(struct call *call, int64_t group, bool any,
				 bool brief, int64_t wait_ms);
