#include "daemon/broker/follow.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/broker/state.h"

static void tell(struct follows *follows, int64_t job)
{
	struct follow *follow, *next;

	for (follow = TAILQ_FIRST(&follows->list); follow; follow = next) {
		next = TAILQ_NEXT(follow, link);
		if (job < 0 || follow->job == job)
			follow->grew(follow);
	}
}

void follows_told(struct broker *broker, int64_t job)
{
	if (!TAILQ_EMPTY(&broker->follows.list))
		tell(&broker->follows, job);
}

static void on_inotify(evutil_socket_t fd, short what, void *arg)
{
	union {
		struct inotify_event event;
		char bytes[16384];
	} buffer;
	struct broker *broker = arg;
	ssize_t n = read((int)fd, &buffer, sizeof(buffer));

	(void)what;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event =
			(const void *)(buffer.bytes + at);

		/* Overflow: anything may have grown. */
		if (event->mask & IN_Q_OVERFLOW)
			tell(&broker->follows, -1);
		else if (event->len)
			tell(&broker->follows, strtoll(event->name, NULL, 10));
		if (broker->follows.fd < 0)
			return; /* the last one left */
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

void follows_init(struct broker *broker)
{
	TAILQ_INIT(&broker->follows.list);
	broker->follows.fd = -1;
}

static void close_watch(struct follows *follows)
{
	if (follows->event)
		event_free(follows->event);
	if (follows->fd >= 0)
		close(follows->fd);
	follows->event = NULL;
	follows->fd = -1;
}

static int open_watch(struct broker *broker)
{
	struct follows *follows = &broker->follows;
	char path[4200];

	snprintf(path, sizeof(path), "%s/output", broker->config->state_dir);
	follows->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (follows->fd < 0)
		return -errno;
	follows->event = event_new(broker->base, follows->fd,
				   EV_READ | EV_PERSIST, on_inotify, broker);
	if (!follows->event || event_add(follows->event, NULL) < 0 ||
	    inotify_add_watch(follows->fd, path, IN_CREATE | IN_MODIFY) < 0) {
		close_watch(follows);
		return -ENOMEM;
	}
	return 0;
}

void follows_fini(struct broker *broker)
{
	close_watch(&broker->follows);
}

void follows_renew(struct broker *broker)
{
	if (broker->follows.fd < 0)
		return;
	close_watch(&broker->follows);
	if (open_watch(broker))
		log_warning("output cannot be followed live until the next "
			    "follower has it watched again");
	tell(&broker->follows, -1);
}

int follow_add(struct broker *broker, struct follow *follow)
{
	int r = broker->follows.fd < 0 ? open_watch(broker) : 0;

	if (r)
		return r;
	TAILQ_INSERT_TAIL(&broker->follows.list, follow, link);
	follow->linked = true;
	return 0;
}

void follow_remove(struct broker *broker, struct follow *follow)
{
	if (!follow->linked)
		return;
	follow->linked = false;
	TAILQ_REMOVE(&broker->follows.list, follow, link);
	if (TAILQ_EMPTY(&broker->follows.list))
		close_watch(&broker->follows);
}
