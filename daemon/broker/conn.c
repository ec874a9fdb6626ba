#include "daemon/broker/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "proto/limits.h"

#define CONN_HOLD_BYTES (64 * 1024) /* read ahead behind a call that runs */
#define SECOND_NS INT64_C(1000000000)

static void say_last(struct conn *conn, const char *error, const char *message,
		     int64_t offset)
{
	struct json_out *out = sock_out(&conn->sock);

	json_out_object(out);
	json_out_member_text(out, "error", error);
	json_out_key(out, "parameters");
	json_out_object(out);
	json_out_member_int(out, "offset", offset);
	json_out_member_text(out, "message", message);
	json_out_member_text(out, "hint",
			     "the connection is closed: open another one; "
			     "PROTOCOL.md tells what a message is");
	json_out_object_end(out);
	json_out_object_end(out);
	json_out_byte(out, frame_terminator(&conn->frame));
	conn_close(conn);
}

/* May another message be taken from this connection now? */
static bool may_go_on(const struct conn *conn)
{
	return !conn->closing && !conn->alone && !conn->broker->ending &&
	       conn->call_count < LIMIT_CALLS_PER_CONNECTION &&
	       sock_unsent(&conn->sock) < LIMIT_UNSENT_BYTES &&
	       !cycle_behind(conn->broker);
}

static void bad_frame(struct conn *conn, int error)
{
	if (error == FRAME_E_TOO_LARGE) {
		struct json_out *out = sock_out(&conn->sock);
		bool crowded = sock_crowded(&conn->sock);

		json_out_object(out);
		json_out_member_text(out, "error", "org.reeve.jobs.TooLarge");
		json_out_key(out, "parameters");
		json_out_object(out);
		json_out_member_text(out, "what",
				     crowded ? "input" : "message");
		json_out_member_int(out, "size", (int64_t)conn->sock.in_n);
		json_out_member_int(out, "limit",
				    crowded ? LIMIT_INPUT_BYTES
					    : LIMIT_MESSAGE_BYTES);
		json_out_member_text(
			out, "message",
			crowded ? "too much is being sent to the daemon by "
				  "all its clients"
				: "the message is larger than the limit");
		json_out_member_text(out, "hint",
				     crowded ? "send it again later, in "
					       "several smaller calls; the "
					       "connection is closed"
					     : "send several smaller calls; "
					       "the connection is closed");
		json_out_object_end(out);
		json_out_object_end(out);
		json_out_byte(out, frame_terminator(&conn->frame));
		conn_close(conn);
		return;
	}
	say_last(conn, "org.reeve.admin.BadMessage",
		 "a NUL byte in newline mode: the first message ended with a "
		 "newline, so all must",
		 0);
}

/*
 * The next whole message, from the buffer or from where it was held.
 * Return: false when there is none now.
 */
static bool next_message(struct conn *conn, struct slice *ret,
			 size_t *ret_consumed)
{
	struct slice in = sock_in(&conn->sock);
	int r;

	if (conn->held_bytes) {
		*ret = (struct slice){in.p, conn->held_bytes};
		*ret_consumed = conn->held_consumed;
		conn->held_bytes = 0;
		return true;
	}
	*ret_consumed = 0;
	r = conn->frame_error;
	if (!r) {
		r = frame_next(&conn->frame, in, ret, ret_consumed);
		if (r == 0)
			return true;
		sock_consume(&conn->sock, *ret_consumed);
		if (r == FRAME_E_MORE && sock_crowded(&conn->sock))
			r = FRAME_E_TOO_LARGE;
	}
	if (r != FRAME_E_MORE) {
		/* Those before it are answered first. */
		conn->frame_error = r;
		if (!conn->call_count)
			bad_frame(conn, r);
		return false;
	}
	if (!conn->sock.in_n)
		conn->partial_since_ns = 0;
	else if (!conn->partial_since_ns)
		conn->partial_since_ns = clock_mono_ns();
	return false;
}

