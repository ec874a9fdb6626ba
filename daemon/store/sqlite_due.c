/* What happens to waiting jobs because time passes: they are due, or expire. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

static int first_of(struct sql *sql, enum sql_id id, int64_t *ret_ms)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, id, &error);
	bool found;

	*ret_ms = 0;
	if (!stmt)
		return error;
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	*ret_ms = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

int txn_due_next(struct sql *sql, int64_t *ret_ms)
{
	int64_t due, expire;
	int error = first_of(sql, SQL_DUE_NEXT, &due);

	if (!error)
		error = first_of(sql, SQL_EXPIRE_NEXT, &expire);
	if (!error)
		*ret_ms = due && (!expire || due < expire) ? due : expire;
	return error;
}

static int promote_one(struct txn *txn, const struct live *live)
{
	struct job_step step;

	if (job_step(&live->facts, JOB_DUE, CAUSE_NONE, txn->now_ms, &step))
		return sql_damaged(txn->sql, "a due job cannot become ready");
	return txn_move(txn, live, &step, txn->next.seq++);
}

static int expire_one(struct txn *txn, const struct live *live)
{
	struct job_step step;

	if (job_step(&live->facts, JOB_EXPIRE, CAUSE_NONE, txn->now_ms, &step))
		return sql_damaged(txn->sql, "a waiting job cannot expire");
	return txn_end(txn, live, &step, NULL, (struct slice){NULL, 0});
}

/* The rows are read before the first is changed. */
static int each(struct txn *txn, enum sql_id id,
		int (*one)(struct txn *, const struct live *))
{
	uint32_t max = txn->batch->promote_max;
	struct live *live = arena_array(txn->arena, max, sizeof(*live));
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, id, &error);
	size_t count = 0;
	bool row;

	if (!stmt)
		return error;
	if (!live)
		return -ENOMEM;
	SQL_INTS(stmt, txn->now_ms, max);
	for (;;) {
		error = sql_row(txn->sql, stmt, &row);
		if (error)
			return error;
		if (!row)
			break;
		require(count < max);
		error = live_read(txn->sql, stmt, &live[count++]);
		if (error) {
			sql_done(stmt);
			return error;
		}
	}
	for (size_t i = 0; !error && i < count; i++)
		error = one(txn, &live[i]);
	return error;
}

/* What is left over waits for the next batch. */
int txn_promote(struct txn *txn)
{
	int64_t due = txn->store->next_due_ms;
	int error;

	/* What this batch itself scheduled is not due yet. */
	if (!txn->batch->promote_max || !due || due > txn->now_ms)
		return 0;
	txn->due_left = true;
	error = each(txn, SQL_EXPIRE_LIST, expire_one);
	if (!error)
		error = txn_end_flush(txn);
	if (!error)
		error = each(txn, SQL_DUE_LIST, promote_one);
	return error;
}
