#pragma once

/* Descriptors with bytes, as a peer sends them. Its lines may be unused. */

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/rights.h"
#include "tests/helper/t.h"

/* One sendmsg() of the text, @count times the same descriptor with it. */
__attribute__((unused)) static void send_rights(int fd, const char *text,
						int descriptor, size_t count)
{
	union {
		char bytes[CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(char *)text, strlen(text)};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *head = &control.align;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(head) + i * sizeof(int), &descriptor,
		       sizeof(int));
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

__attribute__((unused)) static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}
