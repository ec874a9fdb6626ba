#pragma once

/*
 * What follows an end. Callbacks are entered in the transaction of the end that
 * they follow, so that neither is there without the other; what they are is the
 * caller's business. store_write() asks batch.follow for each end that owes
 * some, on its own thread: it must not touch anything but its argument.
 *
 * A job owes callbacks at each of its ends: its own, those of its queue, and
 * the rules of the batch; the last two not if it is a callback itself. A group
 * owes them once, when it is first closed with no job pending.
 */

#include "daemon/store/store.h"

/* A new job. */
struct store_follower {
	/* Its lane, context, key, unique word, group, unit, hold, descriptors
	 * and begun are not looked at; it follows whom it is made for. */
	struct store_entry entry;
	struct slice queue, handler;
	struct slice context; /* JSON; n 0: none, or ... */
	bool inherits;	      /* ... that of the job that ended */
};

struct store_follow {
	struct arena *arena; /* for what is out, until it is entered */
	int64_t now_ms;
	/* Who has ended: one of the two, the other is NULL. */
	const struct store_row *job;
	const struct store_group *group;
	uint32_t gid;	       /* of the job */
	const int64_t *failed; /* of the group, some of the first that did */
	size_t failed_count;
	struct slice callbacks; /* as its entry or its group has them; n 0 */
	struct slice of_queue;	/* as its queue has them; n 0 */
	struct slice rules;	/* of the batch; n 0 */
	/* out */
	struct store_follower *list;
	size_t count;
};
