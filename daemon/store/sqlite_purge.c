/*
 * Upkeep inside the transaction: the purge of finished jobs, and of groups that
 * nobody needs. All in small steps; where a walk goes on is remembered in the
 * handle only, a new one begins again.
 */

#include "daemon/store/sqlite_purge.h"

#include <errno.h>

/* Rows that a purge looks at for each that it may take. */
#define PURGE_LOOKS 4
#define EMPTY_GROUPS_A_LOOK 256
/* Pages that may be free in the file before they are given back: 4 MiB. */
#define FREE_PAGES_KEPT 1024

static int drop_key(struct txn *txn, const struct txn_old *old)
{
	struct store_row row = {.id = old->id};
	struct sqlite3_stmt *stmt;
	int error = row_words(txn->sql, txn->arena, &row, false);

	if (error)
		return error;
	stmt = sql_use(txn->sql, SQL_KEY_DROP, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, old->uid, 0, old->id);
	sql_bind_text(stmt, 2, row.key);
	return sql_run(txn->sql, stmt);
}

static int drop_rows(struct txn *txn, const struct txn_old *old)
{
	int error = 0;

	if (old->flags & FLAG_KEY)
		error = drop_key(txn, old);
	if (!error && old->flags & FLAG_RESULT)
		error = SQL_DO(txn->sql, SQL_RESULT_DROP, old->id);
	if (!error && old->flags & FLAG_ATTEMPTS)
		error = SQL_DO(txn->sql, SQL_ATTEMPT_DROP, old->id);
	if (!error && old->flags & FLAGS_EXTRA)
		error = SQL_DO(txn->sql, SQL_EXTRA_DROP, old->id);
	if (!error)
		error = SQL_DO(txn->sql, SQL_BODY_DROP, old->id);
	if (!error)
		error = SQL_DO(txn->sql, SQL_DONE_DROP, old->id);
	/* The row that tells of it and its neighbours goes with the last. */
	if (!error && old->group)
		error = SQL_DO(txn->sql, SQL_MEMBER_DROP, old->group, old->id);
	return error;
}

static int uncount(struct txn *txn, const struct txn_old *old)
{
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, old->lane);
	struct tally_entry *entry;
	int error;

	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	/* A group's ends count as long as it is there: it has not gone well
	 * because what failed is purged. */
	error = txn_count(txn, lane, 0, old->state, STATE_COUNT);
	if (error)
		return error;
	if (old->group) {
		if (tally_at(&txn->store->groups, old->group, &entry))
			return -ENOMEM;
		entry->mark |= GROUP_PURGED;
	}
	return old->context ? txn_count_context(txn, old->context, -1) : 0;
}

int txn_drop(struct txn *txn, const struct txn_old *old)
{
	struct store_batch *batch = txn->batch;
	int error = drop_rows(txn, old);

	if (!error)
		error = uncount(txn, old);
	/* An attempt before the last may have left a file too. */
	if (error || !(old->flags & (FLAG_OUTPUT_FILE | FLAG_ATTEMPTS)))
		return error;
	error = txn_room(txn, &txn->purged, (void **)&batch->purged,
			 batch->purged_count, sizeof(*batch->purged));
	if (!error)
		batch->purged[batch->purged_count++] = old->id;
	return error;
}

static int64_t done_count(const struct lanes *lanes)
{
	int64_t count = 0;

	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = lanes->items[i];

		for (int state = STATE_SUCCEEDED; state < STATE_COUNT; state++)
			count += lane->counts[state] + lane->add[state];
	}
	return count;
}

/* What has a time of its own is found by that (purge_kept). */
static bool is_old(const struct store_batch *batch, const struct store_row *row,
		   uint32_t flags)
{
	int64_t before = row->state == STATE_SUCCEEDED
				 ? batch->purge_succeeded_before_ms
				 : batch->purge_failed_before_ms;

	return before && !(flags & FLAG_KEEP) && row->finished_ms < before;
}

int txn_old_read(struct txn *txn, struct sqlite3_stmt *stmt,
		 struct txn_old *ret, struct store_row *ret_row)
{
	int error = finished_read(txn->sql, stmt, ret_row, &ret->flags,
				  &ret->context);

	ret->id = ret_row->id;
	ret->lane = ret_row->lane;
	ret->state = ret_row->state;
	ret->uid = ret_row->uid;
	ret->group = ret_row->group;
	return error;
}

/* Those that said how long they are kept. Not yet what ended in this batch:
 * who waits for it hears of it first. */
