#include "daemon/base/outbox.h"

#include <errno.h>

static int keep(struct outbox *outbox, const struct channel_message *message)
{
	if (outbox->first > 0) {
		outbox->count -= outbox->first;
		memmove(outbox->list, outbox->list + outbox->first,
			outbox->count * sizeof(*outbox->list));
		outbox->first = 0;
	}
	if (outbox->count >= OUTBOX_MAX)
		return -ENOBUFS;
	if (outbox->count == outbox->room) {
		size_t room = outbox->room ? 2 * outbox->room : 64;
		struct channel_message *grown = reallocarray(outbox->list, room,
							     sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		outbox->list = grown;
		outbox->room = room;
	}
	outbox->list[outbox->count++] = *message;
	return 0;
}

int outbox_send(struct outbox *outbox, int fd,
		const struct channel_message *message)
{
	int r = CHANNEL_E_FULL;

	if (!outbox_waits(outbox))
		r = channel_send(fd, message);
	return r == CHANNEL_E_FULL ? keep(outbox, message) : r;
}

void outbox_flush(struct outbox *outbox, int fd)
{
	while (outbox_waits(outbox)) {
		if (channel_send(fd, &outbox->list[outbox->first]) ==
		    CHANNEL_E_FULL)
			return;
		outbox->first++;
	}
	outbox->first = outbox->count = 0;
}

bool outbox_waits(const struct outbox *outbox)
{
	return outbox->first < outbox->count;
}

void outbox_fini(struct outbox *outbox)
{
	free(outbox->list);
	*outbox = (struct outbox){0};
}