static void take_messages(struct conn *conn)
{
	struct slice message;
	size_t consumed;

	while (may_go_on(conn) && next_message(conn, &message, &consumed)) {
		struct slice in = sock_in(&conn->sock);

		conn->partial_since_ns = 0;
		if (!call_message(conn, message)) {
			/* Keep it where it is; drop what came before it. */
			size_t skip = (size_t)(message.p - in.p);

			sock_consume(&conn->sock, skip);
			conn->held_bytes = message.n;
			conn->held_consumed = consumed - skip;
			break;
		}
		sock_consume(&conn->sock, consumed);
	}
}

/* May there be a whole message that was not taken yet? */
static bool more_to_take(const struct conn *conn)
{
	return conn->held_bytes || conn->frame_error ||
	       (conn->sock.in_n && !may_go_on(conn));
}

static bool done_with(const struct conn *conn)
{
	if (conn->closing)
		return !sock_unsent(&conn->sock);
	return conn->sock.eof && !conn->call_count && !more_to_take(conn) &&
	       !sock_unsent(&conn->sock);
}

/*
 * The peer is gone for good. What it sent before is still done, but nobody
 * waits for the end of a call that waits itself.
 */
static bool is_abandoned(const struct conn *conn)
{
	if (!conn->sock.eof && !conn->sock.paused)
		return false;
	return (conn->alone || (conn->sock.eof && !more_to_take(conn))) &&
	       sock_hung_up(&conn->sock);
}

/* Thousands that only wait are not looked at when a batch has left. */
static void set_again(struct conn *conn, struct conn_list *list)
{
	if (conn->again)
		TAILQ_REMOVE(conn->again, conn, again_link);
	conn->again = list;
	if (list)
		TAILQ_INSERT_TAIL(list, conn, again_link);
}

/* Take what can be taken; may free the connection. */
static void conn_process(struct conn *conn)
{
	bool backlog;

	if (conn->processing)
		return;
	conn->processing = true;
	take_messages(conn);
	conn->processing = false;

	if (done_with(conn) || is_abandoned(conn)) {
		conn_free(conn);
		return;
	}
	/* Whoever may not go on is not read on: its buffer stays small. */
	backlog = conn->held_bytes || conn->frame_error ||
		  (!may_go_on(conn) &&
		   (conn->sock.in_n >= CONN_HOLD_BYTES || conn->sock.rights));
	sock_pause(&conn->sock, conn->closing || backlog);
	backlog = conn->sock.paused || conn->sock.in_n;
	if (backlog != (conn->again != NULL))
		set_again(conn, backlog ? &conn->broker->conns.again : NULL);
}

static void on_readable(struct sock *sock)
{
	conn_process(sock->owner);
}

static void on_drained(struct sock *sock)
{
	struct conn *conn = sock->owner;
	struct call *call = TAILQ_FIRST(&conn->calls);

	if (call && call->drained && !conn->closing)
		call->drained(call);
	else
		conn_process(conn);
}

static void on_broken(struct sock *sock)
{
	conn_free(sock->owner);
}

static const struct sock_events conn_events = {
	.readable = on_readable,
	.drained = on_drained,
	.broken = on_broken,
};

/*
 * One line and goodbye, before there is a connection. It is closed a little
 * later: whoever writes first and reads then must find the line, not EPIPE.
 */
static void refuse(struct conns *conns, int fd, const char *line)
{
	int *place = &conns->refused[conns->refused_next++ % CONNS_REFUSED];

	(void)!send(fd, line, strlen(line) + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	if (*place > 0)
		close(*place);
	*place = fd;
}

static void close_refused(struct conns *conns)
{
	for (size_t i = 0; i < CONNS_REFUSED; i++) {
		if (conns->refused[i] > 0)
			close(conns->refused[i]);
		conns->refused[i] = 0;
	}
}

static void too_many(struct conns *conns, int fd, size_t limit)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "{\"error\":\"org.reeve.admin.TooManyConnections\","
		 "\"parameters\":{\"limit\":%zu,\"message\":\"too many "
		 "connections of this user\",\"hint\":\"close some, or share "
		 "one\"}}",
		 limit);
	refuse(conns, fd, line);
}

/* An operator gets in however many its own user has opened. */
static size_t room_of(const struct conns *conns, uid_t uid)
{
	return uid == 0 && geteuid() != 0 ? conns->most : conns->most_of_user;
}

