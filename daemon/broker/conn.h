#pragma once

/*
 * Conn: a client's connection. Calls are executed and answered in order.
 * Submissions and steering may be pipelined: they gather in one batch. Every
 * other call waits until all before it are answered, and is alone while it
 * runs.
 */

#include <sys/queue.h>

#include "daemon/broker/sock.h"
#include "proto/frame.h"

struct broker;
struct call;
struct consumer;

struct conn {
	TAILQ_ENTRY(conn) link;
	TAILQ_ENTRY(conn) again_link;
	struct conn_list *again; /* its turn comes again; NULL: it need not */
	struct broker *broker;
	struct sock sock;
	struct frame frame;
	TAILQ_HEAD(, call) calls; /* unanswered, in order */
	size_t call_count;
	uint32_t uid, gid;
	pid_t pid;	   /* for the log only */
	size_t held_bytes; /* a whole message that waits for its turn */
	size_t held_consumed;
	int frame_error; /* behind the calls that wait; 0: none */
	uint64_t behind; /* see direct_behind(); 0: nothing is awaited */
	bool alone;	 /* a call runs that nothing may overtake */
	bool closing;	 /* the last words are on their way */
	bool processing; /* in conn_process(): do not come back */
	int64_t partial_since_ns;  /* an unfinished message waits; 0: none */
	int64_t rights_since_ns;   /* descriptors wait; 0: none, or not seen */
	uint64_t replies;	   /* written so far */
	struct consumer *consumer; /* it reserved jobs; NULL: it did not */
	int64_t oneway_accepted, oneway_rejected; /* since the last Flush */
};

TAILQ_HEAD(conn_list, conn);

/* Refused connections that are kept until they have read why. */
#define CONNS_REFUSED 16

struct conns {
	struct conn_list list;
	struct conn_list again; /* there is more of them to take */
	struct conn_list turn;	/* of those: who is looked at just now */
	size_t count;
	size_t most, most_of_user; /* how many it may be; see room_of() */
	struct event **listeners;
	int *listen_fds;
	int listener_count;
	int refused[CONNS_REFUSED]; /* 0: none; closed at the next tick */
	unsigned refused_next;
	struct event *retry; /* after EMFILE: accept again in a second */
};

/** conns_init() - listening descriptors @first .. @first + @count - 1 */
must_check int conns_init(struct broker *broker, int first, int count);
void conns_fini(struct broker *broker);

/** conns_listen() - begin or stop to accept */
void conns_listen(struct broker *broker, bool on);

/** conns_resume() - the batch left: go on with who was held back */
void conns_resume(struct broker *broker);

/** conns_tick() - unfinished messages, readers that do not read, hang-ups */
void conns_tick(struct broker *broker, int64_t now_ns);

/** conns_flush() - send what can be sent, now; nothing is freed by this */
void conns_flush(struct broker *broker);

/**
 * conn_answered() - the front call is through: send what waits behind it
 *
 * Takes the next messages too, and may free the connection.
 */
void conn_answered(struct conn *conn);

/**
 * conn_parcel() - the descriptors that came with this message, if any wait
 * @message:	in the connection's buffer, taken for good
 *
 * Return: the caller's; NULL: none came.
 */
struct parcel *conn_parcel(struct conn *conn, struct slice message);

/** conn_close() - after what was written has left; takes nothing more */
void conn_close(struct conn *conn);

/** conn_free() - now; open calls go on without a listener */
void conn_free(struct conn *conn);
