/* Steering of finished jobs: back to life, or away. */

#include "daemon/store/sqlite_steer.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"
#include "daemon/store/sqlite_purge.h"

/* What matched: as it goes, and as it would live again. */
struct match {
	struct txn_old old;
	struct live live;
};

static int consider(struct slice_of *slice, struct sqlite3_stmt *stmt,
		    struct match *matches)
{
	const struct store_steer *steer = slice->steer;
	struct match *match = &matches[slice->count];
	struct job_facts facts;
	struct store_row row;
	struct job_step step;
	bool found;
	int error = txn_old_read(slice->txn, stmt, &match->old, &row);

	slice->last = row.id;
	if (!error)
		error = finished_live(slice->txn->sql, stmt, &match->live);
	if (!error)
		error = sqlite_filter_match(&slice->filter, &row,
					    match->old.flags, &found);
	if (error || !found ||
	    (steer->uid != UINT32_MAX && steer->uid != row.uid))
		return error;
	facts = match->live.facts;
	if (steer->kind == STORE_RETRY && match->live.flags & FLAG_CARRIED)
		return 0;
	if (steer->kind == STORE_RETRY &&
	    job_step(&facts, JOB_RETRY, CAUSE_NONE, slice->txn->now_ms, &step))
		return 0;
	slice->count++;
	return 0;
}

static int scan_ids(struct slice_of *slice, const int64_t *ids, size_t count,
		    struct match *matches)
{
	struct sql *sql = slice->txn->sql;

	for (size_t i = 0; i < count; i++) {
		int error = 0;
		struct sqlite3_stmt *stmt;
		bool row;

		if (slice_is_full(slice)) {
			slice->more = true;
			return 0;
		}
		stmt = sql_use(sql, SQL_DONE_GET, &error);
		if (!stmt)
			return error;
		SQL_INTS(stmt, ids[i]);
		error = sql_row(sql, stmt, &row);
		if (!error && row) {
			error = consider(slice, stmt, matches);
			sql_done(stmt);
		}
		if (error)
			return error;
		slice->last = ids[i];
	}
	return 0;
}

static int scan(struct slice_of *slice, struct match *matches)
{
	const struct store_steer *steer = slice->steer;
	struct sql *sql = slice->txn->sql;
	int64_t group = steer->filter.group;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(
		sql, group ? SQL_DONE_GROUP_AFTER : SQL_DONE_AFTER, &error);
	bool row;

	if (!stmt)
		return error;
	if (group)
		SQL_INTS(stmt, steer->after, group);
	else
		SQL_INTS(stmt, steer->after);
	for (;;) {
		error = sql_row(sql, stmt, &row);
		if (error || !row)
			return error;
		if (slice_is_full(slice)) {
			slice->more = true;
			break;
		}
		error = consider(slice, stmt, matches);
		if (error)
			break;
	}
	sql_done(stmt);
	return error;
}

static int flush(struct txn *txn)
{
	struct feed *feed = &txn->store->feed;
	int error;

	if (!feed->rows)
		return 0;
	error = feed_run(feed, txn->sql, SQL_JOB_ADD);
	if (!error)
		error = feed_run(feed, txn->sql, SQL_DONE_DROP_FED);
	feed_clear(feed);
	return error;
}

/* @ret_free: no other live job has its word */
static int take_word(struct txn *txn, const struct store_steer *steer,
		     const struct live *live, const struct extra *extra,
		     bool *ret_free)
{
	int64_t holder;
	int error;

	*ret_free = true;
	if (!(live->flags & FLAG_UNIQUE))
		return 0;
	if (!steer->dry_run)
		return word_take(txn, live->uid, extra->word, live->id,
				 ret_free);
	error = word_holder(txn, live->uid, extra->word, &holder);
	*ret_free = !holder;
	return error;
}

/* The limits that it had at first are remembered, so that beginning anew twice
 * does not double them. */
static void raise_limits(struct live *live, const struct extra *extra)
{
	struct job_facts *facts = &live->facts;
	bool raised = live->flags & FLAG_RETRIED;
	uint64_t tries = raised ? (uint64_t)extra->tries : facts->max_attempts;
	uint64_t losses = raised ? (uint64_t)extra->losses : facts->crash_limit;

	tries += facts->attempt - facts->crashes;
	losses += facts->crashes;
	facts->max_attempts = tries < INT32_MAX ? (uint32_t)tries : INT32_MAX;
	facts->crash_limit = losses < INT32_MAX ? (uint32_t)losses : INT32_MAX;
}

static int keep_attempt(struct txn *txn, int64_t id)
{
	struct store_row row;
	struct live live;
	bool found;
	int error = finished_get(txn->sql, id, &row, &live, &found);

	if (!error && !found)
		return sql_damaged(txn->sql, "a finished job is gone");
	if (error)
		return error;
	return SQL_DO(txn->sql, SQL_ATTEMPT_OF_DONE, row.id, row.attempt,
		      row.cause, live.flags & (FLAG_CORE | FLAG_OUTPUT_FILE),
		      row.started_ms, row.finished_ms, row.exit_code,
		      row.signal, row.cpu_us, row.peak_kib, row.stdout_bytes,
		      row.stderr_bytes);
}

