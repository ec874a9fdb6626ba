/* Outcomes: what workers said of attempts that they were given. */

#include "daemon/store/sqlite_txn.h"

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
		error = txn_event(txn, EVENT_RETRYING, live->id,
				  live->facts.attempt, step->cause);
	return error;
}

static int take(struct txn *txn, struct store_outcome *outcome)
{
	struct live live;
	struct job_step step;
	bool found;
	int error = live_get(txn->sql, outcome->job, &live, &found);

	/* A stale token is the word of a worker that lost the job. */
	if (error || !found || live.facts.state != STATE_RUNNING ||
	    live.token != outcome->token)
		return error;
	if (job_step(&live.facts, event_of(outcome->kind), outcome->cause,
		     txn->now_ms, &step))
		return 0;

	outcome->accepted = true;
	if (step.ended)
		return txn_end(txn, &live, &step, outcome,
			       (struct slice){NULL, 0});
	return go_on(txn, &live, &step, outcome);
}

int txn_outcomes(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int error = 0;

	for (size_t i = 0; !error && i < batch->outcome_count; i++)
		error = take(txn, &batch->outcomes[i]);
	return error;
}
