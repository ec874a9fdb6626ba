#pragma once

/*
 * Reap: our children, living and dead. A dead one is first looked at and then
 * taken by its pid, so that no status is ever taken from whom it belongs to;
 * until it is taken its pid cannot become another process's.
 */

#include "proto/base.h"

#include <sys/types.h>

enum {
	REAP_E_NONE = 1, /* no child has ended */
};

struct reap_end {
	int status; /* as waitpid() has it */
	int64_t cpu_us, peak_kib;
};

/** reap_peek() - a child that has ended and stays to be taken */
must_check int reap_peek(pid_t *ret_pid);

/** reap_take() - take the status of child @pid; REAP_E_NONE: it lives */
must_check int reap_take(pid_t pid, struct reap_end *ret);

/** reap_is_child() - is @pid a child of ours that was not taken yet? */
bool reap_is_child(pid_t pid);

/**
 * reap_signal() - send a signal to a child that was not taken yet
 *
 * By pidfd, and only after it was seen to be a child of ours.
 *
 * Return: 0, -ESRCH when @pid is no child of ours or has ended, -errno.
 */
must_check int reap_signal(pid_t pid, int number);

/** reap_start_ticks() - field 22 of /proc/PID/stat; 0 when it is gone */
int64_t reap_start_ticks(pid_t pid);

/** reap_session() - the session of a process; 0 when it is gone */
pid_t reap_session(pid_t pid);

/** reap_same_program() - do two processes run the same file? */
bool reap_same_program(pid_t a, pid_t b);

/**
 * reap_children() - the children of a process, zombies among them
 * @pid:	0 for ourselves
 * @ret:	an array to free(); NULL when there are none
 */
must_check int reap_children(pid_t pid, pid_t **ret, size_t *ret_count);
