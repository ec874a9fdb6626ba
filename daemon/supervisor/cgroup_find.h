#pragma once

/*
 * Where our cgroups may live: reads what /proc says. Pure but for the reading.
 */

#include "proto/base.h"

#define CGROUP_PATH_BYTES 4096

/**
 * cgroup_find_mount() - where cgroup2 is mounted
 * @mounts:	text of /proc/self/mounts; on a hybrid machine it names several
 * @ret:	CGROUP_PATH_BYTES, unescaped
 *
 * Return: false when it is not mounted.
 */
bool cgroup_find_mount(const char *mounts, char *ret);

/**
 * cgroup_find_own() - the cgroup of a process below the mount
 * @cgroup:	text of /proc/PID/cgroup
 * @ret:	CGROUP_PATH_BYTES, like "/user.slice/x.service"; "" for the root
 */
bool cgroup_find_own(const char *cgroup, char *ret);

/**
 * cgroup_find_name() - "reeve-UID-HASH": the same for every start with this
 * state directory, another for any other
 * @ret:	32 bytes
 */
void cgroup_find_name(const char *state_dir, unsigned uid, char *ret);

/** cgroup_find_read() - a small file as text, 0 or negative errno */
must_check int cgroup_find_read(const char *path, char *ret, size_t ret_bytes);
