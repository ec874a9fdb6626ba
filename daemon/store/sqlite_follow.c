#include "daemon/store/sqlite_follow.h"

#include <errno.h>

#include "daemon/store/sqlite_entry.h"

/* What is made for ends is let go when it is more than this. */
#define SCRATCH_BYTES (1024 * 1024)
/* Of a group: how many are looked at, and told of. */
#define FAILED_LOOKS 10000
#define FAILED_TOLD 10

static int read_own(struct txn *txn, int64_t id, struct slice *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_EXTRA_CALLBACKS,
					    &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(txn->sql, stmt, &found);
	if (error || !found)
		return error;
	error = sql_copy(stmt, 0, txn->arena, ret);
	sql_done(stmt);
	return error;
}

static int read_queue(struct txn *txn, struct slice queue, struct slice *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_QUEUE_CALLBACKS,
					    &error);
	bool found;

	if (!stmt)
		return error;
	sql_bind_text(stmt, 1, queue);
	error = sql_row(txn->sql, stmt, &found);
	if (error || !found)
		return error;
	error = sql_copy(stmt, 0, txn->arena, ret);
	sql_done(stmt);
	return error;
}

/* Read now: what comes behind it in the batch may remove the job. */
int follow_owe(struct txn *txn, const struct live *live,
	       const struct lane *lane)
{
	struct owed owed = {
		.ended = txn->batch->ended_count - 1,
		.context = live->context,
		.gid = live->gid,
	};
	int error = 0;

	if (live->flags & FLAG_CALLBACKS)
		error = read_own(txn, live->id, &owed.own);
	if (!error && txn->ruled && !(live->flags & FLAG_FOLLOWS))
		error = read_queue(txn, lane->queue, &owed.of_queue);
	if (error || (!owed.own.n && !owed.of_queue.n &&
		      (!txn->batch->rules.n || live->flags & FLAG_FOLLOWS)))
		return error;
	error = txn_room(txn, &txn->owed_room, (void **)&txn->owed,
			 txn->owed_count, sizeof(*txn->owed));
	if (!error)
		txn->owed[txn->owed_count++] = owed;
	return error;
}

/* One job more. What it is made of lives until the flush. */
static int enter(struct txn *txn, const struct store_follower *follower,
		 int64_t inherited)
{
	const struct store_entry *entry = &follower->entry;
	struct lane *lane;
	struct live live;
	int error = sqlite_lanes_intern(&txn->store->lanes, txn->sql,
					follower->queue, follower->handler,
					&lane);

	if (error)
		return error;
	live = entry_live(txn, entry, lane, txn->next.job++);
	live.seq = txn->next.seq++;
	if (follower->inherits)
		live.context = inherited;
	else if (follower->context.n)
		error = txn_context(txn, follower->context, &live.context);
	if (!error)
		error = entry_facts(txn, entry, &live.facts);
	return error ? error : entry_put(txn, lane, entry, &live);
}

static int enter_all(struct txn *txn, struct store_follow *follow,
		     int64_t inherited)
{
	int error = txn->batch->follow(follow);

	for (size_t i = 0; !error && i < follow->count; i++) {
		struct store_follower *follower = &follow->list[i];
		struct store_entry *entry = &follower->entry;

		require(follower->queue.n && follower->handler.n);
		entry->group = 0;
		entry->hold = entry->descriptors = false;
		entry->key = entry->unique = (struct slice){NULL, 0};
		entry->follows = follow->job ? follow->job->id : 0;
		entry->follows_group = follow->group ? follow->group->id : 0;
		error = enter(txn, follower, inherited);
	}
	if (error || follow->arena->used_bytes < SCRATCH_BYTES)
		return error;
	error = entry_flush(txn);
	arena_reset(follow->arena);
	return error;
}

