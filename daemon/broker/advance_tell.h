#pragma once

/*
 * Advance tell: subscribers hear how far running jobs are. At most ten times a
 * second of each job, whoever says it, and the newest always: what comes too soon
 * waits for its turn.
 */

#include "daemon/broker/advance.h"

struct broker;

#define ADVANCE_PAUSE_NS INT64_C(100000000)

/**
 * advance_tell() - a job says this of itself: keep it, and tell who listens
 * @at:		where it is kept, owned: made when it is NULL
 * @queue:	for those who listen to one; empty: not known
 *
 * Return: 0 or -ENOMEM, then it says what it said before.
 */
must_check int advance_tell(struct broker *broker, struct advance **at,
			    int64_t job, int64_t group, struct slice queue,
			    const struct advance_word *word);

/** advance_tell_fini() - what waits is not told any more */
void advance_tell_fini(struct broker *broker);
