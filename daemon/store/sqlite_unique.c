/*
 * Keys and unique words: which entries are new jobs, and whose key or word they
 * take. Keys are kept until the purge, words until their job ends.
 */

#include "daemon/store/sqlite_entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/store/sqlite_extra.h"

static int key_holder(struct txn *txn, const struct store_entry *entry,
		      int64_t *ret_id)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_KEY_GET, &error);
	bool found;

	*ret_id = 0;
	if (!stmt)
		return error;
	SQL_INTS(stmt, entry->uid);
	sql_bind_text(stmt, 2, entry->key);
	error = sql_row(txn->sql, stmt, &found);
	if (error || !found)
		return error;
	*ret_id = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

static int put(struct txn *txn, enum sql_id how, uint32_t uid,
	       struct slice text, int64_t id)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, how, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, uid, 0, id);
	sql_bind_text(stmt, 2, text);
	return sql_run(txn->sql, stmt);
}

/* Nothing but a key that names its job for ever: mostly it is free. */
static int decide_plain(struct txn *txn, struct store_entry *entry, int64_t id)
{
	int64_t holder;
	int error = put(txn, SQL_KEY_ADD, entry->uid, entry->key, id);

	entry->id = id;
	if (error || sql_changes(txn->sql) > 0)
		return error;
	error = key_holder(txn, entry, &holder);
	if (!error && !holder)
		error = sql_damaged(txn->sql, "a key is there and is not");
	entry->what = STORE_EXISTING;
	entry->id = holder;
	return error;
}

/* May the entry have what @holder has? @ret_lane: of the holder, when it waits
 * and has to go; else NULL. */
static int judge(struct txn *txn, struct store_entry *entry, int64_t holder,
		 struct lane **ret_lane)
{
	/* One of the same unit, which is not there yet. */
	bool planned = holder >= txn->next.job;
	struct live live;
	bool found;
	int error;

	*ret_lane = NULL;
	if (!holder)
		return 0;
	if (entry->on_conflict == CONFLICT_RETURN_EXISTING) {
		entry->what = STORE_EXISTING;
		entry->id = holder;
		return 0;
	}
	if (entry->on_conflict == CONFLICT_REJECT || planned) {
		entry->what = STORE_REFUSED_TAKEN;
		entry->id = planned ? 0 : holder;
		return 0;
	}
	error = entry_flush(txn); /* it may be of this batch */
	if (!error)
		error = live_get(txn->sql, holder, &live, &found);
	if (error || !found)
		return error;
	if (live.facts.state == STATE_RUNNING) {
		entry->what = STORE_REFUSED_TAKEN;
		entry->id = holder;
		return 0;
	}
	*ret_lane = sqlite_lanes_by_id(&txn->store->lanes, live.lane);
	return *ret_lane ? 0 : sql_damaged(txn->sql, "a job has no lane");
}

static int take_over(struct entering *entering, size_t i,
		     struct takeover takeover)
{
	struct txn *txn = entering->txn;

	if (!takeover.key && !takeover.word)
		return 0;
	if (!entering->takeovers)
		entering->takeovers = arena_array(txn->arena,
						  txn->batch->entry_count,
						  sizeof(*entering->takeovers));
	if (!entering->takeovers)
		return -ENOMEM;
	entering->takeovers[i] = takeover;
	return 0;
}

/* Places in the queue that those free which are replaced. */
static int64_t freed(const struct queue_room *room, struct takeover takeover,
		     const struct lane *of_key, const struct lane *of_word)
{
	int64_t count = 0;

	if (of_key && slice_equal(of_key->queue, room->name))
		count++;
	if (of_word && takeover.word != takeover.key &&
	    slice_equal(of_word->queue, room->name))
		count++;
	return count;
}

static bool find_room(struct queue_room *room, int64_t left)
{
	if (!room)
		return true;
	room->planned -= left;
	if (queue_is_full(room)) {
		room->planned += left;
		return false;
	}
	room->planned++;
	return true;
}

