#pragma once

/*
 * Worker log: what a handler has to say to the administrator, in our log. Of
 * each worker so much that nobody fills the disk with it (core/bucket).
 */

#include "daemon/broker/worker.h"

/** worker_log_say() - a `log` statement
 * @value:	of its first member, checked JSON
 * @most:	the log level
 */
void worker_log_say(struct worker *worker, struct slice line,
		    struct slice value, int most, int64_t now_ns);

/** worker_log_tick() - tell what was left out, when nothing follows it */
void worker_log_tick(struct worker *worker, int64_t now_ns);
