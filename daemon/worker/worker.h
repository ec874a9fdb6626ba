#pragma once

/*
 * Worker: the role that runs jobs. Pre-forked by the supervisor, it dials the
 * broker, takes attempts, runs them one after the other in the order of their
 * delivery, reports each and keeps the report until it is settled. Those of the
 * role `http` run all that they have at once.
 *
 * Single-threaded, no libevent, no SQLite: whatever it holds is what a fork of
 * it has to carry.
 */

#include "daemon/config/config.h"

/* How many attempts may wait behind the running one. */
#define WORKER_PREFETCH 64

enum worker_exit {
	WORKER_EXIT_OK = 0,    /* asked to leave, or the supervisor is gone */
	WORKER_EXIT_BIRTH = 2, /* the descriptors of its birth are not there */
	/* It left processes of a job with `orphans: keep`: they are to live. */
	WORKER_EXIT_KEPT = 3,
	/* Processes of a job withstood SIGKILL for seconds: end what arrives. */
	WORKER_EXIT_UNCLEAN = 4,
};

/**
 * worker_main() - be a worker
 * @config:	state_dir, socket, worker_socket, output_bytes and grace_ms are
 *		used; stays the caller's and must outlive the call
 * @run:	a filter and its arguments, NULL behind; none: it runs commands
 *
 * Descriptor 3 is the read end of a pipe with one struct channel_message of
 * kind BORN; descriptor 4 the cgroup folder of the slot, or closed.
 * REEVE_NOFILE in the environment is the soft limit of descriptors that jobs
 * get back (default 1024).
 *
 * Return: enum worker_exit, for exit().
 */
int worker_main(const struct config *config, char **run);

/**
 * worker_http_main() - be one that runs requests, many at once
 * @run:	the settings of its pool (http_settings.h), NULL behind
 *
 * Born as the others. Return: enum worker_exit, for exit().
 */
int worker_http_main(const struct config *config, char **run);
