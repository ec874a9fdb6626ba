#pragma once

/*
 * Orphans: the children that we never started. They come to us because we are
 * the subreaper of all that runs below: what a dead worker left behind, and
 * what its leftovers leave. They are ended, except those that a job was told
 * to keep and those that were there before us.
 *
 * A kept process is known by its pid, and what it leaves behind by the session
 * or by the cgroup; both are forgotten with the last kept child.
 */

#include "proto/base.h"

#include <sys/types.h>

struct orphans {
	pid_t *kept; /* children that may live */
	size_t kept_count, kept_room;
	pid_t *sessions; /* of everything below them, when we last looked */
	size_t session_count, session_room;
};

struct orphans_ask {
	void *context;
	/* is it a role of ours? */
	bool (*is_known)(void *context, pid_t pid);
	/* does its cgroup say that it is to be kept? */
	bool (*is_marked)(void *context, pid_t pid);
};

/** orphans_spare() - every child that is not known now may live */
must_check int orphans_spare(struct orphans *orphans,
			     const struct orphans_ask *ask);

/**
 * orphans_hunt() - send SIGKILL to every child that nobody announced
 * @spare:	those that came since belong to a kept one
 * @ret_count:	how many got it; each leaves its own children to us, so come
 *		again until this is 0
 */
must_check int orphans_hunt(struct orphans *orphans,
			    const struct orphans_ask *ask, bool spare,
			    size_t *ret_count);

/** orphans_reaped() - a child was taken; true if it was a kept one */
bool orphans_reaped(struct orphans *orphans, pid_t pid);

/** orphans_fini() - forget all */
void orphans_fini(struct orphans *orphans);
