#pragma once

/*
 * Notify: tells a service manager how we are, by the protocol that
 * sd_notify(3) describes: one datagram of lines to $NOTIFY_SOCKET.
 */

#include "proto/base.h"

#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un address;
	uint32_t address_bytes;
	int64_t watchdog_ns; /* what WATCHDOG_USEC asks for; 0: nothing */
};

/**
 * notify_init() - read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
 *
 * The three are removed from the environment: children do not speak for us. An
 * address that is neither a path nor abstract is ignored.
 */
void notify_init(struct notify *notify);

/** notify_send() - "READY=1\nSTATUS=..."; nobody is told that it failed */
void notify_send(const struct notify *notify, const char *lines);

/** notify_fini() - nobody is told anything from now on */
void notify_fini(struct notify *notify);
