#pragma once

/*
 * Group hold: groups that are closed when nobody holds them any more, so that
 * one whose maker was killed is complete, and tells so. A hold is a HoldGroup
 * that is not answered, but for the first reply of one with `more`, which says
 * that it is held. It ends with its connection.
 */

#include <sys/queue.h>
#include <uthash.h>

#include "daemon/broker/waits.h"

/* After the last one let go, and after a new broker began: whoever lost its
 * connection with the broker dials again, and must find its group open. */
#define GROUP_HOLD_GRACE_MS 2000
#define GROUP_HOLD_ADOPT_MS 30000

struct group_hold {
	UT_hash_handle hh; /* by group */
	int64_t id;
	struct waiter waiter; /* for its end */
	TAILQ_HEAD(, group_holder) holders;
	int64_t until_ns; /* monotonic; 0: somebody holds it */
};

struct group_holds {
	struct group_hold *by_id;
	size_t loose; /* those that nobody holds */
};

/** group_hold_adopt() - a group that was held when the last broker ended */
must_check int group_hold_adopt(struct broker *broker, int64_t id);

/** group_hold_take() - it is tied, and this call holds it; 0 or -ENOMEM */
must_check int group_hold_take(struct call *call, int64_t id);

/** group_holds_tick() - close those that nobody holds */
void group_holds_tick(struct broker *broker, int64_t now_ns);

void group_holds_fini(struct broker *broker);
