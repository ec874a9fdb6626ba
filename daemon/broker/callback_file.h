#pragma once

/*
 * Callback file: what the configuration says of callbacks, of all jobs and of
 * queues. Those of a queue are written to it as queue_file does with its
 * limits, and outdo what is asked for at run time. They are the daemon's own
 * user's.
 */

#include "proto/callback.h"

struct broker;

/** callback_file_take() - what the supervisor told; checked JSON
 *
 * What cannot be taken over is logged, and what was there stays. */
void callback_file_take(struct broker *broker, struct slice text);

/** callback_file_apply() - to the queues, once the store's are loaded */
void callback_file_apply(struct broker *broker);

/** callback_file_holds() - does a file say this list of a queue? */
bool callback_file_holds(const struct broker *broker, struct slice queue,
			 enum callback_when when);
