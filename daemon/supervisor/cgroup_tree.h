#pragma once

/*
 * Cgroup tree: ours on this machine.
 *
 *	main/	supervisor and broker
 *	pool/	workers; never killed as a whole, for what is born in a cgroup
 *		that was ever killed is dead at birth
 *	job/	one folder a worker, in which it makes those of its jobs
 *
 * Whether it works is not guessed from versions: a child is born into a
 * folder, killed with it, and the folder removed, before any job depends on it.
 */

#include "daemon/base/channel.h"
#include "daemon/config/config.h"

struct cgroup_tree {
	bool on;
	char reason[CHANNEL_REASON_BYTES]; /* why not; "" while on */
	/* Of the folder that holds the three; and as /proc/PID/cgroup says. */
	char path[CONFIG_PATH_BYTES], inside[CONFIG_PATH_BYTES];
	bool named;	    /* made by us, in a folder that is not ours */
	int top, pool, job; /* descriptors; -1 while off */
};

/**
 * cgroup_tree_open() - find a place, make the folders, try them, move in
 *
 * Never fails: without cgroups reeve runs too, and @ret says why.
 */
void cgroup_tree_open(struct cgroup_tree *ret, const struct config *config);

/** cgroup_tree_folder_of() - the folder below job/ that holds @pid
 * @ret:	32 bytes
 *
 * Return: false when it is in none.
 */
bool cgroup_tree_folder_of(const struct cgroup_tree *tree, int pid, char *ret);

/**
 * cgroup_tree_close() - done with it
 *
 * Removed when nobody is in it any more; it stays for workers that go on.
 */
void cgroup_tree_close(struct cgroup_tree *tree);
