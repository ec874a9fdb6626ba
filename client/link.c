#include "client/link.h"

#include "client/clock.h"
#include "proto/limits.h"
#include "proto/streams.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINK_READ_BYTES (64 * 1024)
#define LINK_BACKLOG_TRIES 500 /* times 10 ms */

void link_init(struct link *link, const volatile sig_atomic_t *interrupt)
{
	*link = (struct link){.fd = -1, .interrupt = interrupt};
}

void link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->buffer);
	link_init(link, link->interrupt);
}

static bool interrupted(const struct link *link)
{
	return link->interrupt && *link->interrupt;
}

static int connect_once(int fd, const struct sockaddr_un *address)
{
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
	    0)
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
		return LINK_E_NOBODY;
	return -errno;
}

/* Who said listen(): below /tmp anybody can, where there is no folder yet. */
static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	return peer.uid == geteuid() || peer.uid == 0 ? 0 : LINK_E_STRANGER;
}

int link_open(struct link *link, const char *path, bool ours)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t bytes = strlen(path);
	int result = 0;

	require(link->fd < 0);
	if (bytes >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, bytes + 1);

	link->fd = streams_above(
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (link->fd < 0)
		return -errno;

	/* A full backlog says EAGAIN on a socket that does not block. */
	for (int i = 0; i < LINK_BACKLOG_TRIES; i++) {
		result = connect_once(link->fd, &address);
		if (result != -EAGAIN && result != -EINTR)
			break;
		if (interrupted(link)) {
			result = LINK_E_INTERRUPTED;
			break;
		}
		clock_pause(10);
	}
	if (result == 0 && ours)
		result = check_peer(link->fd);
	if (result != 0) {
		link_close(link);
		return result;
	}
	link->owner = getpid();
	frame_init(&link->frame, FRAME_NUL, LINK_MESSAGE_BYTES);
	return 0;
}

/*
 * Is there a connection, and is it ours? Behind fork() two processes hold one:
 * each would get what was meant for the other. The child's is closed, which
 * the parent does not notice, and whoever called connects again.
 */
static bool usable(struct link *link)
{
	if (link->fd >= 0 && link->owner != getpid())
		link_close(link);
	return link->fd >= 0;
}

/* 0 when something can be done, LINK_E_TIMEOUT, LINK_E_INTERRUPTED, -errno. */
static int wait_for(struct link *link, short events, int64_t deadline_ms)
{
	struct pollfd fd = {.fd = link->fd, .events = events};

	for (;;) {
		int64_t left = -1;
		int n;

		if (interrupted(link))
			return LINK_E_INTERRUPTED;
		if (deadline_ms >= 0) {
			left = deadline_ms - clock_monotonic_ms();
			if (left < 0)
				left = 0;
			if (left > INT_MAX)
				left = INT_MAX;
		}
		n = poll(&fd, 1, (int)left);
		if (n > 0)
			return 0;
		if (n == 0)
			return LINK_E_TIMEOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int link_send(struct link *link, struct slice message, size_t *ret_sent)
{
	*ret_sent = 0;
	if (!usable(link))
		return LINK_E_CLOSED;
	while (*ret_sent < message.n) {
		ssize_t n = send(link->fd, message.p + *ret_sent,
				 message.n - *ret_sent, MSG_NOSIGNAL);
		int result;

		if (n >= 0) {
			*ret_sent += (size_t)n;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return LINK_E_CLOSED;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		result = wait_for(link, POLLOUT, -1);
		if (result != 0)
			return result;
	}
	return 0;
}

/* One byte, with descriptors: they are those of the message that it ends. */
static int give_last(struct link *link, const char *byte, const int *fds,
		     size_t count)
{
	union {
		char bytes[CMSG_SPACE(LIMIT_DESCRIPTORS_PER_MESSAGE *
				      sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(char *)byte, 1};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *head = &control.align;
	int result;

	require(count > 0 && count <= LIMIT_DESCRIPTORS_PER_MESSAGE);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	while (sendmsg(link->fd, &message, MSG_NOSIGNAL) < 0) {
		if (errno == EPIPE || errno == ECONNRESET)
			return LINK_E_CLOSED;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		result = wait_for(link, POLLOUT, -1);
		if (result != 0)
			return result;
	}
	return 0;
}

int link_give(struct link *link, struct slice message, const int *fds,
	      size_t count, size_t *ret_sent)
{
	int result = link_send(link, (struct slice){message.p, message.n - 1},
			       ret_sent);

	if (result == 0)
		result = give_last(link, message.p + message.n - 1, fds, count);
	if (result == 0)
		*ret_sent = message.n;
	return result;
}

/* Room for one more read; what was consumed makes place first. */
static int make_room(struct link *link)
{
	size_t held = link->end - link->begin;
	size_t wanted;
	char *buffer;

	if (link->begin > 0) {
		memmove(link->buffer, link->buffer + link->begin, held);
		link->begin = 0;
		link->end = held;
	}
	if (link->capacity - held >= LINK_READ_BYTES)
		return 0;
	wanted = held < LINK_READ_BYTES ? 2 * LINK_READ_BYTES : 2 * held;
	buffer = realloc(link->buffer, wanted);
	if (!buffer)
		return -ENOMEM;
	link->buffer = buffer;
	link->capacity = wanted;
	return 0;
}

static int read_more(struct link *link, int64_t deadline_ms)
{
	int result = make_room(link);

	if (result != 0)
		return result;
	for (;;) {
		ssize_t n = recv(link->fd, link->buffer + link->end,
				 link->capacity - link->end, 0);

		if (n > 0) {
			link->end += (size_t)n;
			return 0;
		}
		if (n == 0 || errno == ECONNRESET)
			return LINK_E_CLOSED;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		result = wait_for(link, POLLIN, deadline_ms);
		if (result != 0)
			return result;
	}
}

int link_receive(struct link *link, int64_t timeout_ms, struct slice *ret)
{
	int64_t deadline_ms = -1;

	if (!usable(link))
		return LINK_E_CLOSED;
	if (timeout_ms >= 0)
		deadline_ms = clock_monotonic_ms() + timeout_ms;

	for (;;) {
		struct slice buffered = {link->buffer + link->begin,
					 link->end - link->begin};
		size_t consumed = 0;
		int result = FRAME_E_MORE;

		if (buffered.n > 0)
			result = frame_next(&link->frame, buffered, ret,
					    &consumed);
		link->begin += consumed;
		if (result == 0)
			return 0;
		if (result != FRAME_E_MORE) {
			link_close(link);
			return LINK_E_TOO_LARGE;
		}
		result = read_more(link, deadline_ms);
		if (result != 0)
			return result;
	}
}
