#include "daemon/broker/sock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "proto/limits.h"

#define SOCK_IN_FIRST_BYTES 4096
#define SOCK_READ_MAX_BYTES (256 * 1024) /* a turn, so that all get theirs */
#define SOCK_LATER_US 1000
#define SOCK_KEEP_BYTES (64 * 1024) /* a larger idle buffer is given back */

/* Bytes [from, end) of `out` have a parcel. */
struct sock_load {
	STAILQ_ENTRY(sock_load) link;
	size_t from, end;
	struct parcel *parcel;
};

static void between(const struct sock_loop *loop)
{
	if (loop->between)
		loop->between(loop->owner);
}

static void flush_all(evutil_socket_t fd, short what, void *arg)
{
	struct sock_loop *loop = arg;
	struct sock *sock;

	(void)fd;
	(void)what;
	while ((sock = TAILQ_FIRST(&loop->dirty))) {
		TAILQ_REMOVE(&loop->dirty, sock, dirty_link);
		sock->dirty = false;
		if (!sock_flush(sock))
			sock->events->broken(sock);
		between(loop);
	}
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sock_hurry(arg);
}

int sock_loop_init(struct sock_loop *loop, struct event_base *base)
{
	TAILQ_INIT(&loop->dirty);
	TAILQ_INIT(&loop->late);
	loop->base = base;
	loop->room = rights_room();
	loop->flush = event_new(base, -1, 0, flush_all, loop);
	loop->later = event_new(base, -1, 0, on_later, loop);
	return loop->flush && loop->later ? 0 : -ENOMEM;
}

void sock_loop_fini(struct sock_loop *loop)
{
	if (loop->flush)
		event_free(loop->flush);
	if (loop->later)
		event_free(loop->later);
	*loop = (struct sock_loop){0};
}

/* What the buffer of this one has grown to; 0: it is given back. */
static void in_account(struct sock *sock, size_t capacity)
{
	if (!sock->trusted && sock->loop)
		sock->loop->in_bytes += capacity - sock->in_capacity;
	sock->in_capacity = capacity;
}

/* Small buffers are for everybody; large ones as long as there is room. */
static bool is_too_much(const struct sock *sock, size_t capacity)
{
	return !sock->trusted && capacity > SOCK_KEEP_BYTES &&
	       sock->loop->in_bytes + capacity - sock->in_capacity >
		       LIMIT_INPUT_BYTES;
}

/* Room for at least one more read: 0, -ENOMEM, -ENOBUFS: all have too much. */
static int in_reserve(struct sock *sock)
{
	size_t capacity = sock->in_capacity;
	char *in;

	if (sock->in_at && sock->in_at + sock->in_n == capacity) {
		memmove(sock->in, sock->in + sock->in_at, sock->in_n);
		sock->in_at = 0;
	}
	if (sock->in_at + sock->in_n < capacity)
		return 0;

	capacity = capacity ? capacity * 2 : SOCK_IN_FIRST_BYTES;
	if (is_too_much(sock, capacity))
		return -ENOBUFS;
	in = realloc(sock->in, capacity);
	if (!in)
		return -ENOMEM;
	sock->in = in;
	in_account(sock, capacity);
	return 0;
}

/* Return: bytes, 0 at the end, -EAGAIN, or another negative errno. */
static ssize_t read_some(struct sock *sock)
{
	size_t at = sock->in_at + sock->in_n;

	return rights_receive(sock->fd, sock->in + at, sock->in_capacity - at,
			      sock->in_n, &sock->loop->room, &sock->rights);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct sock *sock = arg;
	struct sock_loop *loop = sock->loop;
	size_t total = 0;

	(void)fd;
	(void)what;
	while (total < SOCK_READ_MAX_BYTES) {
		size_t room;
		ssize_t n;
		int r = in_reserve(sock);

		sock->crowded = r == -ENOBUFS;
		if (sock->crowded)
			break;
		if (r < 0) {
			sock->events->broken(sock);
			return;
		}
		room = sock->in_capacity - sock->in_at - sock->in_n;
		n = read_some(sock);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			sock->reset = n == -ECONNRESET;
			sock->events->broken(sock);
			return;
		}
		if (n == 0) {
			sock->eof = true;
			event_del(sock->read_event);
			break;
		}
		sock->in_n += (size_t)n;
		total += (size_t)n;
		if ((size_t)n < room)
			break; /* it was all there was; spare a system call */
	}
	sock->events->readable(sock);
	between(loop);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct sock *sock = arg;

	(void)fd;
	(void)what;
	if (!sock_flush(sock))
		sock->events->broken(sock);
}