/* What it left of its end becomes a row of attempt. */
static int keep_end(struct txn *txn, struct live *live)
{
	int error = 0;

	if (live->started_ms) {
		error = keep_attempt(txn, live->id);
		live->flags |= FLAG_ATTEMPTS;
	} else {
		live->cause = CAUSE_NONE;
	}
	if (!error && live->flags & FLAG_RESULT)
		error = SQL_DO(txn->sql, SQL_RESULT_DROP, live->id);
	live->flags &= ~(uint32_t)(FLAG_RESULT | FLAG_SHORT | FLAG_CORE |
				   FLAG_OUTPUT_FILE | FLAG_CANCEL_ASKED |
				   FLAG_EXPIRE | FLAG_BLOCKED);
	live->flags |= FLAG_RETRIED;
	live->started_ms = 0;
	return error;
}

static int revive(struct txn *txn, const struct store_steer *steer,
		  struct live *live)
{
	enum job_state from = live->facts.state;
	enum job_cause cause = live->cause;
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, live->lane);
	struct job_step step;
	int error = 0;

	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	live->facts.run_at_ms = steer->run_at_ms > txn->now_ms
					? steer->run_at_ms
					: txn->now_ms;
	/* It said yes when it was considered. */
	require(!job_step(&live->facts, JOB_RETRY, CAUSE_NONE, txn->now_ms,
			  &step));
	live->facts = step.facts;
	live->seq = txn->next.seq++;
	if (feed_is_full(&txn->store->feed))
		error = flush(txn);
	if (!error)
		error = keep_end(txn, live);
	if (error)
		return error;
	live_feed(&txn->store->feed, live);
	if (live->facts.state == STATE_SCHEDULED)
		txn_due(txn, live->facts.run_at_ms);
	error = txn_count(txn, lane, live->group, from, live->facts.state);
	if (!error)
		error = txn_event(txn, EVENT_RETRYING, live,
				  live->facts.attempt, cause);
	return error;
}

static int retry(struct slice_of *slice, struct live *live)
{
	struct txn *txn = slice->txn;
	struct store_steer *steer = slice->steer;
	int64_t tries = live->facts.max_attempts;
	int64_t losses = live->facts.crash_limit;
	struct extra extra = {0};
	bool free;
	int error = 0;

	if (live->flags & FLAGS_EXTRA)
		error = extra_get(txn, live->id, &extra);
	if (!error)
		error = take_word(txn, steer, live, &extra, &free);
	if (error || !free)
		return error;
	steer->changed++;
	if (steer->dry_run)
		return 0;
	error = SQL_DO(txn->sql, SQL_EXTRA_TRIES, live->id, tries, losses);
	if (steer->reset_attempts)
		raise_limits(live, &extra);
	return error ? error : revive(txn, steer, live);
}

static int remove_job(struct slice_of *slice, const struct txn_old *old,
		      const struct live *live)
{
	struct txn *txn = slice->txn;
	int error;

	slice->steer->changed++;
	if (slice->steer->dry_run)
		return 0;
	error = txn_drop(txn, old);
	if (!error)
		error = txn_event(txn, EVENT_REMOVED, live, live->facts.attempt,
				  live->cause);
	return error;
}

static int collect(struct slice_of *slice, struct match *matches)
{
	struct store_steer *steer = slice->steer;
	int64_t *ids;
	size_t id_count;
	int error = sqlite_filter_ids(&slice->filter, slice->txn->arena,
				      steer->after, &ids, &id_count);

	if (error)
		return error;
	if (ids)
		return scan_ids(slice, ids, id_count, matches);
	return slice_states(slice, STATES_ENDED) ? scan(slice, matches) : 0;
}

int steer_done(struct slice_of *slice)
{
	struct store_steer *steer = slice->steer;
	struct store_filter filter = steer->filter;
	struct match *matches = arena_array(slice->txn->arena, steer->max,
					    sizeof(*matches));
	int error;

	if (!matches)
		return -ENOMEM;
	/* What succeeded is not tried again unless somebody says so. */
	if (steer->kind == STORE_RETRY && !filter.states && !filter.ids)
		filter.states = 1u << STATE_FAILED | 1u << STATE_CANCELLED;
	slice->filter.of = &filter;
	error = collect(slice, matches);
	for (size_t i = 0; !error && i < slice->count; i++)
		error = steer->kind == STORE_RETRY
				? retry(slice, &matches[i].live)
				: remove_job(slice, &matches[i].old,
					     &matches[i].live);
	if (!error)
		error = flush(slice->txn);
	slice->filter.of = &steer->filter;
	if (!error && slice->more)
		steer->next = slice->last;
	return error;
}
