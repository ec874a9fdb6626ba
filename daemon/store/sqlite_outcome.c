/* Outcomes: what workers said of attempts that they were given. */

#include "daemon/store/sqlite_outcome.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"

static enum job_event event_of(enum store_outcome_kind kind)
{
	switch (kind) {
	case STORE_SUCCEEDED:
		return JOB_SUCCEED;
	case STORE_FAILED_ATTEMPT:
		return JOB_FAIL;
	case STORE_LOST:
		return JOB_LOST;
	case STORE_PUT_BACK:
		return JOB_PUT_BACK;
	}
	require(false);
}

/* The attempt is over and the job goes on: what it left becomes a row. */
static int keep_attempt(struct txn *txn, const struct live *live,
			const struct job_step *step,
			const struct store_outcome *outcome)
{
	uint32_t flags = (outcome->core ? FLAG_CORE : 0) |
			 (outcome->output_file ? FLAG_OUTPUT_FILE : 0);
	int64_t started = outcome->started_ms ? outcome->started_ms
					      : live->started_ms;
	int64_t finished = outcome->finished_ms ? outcome->finished_ms
						: txn->now_ms;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_ATTEMPT_PUT, &error);

	if (!stmt)
		return error;
	SQL_INTS(stmt, live->id, live->facts.attempt, step->cause, flags,
		 live->worker, started, finished, outcome->exit_code,
		 outcome->signal, outcome->cpu_us, outcome->peak_kib,
		 outcome->stdout_bytes, outcome->stderr_bytes);
	sql_bind_text(stmt, 14, outcome->failure);
	sql_bind_blob(stmt, 15, outcome->log);
	return sql_run(txn->sql, stmt);
}

/* It goes on. Put back means that it never began: it keeps its place. */
static int go_on(struct txn *txn, struct live *live,
		 const struct job_step *step,
		 const struct store_outcome *outcome)
{
	int64_t seq = live->seq;
	int error = 0;

	if (outcome->kind != STORE_PUT_BACK)
		seq = txn->next.seq++;
	if (step->keep_attempt) {
		error = keep_attempt(txn, live, step, outcome);
		live->flags |= FLAG_ATTEMPTS;
	}
	if (!error)
		error = txn_move(txn, live, step, seq);
	if (!error)
		error = txn_event(txn, EVENT_RETRYING, live,
				  live->facts.attempt, step->cause);
	return error;
}

bool txn_ends(const struct txn *txn, const struct live *live,
	      const struct store_outcome *outcome)
{
	struct job_step step;

	return live->token == outcome->token && !(live->flags & FLAG_RETRY) &&
	       !job_step(&live->facts, event_of(outcome->kind), outcome->cause,
			 txn->now_ms, &step) &&
	       step.ended;
}

int txn_take(struct txn *txn, struct live *live, struct store_outcome *outcome)
{
	struct tally_entry *taken;
	struct job_step step;

	/* A stale token is the word of a worker that lost the job. So is the
	 * second word in one batch: the first one ended the attempt. */
	if (live->facts.state != STATE_RUNNING ||
	    live->token != outcome->token ||
	    tally_find(&txn->store->taken, live->id))
		return 0;
	if (outcome->kind == STORE_FAILED_ATTEMPT && live->flags & FLAG_RETRY) {
		int error = retry_decide(txn, live, outcome);

		if (error)
			return error;
	}
	if (job_step(&live->facts, event_of(outcome->kind), outcome->cause,
		     txn->now_ms, &step))
		return 0;
	if (tally_at(&txn->store->taken, live->id, &taken))
		return -ENOMEM;

	outcome->accepted = true;
	if (step.ended)
		return txn_end(txn, live, &step, outcome,
			       (struct slice){NULL, 0});
	return go_on(txn, live, &step, outcome);
}

/* The rows that the feed names, each to its outcome's place among @rows; what
 * is not live any more leaves its place empty. */
static int read_live(struct txn *txn, struct live *rows)
{
	int error = 0;
	struct sqlite3_stmt *stmt;
	bool row;

	if (!txn->store->feed.rows)
		return 0;
	stmt = sql_use(txn->sql, SQL_JOB_OF_FEED, &error);
	if (!stmt)
		return error;
	for (;;) {
		size_t at;

		error = sql_row(txn->sql, stmt, &row);
		if (error || !row)
			break;
		at = (size_t)sql_int(stmt, LIVE_COLUMNS);
		require(at < FEED_ROWS);
		error = live_read(txn->sql, stmt, &rows[at]);
		if (error) {
			sql_done(stmt);
			break;
		}
	}
	return error;
}

/* @rows: room for those of one feed */
static int take_some(struct txn *txn, struct store_outcome *outcomes,
		     size_t count, struct live *rows)
{
	struct feed *feed = &txn->store->feed;
	int error;

	for (size_t i = 0; i < count; i++) {
		const struct live *known = recent_find(&txn->store->recent,
						       outcomes[i].job);

		rows[i].id = 0;
		if (outcomes[i].accepted)
			continue; /* txn_begun() has seen to it */
		if (known)
			rows[i] = *known;
		else
			feed_add(feed, (int64_t[]){outcomes[i].job, (int64_t)i},
				 2);
	}
	error = read_live(txn, rows);
	feed_clear(feed);
	for (size_t i = 0; !error && i < count; i++) {
		if (rows[i].id)
			error = txn_take(txn, &rows[i], &outcomes[i]);
	}
	if (!error)
		error = txn_end_flush(txn);
	return error;
}

int txn_outcomes(struct txn *txn)
{
	size_t count = txn->batch->outcome_count;
	struct live *rows;
	int error = 0;

	if (!count)
		return 0;
	rows = arena_array(txn->arena, count < FEED_ROWS ? count : FEED_ROWS,
			   sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t at = 0; !error && at < count; at += FEED_ROWS)
		error = take_some(
			txn, &txn->batch->outcomes[at],
			count - at < FEED_ROWS ? count - at : FEED_ROWS, rows);
	return error;
}
