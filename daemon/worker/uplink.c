#include "daemon/worker/uplink.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/limits.h"

#define READ_BYTES (16 * 1024)
/* A buffer that one long line has grown is given back behind it. */
#define KEEP_BYTES (256 * 1024)

void uplink_init(struct uplink *link, const char *path, int64_t now_ns)
{
	*link = (struct uplink){
		.path = path,
		.fd = -1,
		.away_ns = now_ns,
		.pause_ns = UPLINK_PAUSE_MIN_NS,
		.room = {.limit = LIMIT_DESCRIPTORS_HELD},
	};
}

static void forget(struct uplink *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->greeted = false;
	rights_fini(&link->rights, &link->room);
	parcel_unref(TAKE(link->parcel));
	free(link->in);
	link->in = NULL;
	link->in_bytes = link->in_start = link->in_capacity = 0;
	json_out_fini(&link->out);
	link->out_sent = 0;
}

void uplink_fini(struct uplink *link)
{
	forget(link);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* EAGAIN: more are waiting than the listener holds. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static void dial_later(struct uplink *link, int64_t now_ns)
{
	link->dial_ns = now_ns + link->pause_ns;
	link->pause_ns *= 2;
	if (link->pause_ns > UPLINK_PAUSE_MAX_NS)
		link->pause_ns = UPLINK_PAUSE_MAX_NS;
}

bool uplink_dial(struct uplink *link, int64_t now_ns)
{
	int fd;

	if (link->fd >= 0 || now_ns < link->dial_ns)
		return false;
	fd = connect_to(link->path);
	if (fd != -ECONNREFUSED && fd != -ENOENT)
		link->refused_ns = 0;
	else if (!link->refused_ns)
		link->refused_ns = now_ns;
	if (fd < 0) {
		dial_later(link, now_ns);
		return false;
	}
	link->fd = fd;
	link->since_ns = now_ns;
	frame_init(&link->frame, FRAME_NEWLINE, LIMIT_MESSAGE_BYTES);
	return true;
}

int64_t uplink_due_ns(const struct uplink *link)
{
	return link->fd >= 0 ? INT64_MAX : link->dial_ns;
}

void uplink_greet(struct uplink *link)
{
	link->greeted = true;
	link->away_ns = 0;
}

void uplink_close(struct uplink *link, int64_t now_ns)
{
	/* One that stood for a while counts as a new beginning. */
	if (link->greeted && now_ns - link->since_ns > 1000000000)
		link->pause_ns = UPLINK_PAUSE_MIN_NS;
	if (link->greeted)
		link->away_ns = now_ns;
	forget(link);
	dial_later(link, now_ns);
}

static int make_room(struct uplink *link)
{
	size_t capacity = link->in_capacity ? link->in_capacity : READ_BYTES;
	char *in;

	if (link->in_start) {
		memmove(link->in, link->in + link->in_start, link->in_bytes);
		link->in_start = 0;
	}
	if (!link->in_bytes && link->in_capacity > KEEP_BYTES) {
		free(link->in);
		link->in = NULL;
		link->in_capacity = 0;
		capacity = READ_BYTES;
	}
	while (capacity - link->in_bytes < READ_BYTES / 2)
		capacity *= 2;
	if (capacity == link->in_capacity)
		return 0;
	in = realloc(link->in, capacity);
	if (!in)
		return -ENOMEM;
	link->in = in;
	link->in_capacity = capacity;
	return 0;
}

int uplink_receive(struct uplink *link)
{
	ssize_t n;
	int r = make_room(link);

	if (r)
		return r;
	n = rights_receive(link->fd, link->in + link->in_bytes,
			   link->in_capacity - link->in_bytes, link->in_bytes,
			   &link->room, &link->rights);
	if (n > 0) {
		link->in_bytes += (size_t)n;
		return 0;
	}
	if (n == -EAGAIN)
		return 0;
	return UPLINK_E_END;
}

int uplink_line(struct uplink *link, struct slice *ret)
{
	struct slice buffered = {link->in + link->in_start, link->in_bytes};
	size_t consumed = 0;
	int r;

	parcel_unref(TAKE(link->parcel));
	if (!link->in_bytes)
		return UPLINK_E_MORE;
	r = frame_next(&link->frame, buffered, ret, &consumed);
	if (r != 0 && r != FRAME_E_MORE)
		return UPLINK_E_BAD;
	if (link->rights) {
		link->parcel = rights_take(&link->rights, &link->room,
					   r == 0 ? consumed : 0);
		rights_consume(&link->rights, &link->room, consumed);
	}
	link->in_start += consumed;
	link->in_bytes -= consumed;
	if (!link->in_bytes && r)
		link->in_start = 0;
	return r == FRAME_E_MORE ? UPLINK_E_MORE : 0;
}

bool uplink_pending(const struct uplink *link)
{
	return link->out_sent < json_out_slice(&link->out).n;
}

int uplink_flush(struct uplink *link)
{
	if (link->fd < 0)
		return UPLINK_E_AWAY;
	/* A hole in the stream is worse than a new connection. */
	if (!json_out_ok(&link->out))
		return -ENOMEM;
	while (uplink_pending(link)) {
		struct slice out = json_out_slice(&link->out);
		ssize_t n = send(link->fd, out.p + link->out_sent,
				 out.n - link->out_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return UPLINK_E_END;
		link->out_sent += (size_t)n;
	}
	if (link->out.capacity > KEEP_BYTES)
		json_out_fini(&link->out);
	else
		json_out_reset(&link->out);
	link->out_sent = 0;
	return 0;
}
