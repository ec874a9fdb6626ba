#pragma once

/*
 * Child: one command that works on a job: input, output, the end of it and of
 * all that it started. Its group dies with us.
 */

#include "client/guard.h"
#include "client/word.h"

#include <poll.h>
#include <signal.h>

#define CHILD_FDS 5
#define CHILD_TAIL 4096 /* bytes of stderr that are kept */

struct child {
	pid_t pid;	/* 0: none */
	int pid_fd;	/* readable at its end; -1: reaped, as all of these */
	int in_fd;	/* its stdin */
	int out_fd;	/* its stdout */
	int err_fd;	/* its stderr */
	int say_fd;	/* its REEVE_PROGRESS_FD, which is 3 there */
	int status;	/* si_status of waitid() */
	bool signalled; /* status is a signal */
	const char *input; /* the caller's */
	size_t input_left;
	char *output; /* owned */
	size_t output_bytes, output_room;
	bool too_much; /* more than `most`: the rest is dropped */
	size_t most;
	char tail[CHILD_TAIL]; /* a ring: the last bytes of stderr */
	size_t tail_bytes;     /* all that came */
	struct word word;      /* what it said last on say_fd */
	int64_t reaped_ms;     /* monotonic; 0: it runs */
};

#define CHILD_NONE                                                             \
	((struct child){.pid_fd = -1,                                          \
			.in_fd = -1,                                           \
			.out_fd = -1,                                          \
			.err_fd = -1,                                          \
			.say_fd = -1})

struct child_order {
	char **argv;
	char **envp;
	const char *path;  /* what argv[0] was found to be */
	const char *input; /* lives as long as the child; to be its stdin */
	size_t most;	   /* bytes of output that are kept */
};

/** child_find() - the program that a name stands for, as execvp() finds it
 * @ret:	owned by the caller
 *
 * Return: 0, -ENOENT, -EACCES, -ENOMEM. */
must_check int child_find(const char *name, char **ret);

/** child_start() - 0 or negative errno, of execve() too */
must_check int child_start(struct child *child, const struct guard *guard,
			   const struct child_order *order);

/** child_fds() - what to poll for; -1 where there is nothing */
void child_fds(const struct child *child, struct pollfd fds[CHILD_FDS]);

/** child_step() - do what can be done without waiting
 *
 * Return: true when it has ended, and its output is whole. */
must_check bool child_step(struct child *child, const struct guard *guard,
			   int64_t now_ms);

/** child_signal() - to it and all that it started; it was not reaped yet */
void child_signal(const struct child *child, int number);

/** child_tail() - the last bytes of its stderr, oldest first; whole lines where
 * there is more than one. Return: how many */
size_t child_tail(const struct child *child, char ret[CHILD_TAIL + 1]);

/** child_fini() - close and free; it has ended, or was never started */
void child_fini(struct child *child);
