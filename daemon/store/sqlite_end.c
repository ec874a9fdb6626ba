/* A live job moves: to another state, or to the finished ones. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"
#include "daemon/store/sqlite_follow.h"

static enum event_kind end_kind(enum job_state state)
{
	if (state == STATE_SUCCEEDED)
		return EVENT_FINISHED;
	return state == STATE_CANCELLED ? EVENT_CANCELLED : EVENT_FAILED;
}

/* What is known of an end: the worker's words, or nothing. */
static struct store_outcome end_of(const struct txn *txn,
				   const struct live *live,
				   const struct store_outcome *outcome)
{
	struct store_outcome end = {.exit_code = -1};

	if (outcome)
		end = *outcome;
	if (!end.started_ms)
		end.started_ms = live->started_ms;
	if (!end.finished_ms)
		end.finished_ms = txn->now_ms;
	return end;
}

static uint32_t end_flags(const struct live *live,
			  const struct store_outcome *end)
{
	uint32_t flags = live->flags & ~(uint32_t)FLAG_OUTPUT_FILE;

	if (end->core)
		flags |= FLAG_CORE;
	if (end->output_file)
		flags |= FLAG_OUTPUT_FILE;
	if (end->log.n || end->result.n || end->failure.n)
		flags |= FLAG_RESULT;
	return flags;
}

static int put_result(struct txn *txn, int64_t id,
		      const struct store_outcome *end)
{
	int error = 0;
	struct sqlite3_stmt *stmt;

	if (!end->log.n && !end->result.n && !end->failure.n)
		return 0;
	stmt = sql_use(txn->sql, SQL_RESULT_PUT, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	sql_bind_text(stmt, 2, end->failure);
	sql_bind_text(stmt, 3, end->result);
	sql_bind_blob(stmt, 4, end->log);
	return sql_run(txn->sql, stmt);
}

static int put_reason(struct txn *txn, int64_t id, struct slice reason)
{
	int error = 0;
	struct sqlite3_stmt *stmt;

	if (!reason.n)
		return 0;
	stmt = sql_use(txn->sql, SQL_RESULT_REASON, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	sql_bind_text(stmt, 2, reason);
	return sql_run(txn->sql, stmt);
}

/* The finished job as its waiters see it. */
static int tell(struct txn *txn, const struct live *live,
		const struct store_row *row, const struct store_outcome *end,
		struct slice reason)
{
	struct store_batch *batch = txn->batch;
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, live->lane);
	struct store_row *out;
	int error;

	error = txn_room(txn, &txn->ended, (void **)&batch->ended,
			 batch->ended_count, sizeof(*batch->ended));
	if (error)
		return error;
	out = &batch->ended[batch->ended_count];
	*out = *row;
	error = sqlite_lane_lend(&txn->store->lanes, lane, txn->arena,
				 &out->queue, &out->handler);
	if (!error && (live->flags & FLAG_WORDS))
		error = row_words(txn->sql, txn->arena, out, false);
	/* The reason of a running job was stored when it was asked to end. */
	if (!error && (live->flags & FLAG_RESULT))
		error = row_result(txn->sql, txn->arena, out, false);
	if (!error && reason.n)
		error = arena_copy(txn->arena, reason, &out->reason);
	if (!error && end->result.n)
		error = arena_copy(txn->arena, end->result, &out->result);
	if (!error && end->failure.n)
		error = arena_copy(txn->arena, end->failure, &out->failure);
	if (!error && end->log.n)
		error = arena_copy(txn->arena, end->log, &out->log);
	if (!error && live->flags & FLAG_FOLLOWS)
		error = row_follows(txn->sql, out);
	if (!error)
		batch->ended_count++;
	return error;
}

static void end_row(const struct live *live, const struct job_step *step,
		    const struct store_outcome *end, struct store_row *ret)
{
	live_row(live, ret);
	ret->state = step->facts.state;
	ret->cause = step->cause;
	ret->attempt = step->facts.attempt;
	ret->crashes = step->facts.crashes;
	ret->started_ms = step->attempt_ended ? end->started_ms : 0;
	ret->finished_ms = end->finished_ms;
	ret->worker = 0;
	ret->exit_code = end->exit_code;
	ret->signal = end->signal;
	ret->core = end->core;
	ret->output_file = end->output_file;
	ret->cpu_us = end->cpu_us;
	ret->peak_kib = end->peak_kib;
	ret->stdout_bytes = end->stdout_bytes;
	ret->stderr_bytes = end->stderr_bytes;
}

/* The finished row waits in the feed, with the live one that it replaces. */
static int put_done(struct txn *txn, const struct live *live,
		    const struct store_row *row, uint32_t flags)
{
	const int64_t cells[] = {
		row->id,
		live->lane,
		row->state,
		row->cause,
		-(int64_t)row->priority,
		row->attempt,
		row->max_attempts,
		row->crashes,
		live->facts.crash_limit,
		flags,
		live->uid,
		live->gid,
		live->context,
		live->group,
		row->created_ms,
		row->run_at_ms,
		row->started_ms,
		row->finished_ms,
		live->timeout_ms,
		live->grace_ms,
		row->exit_code,
		row->signal,
		row->cpu_us,
		row->peak_kib,
		row->stdout_bytes,
		row->stderr_bytes,
	};
	int error = 0;

	if (feed_is_full(&txn->store->feed))
		error = txn_end_flush(txn);
	if (!error)
		feed_add(&txn->store->feed, cells, ARRAY_COUNT(cells));
	return error;
}

int txn_end_flush(struct txn *txn)
{
	struct feed *feed = &txn->store->feed;
	int error;

	if (!feed->rows)
		return 0;
	error = feed_run_ranges(feed, txn->sql, SQL_JOB_DROP,
				SQL_JOB_DROP_RANGE, (int64_t[]){1}, 1);
	if (!error)
		error = feed_run(feed, txn->sql, SQL_DONE_ADD);
	feed_clear(feed);
	return error;
}

int txn_end(struct txn *txn, const struct live *live,
	    const struct job_step *step, const struct store_outcome *outcome,
	    struct slice reason)
{
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, live->lane);
	/* What never began left nothing behind. */
	bool told = step->attempt_ended || live->facts.state != STATE_RUNNING;
	struct store_outcome end = end_of(txn, live, told ? outcome : NULL);
	uint32_t flags = end_flags(live, &end);
	struct store_row row;
	int error;

	require(state_is_end(step->facts.state));
	recent_forget(&txn->store->recent, live->id);
	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	if (reason.n)
		flags |= FLAG_RESULT;
	if (live->facts.state == STATE_SCHEDULED || flags & FLAG_EXPIRE)
		txn->due_left = true;
	end_row(live, step, &end, &row);

	error = put_done(txn, live, &row, flags);
	if (!error)
		error = put_result(txn, live->id, &end);
	if (!error)
		error = put_reason(txn, live->id, reason);
	if (!error && live->flags & FLAGS_EXTRA)
		error = extra_end(txn, live);
	if (!error && live->flags & FLAG_CARRIED)
		error = SQL_DO(txn->sql, SQL_CARRIED_DROP, live->id);
	if (!error)
		error = txn_count(txn, lane, live->group, live->facts.state,
				  row.state);
	if (!error)
		error = txn_event(txn, end_kind(row.state), live, row.attempt,
				  row.cause);
	if (!error)
		error = tell(txn, live, &row, &end, reason);
	if (!error && follow_owes(txn, live))
		error = follow_owe(txn, live, lane);
	return error;
}

