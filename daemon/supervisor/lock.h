#pragma once

/*
 * Lock: one daemon a state directory. The lock is flock() on an open file, so
 * it ends with its last holder, whatever is left in the folder; the pid inside
 * is only for people. Every child closes the descriptor before it runs.
 */

#include "proto/base.h"

enum {
	LOCK_E_HELD = 1, /* another daemon serves the folder */
	LOCK_E_GONE,	 /* what is locked is not under its name any more */
};

/**
 * lock_take() - take @path, or say who has it
 * @ret_fd:	to be held as long as the daemon lives; close-on-exec
 * @ret_pid:	with LOCK_E_HELD: the other one's pid, 0 if it is not known
 *
 * Return: 0, LOCK_E_HELD or negative errno.
 */
must_check int lock_take(const char *path, int *ret_fd, int *ret_pid);

/**
 * lock_check() - is the locked @fd still what is found at @path?
 *
 * Return: 0 or LOCK_E_GONE: somebody else may lock what is there now.
 */
must_check int lock_check(const char *path, int fd);

/** lock_take_open() - the same for an open descriptor */
must_check int lock_take_open(int fd);

/** lock_take_folder() - the same for a folder: nothing is left in it */
must_check int lock_take_folder(const char *path, int *ret_fd);

/**
 * lock_holder_gone() - has the process @pid ended?
 *
 * Then a lock that names it is held by a child of it that was about to be
 * executed and lets go at any moment.
 */
bool lock_holder_gone(int pid);

/** lock_write_pid() - who holds it now: after a fork it is another */
must_check int lock_write_pid(int fd);
