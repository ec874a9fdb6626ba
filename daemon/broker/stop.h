#pragma once

/*
 * Stop: how the broker ends. Leave: commit what is there, running jobs go on
 * under their workers. Drain: start nothing more, end when nothing runs. Kill:
 * end what runs first.
 */

#include "daemon/broker/call.h"

/**
 * stop_asked() - a client called Shutdown
 * @mode:	enum call_shutdown_mode
 * @timeout_ms:	of drain and kill: behind it, leave; negative: never
 */
void stop_asked(struct call *call, int mode, int64_t timeout_ms);

/** stop_now() - the supervisor said so, or is gone: end the loop in order */
void stop_now(struct broker *broker);

/** stop_batch() - it is through: end the next slice of what runs */
void stop_batch(struct broker *broker, const struct batch *batch);

/** stop_check() - a batch is through: has what was waited for happened? */
void stop_check(struct broker *broker);