static int purge_kept(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	struct txn_old *old = arena_array(txn->arena, batch->purge_max,
					  sizeof(*old));
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_PURGE_KEPT, &error);
	size_t count = 0;
	bool found;

	if (!stmt)
		return error;
	if (!old)
		return -ENOMEM;
	SQL_INTS(stmt, txn->now_ms, batch->purge_max);
	for (;;) {
		struct store_row row;

		error = sql_row(txn->sql, stmt, &found);
		if (error)
			return error;
		if (!found)
			break;
		require(count < batch->purge_max);
		error = txn_old_read(txn, stmt, &old[count++], &row);
		if (error) {
			sql_done(stmt);
			return error;
		}
	}
	for (size_t i = 0; !error && i < count; i++)
		error = txn_drop(txn, &old[i]);
	batch->purge_more = count == batch->purge_max;
	return error;
}

struct purge {
	struct txn *txn;
	struct txn_old *old;
	size_t count;
	int64_t too_many; /* so many go whatever their age, the first ones */
	int64_t looks;
	int64_t after;
	bool at_end;
};

static int collect(struct purge *purge)
{
	struct txn *txn = purge->txn;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_DONE_AFTER, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, purge->after);
	while (purge->count < txn->batch->purge_max && purge->looks-- > 0) {
		struct store_row row;
		struct txn_old old;

		error = sql_row(txn->sql, stmt, &found);
		purge->at_end = !found;
		if (error || !found)
			return error;
		error = txn_old_read(txn, stmt, &old, &row);
		if (error)
			break;
		purge->after = row.id;
		if (purge->too_many-- <= 0 &&
		    !is_old(txn->batch, &row, old.flags))
			continue;
		purge->old[purge->count++] = old;
	}
	sql_done(stmt);
	return error;
}

static int purge_done(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int64_t keep = batch->keep_done_max;
	struct purge purge = {
		.txn = txn,
		.looks = (int64_t)batch->purge_max * PURGE_LOOKS,
		.after = txn->store->purge_after,
		.old = arena_array(txn->arena, batch->purge_max,
				   sizeof(struct txn_old)),
	};
	int error;

	if (!purge.old)
		return -ENOMEM;
	if (keep > 0)
		purge.too_many = done_count(&txn->store->lanes) - keep;
	/* Too many: the first ones go, wherever the walk by age stood. */
	if (purge.too_many > 0)
		purge.after = 0;
	else if (!batch->purge_succeeded_before_ms &&
		 !batch->purge_failed_before_ms)
		return 0;

	error = collect(&purge);
	for (size_t i = 0; !error && i < purge.count; i++)
		error = txn_drop(txn, &purge.old[i]);
	if (error)
		return error;
	batch->purge_more |= purge.count == batch->purge_max;
	/* Only a hint: a rollback that leaves it wrong costs a round. */
	txn->store->purge_after = purge.at_end ? 0 : purge.after;
	return 0;
}

/* Groups that never had a job, or lost their last one before they were closed,
 * go with the age of what succeeded; open ones, too, unless somebody holds
 * them: whoever opened them is not coming back. */
static int purge_groups(struct txn *txn)
{
	struct store *store = txn->store;
	int64_t before = txn->batch->purge_succeeded_before_ms;
	int64_t ids[EMPTY_GROUPS_A_LOOK];
	int error = 0;
	struct sqlite3_stmt *stmt;
	size_t seen = 0, count = 0;
	bool found;

	if (!before)
		return 0;
	stmt = sql_use(txn->sql, SQL_GROUP_EMPTY, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, store->empty_group_after, EMPTY_GROUPS_A_LOOK, before);
	for (;;) {
		error = sql_row(txn->sql, stmt, &found);
		if (error || !found)
			break;
		seen++;
		store->empty_group_after = sql_int(stmt, 0);
		if (sql_int(stmt, 1))
			ids[count++] = store->empty_group_after;
	}
	if (seen < EMPTY_GROUPS_A_LOOK)
		store->empty_group_after = 0;
	for (size_t i = 0; !error && i < count; i++) {
		/* Not one that this very batch fills. */
		if (!tally_find(&store->groups, ids[i]))
			error = SQL_DO(txn->sql, SQL_GROUP_DROP, ids[i], 1);
	}
	return error;
}

static int give_back(struct txn *txn)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_FREE_PAGES, &error);
	int64_t pages = 0;
	bool found;

	if (!stmt)
		return error;
	error = sql_row(txn->sql, stmt, &found);
	if (error)
		return error;
	if (found) {
		pages = sql_int(stmt, 0);
		sql_done(stmt);
	}
	if (pages <= FREE_PAGES_KEPT)
		return 0;
	return sql_do(txn->sql, SQL_VACUUM, NULL, 0);
}

int txn_purge(struct txn *txn)
{
	int error;

	if (!txn->batch->purge_max)
		return 0;
	error = purge_kept(txn);
	if (!error)
		error = purge_done(txn);
	if (!error)
		error = purge_groups(txn);
	if (!error && !txn->batch->purge_more)
		error = give_back(txn);
	return error;
}
