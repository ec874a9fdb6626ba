#include "daemon/store/sqlite_extra.h"

#include <errno.h>

/* Far beyond any purge, and far from overflow. */
#define KEEP_MAX_MS (INT64_C(1) << 50)

uint32_t extra_flags(const struct store_entry *entry)
{
	uint32_t flags = 0;

	if (entry->retry.n)
		flags |= FLAG_RETRY;
	if (entry->unique.n)
		flags |= FLAG_UNIQUE;
	if (entry->keep_ms >= 0)
		flags |= FLAG_KEEP;
	if (entry->callbacks.n)
		flags |= FLAG_CALLBACKS;
	if (entry->follows || entry->follows_group)
		flags |= FLAG_FOLLOWS;
	return flags;
}

int extra_put(struct txn *txn, int64_t id, const struct store_entry *entry)
{
	int64_t keep = entry->keep_ms < KEEP_MAX_MS ? entry->keep_ms
						    : KEEP_MAX_MS;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_EXTRA_PUT, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, id, keep, entry->follows, entry->follows_group);
	if (keep < 0)
		sql_bind_text(stmt, 2, (struct slice){NULL, 0});
	sql_bind_text(stmt, 5, entry->retry);
	sql_bind_text(stmt, 6, entry->unique);
	sql_bind_text(stmt, 7, entry->callbacks);
	return sql_run(txn->sql, stmt);
}

int extra_get(struct txn *txn, int64_t id, struct extra *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_EXTRA_GET, &error);
	bool found;

	*ret = (struct extra){0};
	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(txn->sql, stmt, &found);
	if (error || !found)
		return error;
	error = sql_copy(stmt, 0, txn->arena, &ret->retry);
	if (!error)
		error = sql_copy(stmt, 1, txn->arena, &ret->word);
	ret->tries = sql_int(stmt, 2);
	ret->losses = sql_int(stmt, 3);
	sql_done(stmt);
	return error;
}

int extra_end(struct txn *txn, const struct live *live)
{
	int error = 0;

	if (live->flags & FLAG_UNIQUE)
		error = word_free(txn, live->uid, live->id);
	if (!error && live->flags & FLAG_KEEP)
		error = SQL_DO(txn->sql, SQL_EXTRA_KEEP, live->id, txn->now_ms);
	return error;
}

int word_holder(struct txn *txn, uint32_t uid, struct slice word,
		int64_t *ret_id)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_WORD_GET, &error);
	bool found;

	*ret_id = 0;
	if (!stmt)
		return error;
	SQL_INTS(stmt, uid);
	sql_bind_text(stmt, 2, word);
	error = sql_row(txn->sql, stmt, &found);
	if (error || !found)
		return error;
	*ret_id = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

int word_take(struct txn *txn, uint32_t uid, struct slice word, int64_t id,
	      bool *ret_taken)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_WORD_ADD, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, uid, 0, id);
	sql_bind_text(stmt, 2, word);
	error = sql_run(txn->sql, stmt);
	*ret_taken = !error && sql_changes(txn->sql) > 0;
	return error;
}

int word_free(struct txn *txn, uint32_t uid, int64_t id)
{
	return SQL_DO(txn->sql, SQL_WORD_DROP, uid, id);
}
