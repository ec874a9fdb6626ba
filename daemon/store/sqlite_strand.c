/* What waits for descriptors that went with an earlier broker fails. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

/* The next one that waits; those that ended are gone from the table. */
static int next_one(struct txn *txn, struct live *ret, bool *ret_found)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_CARRIED_WAITING,
					    &error);

	if (!stmt)
		return error;
	error = sql_row(txn->sql, stmt, ret_found);
	if (error || !*ret_found)
		return error;
	error = live_read(txn->sql, stmt, ret);
	sql_done(stmt);
	return error;
}

static int strand_one(struct txn *txn, const struct live *live)
{
	const struct store_outcome end = {
		.exit_code = -1,
		.failure = txn->batch->strand,
	};
	struct job_step step;
	int error;

	if (job_step(&live->facts, JOB_STRAND, CAUSE_NONE, txn->now_ms, &step))
		return sql_damaged(txn->sql, "a waiting job cannot fail");
	error = txn_end(txn, live, &step, &end, (struct slice){NULL, 0});
	return error ? error : txn_end_flush(txn);
}

/* They are few: each had a descriptor in the process that is gone. */
int txn_strand(struct txn *txn)
{
	struct live live;
	bool found = true;
	int error = 0;

	if (!txn->batch->strand.n)
		return 0;
	while (!error && found) {
		error = next_one(txn, &live, &found);
		if (!error && found)
			error = strand_one(txn, &live);
	}
	return error;
}
