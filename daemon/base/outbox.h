#pragma once

/*
 * Outbox: messages that a channel did not take, because the other end is busy.
 * They go first, in their order, when it takes some again: nothing that one of
 * supervisor and broker says to the other is lost.
 */

#include "daemon/base/channel.h"

/* One who reads nothing for this many is beyond help. */
#define OUTBOX_MAX 65536

struct outbox {
	struct channel_message *list;
	size_t first, count, room;
};

/**
 * outbox_send() - send it now, or behind what waits
 *
 * Return: 0, CHANNEL_E_END, -ENOBUFS when too much waits, -ENOMEM or another
 *         negative errno.
 */
must_check int outbox_send(struct outbox *outbox, int fd,
			   const struct channel_message *message);

/** outbox_flush() - the channel takes more now */
void outbox_flush(struct outbox *outbox, int fd);

/** outbox_waits() - is there something to be sent when there is room? */
bool outbox_waits(const struct outbox *outbox);

void outbox_fini(struct outbox *outbox);
