/* A live job moves: to another state, or to the finished ones. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"
#include "daemon/store/sqlite_follow.h"

/* A result that a scan of the finished rows can well walk over. */
#define SHORT_BYTES 128
/* Of a row of the feed: it has one of table result. */
#define DONE_FEED_RESULT 4

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

/* What it left: nothing; a result that has room in its finished row; a row of
 * table result that waits in the feed, or one that somebody else adds to. */
enum left { LEFT_NOTHING, LEFT_SHORT, LEFT_ROW, LEFT_PART };

static enum left left_of(const struct live *live,
			 const struct store_outcome *end, struct slice reason)
{
	if (!end->log.n && !end->result.n && !end->failure.n)
		return LEFT_NOTHING;
	if (live->flags & FLAG_RESULT || reason.n)
		return LEFT_PART;
	if (!end->log.n && !end->failure.n && end->result.n <= SHORT_BYTES)
		return LEFT_SHORT;
	return LEFT_ROW;
}

static uint32_t end_flags(const struct live *live,
			  const struct store_outcome *end, enum left left)
{
	uint32_t flags = live->flags & ~(uint32_t)FLAG_OUTPUT_FILE;

	if (end->core)
		flags |= FLAG_CORE;
	if (end->output_file)
		flags |= FLAG_OUTPUT_FILE;
	if (left == LEFT_SHORT)
		flags |= FLAG_SHORT;
	else if (left != LEFT_NOTHING)
		flags |= FLAG_RESULT;
	return flags;
}

static int put_result(struct txn *txn, int64_t id,
		      const struct store_outcome *end)
{
	int error = 0;
	struct sqlite3_stmt *stmt;

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

/* The finished row waits in the feed, with the live one that it replaces; what
 * the worker said is borrowed until the end of the phase. */
static int put_done(struct txn *txn, const struct live *live,
		    const struct store_row *row, uint32_t flags,
		    const struct store_outcome *end, enum left left)
{
	struct feed *feed = &txn->store->feed;
	int64_t rest[REST_OF_DONE];
	struct slice *texts;
	int error = 0;

	if (feed_is_full(feed))
		error = txn_end_flush(txn);
	if (error)
		return error;
	texts = feed_add(feed,
			 (int64_t[]){row->id, live->lane, row->state, flags,
				     left == LEFT_ROW},
			 DONE_FEED_RESULT + 1);
	finished_rest(live, row, rest);
	feed_rest(feed, rest, REST_OF_DONE);
	if (left == LEFT_ROW) {
		texts[0] = end->failure;
		texts[1] = end->result;
		texts[FEED_LOG] = end->log;
	} else if (left == LEFT_SHORT) {
		texts[2] = end->result;
	}
	return 0;
}

int txn_end_flush(struct txn *txn)
{
	struct feed *feed = &txn->store->feed;
	size_t results = 0;
	int error = 0;

	if (!feed->rows)
		return 0;
	for (size_t i = 0; i < feed->rows; i++)
		results += feed->cells[i * FEED_CELLS + DONE_FEED_RESULT] != 0;
	if (!txn->brief)
		error = feed_run_ranges(feed, txn->sql, SQL_JOB_DROP,
					SQL_JOB_DROP_RANGE, (int64_t[]){1}, 1);
	if (!error)
		error = feed_run(feed, txn->sql, SQL_DONE_ADD);
	if (!error)
		error = feed_run_some(txn->sql, SQL_RESULT_ADD, results);
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
	enum left left = left_of(live, &end, reason);
	uint32_t flags = end_flags(live, &end, left);
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

	error = put_done(txn, live, &row, flags, &end, left);
	if (!error && left == LEFT_PART)
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

static int put_move(struct txn *txn, const struct live *to, int64_t seq)
{
	int64_t rest[REST_OF_LIVE];
	unsigned char packed[REST_BYTES_MAX];
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_JOB_MOVE, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, to->id, to->facts.state, seq, to->facts.attempt,
		 to->flags, to->facts.run_at_ms, to->started_ms, to->worker,
		 to->token);
	live_rest(to, rest);
	sql_bind_blob(stmt, 10, rest_pack(rest, REST_OF_LIVE, packed));
	return sql_run(txn->sql, stmt);
}

int txn_move(struct txn *txn, const struct live *live,
	     const struct job_step *step, int64_t seq)
{
	const struct job_facts *facts = &step->facts;
	struct lane *lane = sqlite_lanes_by_id(&txn->store->lanes, live->lane);
	struct live to = *live;
	int error;

	if (!lane)
		return sql_damaged(txn->sql, "a job has no lane");
	recent_forget(&txn->store->recent, live->id);
	to.facts = *facts;
	to.flags &= ~(uint32_t)(FLAG_CANCEL_ASKED | FLAG_BLOCKED);
	if (facts->cancel_asked)
		to.flags |= FLAG_CANCEL_ASKED;
	if (facts->blocked)
		to.flags |= FLAG_BLOCKED;
	if (step->attempt_ended)
		to.cause = step->cause;
	if (facts->state != STATE_RUNNING)
		to.started_ms = to.worker = to.token = 0;
	if (live->facts.state == STATE_SCHEDULED || to.flags & FLAG_EXPIRE)
		txn->due_left = true;
	if (facts->state == STATE_SCHEDULED)
		txn_due(txn, facts->run_at_ms);

	error = put_move(txn, &to, seq);
	if (error || facts->state == live->facts.state)
		return error;
	return txn_count(txn, lane, live->group, live->facts.state,
			 facts->state);
}
