/* Steering of what lives by filter, one bounded slice a batch. */

#include "daemon/store/sqlite_steer.h"

#include <errno.h>

#include "daemon/store/sqlite_follow.h"

/* The cursor while the ready jobs of lanes are taken off their index: before
 * all ids, for what comes behind it is a scan by id. */
#define AFTER_READY (-1)
/* So many jobs are steered in the time of one that owes callbacks: up to 32
 * jobs are entered for it, and their texts are held until they are. */
#define OWING_WEIGHT 8

static enum job_event event_of(enum store_steer_kind kind)
{
	switch (kind) {
	case STORE_CANCEL:
		return JOB_CANCEL;
	case STORE_HOLD:
		return JOB_HOLD;
	case STORE_RELEASE:
		return JOB_RELEASE;
	case STORE_CHANGE:
		return JOB_CHANGE;
	case STORE_STRAND:
		return JOB_STRAND;
	case STORE_RETRY:
	case STORE_REMOVE:
		break;
	}
	require(false);
}

static bool ends(enum store_steer_kind kind)
{
	return kind == STORE_CANCEL || kind == STORE_STRAND;
}

static bool would_change(const struct slice_of *slice, const struct live *live)
{
	const struct store_steer *steer = slice->steer;
	struct job_step step;

	if (steer->kind == STORE_CHANGE)
		return steer_changes(slice->txn, steer, live);
	return !job_step(&live->facts, event_of(steer->kind), CAUSE_NONE,
			 slice->txn->now_ms, &step);
}

/* Others' jobs do not exist for who asks. What the step would not change does
 * not count against the slice either. */
static int consider(struct slice_of *slice, const struct live *live)
{
	struct store_steer *steer = slice->steer;
	struct store_row row;
	bool matches;
	int error;

	slice->last = live->id;
	live_row(live, &row);
	error = sqlite_filter_match(&slice->filter, &row, live->flags,
				    &matches);
	if (error || !matches ||
	    (steer->uid != UINT32_MAX && steer->uid != live->uid) ||
	    !would_change(slice, live))
		return error;
	slice->live[slice->count++] = *live;
	slice->owing += !steer->dry_run && ends(steer->kind) &&
			follow_owes(slice->txn, live);
	return 0;
}

/* Callbacks are entered in the same commit, for which others wait. */
static bool has_room(const struct slice_of *slice)
{
	return slice->count < slice->steer->max &&
	       slice->owing * OWING_WEIGHT < slice->steer->max;
}

bool slice_is_full(const struct slice_of *slice)
{
	return !has_room(slice) || slice->filter.left <= 0;
}

static int scan_ids(struct slice_of *slice, const int64_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct live live;
		bool found;
		int error;

		if (slice_is_full(slice)) {
			slice->more = true;
			return 0;
		}
		error = live_get(slice->txn->sql, ids[i], &live, &found);
		if (!error && found)
			error = consider(slice, &live);
		if (error)
			return error;
		slice->last = ids[i];
	}
	return 0;
}

static int scan(struct slice_of *slice)
{
	const struct store_steer *steer = slice->steer;
	enum sql_id id = SQL_LIVE_AFTER;
	struct sqlite3_stmt *stmt;
	int error = 0;
	bool row;

	if (steer->filter.group)
		id = SQL_LIVE_GROUP_AFTER;
	else if (slice->states == 1u << STATE_RUNNING)
		id = SQL_RUNNING_AFTER;
	stmt = sql_use(slice->txn->sql, id, &error);
	if (!stmt)
		return error;
	if (steer->filter.group)
		SQL_INTS(stmt, steer->after, steer->filter.group);
	else
		SQL_INTS(stmt, steer->after);
	for (;;) {
		struct live live;

		error = sql_row(slice->txn->sql, stmt, &row);
		if (error || !row)
			return error;
		if (slice_is_full(slice)) {
			slice->more = true;
			sql_done(stmt);
			return 0;
		}
		error = live_read(slice->txn->sql, stmt, &live);
		if (!error)
			error = consider(slice, &live);
		if (error) {
			sql_done(stmt);
			return error;
		}
	}
}

static int mark_cancelled(struct txn *txn, const struct store_steer *steer,
			  const struct live *live)
{
	uint32_t flags = live->flags | FLAG_CANCEL_ASKED;
	struct sqlite3_stmt *stmt;
	int error = 0;

	recent_forget(&txn->store->recent, live->id);
	if (steer->reason.n) {
		flags |= FLAG_RESULT;
		stmt = sql_use(txn->sql, SQL_RESULT_REASON, &error);
		if (!stmt)
			return error;
		SQL_INTS(stmt, live->id);
		sql_bind_text(stmt, 2, steer->reason);
		error = sql_run(txn->sql, stmt);
	}
	if (!error)
		error = SQL_DO(txn->sql, SQL_JOB_FLAGS, live->id, flags);
	return error;
}

static int tell_worker(struct txn *txn, const struct store_steer *steer,
		       const struct live *live)
{
	struct store_batch *batch = txn->batch;
	int error = txn_room(txn, &txn->signals, (void **)&batch->signals,
			     batch->signal_count, sizeof(*batch->signals));

	if (error)
		return error;
	batch->signals[batch->signal_count++] = (struct store_signal){
		.job = live->id,
		.token = live->token,
		.worker = live->worker,
		.grace_ms = steer->grace_ms >= 0 ? steer->grace_ms
						 : live->grace_ms,
	};
	return 0;
}

