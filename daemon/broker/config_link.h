#pragma once

/*
 * Config link: the configuration as the broker knows it. The supervisor alone
 * reads it; what it said last is the reply to `Config`, and a `Reload` is
 * handed on to it and answered when it has answered.
 */

#include <sys/queue.h>

#include "daemon/base/channel.h"
#include "proto/json_out.h"

struct broker;
struct config_wait;

struct config_link {
	struct json_out text;	/* pieces that came so far */
	struct json_out config; /* the reply to Config; empty: not told yet */
	TAILQ_HEAD(, config_wait) waits;
	int64_t tickets;
};

void config_link_init(struct config_link *link);
void config_link_fini(struct config_link *link);

/** config_link_heard() - what the supervisor says of the configuration */
void config_link_heard(struct broker *broker,
		       const struct channel_message *message);
