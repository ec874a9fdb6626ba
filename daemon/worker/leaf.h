#pragma once

/*
 * Leaf: the cgroup where jobs run. The supervisor hands over the folder of the
 * slot; jobs are born into a leaf of it, which is used again as long as nothing
 * in it was killed. A leaf that was killed is never used again: what is cloned
 * into it could be killed at birth (tests/assume).
 *
 * Without a folder everything here is a no-op that says "no cgroup".
 */

#include "proto/base.h"

struct leaf {
	/*
	 * job/<folder>; -1: no cgroups. Its lock tells the supervisor that the
	 * folder has an owner, so it stays open as long as the worker lives.
	 */
	int slot_fd;
	bool refused;	 /* no leaf could be made: without, from now on */
	int fd;		 /* -1: none made yet */
	unsigned number; /* its name */
	int memory_fd;	 /* memory.events of the leaf; -1: no such controller */
	int64_t oom_kills; /* seen in it so far */
};

/**
 * leaf_init() - take over the slot's folder, clear old leaves
 * @slot_fd:	owned from now on; -1: no cgroups
 */
void leaf_init(struct leaf *leaf, int slot_fd);
void leaf_fini(struct leaf *leaf);

/**
 * leaf_get() - the leaf for the next job, made if need be
 *
 * Return: its descriptor, the cgroup's own; -1 when there is none to be had.
 */
int leaf_get(struct leaf *leaf);

/**
 * leaf_signal() - to every process in it but those of one group
 * @group:	they have got it already
 *
 * Through pidfds, so that nobody else can be hit. More than a few hundred are
 * not reached: that is what leaf_kill() is for.
 */
void leaf_signal(struct leaf *leaf, int signal, int32_t group);

/** leaf_kill() - SIGKILL to all in the leaf, which is not used again */
void leaf_kill(struct leaf *leaf);

/**
 * leaf_keep() - what is in it is to live on, also when this worker has gone
 *
 * Told to the folder itself, because there may be no supervisor to tell.
 */
void leaf_keep(const struct leaf *leaf);

/** leaf_abandon() - let go of the leaf: it is killed, or somebody lives on
 * in it; removed if it is empty */
void leaf_abandon(struct leaf *leaf);

/** leaf_oom() - did the kernel kill for memory since the last call? */
bool leaf_oom(struct leaf *leaf);
