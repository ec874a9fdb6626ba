/* Claims: ready jobs, and jobs that are entered while a worker has room. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

/* Of one lane in one batch: who asked for more gets it with the next. */
#define CLAIM_BYTES ((size_t)4 * 1024 * 1024)

/* Chains the wants of each lane, in the order given. */
int txn_wants(struct txn *txn)
{
	struct store_batch *batch = txn->batch;

	txn->want_of_lane = arena_array(txn->arena, batch->lane_count,
					sizeof(*txn->want_of_lane));
	txn->want_behind = arena_array(txn->arena, batch->want_count,
				       sizeof(*txn->want_behind));
	if (!txn->want_of_lane || !txn->want_behind)
		return -ENOMEM;
	for (size_t i = 0; i < batch->lane_count; i++)
		txn->want_of_lane[i] = WANT_NONE;
	for (size_t i = batch->want_count; i-- > 0;) {
		uint32_t lane = batch->wants[i].lane;

		require(lane < batch->lane_count);
		txn->want_behind[i] = txn->want_of_lane[lane];
		txn->want_of_lane[lane] = (uint32_t)i;
	}
	return 0;
}

/* The first want of the lane that still has room, or WANT_NONE. */
uint32_t txn_want(struct txn *txn, uint32_t lane)
{
	uint32_t at = txn->want_of_lane[lane];

	while (at != WANT_NONE &&
	       txn->batch->wants[at].got >= txn->batch->wants[at].max)
		at = txn->want_behind[at];
	txn->want_of_lane[lane] = at;
	return at;
}

static int context_text(struct txn *txn, int64_t id, struct slice *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt;
	bool found;

	/* Neighbours mostly have the same one. */
	if (txn->batch->claim_count) {
		const struct store_claim *last =
			&txn->batch->claims[txn->batch->claim_count - 1];

		if (last->context == id) {
			*ret = last->context_text;
			return 0;
		}
	}
	stmt = sql_use(txn->sql, SQL_CONTEXT_TEXT, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(txn->sql, stmt, &found);
	if (error)
		return error;
	if (!found)
		return sql_damaged(txn->sql, "a job has no context");
	error = sql_copy(stmt, 0, txn->arena, ret);
	sql_done(stmt);
	return error;
}

int txn_claim(struct txn *txn, uint32_t want, const struct live *live,
	      struct slice spec)
{
	struct store_batch *batch = txn->batch;
	struct slice text = {NULL, 0};
	struct store_claim *claim;
	int error = 0;

	if (batch->with_contexts && live->context)
		error = context_text(txn, live->context, &text);
	if (!error)
		error = txn_room(txn, &txn->claims, (void **)&batch->claims,
				 batch->claim_count, sizeof(*batch->claims));
	if (error)
		return error;

	claim = &batch->claims[batch->claim_count++];
	*claim = (struct store_claim){
		.want = want,
		.job = live->id,
		.token = live->token,
		.attempt = live->facts.attempt,
		.lane = batch->wants[want].lane,
		.context = live->context,
		.context_text = text,
		.group = live->group,
		.uid = live->uid,
		.gid = live->gid,
		.timeout_ms = live->timeout_ms,
		.grace_ms = live->grace_ms,
		.orphans_keep = live->flags & FLAG_ORPHANS_KEEP,
		.once = live->facts.once,
		.descriptors = live->flags & FLAG_CARRIED,
		.spec = spec,
	};
	batch->wants[want].got++;
	recent_put(&txn->store->recent, live);
	return txn_event(txn, EVENT_STARTED, live, live->facts.attempt,
			 CAUSE_NONE);
}

static int flush(struct txn *txn)
{
	struct feed *feed = &txn->store->feed;
	int error;

	if (!feed->rows)
		return 0;
	/* Mostly neighbours: the same but for the id and the token. */
	error = feed_run_ranges(feed, txn->sql, SQL_JOB_CLAIM,
				SQL_JOB_CLAIM_RANGE, (int64_t[]){1, 0, 0, 0, 1},
				5);
	feed_clear(feed);
	return error;
}

/* A ready job and what its worker gets. */
struct candidate {
	struct live live;
	struct slice spec;
};

static int claim_ready(struct txn *txn, uint32_t want,
		       struct candidate *candidate)
{
	struct live *live = &candidate->live;
	struct job_step step;
	int error = 0;

	if (job_step(&live->facts, JOB_CLAIM, CAUSE_NONE, txn->now_ms, &step))
		return sql_damaged(txn->sql, "a ready job cannot be claimed");
	if (feed_is_full(&txn->store->feed))
		error = flush(txn);
	if (!error)
		error = txn_count(txn, txn->lanes[txn->batch->wants[want].lane],
				  live->group, STATE_READY, STATE_RUNNING);
	if (error)
		return error;
	if (live->flags & FLAG_EXPIRE)
		txn->due_left = true;
	live->facts = step.facts;
	live->token = txn->next.token++;
	live->worker = txn->batch->wants[want].worker;
	live->started_ms = txn->now_ms;
	feed_add(&txn->store->feed,
		 (int64_t[]){live->id, live->facts.attempt, txn->now_ms,
			     live->worker, live->token},
		 5);
	return txn_claim(txn, want, live, candidate->spec);
}

static int read_candidate(struct txn *txn, struct sqlite3_stmt *stmt,
			  struct candidate *ret)
{
	int error = live_read(txn->sql, stmt, &ret->live);

	if (!error && !sql_int(stmt, LIVE_COLUMNS + 1))
		error = sql_damaged(txn->sql, "a job has no body");
	if (!error)
		error = sql_copy(stmt, LIVE_COLUMNS, txn->arena, &ret->spec);
	return error;
}

/* The rows are read before the first is changed: a walk over an index that
 * changes under it may see a row twice. */
static int claim_lane(struct txn *txn, uint32_t lane, size_t room)
{
	size_t bytes = 0;
	struct candidate *found = arena_array(txn->arena, room, sizeof(*found));
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_READY_LIST, &error);
	size_t count = 0;
	bool row;

	if (!found)
		return -ENOMEM;
	if (!stmt)
		return error;
	SQL_INTS(stmt, txn->lanes[lane]->id, (int64_t)room);
	for (;;) {
		error = sql_row(txn->sql, stmt, &row);
		if (error)
			return error;
		if (!row)
			break;
		require(count < room);
		error = read_candidate(txn, stmt, &found[count]);
		bytes += found[count++].spec.n;
		if (error || bytes > CLAIM_BYTES)
			sql_done(stmt);
		if (error)
			return error;
		if (bytes > CLAIM_BYTES)
			break;
	}
	for (size_t i = 0; !error && i < count; i++)
		error = claim_ready(txn, txn_want(txn, lane), &found[i]);
	return error ? error : flush(txn);
}

int txn_claims(struct txn *txn)
{
	struct store_batch *batch = txn->batch;

	for (uint32_t lane = 0; lane < batch->lane_count; lane++) {
		uint64_t room = 0;
		int64_t ready = sqlite_lane_ready(txn->lanes[lane]);
		int error;

		for (uint32_t at = txn_want(txn, lane);
		     at != WANT_NONE && ready > 0; at = txn->want_behind[at])
			room += batch->wants[at].max - batch->wants[at].got;
		if (room > (uint64_t)ready)
			room = (uint64_t)ready;
		if (!room)
			continue;
		error = claim_lane(txn, lane, room);
		if (error)
			return error;
	}
	return 0;
}
