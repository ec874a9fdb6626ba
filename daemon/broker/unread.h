#pragma once

/*
 * Unread: leases that stand in the last reply of a connection which ended
 * before that was read. Nobody began them, so they go back uncharged.
 */

#include <uthash.h>

#include "proto/base.h"

struct broker;
struct consumer;

#define UNREAD_TIMES 8	 /* of one job, which may be what ends its readers */
#define UNREAD_JOBS 1000 /* so many are remembered; of more all stay */

/* A job that came back so, and was not heard of since. */
struct unread {
	UT_hash_handle hh;
	int64_t job;
	uint32_t times;
};

/** unread_fini() - forget all */
void unread_fini(struct unread **list);

/** unread_forget() - somebody has spoken of the job: begin anew */
void unread_forget(struct unread **list, int64_t job);

/**
 * unread_ended() - the connection of @consumer ends, and its last reply is unread
 *
 * Leases in it go back, but those of which somebody has spoken, and those that
 * did so UNREAD_TIMES before: these are lost at their deadline.
 */
void unread_ended(struct broker *broker, const struct consumer *consumer);
