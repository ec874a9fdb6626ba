#pragma once

/* The end of a finished job: what the purge and a removal by hand share. */

#include "daemon/store/sqlite_txn.h"

/* A finished job that goes. */
struct txn_old {
	int64_t id;
	int32_t lane;
	enum job_state state;
	uint32_t flags, uid;
	int64_t context, group;
};

/** txn_old_read() - the columns FINISHED of the current row */
must_check int txn_old_read(struct txn *txn, struct sqlite3_stmt *stmt,
			    struct txn_old *ret, struct store_row *ret_row);
/** txn_drop() - all its rows; its files are told of in batch->purged */
must_check int txn_drop(struct txn *txn, const struct txn_old *old);
