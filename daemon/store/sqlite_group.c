/* Groups: opened, closed, counted. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

int group_read(struct sql *sql, struct arena *arena, int64_t id,
	       struct store_group *ret, bool *ret_found)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_GROUP_GET, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, ret_found);
	if (error || !*ret_found)
		return error;
	*ret = (struct store_group){
		.id = id,
		.total = sql_int(stmt, 1),
		.closed = sql_int(stmt, 2),
		.uid = (uint32_t)sql_int(stmt, 3),
		.abandoned = sql_int(stmt, 4) == 2,
	};
	for (int i = 0; i < STATE_COUNT; i++)
		ret->counts[i] = sql_int(stmt, 5 + i);
	error = sql_copy(stmt, 0, arena, &ret->name);
	sql_done(stmt);
	return error;
}

static int open_group(struct txn *txn, struct store_group_op *op)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_GROUP_OPEN, &error);

	if (!stmt)
		return error;
	op->id = txn->next.group++;
	op->found = true;
	SQL_INTS(stmt, op->id, 0, op->total, op->uid, txn->now_ms);
	sql_bind_text(stmt, 2, op->name);
	sql_bind_text(stmt, 6, op->callbacks);
	txn->owing += op->callbacks.n > 0;
	return sql_run(txn->sql, stmt);
}

static int change_group(struct txn *txn, struct store_group_op *op)
{
	static const enum sql_id statements[] = {
		[STORE_GROUP_CLOSE] = SQL_GROUP_CLOSE,
		[STORE_GROUP_TIE] = SQL_GROUP_TIE,
		[STORE_GROUP_ABANDON] = SQL_GROUP_ABANDON,
	};
	int error = SQL_DO(txn->sql, statements[op->kind], op->id);

	struct store_group group;

	op->found = !error && sql_changes(txn->sql) > 0;
	if (error || op->found || op->kind != STORE_GROUP_TIE)
		return error;
	error = group_read(txn->sql, txn->arena, op->id, &group, &op->closed);
	op->found = op->closed;
	return error;
}

/* All are changes that the batch tells of, and what is known of a group
 * before its ops is not true after them. */
int txn_groups(struct txn *txn)
{
	struct store_batch *batch = txn->batch;

	for (size_t i = 0; i < batch->group_count; i++) {
		struct store_group_op *op = &batch->groups[i];
		struct tally_entry *entry;
		int error;

		if (op->kind == STORE_GROUP_OPEN)
			error = open_group(txn, op);
		else
			error = change_group(txn, op);
		if (error)
			return error;
		if (op->found && tally_at(&txn->store->groups, op->id, &entry))
			return -ENOMEM;
	}
	return 0;
}