int sock_init(struct sock *sock, struct sock_loop *loop, int fd,
	      const struct sock_events *events, void *owner)
{
	*sock = (struct sock){
		.loop = loop,
		.events = events,
		.owner = owner,
		.fd = fd,
	};
	STAILQ_INIT(&sock->loads);
	sock->read_event = event_new(loop->base, fd, EV_READ | EV_PERSIST,
				     on_read, sock);
	sock->write_event = event_new(loop->base, fd, EV_WRITE | EV_PERSIST,
				      on_write, sock);
	if (!sock->read_event || !sock->write_event ||
	    event_add(sock->read_event, NULL) < 0) {
		sock_fini(sock);
		return -ENOMEM;
	}
	return 0;
}

static void set_late(struct sock *sock, bool late)
{
	if (sock->late == late)
		return;
	sock->late = late;
	if (late)
		TAILQ_INSERT_TAIL(&sock->loop->late, sock, late_link);
	else
		TAILQ_REMOVE(&sock->loop->late, sock, late_link);
}

static void unload(struct sock *sock)
{
	struct sock_load *load = STAILQ_FIRST(&sock->loads);

	STAILQ_REMOVE_HEAD(&sock->loads, link);
	parcel_unref(load->parcel);
	free(load);
}

void sock_fini(struct sock *sock)
{
	if (sock->dirty)
		TAILQ_REMOVE(&sock->loop->dirty, sock, dirty_link);
	set_late(sock, false);
	if (sock->read_event)
		event_free(sock->read_event);
	if (sock->write_event)
		event_free(sock->write_event);
	if (sock->fd >= 0)
		close(sock->fd);
	free(sock->in);
	in_account(sock, 0);
	if (sock->loop) {
		rights_fini(&sock->rights, &sock->loop->room);
		while (!STAILQ_EMPTY(&sock->loads))
			unload(sock);
	}
	json_out_fini(&sock->out);
	*sock = (struct sock){.fd = -1};
}

struct slice sock_in(const struct sock *sock)
{
	return (struct slice){sock->in + sock->in_at, sock->in_n};
}

void sock_consume(struct sock *sock, size_t bytes)
{
	require(bytes <= sock->in_n);
	if (sock->rights)
		rights_consume(&sock->rights, &sock->loop->room, bytes);
	sock->in_at += bytes;
	sock->in_n -= bytes;
	if (sock->in_n)
		return;
	sock->in_at = 0;
	if (sock->in_capacity > SOCK_KEEP_BYTES) {
		free(sock->in);
		sock->in = NULL;
		in_account(sock, 0);
	}
}

void sock_trim(struct sock *sock)
{
	if (sock->in && !sock->in_n) {
		free(TAKE(sock->in));
		in_account(sock, 0);
	}
	if (!sock->out.n && !sock->dirty && !sock->late)
		json_out_fini(&sock->out);
}

bool sock_crowded(const struct sock *sock)
{
	return sock->crowded && sock->in_n == sock->in_capacity;
}

struct json_out *sock_out(struct sock *sock)
{
	if (!sock->dirty && sock->fd >= 0) {
		sock->dirty = true;
		TAILQ_INSERT_TAIL(&sock->loop->dirty, sock, dirty_link);
		event_active(sock->loop->flush, EV_TIMEOUT, 1);
	}
	return &sock->out;
}

struct json_out *sock_out_later(struct sock *sock)
{
	const struct timeval delay = {.tv_usec = SOCK_LATER_US};

	if (!sock->dirty && !sock->late && sock->fd >= 0) {
		set_late(sock, true);
		if (!event_pending(sock->loop->later, EV_TIMEOUT, NULL))
			event_add(sock->loop->later, &delay);
	}
	return &sock->out;
}

void sock_hurry(struct sock_loop *loop)
{
	struct sock *sock;

	while ((sock = TAILQ_FIRST(&loop->late))) {
		set_late(sock, false);
		sock_out(sock);
	}
}

