#pragma once

/*
 * Link: one connection to the daemon, and the messages on it. NUL-terminated,
 * bounded, with deadlines; knows nothing of what is in a message.
 *
 * Not for: reconnecting; client/handle.c and its callers decide about that.
 */

#include "proto/base.h"
#include "proto/frame.h"

#include <signal.h>
#include <sys/types.h>

/* More than the daemon ever sends in one message, less than what hurts. */
#define LINK_MESSAGE_BYTES (64 * 1024 * 1024)

enum {
	LINK_E_CLOSED = 1, /* the other side closed, or was gone */
	LINK_E_TIMEOUT,
	LINK_E_INTERRUPTED, /* *flag is set */
	LINK_E_TOO_LARGE,   /* a message over the limit: closed */
	LINK_E_NOBODY,	    /* nobody listens at this path */
	LINK_E_STRANGER,    /* another user does, and not root */
};

struct link {
	int fd;	     /* -1: not connected */
	pid_t owner; /* who connected: a child of it shares the descriptor */
	struct frame frame;
	char *buffer; /* owned */
	size_t begin, end, capacity;
	const volatile sig_atomic_t *interrupt; /* NULL: none */
};

/** link_init() - an unconnected link */
void link_init(struct link *link, const volatile sig_atomic_t *interrupt);

/** link_close() - disconnect and free; the link may be opened again */
void link_close(struct link *link);

/**
 * link_open() - connect
 * @ours:	only to a daemon of this user, or of root
 *
 * Return: 0, LINK_E_NOBODY, LINK_E_STRANGER, LINK_E_INTERRUPTED or negative
 * errno; the link is closed then.
 */
must_check int link_open(struct link *link, const char *path, bool ours);

/**
 * link_send() - write @message, which has its terminator
 * @ret_sent:	how much of it left, in every case; less than all of it means
 *		that the daemon did not see it
 *
 * Return: 0, LINK_E_CLOSED, LINK_E_INTERRUPTED or negative errno.
 */
must_check int link_send(struct link *link, struct slice message,
			 size_t *ret_sent);

/**
 * link_give() - the same, and descriptors with its last byte
 * @count:	1 .. 16
 *
 * Return: as link_send(); they left if all of the message did.
 */
must_check int link_give(struct link *link, struct slice message,
			 const int *fds, size_t count, size_t *ret_sent);

/**
 * link_receive() - the next message
 * @timeout_ms:	-1: no limit; 0: only what is there
 * @ret:	without terminator; lives until the next call
 *
 * Return: 0, LINK_E_* or negative errno.
 */
must_check int link_receive(struct link *link, int64_t timeout_ms,
			    struct slice *ret);
