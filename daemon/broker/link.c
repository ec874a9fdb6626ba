#include "daemon/broker/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/fleet_end.h"
#include "daemon/broker/state.h"
#include "daemon/broker/stop.h"

static void on_message(struct broker *broker, struct channel_message *message)
{
	struct link *link = &broker->link;

	switch (message->kind) {
	case CHANNEL_TEXT:
	case CHANNEL_CONFIG:
	case CHANNEL_RELOADED:
	case CHANNEL_POOLS:
	case CHANNEL_DEFAULTS:
	case CHANNEL_CALLBACKS:
	case CHANNEL_SETTING:
		config_link_heard(broker, message);
		return;
	default:
		break;
	}
	/* Who waits for the store has no picture that could be changed. */
	if (broker->store_awaited && message->kind != CHANNEL_STOP_NOW)
		return;
	switch (message->kind) {
	case CHANNEL_BORN:
		fleet_born(broker, message);
		break;
	case CHANNEL_DIED:
		fleet_died(broker, message);
		break;
	case CHANNEL_POOL:
		pools_heard(broker, message);
		break;
	case CHANNEL_HOST:
		link->cgroups = message->cgroups;
		memcpy(link->cgroup_reason, message->reason,
		       sizeof(link->cgroup_reason));
		break;
	case CHANNEL_ANNOUNCED:
		link->announced = true;
		fleet_parked(broker);
		break;
	case CHANNEL_STOP_NOW:
		stop_now(broker);
		break;
	default:
		log_warning("unknown message of the supervisor, ignored "
			    "kind=%u",
			    message->kind);
		break;
	}
}

void link_hear(struct broker *broker)
{
	struct channel_message message;
	int r;

	for (;;) {
		r = channel_receive(broker->link.fd, &message);
		if (r == CHANNEL_E_EMPTY)
			return;
		if (r == CHANNEL_E_FORM)
			continue;
		if (r)
			break;
		on_message(broker, &message);
	}
	/* Nobody starts workers any more: commit and end. */
	log_info("the supervisor is gone, ending");
	event_del(broker->link.event);
	stop_now(broker);
}

/* Before the pools there is only what says how things are set. */
static bool is_setting(enum channel_kind kind)
{
	return kind == CHANNEL_TEXT || kind == CHANNEL_HOST ||
	       kind == CHANNEL_SETTING || kind == CHANNEL_CONFIG ||
	       kind == CHANNEL_DEFAULTS || kind == CHANNEL_CALLBACKS ||
	       kind == CHANNEL_POOLS;
}

void link_hear_pools(struct broker *broker)
{
	struct channel_message next, message;

	while (!broker->pools.told &&
	       recv(broker->link.fd, &next, sizeof(next),
		    MSG_PEEK | MSG_DONTWAIT) == (ssize_t)sizeof(next) &&
	       is_setting((enum channel_kind)next.kind) &&
	       channel_receive(broker->link.fd, &message) == 0)
		on_message(broker, &message);
}

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	link_hear(arg);
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;

	(void)what;
	outbox_flush(&broker->link.outbox, (int)fd);
	if (!outbox_waits(&broker->link.outbox))
		event_del(broker->link.room);
}

int link_init(struct broker *broker, int fd)
{
	struct link *link = &broker->link;

	link->fd = fd;
	link->event = event_new(broker->base, fd, EV_READ | EV_PERSIST,
				on_channel, broker);
	link->room = event_new(broker->base, fd, EV_WRITE | EV_PERSIST, on_room,
			       broker);
	if (!link->event || !link->room || event_add(link->event, NULL) < 0)
		return -ENOMEM;
	return 0;
}

void link_fini(struct broker *broker)
{
	if (broker->link.event)
		event_free(broker->link.event);
	if (broker->link.room)
		event_free(broker->link.room);
	outbox_fini(&broker->link.outbox);
	close(broker->link.fd);
}

void link_send(struct broker *broker, const struct channel_message *message)
{
	struct link *link = &broker->link;
	int r = outbox_send(&link->outbox, link->fd, message);

	if (outbox_waits(&link->outbox) && event_add(link->room, NULL) < 0)
		r = -ENOMEM;
	if (r && r != CHANNEL_E_END)
		log_error("cannot tell the supervisor, ignored kind=%u "
			  "error=%d",
			  message->kind, r);
}