int sock_load(struct sock *sock, size_t from, struct parcel *parcel)
{
	struct sock_load *load = malloc(sizeof(*load));

	if (!load)
		return -ENOMEM;
	*load = (struct sock_load){
		.from = from,
		.end = sock->out.n,
		.parcel = parcel_ref(parcel),
	};
	STAILQ_INSERT_TAIL(&sock->loads, load, link);
	return 0;
}

size_t sock_unsent(const struct sock *sock)
{
	return sock->out.n - sock->out_at;
}

void sock_pause(struct sock *sock, bool paused)
{
	if (sock->paused == paused || sock->eof)
		return;
	sock->paused = paused;
	if (paused)
		event_del(sock->read_event);
	else
		event_add(sock->read_event, NULL);
}

static void want_write(struct sock *sock, bool want)
{
	if (sock->writing == want)
		return;
	sock->writing = want;
	if (want)
		event_add(sock->write_event, NULL);
	else
		event_del(sock->write_event);
}

/* A slow reader's buffer must not keep what has left already. */
static void out_compact(struct sock *sock)
{
	struct sock_load *load;

	if (sock->out_at < SOCK_KEEP_BYTES)
		return;
	sock->out.n -= sock->out_at;
	memmove(sock->out.p, sock->out.p + sock->out_at, sock->out.n);
	STAILQ_FOREACH(load, &sock->loads, link)
	{
		load->from -= sock->out_at;
		load->end -= sock->out_at;
	}
	sock->out_at = 0;
}

/* One piece: up to what has a parcel, or that, alone. As send(). */
static ssize_t send_some(struct sock *sock, int flags)
{
	const struct sock_load *load = STAILQ_FIRST(&sock->loads);
	const char *from = sock->out.p + sock->out_at;
	size_t bytes = sock_unsent(sock);
	ssize_t n;

	if (load && sock->out_at < load->from)
		bytes = load->from - sock->out_at;
	if (!load || sock->out_at < load->from)
		return send(sock->fd, from, bytes, MSG_NOSIGNAL | flags);
	n = rights_send(sock->fd, from, load->end - sock->out_at, load->parcel);
	if (n < 0) {
		errno = (int)-n;
		return -1;
	}
	unload(sock);
	return n;
}

bool sock_flush(struct sock *sock)
{
	set_late(sock, false);
	if (!json_out_ok(&sock->out))
		return false; /* a reply that is not whole must not leave */
	while (sock_unsent(sock)) {
		ssize_t n = send_some(sock, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0) {
			if (!sock->stuck_since_ns)
				sock->stuck_since_ns = clock_mono_ns();
			out_compact(sock);
			want_write(sock, true);
			return true;
		}
		sock->out_at += (size_t)n;
		sock->stuck_since_ns = 0;
	}
	want_write(sock, false);
	sock->out_at = 0;
	if (sock->out.capacity > SOCK_KEEP_BYTES)
		json_out_fini(&sock->out);
	else
		json_out_reset(&sock->out);
	sock->events->drained(sock);
	return true;
}

/* A peer that died with unread bytes gives an error before what it wrote. */
bool sock_last_words(struct sock *sock)
{
	ssize_t n = -ENOMEM;

	while (in_reserve(sock) == 0) {
		n = read_some(sock);
		if (n <= 0)
			break;
		sock->in_n += (size_t)n;
	}
	sock->eof = true;
	event_del(sock->read_event);
	want_write(sock, false);
	while (!STAILQ_EMPTY(&sock->loads))
		unload(sock);
	json_out_reset(&sock->out);
	sock->out_at = 0;
	return n == 0 || n == -ECONNRESET;
}

/* A peer that closes with unread bytes leaves this error behind, once. */
bool sock_unread(const struct sock *sock)
{
	socklen_t n = sizeof(int);
	int error = 0;

	if (sock->reset || sock_unsent(sock))
		return true;
	return getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 &&
	       error == ECONNRESET;
}

bool sock_hung_up(const struct sock *sock)
{
	struct pollfd poll_fd = {.fd = sock->fd};

	return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLHUP);
}

void sock_flush_quietly(struct sock *sock)
{
	ssize_t n;

	if (!json_out_ok(&sock->out) || !sock_unsent(sock))
		return;
	n = send_some(sock, MSG_DONTWAIT);
	if (n > 0)
		sock->out_at += (size_t)n;
}