static int apply(struct slice_of *slice, const struct live *live)
{
	struct txn *txn = slice->txn;
	struct store_steer *steer = slice->steer;
	const struct store_outcome stranded = {
		.exit_code = -1,
		.failure = steer->failure,
	};
	int64_t seq = live->seq;
	struct job_step step;
	int error;

	/* It said yes when it was considered. */
	require(!job_step(&live->facts, event_of(steer->kind), CAUSE_NONE,
			  txn->now_ms, &step));
	if (step.kill)
		steer->signalled++;
	else
		steer->changed++;
	if (steer->dry_run)
		return 0;
	if (steer->kind == STORE_CHANGE)
		return steer_change(txn, steer, live);
	if (step.ended)
		return txn_end(txn, live, &step,
			       steer->kind == STORE_STRAND ? &stranded : NULL,
			       steer->reason);
	if (step.kill) {
		error = mark_cancelled(txn, steer, live);
		return error ? error : tell_worker(txn, steer, live);
	}
	if (step.facts.state == STATE_READY)
		seq = txn->next.seq++;
	return txn_move(txn, live, &step, seq);
}

uint32_t slice_states(const struct slice_of *slice, uint32_t among)
{
	const struct lanes *lanes = &slice->txn->store->lanes;
	const struct store_filter *filter = slice->filter.of;
	uint32_t states = 0;

	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = lanes->items[i];

		if (!sqlite_filter_lane(filter, lane))
			continue;
		for (int state = 0; state < STATE_COUNT; state++) {
			if (lane->counts[state] + lane->add[state] > 0)
				states |= 1u << state;
		}
	}
	return states & sqlite_filter_states(filter) & among;
}

/* @ret_all: did all of them match? Else they would stay in the way. */
static int scan_ready(struct slice_of *slice, const struct lane *lane,
		      bool *ret_all)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(slice->txn->sql, SQL_READY_OF_LANE,
					    &error);
	bool row;

	*ret_all = true;
	if (!stmt)
		return error;
	SQL_INTS(stmt, lane->id, slice->steer->max - (int64_t)slice->count);
	for (;;) {
		size_t before = slice->count;
		struct live live;

		error = sql_row(slice->txn->sql, stmt, &row);
		if (error || !row)
			return error;
		if (!has_room(slice)) {
			sql_done(stmt);
			return 0;
		}
		error = live_read(slice->txn->sql, stmt, &live);
		if (!error)
			error = consider(slice, &live);
		*ret_all = slice->count > before;
		if (error || !*ret_all) {
			sql_done(stmt);
			return error;
		}
	}
}

/*
 * Ready jobs of named lanes come off their index, so that a million jobs of
 * other lanes are not looked at. What is steered leaves the index: there is no
 * place to remember, the next slice begins at its head again.
 */
static int take_ready(struct slice_of *slice, bool *ret_taken)
{
	const struct store_steer *steer = slice->steer;
	const struct lanes *lanes = &slice->txn->store->lanes;
	bool all = true;
	int error = 0;

	*ret_taken = false;
	if (!(slice->states & 1u << STATE_READY) || steer->after > 0 ||
	    steer->dry_run || steer->kind == STORE_RELEASE ||
	    steer->kind == STORE_CHANGE || steer->filter.group ||
	    (!steer->filter.queue.n && !steer->filter.handler.n))
		return 0;
	for (size_t i = 0; !error && all && i < lanes->count; i++) {
		const struct lane *lane = lanes->items[i];

		if (has_room(slice) &&
		    sqlite_filter_lane(&steer->filter, lane) &&
		    sqlite_lane_ready(lane) > 0)
			error = scan_ready(slice, lane, &all);
	}
	*ret_taken = all && slice->count > 0;
	if (*ret_taken) {
		slice->more = true;
		slice->last = AFTER_READY;
	} else {
		slice->count = slice->owing = 0;
	}
	return error;
}

static int collect(struct slice_of *slice)
{
	struct store_steer *steer = slice->steer;
	int64_t *ids;
	size_t id_count;
	bool taken;
	int error;

	error = sqlite_filter_ids(&slice->filter, slice->txn->arena,
				  steer->after, &ids, &id_count);
	if (error)
		return error;
	if (ids)
		return scan_ids(slice, ids, id_count);
	slice->states = slice_states(slice, STATES_LIVE);
	if (!slice->states)
		return 0;
	error = take_ready(slice, &taken);
	return error || taken ? error : scan(slice);
}

static int run(struct slice_of *slice)
{
	struct store_steer *steer = slice->steer;
	int error;

	if (!(sqlite_filter_states(&steer->filter) & STATES_LIVE))
		return 0;
	slice->live = arena_array(slice->txn->arena, steer->max,
				  sizeof(*slice->live));
	if (!slice->live)
		return -ENOMEM;
	error = collect(slice);
	for (size_t i = 0; !error && i < slice->count; i++)
		error = apply(slice, &slice->live[i]);
	if (error || !slice->more)
		return error;
	/* The last of its kind: spare the round that would find nothing. */
	if (slice->last != AFTER_READY || slice_states(slice, STATES_LIVE))
		steer->next = slice->last;
	return 0;
}

int txn_steer(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int error = 0;

	for (size_t i = 0; !error && i < batch->steer_count; i++) {
		struct store_steer *steer = &batch->steers[i];
		struct slice_of slice = {.txn = txn, .steer = steer};
		bool done = steer->kind == STORE_RETRY ||
			    steer->kind == STORE_REMOVE;

		require(steer->max >= 1 && steer->max <= 1000);
		steer->changed = 0;
		steer->signalled = 0;
		steer->next = 0;
		sqlite_filter_init(&slice.filter, &steer->filter, txn->sql,
				   &txn->store->lanes);
		error = done ? steer_done(&slice) : run(&slice);
		if (!error)
			error = txn_end_flush(txn);
		sqlite_filter_fini(&slice.filter);
	}
	return error;
}
