#pragma once

/*
 * Rights: descriptors that travel over Unix sockets with the bytes of a stream
 * (SCM_RIGHTS), whose they are, and how many one process may hold.
 *
 * The kernel ends a read behind the piece that carries descriptors. So they are
 * those of the message in which that read ended; a long message may come in
 * several pieces, of which the kernel gives them to the first.
 */

#include <sys/types.h>

#include "proto/base.h"
#include "proto/limits.h"

/* How many descriptors of others a process holds, and may hold. */
struct rights_room {
	size_t used, limit;
};

/* Why some that came with a message were closed. */
enum rights_fault {
	RIGHTS_WHOLE,	 /* none was */
	RIGHTS_TOO_MANY, /* more than LIMIT_DESCRIPTORS_PER_MESSAGE */
	RIGHTS_NO_ROOM,	 /* the room is full, or the process's own limit */
	RIGHTS_LATE,	 /* nobody took the message up: rights_drop() */
};

/* Those of one message. Counted: closed when nobody needs them any more. */
struct parcel {
	unsigned refs;
	enum rights_fault fault; /* not RIGHTS_WHOLE: there are none */
	struct rights_room *room;
	size_t count;
	int fds[LIMIT_DESCRIPTORS_PER_MESSAGE];
};

/** rights_room() - empty: a quarter of the process's own limit of open files,
 * LIMIT_DESCRIPTORS_HELD at most */
struct rights_room rights_room(void);

/** parcel_ref() - somebody else needs it, too */
struct parcel *parcel_ref(struct parcel *parcel);
/** parcel_unref() - no more; the last one closes. NULL is allowed */
void parcel_unref(struct parcel *parcel);

/* Those that came, and whose message nobody has taken yet. */
struct rights {
	enum rights_fault fault;
	size_t fault_end;
	size_t count;
	struct {
		int fd;
		size_t end; /* of what was read with it, in unread bytes */
	} items[2 * LIMIT_DESCRIPTORS_PER_MESSAGE];
};

/**
 * rights_receive() - recvmsg() on a stream
 * @unread:	bytes that were read before and not consumed
 * @rights:	NULL until some come: then it is made, with rights_consume(),
 *		rights_take() or rights_fini() it goes
 *
 * What there is no room for is closed, and its message told (fault).
 *
 * Return: bytes, 0 at the end, negative errno (-EAGAIN: nothing there).
 */
must_check ssize_t rights_receive(int fd, void *to, size_t bytes, size_t unread,
				  struct rights_room *room,
				  struct rights **rights);

/**
 * rights_take() - those of the message that ends @end bytes from here
 *
 * Return: the caller's; NULL: none came (or there is no memory: closed).
 */
struct parcel *rights_take(struct rights **rights, struct rights_room *room,
			   size_t end);

/** rights_consume() - so many bytes are gone; what came with them is closed */
void rights_consume(struct rights **rights, struct rights_room *room,
		    size_t bytes);

/** rights_drop() - close them; their message will hear RIGHTS_LATE */
void rights_drop(struct rights *rights, struct rights_room *room);

/** rights_fini() - close all; *@rights may be NULL and is afterwards */
void rights_fini(struct rights **rights, struct rights_room *room);

/**
 * rights_send() - sendmsg(): @bytes of one message, and the parcel with them
 *
 * Return: bytes that left, more than 0: and the parcel too; negative errno.
 */
must_check ssize_t rights_send(int fd, const void *from, size_t bytes,
			       const struct parcel *parcel);
