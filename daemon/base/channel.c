#include "daemon/base/channel.h"

#include <errno.h>
#include <sys/socket.h>

int channel_pair(int ret[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, ret) < 0)
		return -errno;
	return 0;
}

int channel_send(int fd, const struct channel_message *message)
{
	ssize_t n;

	do
		n = send(fd, message, sizeof(*message),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	if (errno == EAGAIN || errno == ENOBUFS)
		return CHANNEL_E_FULL;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return CHANNEL_E_END;
	return -errno;
}

int channel_receive(int fd, struct channel_message *ret)
{
	struct channel_message message;
	ssize_t n;

	do
		n = recv(fd, &message, sizeof(message),
			 MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return CHANNEL_E_EMPTY;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return CHANNEL_E_END;
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(message))
		return CHANNEL_E_FORM;
	message.pool[sizeof(message.pool) - 1] = '\0';
	message.cgroup[sizeof(message.cgroup) - 1] = '\0';
	message.reason[sizeof(message.reason) - 1] = '\0';
	*ret = message;
	return 0;
}