/* A quarter of the descriptors is for workers, files and what is passed on. */
static void set_room(struct conns *conns)
{
	struct rlimit limit;
	size_t room = LIMIT_CONNECTIONS;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur / 4 * 3 < room)
		room = limit.rlim_cur / 4 * 3;
	conns->most = room;
	conns->most_of_user = room / 4 * 3;
	if (conns->most_of_user > LIMIT_CONNECTIONS_PER_USER)
		conns->most_of_user = LIMIT_CONNECTIONS_PER_USER;
}

static void accept_one(struct broker *broker, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	struct conn *conn;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 ||
	    (peer.uid != geteuid() && peer.uid != 0)) {
		log_info("connection of another user refused uid=%u",
			 (unsigned)peer.uid);
		refuse(&broker->conns, fd,
		       "{\"error\":\"org.varlink.service.PermissionDenied\","
		       "\"parameters\":{\"message\":\"this daemon serves "
		       "its own user only\",\"hint\":\"reeve daemon start "
		       "starts one of your own\"}}");
		return;
	}
	if (broker->conns.count >= room_of(&broker->conns, peer.uid)) {
		too_many(&broker->conns, fd, room_of(&broker->conns, peer.uid));
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		return;
	}
	if (sock_init(&conn->sock, &broker->socks, fd, &conn_events, conn)) {
		free(conn);
		return;
	}
	conn->broker = broker;
	conn->uid = peer.uid;
	conn->gid = peer.gid;
	conn->pid = peer.pid;
	TAILQ_INIT(&conn->calls);
	frame_init(&conn->frame, FRAME_UNKNOWN, LIMIT_MESSAGE_BYTES);
	TAILQ_INSERT_TAIL(&broker->conns.list, conn, link);
	broker->conns.count++;
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct broker *broker = arg;
	const struct timeval second = {.tv_sec = 1};

	(void)what;
	for (int i = 0; i < 64; i++) {
		int fd = accept4((int)listen_fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accept_one(broker, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* No descriptors left: do not spin, try again in a second. */
		log_warning("cannot accept, trying again in 1 s: %s",
			    strerror(errno));
		conns_listen(broker, false);
		event_add(broker->conns.retry, &second);
		return;
	}
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;

	(void)fd;
	(void)what;
	if (!broker->ending)
		conns_listen(broker, true);
}

int conns_init(struct broker *broker, int first, int count)
{
	struct conns *conns = &broker->conns;

	TAILQ_INIT(&conns->list);
	TAILQ_INIT(&conns->again);
	TAILQ_INIT(&conns->turn);
	set_room(conns);
	conns->listeners = calloc((size_t)count, sizeof(*conns->listeners));
	conns->retry = event_new(broker->base, -1, 0, on_retry, broker);
	if (!conns->listeners || !conns->retry)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		fcntl(first + i, F_SETFL, O_NONBLOCK);
		fcntl(first + i, F_SETFD, FD_CLOEXEC);
		conns->listeners[i] = event_new(broker->base, first + i,
						EV_READ | EV_PERSIST, on_accept,
						broker);
		if (!conns->listeners[i])
			return -ENOMEM;
		conns->listener_count++;
	}
	return 0;
}

void conns_fini(struct broker *broker)
{
	struct conns *conns = &broker->conns;
	struct conn *conn;

	close_refused(conns);
	while ((conn = TAILQ_FIRST(&conns->list)))
		conn_free(conn);
	for (int i = 0; i < conns->listener_count; i++)
		event_free(conns->listeners[i]);
	free(conns->listeners);
	if (conns->retry)
		event_free(conns->retry);
}

void conns_listen(struct broker *broker, bool on)
{
	for (int i = 0; i < broker->conns.listener_count; i++) {
		if (on)
			event_add(broker->conns.listeners[i], NULL);
		else
			event_del(broker->conns.listeners[i]);
	}
}

void conns_resume(struct broker *broker)
{
	struct conns *conns = &broker->conns;
	struct conn *conn;

	/* Each once, whoever of the others is answered, or goes, meanwhile. */
	while ((conn = TAILQ_FIRST(&conns->again)))
		set_again(conn, &conns->turn);
	while ((conn = TAILQ_FIRST(&conns->turn))) {
		set_again(conn, &conns->again);
		conn_process(conn);
	}
}

