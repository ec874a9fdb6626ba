#pragma once

/*
 * Callbacks as text: how the supervisor, which reads the configuration, tells
 * the broker of them (CHANNEL_CALLBACKS):
 *
 *	{"rules":{"on_failure":[Spec,...]},
 *	 "queues":[{"queue":"mail","on_failure":[Spec,...]}]}
 *
 * A list of a queue is there when a file says it, also an empty one.
 */

#include "daemon/config/settings.h"

/** callbacks_text_write() - 0 or -ENOMEM; an item that is none is left out */
must_check int callbacks_text_write(struct json_out *out,
				    const struct settings *settings);
