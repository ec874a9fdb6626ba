#pragma once

/*
 * Link: the broker's end of the supervisor's channel. End of file on it means
 * that the supervisor is gone, and the broker ends too.
 */

#include <event2/event.h>

#include "daemon/base/outbox.h"

struct broker;

struct link {
	int fd;
	struct event *event;
	struct event *room; /* added while something waits for room */
	struct outbox outbox;
	bool announced; /* every living worker has been named */
	bool cgroups;
	char cgroup_reason[CHANNEL_REASON_BYTES];
};

/** link_init() - take over descriptor @fd; 0 or -ENOMEM */
must_check int link_init(struct broker *broker, int fd);
void link_fini(struct broker *broker);

/** link_hear() - take what the supervisor has said so far */
void link_hear(struct broker *broker);

/** link_hear_pools() - up to what it said of pools, and no further */
void link_hear_pools(struct broker *broker);

/** link_send() - one message, in order; lost when the supervisor is gone */
void link_send(struct broker *broker, const struct channel_message *message);
