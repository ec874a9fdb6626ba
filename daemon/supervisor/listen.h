#pragma once

/*
 * Listen: the sockets of clients and of workers. They belong to the supervisor,
 * so that a connection made while a broker is being replaced waits instead of
 * failing. Nothing is ever accepted here.
 */

#include "daemon/config/config.h"

#define LISTEN_CLIENTS_MAX 16
#define LISTEN_BACKLOG 4096

struct listen_socket {
	int fd;			/* -1: none */
	uint64_t device, inode; /* of the path that we bound; 0: not ours */
};

struct listen {
	struct listen_socket clients[LISTEN_CLIENTS_MAX];
	size_t client_count;
	struct listen_socket workers;
	bool passed; /* the service manager gave the clients' sockets */
};

enum {
	LISTEN_E_TAKEN = 1, /* somebody answers at that path */
	LISTEN_E_FORM,	    /* what was passed is not a listening Unix socket */
	LISTEN_E_PATH,	    /* it cannot be bound there */
};

/**
 * listen_open() - take over $LISTEN_FDS, else make the sockets
 *
 * LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are removed from the environment.
 * To be called with the locks of state and runtime directory held: whatever is
 * left of a socket in the latter is nobody's, even if a broker that lost its
 * supervisor still answers there. A socket elsewhere is removed when nobody
 * answers at it. Ours are 0600.
 *
 * Return: 0, or LISTEN_E_X or negative errno with @ret_fault set.
 */
must_check int listen_open(struct listen *ret, const struct config *config,
			   struct config_fault *ret_fault);

/**
 * listen_check() - has somebody removed a socket of ours?
 *
 * Binds it anew. A path at which somebody else answers is left alone.
 *
 * Return: true when a descriptor changed, so that the broker needs the new one.
 */
bool listen_check(struct listen *listen, const struct config *config);

/** listen_close() - close all; remove the paths that are still ours */
void listen_close(struct listen *listen, const struct config *config);
