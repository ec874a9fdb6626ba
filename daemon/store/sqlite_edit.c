/* What waits becomes something else: changes by filter, and whole new specs. */

#include "daemon/store/sqlite_steer.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"

/* ---- Changes ---- */

/* @ret: as it would be. Says whether it waits at all. */
static bool changed(const struct txn *txn, const struct store_steer *steer,
		    const struct live *live, struct live *ret)
{
	struct job_step step;

	*ret = *live;
	if (steer->change_priority)
		ret->priority = steer->priority;
	if (steer->change_run_at && steer->run_at_ms > txn->now_ms)
		ret->facts.run_at_ms = steer->run_at_ms;
	else if (steer->change_run_at && ret->facts.run_at_ms > txn->now_ms)
		ret->facts.run_at_ms = txn->now_ms;
	if (job_step(&ret->facts, JOB_CHANGE, CAUSE_NONE, txn->now_ms, &step))
		return false;
	/* Only the time moves it: else a due job waits for its turn. */
	if (steer->change_run_at)
		ret->facts = step.facts;
	return true;
}

bool steer_changes(const struct txn *txn, const struct store_steer *steer,
		   const struct live *live)
{
	const struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes,
						     live->lane);
	struct live to;

	if (!changed(txn, steer, live, &to))
		return false;
	return to.priority != live->priority ||
	       to.facts.state != live->facts.state ||
	       to.facts.run_at_ms != live->facts.run_at_ms ||
	       (steer->queue.n && lane &&
		!slice_equal(steer->queue, lane->queue));
}

/* The counts and times of a job that goes on elsewhere. */
static int move(struct txn *txn, const struct live *from, struct lane *to_lane,
		struct live *to)
{
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, from->lane);
	int error;

	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	recent_forget(&txn->store->recent, from->id);
	to->lane = to_lane->id;
	if (to->facts.state == STATE_READY && from->facts.state != STATE_READY)
		to->seq = txn->next.seq++;
	if (from->facts.state == STATE_SCHEDULED)
		txn->due_left = true;
	if (to->facts.state == STATE_SCHEDULED)
		txn_due(txn, to->facts.run_at_ms);
	error = txn_count(txn, lane, from->group, from->facts.state,
			  STATE_COUNT);
	if (!error)
		error = txn_count(txn, to_lane, from->group, STATE_COUNT,
				  to->facts.state);
	return error;
}

int steer_change(struct txn *txn, const struct store_steer *steer,
		 const struct live *live)
{
	struct lanes *lanes = &txn->store->lanes;
	struct lane *lane = sqlite_lanes_by_id(lanes, live->lane);
	struct live to;
	int error = 0;

	/* It said yes when it was considered. */
	require(changed(txn, steer, live, &to));
	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	if (steer->queue.n)
		error = sqlite_lanes_intern(lanes, txn->sql, steer->queue,
					    lane->handler, &lane);
	if (!error)
		error = move(txn, live, lane, &to);
	if (error)
		return error;
	return SQL_DO(txn->sql, SQL_JOB_CHANGE, to.id, to.lane, to.facts.state,
		      -(int64_t)to.priority, to.seq, to.facts.run_at_ms);
}

/* ---- Edits ---- */

/* @ret_found: it is live, and his who asks */
static int find(struct txn *txn, struct store_edit *edit, struct live *ret,
		bool *ret_found)
{
	int error = live_get(txn->sql, edit->job, ret, ret_found);
	struct store_row row;

	if (error)
		return error;
	edit->found = *ret_found;
	if (!*ret_found) {
		error = finished_get(txn->sql, edit->job, &row, ret,
				     &edit->found);
		if (error || !edit->found)
			return error;
	}
	edit->foreign = edit->uid != UINT32_MAX && edit->uid != ret->uid;
	if (edit->foreign)
		*ret_found = false;
	edit->state = ret->facts.state;
	return error;
}

/* @ret_free: nobody else has the new word, and it is this job's now. */
static int change_word(struct txn *txn, const struct live *live,
		       struct store_entry *entry, bool *ret_free)
{
	int64_t holder = 0;
	int error = 0;

	if (entry->unique.n)
		error = word_holder(txn, live->uid, entry->unique, &holder);
	*ret_free = !holder || holder == live->id;
	if (!*ret_free) {
		entry->what = STORE_REFUSED_TAKEN;
		entry->id = holder;
	}
	if (error || !*ret_free)
		return error;
	if (live->flags & FLAG_UNIQUE)
		error = word_free(txn, live->uid, live->id);
	if (!error && entry->unique.n)
		error = word_take(txn, live->uid, entry->unique, live->id,
				  ret_free);
	return error;
}

