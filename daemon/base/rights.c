#include "daemon/base/rights.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define KERNEL_MAX 253 /* SCM_MAX_FD: more never come at once */

struct rights_room rights_room(void)
{
	struct rights_room room = {.limit = LIMIT_DESCRIPTORS_HELD};
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur / 4 < room.limit)
		room.limit = limit.rlim_cur / 4;
	return room;
}

struct parcel *parcel_ref(struct parcel *parcel)
{
	parcel->refs++;
	return parcel;
}

void parcel_unref(struct parcel *parcel)
{
	if (!parcel || --parcel->refs)
		return;
	for (size_t i = 0; i < parcel->count; i++)
		close(parcel->fds[i]);
	parcel->room->used -= parcel->count;
	free(parcel);
}

static void fail_at(struct rights *rights, enum rights_fault fault, size_t end)
{
	/* The first one is told first; who comes later finds none. */
	if (rights->fault)
		return;
	rights->fault = fault;
	rights->fault_end = end;
}

static void add(struct rights *rights, struct rights_room *room, int fd,
		size_t end)
{
	enum rights_fault fault = RIGHTS_WHOLE;

	if (rights->count == ARRAY_COUNT(rights->items))
		fault = RIGHTS_TOO_MANY;
	else if (room->used >= room->limit)
		fault = RIGHTS_NO_ROOM;
	if (fault) {
		close(fd);
		fail_at(rights, fault, end);
		return;
	}
	rights->items[rights->count].fd = fd;
	rights->items[rights->count].end = end;
	rights->count++;
	room->used++;
}

static void take_control(struct msghdr *message, size_t end,
			 struct rights_room *room, struct rights **rights)
{
	if (!*rights)
		*rights = calloc(1, sizeof(**rights));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
	     c = CMSG_NXTHDR(message, c)) {
		int fds[KERNEL_MAX];
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		require(count <= ARRAY_COUNT(fds));
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (*rights)
				add(*rights, room, fds[i], end);
			else
				close(fds[i]);
		}
	}
	/* The kernel had to drop some: this process may not open more. */
	if (message->msg_flags & MSG_CTRUNC && *rights)
		fail_at(*rights, RIGHTS_NO_ROOM, end);
}

ssize_t rights_receive(int fd, void *to, size_t bytes, size_t unread,
		       struct rights_room *room, struct rights **rights)
{
	union {
		char bytes[CMSG_SPACE(KERNEL_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {to, bytes};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	do {
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (message.msg_controllen || message.msg_flags & MSG_CTRUNC)
		take_control(&message, unread + (size_t)n, room, rights);
	return n;
}

static void free_if_empty(struct rights **rights)
{
	if ((*rights)->count || (*rights)->fault)
		return;
	free(*rights);
	*rights = NULL;
}

/* Those up to @end go to the parcel, or are closed without one. */
static void remove_until(struct rights *rights, struct rights_room *room,
			 size_t end, struct parcel *parcel)
{
	size_t left = 0;

	for (size_t i = 0; i < rights->count; i++) {
		if (rights->items[i].end > end) {
			rights->items[left++] = rights->items[i];
		} else if (parcel && !parcel->fault &&
			   parcel->count < ARRAY_COUNT(parcel->fds)) {
			parcel->fds[parcel->count++] = rights->items[i].fd;
		} else {
			if (parcel && !parcel->fault)
				parcel->fault = RIGHTS_TOO_MANY;
			close(rights->items[i].fd);
			room->used--;
		}
	}
	rights->count = left;
	if (rights->fault && rights->fault_end <= end)
		rights->fault = RIGHTS_WHOLE;
}

struct parcel *rights_take(struct rights **at, struct rights_room *room,
			   size_t end)
{
	struct rights *rights = *at;
	struct parcel *parcel;
	bool any;

	if (!rights)
		return NULL;
	any = (rights->count && rights->items[0].end <= end) ||
	      (rights->fault && rights->fault_end <= end);
	parcel = any ? calloc(1, sizeof(*parcel)) : NULL;
	if (parcel) {
		parcel->refs = 1;
		parcel->room = room;
		if (rights->fault && rights->fault_end <= end)
			parcel->fault = rights->fault;
	}
	remove_until(rights, room, end, parcel);
	/* All or none: half of them are of use to nobody. */
	for (; parcel && parcel->fault && parcel->count; room->used--)
		close(parcel->fds[--parcel->count]);
	free_if_empty(at);
	return parcel;
}

void rights_consume(struct rights **at, struct rights_room *room, size_t bytes)
{
	struct rights *rights = *at;

	if (!rights)
		return;
	remove_until(rights, room, bytes, NULL);
	for (size_t i = 0; i < rights->count; i++)
		rights->items[i].end -= bytes;
	if (rights->fault)
		rights->fault_end -= bytes;
	free_if_empty(at);
}

void rights_drop(struct rights *rights, struct rights_room *room)
{
	size_t end = 0;

	for (size_t i = 0; i < rights->count; i++) {
		end = end ? end : rights->items[i].end;
		close(rights->items[i].fd);
	}
	room->used -= rights->count;
	rights->count = 0;
	if (end)
		fail_at(rights, RIGHTS_LATE, end);
}

void rights_fini(struct rights **rights, struct rights_room *room)
{
	if (!*rights)
		return;
	rights_drop(*rights, room);
	free(*rights);
	*rights = NULL;
}

ssize_t rights_send(int fd, const void *from, size_t bytes,
		    const struct parcel *parcel)
{
	union {
		char bytes[CMSG_SPACE(sizeof(parcel->fds))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(void *)from, bytes};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *head = &control.align;
	ssize_t n;

	if (parcel->count) {
		message.msg_control = &control;
		message.msg_controllen =
			CMSG_SPACE(parcel->count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(parcel->count * sizeof(int));
		memcpy(CMSG_DATA(head), parcel->fds,
		       parcel->count * sizeof(int));
	}
	do {
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