static int follow_jobs(struct txn *txn, struct arena *scratch)
{
	int error = 0;

	for (size_t i = 0; !error && i < txn->owed_count; i++) {
		const struct owed *owed = &txn->owed[i];
		const struct store_row *job = &txn->batch->ended[owed->ended];
		bool is_one = job->follows || job->follows_group;
		struct store_follow follow = {
			.arena = scratch,
			.now_ms = txn->now_ms,
			.job = job,
			.gid = owed->gid,
			.callbacks = owed->own,
			.of_queue = owed->of_queue,
		};

		if (!is_one)
			follow.rules = txn->batch->rules;
		error = enter_all(txn, &follow, owed->context);
	}
	return error;
}

/* ---- Groups ---- */

static int64_t pending_added(const struct tally_entry *entry)
{
	int64_t sum = 0;

	for (int state = 0; state < STATE_COUNT; state++) {
		if (!state_is_end((enum job_state)state))
			sum += entry->add[state];
	}
	return sum;
}

/* @ret: n 0: it owes nothing, or not yet */
static int read_group(struct txn *txn, const struct tally_entry *entry,
		      struct slice *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_GROUP_OWES, &error);
	bool found;

	*ret = (struct slice){NULL, 0};
	if (!stmt)
		return error;
	SQL_INTS(stmt, entry->id, pending_added(entry));
	error = sql_row(txn->sql, stmt, &found);
	if (error || !found)
		return error;
	error = sql_copy(stmt, 0, txn->arena, ret);
	sql_done(stmt);
	return error;
}

static int read_failed(struct txn *txn, int64_t group, int64_t *ret,
		       size_t *ret_count)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_GROUP_FAILED, &error);
	bool found;

	*ret_count = 0;
	if (!stmt)
		return error;
	SQL_INTS(stmt, group, FAILED_LOOKS, FAILED_TOLD);
	for (;;) {
		error = sql_row(txn->sql, stmt, &found);
		if (error || !found)
			return error;
		require(*ret_count < FAILED_TOLD);
		ret[(*ret_count)++] = sql_int(stmt, 0);
	}
}

static int follow_group(struct txn *txn, const struct tally_entry *entry,
			struct slice callbacks, struct arena *scratch)
{
	int64_t failed[FAILED_TOLD];
	struct store_group group;
	struct store_follow follow = {
		.arena = scratch,
		.now_ms = txn->now_ms,
		.group = &group,
		.failed = failed,
		.callbacks = callbacks,
	};
	bool found;
	int error = group_read(txn->sql, txn->arena, entry->id, &group, &found);

	if (error || !found)
		return error;
	for (int state = 0; state < STATE_COUNT; state++)
		group.counts[state] += entry->add[state];
	if (group.counts[STATE_FAILED] || group.counts[STATE_CANCELLED])
		error = read_failed(txn, group.id, failed,
				    &follow.failed_count);
	if (!error)
		error = enter_all(txn, &follow, 0);
	if (!error)
		error = SQL_DO(txn->sql, SQL_GROUP_TOLD, group.id);
	txn->owing--;
	return error;
}

/* No callback belongs to a group, so that none is added meanwhile. */
static int follow_groups(struct txn *txn, struct arena *scratch)
{
	const struct tally *groups = &txn->store->groups;
	int error = 0;

	for (size_t i = 0; !error && txn->owing && i < groups->count; i++) {
		const struct tally_entry *entry = &groups->entries[i];
		struct slice callbacks;

		error = read_group(txn, entry, &callbacks);
		if (!error && callbacks.n)
			error = follow_group(txn, entry, callbacks, scratch);
	}
	return error;
}

int txn_follow(struct txn *txn)
{
	struct arena scratch = {0};
	int error;

	if (!txn->batch->follow || (!txn->owed_count && !txn->owing))
		return 0;
	error = follow_jobs(txn, &scratch);
	if (!error)
		error = follow_groups(txn, &scratch);
	if (!error)
		error = entry_flush(txn);
	feed_clear(&txn->store->feed);
	arena_fini(&scratch);
	return error;
}