static int put_body(struct txn *txn, const struct live *live,
		    const struct store_entry *entry, uint32_t flags)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_BODY_EDIT, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, live->id);
	sql_bind_text(stmt, 2, entry->name);
	sql_bind_text(stmt, 3, entry->tags);
	sql_bind_text(stmt, 4, entry->spec);
	error = sql_run(txn->sql, stmt);
	if (!error && live->flags & FLAGS_EXTRA)
		error = SQL_DO(txn->sql, SQL_EXTRA_DROP, live->id);
	if (!error && flags & FLAGS_EXTRA)
		error = extra_put(txn, live->id, entry);
	return error;
}

static uint32_t flags_after(const struct live *live,
			    const struct store_entry *entry)
{
	uint32_t flags = live->flags &
			 ~(uint32_t)(FLAG_ONCE | FLAG_ORPHANS_KEEP |
				     FLAG_WORDS | FLAG_EXPIRE | FLAGS_EXTRA);

	flags |= extra_flags(entry);
	if (entry->once)
		flags |= FLAG_ONCE;
	if (entry->orphans_keep)
		flags |= FLAG_ORPHANS_KEEP;
	if (entry->name.n || entry->tags.n || live->flags & FLAG_KEY)
		flags |= FLAG_WORDS;
	if (entry->expire_ms)
		flags |= FLAG_EXPIRE;
	return flags;
}

static int change_context(struct txn *txn, const struct live *live,
			  const struct store_entry *entry, struct live *to)
{
	int error = 0;

	to->context = 0;
	if (entry->context != UINT32_MAX) {
		require(entry->context < txn->batch->context_count);
		to->context = txn->contexts[entry->context];
	}
	if (to->context == live->context)
		return 0;
	if (to->context)
		error = txn_count_context(txn, to->context, 1);
	if (!error && live->context)
		error = txn_count_context(txn, live->context, -1);
	return error;
}

static int new_facts(struct txn *txn, const struct store_entry *entry,
		     struct job_facts *facts)
{
	struct job_step step;
	int error = retry_tries(txn, entry, &facts->max_attempts);

	/* What it lost already does not end it now. */
	facts->crash_limit = entry->crash_limit > facts->crashes
				     ? entry->crash_limit
				     : facts->crashes + 1;
	facts->once = entry->once;
	facts->run_at_ms = entry->run_at_ms;
	require(!job_step(facts, JOB_CHANGE, CAUSE_NONE, txn->now_ms, &step));
	*facts = step.facts;
	return error;
}

static int put_job(struct txn *txn, const struct live *to)
{
	int64_t rest[REST_OF_LIVE];
	unsigned char packed[REST_BYTES_MAX];
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_JOB_EDIT, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, to->id, to->lane, to->facts.state,
		 -(int64_t)to->priority, to->seq, to->facts.run_at_ms,
		 to->flags, to->expire_ms);
	live_rest(to, rest);
	sql_bind_blob(stmt, 9, rest_pack(rest, REST_OF_LIVE, packed));
	return sql_run(txn->sql, stmt);
}

static int put_edit(struct txn *txn, const struct live *live,
		    struct store_entry *entry)
{
	struct live to = *live;
	int error = change_context(txn, live, entry, &to);

	if (!error)
		error = new_facts(txn, entry, &to.facts);
	if (error)
		return error;
	to.priority = entry->priority;
	to.flags = flags_after(live, entry);
	to.timeout_ms = entry->timeout_ms;
	to.grace_ms = entry->grace_ms;
	to.expire_ms = entry->expire_ms ? live->created_ms + entry->expire_ms
					: 0;
	if (live->flags & FLAG_EXPIRE)
		txn->due_left = true;
	if (to.expire_ms)
		txn_due(txn, to.expire_ms);
	error = put_body(txn, live, entry, to.flags);
	if (!error)
		error = move(txn, live, txn->lanes[entry->lane], &to);
	return error ? error : put_job(txn, &to);
}

static int edit_one(struct txn *txn, struct store_edit *edit)
{
	struct live live;
	bool can;
	int error = find(txn, edit, &live, &can);

	require(edit->entry.lane < txn->batch->lane_count);
	edit->descriptors = edit->found && live.flags & FLAG_CARRIED;
	edit->follows = edit->found && live.flags & FLAG_FOLLOWS;
	if (edit->descriptors || edit->follows)
		return error;
	/* What was tried cannot become a job that is tried once. */
	if (error || !can || live.facts.state == STATE_RUNNING ||
	    (edit->entry.once && live.facts.attempt > 0))
		return error;
	error = change_word(txn, &live, &edit->entry, &can);
	if (error || !can)
		return error;
	error = put_edit(txn, &live, &edit->entry);
	edit->edited = !error;
	edit->entry.what = STORE_NEW;
	edit->entry.id = edit->job;
	return error;
}

int txn_edits(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int error = 0;

	for (size_t i = 0; !error && i < batch->edit_count; i++)
		error = edit_one(txn, &batch->edits[i]);
	return error;
}
