#pragma once

/*
 * Serve: the loop of a worker, whatever it runs. Waits for the broker, for the
 * supervisor's end, for signals and for what its runner waits for; then lets
 * the desk and the runner have their turn.
 *
 * A turn is in two parts, so that a second thread can wait without holding what
 * it does not own (attend.h).
 */

#include "daemon/worker/desk.h"

#define SERVE_FDS (3 + RUNNER_FDS)

struct serve {
	struct desk desk;
	struct runner *runner; /* the caller's */
	int signal_fd;	       /* a signalfd, owned */
	int parent_fd;	       /* pidfd of the supervisor, owned; -1: gone */
};

struct serve_wait {
	struct pollfd fds[SERVE_FDS];
	int64_t due_ns; /* INT64_MAX: whenever */
};

/**
 * serve_init() - dial at the first turn
 * @config:	the caller's; hello changes it
 * @birth:	the caller's
 * @signal_fd:	SIGTERM, and SIGCHLD if the runner has children; owned
 * @parent_fd:	owned
 */
void serve_init(struct serve *serve, struct config *config,
		const struct channel_message *birth, struct runner *runner,
		int signal_fd, int parent_fd);
void serve_fini(struct serve *serve);

/** serve_fill() - what the next turn waits for */
void serve_fill(const struct serve *serve, struct serve_wait *ret);

/** serve_sleep() - until something of it comes, or it is due */
void serve_sleep(struct serve_wait *wait);

/**
 * serve_turn() - see to what came
 *
 * Return: true when the worker is to exit.
 */
bool serve_turn(struct serve *serve, const struct serve_wait *wait);

/** serve_loop() - until the worker is to exit; with which status */
enum worker_exit serve_loop(struct serve *serve);
