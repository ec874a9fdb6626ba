#pragma once

/*
 * Sock: a non-blocking Unix stream socket with its two buffers. Clients and
 * workers both are one. Bytes that are written leave at the end of the loop's
 * turn, in one send() however many replies they are.
 *
 * Not for: what the bytes mean (conn.c, worker_link.c).
 */

#include <event2/event.h>
#include <sys/queue.h>

#include "daemon/base/rights.h"
#include "proto/base.h"
#include "proto/json_out.h"

struct sock;
struct sock_load;

struct sock_events {
	/* Bytes arrived, or the peer ended its side (sock->eof). */
	void (*readable)(struct sock *sock);
	/* All that was written has left. */
	void (*drained)(struct sock *sock);
	/* Broken, or the peer is gone for good. May free the owner. */
	void (*broken)(struct sock *sock);
};

/* One for each loop: who has something to send. */
struct sock_loop {
	struct event_base *base;
	struct event *flush, *later;
	TAILQ_HEAD(, sock) dirty, late;
	size_t in_bytes;	 /* of all input buffers that are not trusted */
	struct rights_room room; /* for descriptors, received and held */
	/* After each sock's turn; NULL: nothing. Any sock may be gone after. */
	void (*between)(void *owner);
	void *owner;
};

struct sock {
	struct sock_loop *loop;
	const struct sock_events *events;
	void *owner;
	int fd;
	struct event *read_event, *write_event;
	TAILQ_ENTRY(sock) dirty_link, late_link;
	bool dirty, late, writing, paused;
	bool eof;     /* nothing more will come; the peer may still read */
	bool trusted; /* set by the owner: LIMIT_INPUT_BYTES is not for it */
	bool reset;   /* the peer went with something unread */
	bool crowded; /* there was no room for more input; see sock_crowded() */
	struct rights *rights; /* came, and not taken yet; NULL: none */
	char *in;
	size_t in_at, in_n, in_capacity; /* unread: in[in_at .. in_at + in_n) */
	struct json_out out;
	size_t out_at;			/* sent already */
	STAILQ_HEAD(, sock_load) loads; /* parcels for parts of it */
	int64_t stuck_since_ns; /* unsent bytes without progress; 0: none */
};

/** sock_loop_init() - nobody has anything to send; 0 or -ENOMEM */
must_check int sock_loop_init(struct sock_loop *loop, struct event_base *base);
/** sock_loop_fini() - all its socks are gone */
void sock_loop_fini(struct sock_loop *loop);

/**
 * sock_init() - take over a connected descriptor
 * @fd:		non-blocking; owned by the sock, also on failure
 * @owner:	for the callbacks, as sock->owner
 *
 * Return: 0 or -ENOMEM.
 */
must_check int sock_init(struct sock *sock, struct sock_loop *loop, int fd,
			 const struct sock_events *events, void *owner);
/** sock_fini() - close and free; unsent bytes are lost */
void sock_fini(struct sock *sock);

/** sock_in() - what arrived and was not consumed; valid until the callback ends */
struct slice sock_in(const struct sock *sock);
void sock_consume(struct sock *sock, size_t bytes);

/** sock_trim() - nothing goes on: give its buffers back */
void sock_trim(struct sock *sock);
/** sock_crowded() - its buffer is full, and all together hold too much */
bool sock_crowded(const struct sock *sock);

/** sock_out() - write here; it leaves at the end of the turn */
struct json_out *sock_out(struct sock *sock);
/** sock_out_later() - what nobody waits for: it leaves with what is written
 * next, or a millisecond later, and wakes nobody up for itself alone */
struct json_out *sock_out_later(struct sock *sock);
/** sock_hurry() - what was to leave later leaves at the end of the turn */
void sock_hurry(struct sock_loop *loop);
/**
 * sock_load() - what was written since @from leaves with these descriptors
 * @from:	sock_out()->n as it was before
 *
 * Return: 0, or -ENOMEM: then the text is there and they are not.
 */
must_check int sock_load(struct sock *sock, size_t from, struct parcel *parcel);
/** sock_unsent() - bytes */
size_t sock_unsent(const struct sock *sock);

/** sock_pause() - stop or go on reading; the kernel's buffer blocks the peer */
void sock_pause(struct sock *sock, bool paused);
/** sock_flush() - send now what can be sent; false when the sock broke */
bool sock_flush(struct sock *sock);

/** sock_last_words() - it broke, and is at its end: read what the peer had
 * written. Return: false when some of it may be missing */
bool sock_last_words(struct sock *sock);

/** sock_unread() - it ends: is the last of what was written surely unread? */
bool sock_unread(const struct sock *sock);
/** sock_hung_up() - did the peer close both ways? (poll, one system call) */
bool sock_hung_up(const struct sock *sock);
/** sock_flush_quietly() - send what can be sent, without any callback */
void sock_flush_quietly(struct sock *sock);