int txn_move(struct txn *txn, const struct live *live,
	     const struct job_step *step, int64_t seq)
{
	const struct job_facts *facts = &step->facts;
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, live->lane);
	bool runs = facts->state == STATE_RUNNING;
	uint32_t flags = live->flags;
	int error;

	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	recent_forget(&txn->store->recent, live->id);
	flags &= ~(uint32_t)(FLAG_CANCEL_ASKED | FLAG_BLOCKED);
	if (facts->cancel_asked)
		flags |= FLAG_CANCEL_ASKED;
	if (facts->blocked)
		flags |= FLAG_BLOCKED;
	if (live->facts.state == STATE_SCHEDULED || flags & FLAG_EXPIRE)
		txn->due_left = true;
	if (facts->state == STATE_SCHEDULED)
		txn_due(txn, facts->run_at_ms);

	error = SQL_DO(txn->sql, SQL_JOB_MOVE, live->id, facts->state, seq,
		       facts->attempt, facts->crashes,
		       step->attempt_ended ? step->cause : live->cause, flags,
		       facts->run_at_ms, runs ? live->started_ms : 0,
		       runs ? live->worker : 0, runs ? live->token : 0);
	if (error || facts->state == live->facts.state)
		return error;
	return txn_count(txn, lane, live->group, live->facts.state,
			 facts->state);
}