/*
 * Who sends us an end of his own connection, and goes, is never seen to hang
 * up. So descriptors do not wait for long for calls before theirs.
 */
static void tick_rights(struct conn *conn, int64_t now_ns)
{
	struct sock *sock = &conn->sock;

	if (!sock->rights || !sock->rights->count) {
		conn->rights_since_ns = 0;
	} else if (!conn->rights_since_ns) {
		conn->rights_since_ns = now_ns;
	} else if (now_ns - conn->rights_since_ns >
		   LIMIT_MESSAGE_SECONDS * SECOND_NS) {
		rights_drop(sock->rights, &sock->loop->room);
		conn->rights_since_ns = 0;
	}
}

static void tick_one(struct conn *conn, int64_t now_ns)
{
	/* Its patience begins when we read on. */
	if (conn->partial_since_ns && !may_go_on(conn))
		conn->partial_since_ns = now_ns;
	if (conn->partial_since_ns && !conn->call_count &&
	    now_ns - conn->partial_since_ns >
		    LIMIT_MESSAGE_SECONDS * SECOND_NS) {
		conn->partial_since_ns = 0;
		say_last(conn, "org.reeve.admin.BadMessage",
			 "the message was not finished within 10 seconds", 0);
		return;
	}
	tick_rights(conn, now_ns);
	if (conn->sock.stuck_since_ns &&
	    now_ns - conn->sock.stuck_since_ns >
		    LIMIT_READ_SECONDS * SECOND_NS) {
		log_info("client reads nothing, closed pid=%d", (int)conn->pid);
		conn_free(conn);
		return;
	}
	if (is_abandoned(conn))
		conn_free(conn);
	else
		sock_trim(&conn->sock);
}

void conns_tick(struct broker *broker, int64_t now_ns)
{
	struct conn *conn, *next;

	close_refused(&broker->conns);
	for (conn = TAILQ_FIRST(&broker->conns.list); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		tick_one(conn, now_ns);
	}
}

void conns_flush(struct broker *broker)
{
	struct conn *conn;

	TAILQ_FOREACH (conn, &broker->conns.list, link)
		sock_flush_quietly(&conn->sock);
}

void conn_answered(struct conn *conn)
{
	struct call *call;

	while ((call = TAILQ_FIRST(&conn->calls)) && call->replied) {
		TAILQ_REMOVE(&conn->calls, call, conn_link);
		conn->call_count--;
		conn->alone = false;
		call->conn = NULL;
		call_release(call);
		call = TAILQ_FIRST(&conn->calls);
		if (call && call->waiting.n) {
			struct json_out *out = sock_out(&conn->sock);

			json_out_append(out, json_out_slice(&call->waiting));
			json_out_fini(&call->waiting);
		}
	}
	if (conn->held_bytes || conn->sock.in_n || conn->sock.paused ||
	    conn->sock.eof)
		conn_process(conn);
}

struct parcel *conn_parcel(struct conn *conn, struct slice message)
{
	struct slice in = sock_in(&conn->sock);
	const char *end = slice_end(message), *last = slice_end(in);

	/* Its terminator, and what is no message of its own behind it. */
	while (end < last && (!*end || strchr(" \t\r\n", *end)))
		end++;
	return rights_take(&conn->sock.rights, &conn->sock.loop->room,
			   (size_t)(end - in.p));
}

void conn_close(struct conn *conn)
{
	conn->closing = true;
	conn->replies++; /* its last words may stand behind all others */
	conn->partial_since_ns = 0;
	sock_out(&conn->sock); /* on the list: its flush ends it */
}

void conn_free(struct conn *conn)
{
	struct broker *broker = conn->broker;
	struct call *call;

	while ((call = TAILQ_FIRST(&conn->calls))) {
		TAILQ_REMOVE(&conn->calls, call, conn_link);
		call_make_deaf(call);
	}
	set_again(conn, NULL);
	TAILQ_REMOVE(&broker->conns.list, conn, link);
	broker->conns.count--;
	if (conn->consumer && conn->consumer->told == conn->replies &&
	    sock_unread(&conn->sock))
		unread_ended(broker, conn->consumer);
	consumer_unref(conn->consumer);
	sock_fini(&conn->sock);
	free(conn);
}
