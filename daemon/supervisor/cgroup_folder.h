#pragma once

/*
 * Folders of cgroups below one open folder: making, emptying, removing.
 *
 * A folder belongs to the process that holds flock() on it, and its open
 * descriptor passes from the supervisor to the worker at birth. So whether the
 * owner lives is asked of the lock and never of a pid. A folder whose processes
 * are to live on without an owner carries an attribute.
 */

#include "proto/base.h"

enum {
	CGROUP_E_BUSY = 1, /* processes are still ending: come again */
	CGROUP_E_OWNED,	   /* its worker lives */
	CGROUP_E_KEPT,	   /* it holds processes that are to live on */
};

/**
 * cgroup_folder_make() - a new folder, its lock taken
 * @ret_fd:	for the owner: it closes with its last holder
 */
must_check int cgroup_folder_make(int parent, const char *name, int *ret_fd);

/** cgroup_folder_kill() - SIGKILL to everything in it and below, at once */
must_check int cgroup_folder_kill(int parent, const char *name);

/** cgroup_folder_is_kept() - may what is in it live on? */
bool cgroup_folder_is_kept(int parent, const char *name);

/** cgroup_folder_keep() - from now on what is in it may live on */
must_check int cgroup_folder_keep(int parent, const char *name);

/**
 * cgroup_folder_own() - it belongs to a process that holds no lock on it
 *
 * Of a program that is not ours and gets no descriptor: the folder is OWNED as
 * long as that process lives.
 */
must_check int cgroup_folder_own(int parent, const char *name, int pid,
				 int64_t start_ticks);

/** cgroup_folder_move() - move a process into it; -ESRCH: it has ended */
must_check int cgroup_folder_move(int parent, const char *name, int pid);

/** cgroup_folder_empty() - no process in it or below */
bool cgroup_folder_empty(int parent, const char *name);

/**
 * cgroup_folder_remove() - end what is in it and remove it, if it may go
 *
 * Return: 0 when it is gone, CGROUP_E_X when it stays, or negative errno.
 */
must_check int cgroup_folder_remove(int parent, const char *name);

/**
 * cgroup_folder_tidy() - remove the empty ones that nobody owns
 * @prefix:	of their names; @except is not touched
 *
 * Ends nothing: for what daemons of other state directories left behind.
 */
void cgroup_folder_tidy(int parent, const char *prefix, const char *except);

/**
 * cgroup_folder_sweep() - cgroup_folder_remove() on each folder below @parent
 * @ret_soon:	how many are BUSY
 * @ret_later:	how many are KEPT, or OWNED by somebody whom @is_ours() does
 *		not know: nobody will tell us when they may go
 */
must_check int
cgroup_folder_sweep(int parent,
		    bool (*is_ours)(void *context, const char *name),
		    void *context, size_t *ret_soon, size_t *ret_later);
