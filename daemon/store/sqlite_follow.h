#pragma once

/*
 * Ends that owe callbacks: noted as they come, followed when all of the batch
 * have. A job without costs one look at its flags.
 */

#include "daemon/store/follow.h"
#include "daemon/store/sqlite_txn.h"

struct owed {
	size_t ended; /* index into the batch's ended rows */
	int64_t context;
	uint32_t gid;
	struct slice own, of_queue;
};

/** follow_owes() - may callbacks follow the end of this job? */
static inline bool follow_owes(const struct txn *txn, const struct live *live)
{
	if (!txn->batch->follow)
		return false;
	return live->flags & FLAG_CALLBACKS ||
	       ((txn->ruled || txn->batch->rules.n) &&
		!(live->flags & FLAG_FOLLOWS));
}

/** follow_owe() - note the job that was told of last */
must_check int follow_owe(struct txn *txn, const struct live *live,
			  const struct lane *lane);
