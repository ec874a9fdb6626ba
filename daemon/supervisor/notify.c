#include "daemon/supervisor/notify.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t watchdog_of_environment(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	long long n;

	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	n = strtoll(usec, NULL, 10);
	return n > 0 && n < INT64_MAX / 1000 ? n * 1000 : 0;
}

static bool address_of(const char *text, struct notify *notify)
{
	struct sockaddr_un *address = &notify->address;
	size_t n = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || n < 2 ||
	    n >= sizeof(address->sun_path))
		return false;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, n);
	/* Abstract names carry no terminator, and '@' stands for the NUL. */
	if (text[0] == '@')
		address->sun_path[0] = '\0';
	notify->address_bytes =
		(uint32_t)(offsetof(struct sockaddr_un, sun_path) + n +
			   (text[0] == '/'));
	return true;
}

void notify_init(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){.fd = -1};
	if (path && address_of(path, notify)) {
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		notify->watchdog_ns = watchdog_of_environment();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_send(const struct notify *notify, const char *lines)
{
	ssize_t n;

	if (notify->fd < 0)
		return;
	do
		n = sendto(notify->fd, lines, strlen(lines),
			   MSG_NOSIGNAL | MSG_DONTWAIT,
			   (const struct sockaddr *)&notify->address,
			   notify->address_bytes);
	while (n < 0 && errno == EINTR);
}

void notify_fini(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}