/* @id: that it will have when it is new */
static int decide(struct entering *entering, size_t i, int64_t id)
{
	struct txn *txn = entering->txn;
	struct store_entry *entry = &txn->batch->entries[i];
	struct queue_room *room = entering->plans[entry->lane].room;
	struct takeover takeover = {0};
	struct lane *of_key = NULL, *of_word = NULL;
	int error = 0;

	if (entry->key.n && !entry->unique.n && !room &&
	    entry->on_conflict == CONFLICT_RETURN_EXISTING)
		return decide_plain(txn, entry, id);
	if (entry->key.n)
		error = key_holder(txn, entry, &takeover.key);
	if (!error && entry->unique.n)
		error = word_holder(txn, entry->uid, entry->unique,
				    &takeover.word);
	if (!error)
		error = judge(txn, entry, takeover.key, &of_key);
	if (!error && entry->what == STORE_NEW)
		error = judge(txn, entry, takeover.word, &of_word);
	if (error || entry->what != STORE_NEW)
		return error;
	if (!find_room(room,
		       room ? freed(room, takeover, of_key, of_word) : 0)) {
		entry->what = STORE_REFUSED_FULL;
		return 0;
	}

	entry->id = id;
	if (entry->key.n)
		error = put(txn, SQL_KEY_PUT, entry->uid, entry->key, id);
	if (!error && entry->unique.n)
		error = put(txn, SQL_WORD_PUT, entry->uid, entry->unique, id);
	return error ? error : take_over(entering, i, takeover);
}

static bool is_refused(enum store_entered what)
{
	return what != STORE_NEW && what != STORE_EXISTING;
}

static int take_back(struct entering *entering, size_t first, size_t last)
{
	struct store_batch *batch = entering->txn->batch;
	struct tally_entry *unit;

	for (size_t i = first; i < last; i++) {
		struct store_entry *entry = &batch->entries[i];

		if (entering->takeovers)
			entering->takeovers[i] = (struct takeover){0};
		if (is_refused(entry->what))
			continue;
		entry->what = STORE_REFUSED_DEPENDS;
		entry->id = 0;
	}
	return tally_at(&entering->refused, batch->entries[first].unit, &unit);
}

static bool has_words(const struct store_batch *batch, size_t first,
		      size_t last)
{
	for (size_t i = first; i < last; i++) {
		if (batch->entries[i].key.n || batch->entries[i].unique.n)
			return true;
	}
	return false;
}

int unit_decide(struct entering *entering, size_t first, size_t last)
{
	struct txn *txn = entering->txn;
	struct store_batch *batch = txn->batch;
	bool undoable = last - first > 1 && has_words(batch, first, last);
	int64_t id = txn->next.job;
	bool refused = false;
	int error = 0;

	/* What is taken back must not take those before it along. */
	if (undoable)
		error = entry_flush(txn);
	if (!error && undoable)
		error = sql_do(txn->sql, SQL_SAVEPOINT, NULL, 0);
	for (size_t i = first; !error && i < last; i++) {
		error = decide(entering, i, id);
		id += batch->entries[i].what == STORE_NEW;
		refused |= is_refused(batch->entries[i].what);
	}
	for (struct queue_room *room = entering->rooms; room; room = room->next)
		room->planned = 0;
	if (!error && refused && batch->entries[first].unit)
		error = take_back(entering, first, last);
	if (!error && refused && undoable)
		error = sql_do(txn->sql, SQL_SAVEPOINT_UNDO, NULL, 0);
	if (!error && undoable)
		error = sql_do(txn->sql, SQL_SAVEPOINT_DROP, NULL, 0);
	return error;
}

/* @ret_ended: it waited, and was cancelled */
static int replace(struct txn *txn, int64_t holder, uint32_t flag, int64_t id,
		   bool *ret_ended)
{
	char reason[64];
	struct job_step step;
	struct slice text;
	struct live live;
	int error = live_get(txn->sql, holder, &live, ret_ended);

	if (error)
		return error;
	if (!*ret_ended)
		return flag ? SQL_DO(txn->sql, SQL_DONE_FLAGS, holder, flag)
			    : 0;
	if (live.facts.state == STATE_RUNNING ||
	    job_step(&live.facts, JOB_CANCEL, CAUSE_NONE, txn->now_ms, &step))
		return sql_damaged(txn->sql, "a job that runs is replaced");
	live.flags &= ~flag;
	snprintf(reason, sizeof(reason), "replaced by job %" PRId64, id);
	error = arena_copy(txn->arena, slice_of(reason), &text);
	if (!error)
		error = txn_end(txn, &live, &step, NULL, text);
	return error ? error : txn_end_flush(txn);
}

int entry_take_over(struct entering *entering, size_t i)
{
	struct txn *txn = entering->txn;
	struct store_entry *entry = &txn->batch->entries[i];
	struct takeover takeover;
	bool ended;
	int error;

	if (!entering->takeovers)
		return 0;
	takeover = entering->takeovers[i];
	error = entry_flush(txn);
	if (!error && takeover.key) {
		error = replace(txn, takeover.key, FLAG_KEY, entry->id, &ended);
		if (!error && ended)
			entry->replaced = takeover.key;
	}
	if (!error && takeover.word && takeover.word != takeover.key) {
		error = replace(txn, takeover.word, 0, entry->id, &ended);
		if (!error && ended && !entry->replaced)
			entry->replaced = takeover.word;
	}
	return error;
}
