/*
 * store_write(): one batch, one transaction. The order of the phases is that of
 * store.h; each lives in a file of its own.
 */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#define ROOM_FIRST 64

int txn_room(struct txn *txn, struct room *room, void **array, size_t count,
	     size_t bytes)
{
	size_t capacity = room->capacity ? room->capacity * 2 : ROOM_FIRST;
	void *p;

	if (count < room->capacity)
		return 0;
	p = arena_room(txn->arena, capacity * bytes);
	if (!p)
		return -ENOMEM;
	if (count)
		memcpy(p, *array, count * bytes);
	*array = p;
	room->capacity = capacity;
	return 0;
}

int txn_event(struct txn *txn, enum event_kind kind, const struct live *job,
	      uint32_t attempt, enum job_cause cause)
{
	return event_pack_add(&txn->store->events,
			      &(struct event){.kind = kind,
					      .cause = cause,
					      .job = job->id,
					      .attempt = attempt,
					      .lane = (int32_t)job->lane,
					      .group = job->group});
}

int txn_count(struct txn *txn, struct lane *lane, int64_t group,
	      enum job_state from, enum job_state to)
{
	struct lanes *lanes = &txn->store->lanes;
	struct tally_entry *entry;

	if (from != STATE_COUNT)
		sqlite_lane_add(lanes, lane, from, -1);
	if (to != STATE_COUNT)
		sqlite_lane_add(lanes, lane, to, 1);
	if (!group)
		return 0;
	if (tally_at(&txn->store->groups, group, &entry))
		return -ENOMEM;
	if (from != STATE_COUNT)
		entry->add[from]--;
	if (to != STATE_COUNT)
		entry->add[to]++;
	return 0;
}

int txn_count_context(struct txn *txn, int64_t context, int64_t add)
{
	struct tally_entry *entry;

	if (tally_at(&txn->store->contexts, context, &entry))
		return -ENOMEM;
	entry->add[0] += add;
	return 0;
}

void txn_due(struct txn *txn, int64_t at_ms)
{
	if (!txn->due_ms || at_ms < txn->due_ms)
		txn->due_ms = at_ms;
}

int txn_lanes(struct txn *txn)
{
	struct store_batch *batch = txn->batch;

	txn->lanes = arena_array(txn->arena, batch->lane_count,
				 sizeof(struct lane *));
	if (!txn->lanes)
		return -ENOMEM;
	for (size_t i = 0; i < batch->lane_count; i++) {
		struct store_lane *lane = &batch->lanes[i];
		int error;

		require(lane->queue.n && lane->handler.n);
		error = sqlite_lanes_intern(&txn->store->lanes, txn->sql,
					    lane->queue, lane->handler,
					    &txn->lanes[i]);
		if (error)
			return error;
	}
	return 0;
}

int txn_workers(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int error = 0;
	struct sqlite3_stmt *stmt;

	for (size_t i = 0; i < batch->worker_count; i++) {
		const struct store_worker *worker = &batch->workers[i];
		struct slice secret = {(const char *)worker->secret_hash,
				       sizeof(worker->secret_hash)};

		stmt = sql_use(txn->sql, SQL_WORKER_PUT, &error);
		if (!stmt)
			return error;
		SQL_INTS(stmt, worker->id, worker->slot, 0, worker->pid,
			 worker->start_ticks);
		sql_bind_text(stmt, 3,
			      worker->pool.n ? worker->pool : SLICE("-"));
		sql_bind_text(stmt, 6,
			      worker->boot_id.n ? worker->boot_id : SLICE("-"));
		sql_bind_blob(stmt, 7, secret);
		error = sql_run(txn->sql, stmt);
		if (error)
			return error;
	}
	for (size_t i = 0; i < batch->gone_worker_count; i++) {
		error = SQL_DO(txn->sql, SQL_WORKER_DROP,
			       batch->gone_workers[i]);
		if (error)
			return error;
	}
	return 0;
}

/* What the phases collected goes into its one row each. */
static int flush(struct txn *txn)
{
	struct store *store = txn->store;
	int error = sqlite_lanes_flush(&store->lanes, txn->sql);

	for (size_t i = 0; !error && i < store->groups.count; i++) {
		const struct tally_entry *entry = &store->groups.entries[i];
		static const int64_t none[STATE_COUNT];

		if (memcmp(entry->add, none, sizeof(none)) != 0)
			error = SQL_DO(
				txn->sql, SQL_GROUP_COUNT, entry->id,
				entry->add[0], entry->add[1], entry->add[2],
				entry->add[3], entry->add[4], entry->add[5],
				entry->add[6], entry->add[7], txn->now_ms);
		if (!error && entry->mark & GROUP_PURGED)
			error = SQL_DO(txn->sql, SQL_GROUP_DROP, entry->id, 0);
	}
	for (size_t i = 0; !error && i < store->contexts.count; i++) {
		const struct tally_entry *entry = &store->contexts.entries[i];

		error = SQL_DO(txn->sql, SQL_CONTEXT_COUNT, entry->id,
			       entry->add[0]);
		if (!error && entry->add[0] <= 0)
			error = SQL_DO(txn->sql, SQL_CONTEXT_DROP, entry->id);
	}
	if (!error && memcmp(&txn->next, &store->next, sizeof(txn->next)) != 0)
		error = SQL_DO(txn->sql, SQL_META_SET, txn->next.job,
			       txn->next.seq, txn->next.token, txn->next.event,
			       txn->next.group, txn->next.context);
	return error;
}

static int next_due(struct txn *txn)
{
	txn->batch->next_due_ms = txn->store->next_due_ms;
	if (txn->due_ms &&
	    (!txn->batch->next_due_ms || txn->due_ms < txn->batch->next_due_ms))
		txn->batch->next_due_ms = txn->due_ms;
	if (!txn->due_left)
		return 0;
	return txn_due_next(txn->sql, &txn->batch->next_due_ms);
}

/* Lanes and groups as they are after this batch: lane.counts is still that of
 * the last commit, lane.add what comes to it. */
static void lane_out(const struct lane *lane, struct store_lane *ret)
{
	ret->id = lane->id;
	for (int i = 0; i < STATE_COUNT; i++)
		ret->counts[i] = lane->counts[i] + lane->add[i];
}

static int tell_lanes(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	struct lanes *lanes = &txn->store->lanes;

	for (size_t i = 0; i < batch->lane_count; i++)
		lane_out(txn->lanes[i], &batch->lanes[i]);
	batch->changed_lanes = arena_array(txn->arena, lanes->touched_count,
					   sizeof(*batch->changed_lanes));
	if (!batch->changed_lanes)
		return -ENOMEM;
	for (struct lane *lane = lanes->touched; lane;
	     lane = lane->next_touched) {
		struct store_lane *out =
			&batch->changed_lanes[batch->changed_lane_count++];

		lane_out(lane, out);
		if (sqlite_lane_lend(lanes, lane, txn->arena, &out->queue,
				     &out->handler))
			return -ENOMEM;
	}
	return 0;
}

static int tell_groups(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	const struct tally *groups = &txn->store->groups;
	int error = 0;

	batch->changed_groups = arena_array(txn->arena, groups->count,
					    sizeof(*batch->changed_groups));
	if (!batch->changed_groups)
		return -ENOMEM;
	for (size_t i = 0; !error && i < groups->count; i++) {
		bool found;

		error = group_read(
			txn->sql, txn->arena, groups->entries[i].id,
			&batch->changed_groups[batch->changed_group_count],
			&found);
		if (!error && found)
			batch->changed_group_count++;
	}
	return error;
}

static int run_phases(struct txn *txn)
{
	static int (*const phases[])(struct txn *) = {
		txn_lanes,   txn_contexts, txn_wants,	     txn_workers,
		txn_begun,   txn_outcomes, txn_strand,	     txn_steer,
		txn_groups,  txn_queues,   txn_edits,	     txn_entries,
		txn_promote, txn_follow,   txn_claims,	     txn_reserve,
		txn_events,  txn_purge,	   txn_events_purge, flush,
		next_due,    tell_lanes,   tell_groups,
	};
	int error = 0;

	for (size_t i = 0; !error && i < ARRAY_COUNT(phases); i++)
		error = phases[i](txn);
	return error;
}

static void outputs_clear(struct store_batch *batch)
{
	batch->claims = NULL;
	batch->claim_count = 0;
	batch->ended = NULL;
	batch->ended_count = 0;
	batch->signals = NULL;
	batch->signal_count = 0;
	batch->changed_lanes = NULL;
	batch->changed_lane_count = 0;
	batch->changed_groups = NULL;
	batch->changed_group_count = 0;
	batch->next_due_ms = 0;
	batch->first_event = 0;
	batch->event_count = 0;
	batch->events = NULL;
	batch->reserved_job = 0;
	batch->reserved_token = 0;
	batch->purged = NULL;
	batch->purged_count = 0;
	batch->purge_more = false;
	for (size_t i = 0; i < batch->want_count; i++)
		batch->wants[i].got = 0;
	for (size_t i = 0; i < batch->outcome_count; i++)
		batch->outcomes[i].accepted = false;
	for (size_t i = 0; i < batch->edit_count; i++)
		batch->edits[i].found = batch->edits[i].edited = false;
}

/* What is true once COMMIT succeeded; nothing here can fail. */
static void settle(struct txn *txn)
{
	struct store *store = txn->store;

	store->next = txn->next;
	store->limited = txn->limited;
	store->ruled = txn->ruled;
	store->owing = txn->owing;
	store->next_due_ms = txn->batch->next_due_ms;
	sqlite_lanes_commit(&store->lanes);
	for (size_t i = 0; i < txn->batch->context_count; i++)
		txn->batch->contexts[i].id = txn->contexts[i];
}

static void undo(struct txn *txn)
{
	struct store *store = txn->store;
	struct store_fault *fault = store->sql.fault;

	/* The first error is the one to tell of. SQLite may have rolled back
	 * by itself; should our ROLLBACK fail, the handle is of no use. */
	store->sql.fault = NULL;
	if (!sqlite3_get_autocommit(store->sql.db) &&
	    sql_do(&store->sql, SQL_ROLLBACK, NULL, 0))
		store->failed = true;
	store->sql.fault = fault;
	sqlite_lanes_rollback(&store->lanes);
	recent_clear(&store->recent);
	outputs_clear(txn->batch);
}

static int run(struct store *store, struct store_batch *batch)
{
	struct txn txn = {
		.store = store,
		.sql = &store->sql,
		.batch = batch,
		.arena = batch->arena,
		.now_ms = batch->now_ms,
		.next = store->next,
		.limited = store->limited,
		.ruled = store->ruled,
		.owing = store->owing,
	};
	int error = 0;

	outputs_clear(batch);
	tally_clear(&store->groups);
	tally_clear(&store->contexts);
	tally_clear(&store->taken);
	event_pack_clear(&store->events);
	feed_clear(&store->feed);
	store->lanes.call++;

	/* What takes it back must not fail for memory. */
	if (sql_use(&store->sql, SQL_ROLLBACK, &error))
		error = sql_do(&store->sql, SQL_BEGIN, NULL, 0);
	if (!error)
		error = run_phases(&txn);
	if (!error)
		error = sql_do(&store->sql, SQL_COMMIT, NULL, 0);
	if (error) {
		undo(&txn);
		return error;
	}
	settle(&txn);
	return 0;
}

/*
 * Write the log back now and then. Not SQLite's own checkpoint: that one
 * ignores a failed fsync, and the next would find the pages clean and drop the
 * only good copy. It runs before a batch, when the replies of the last are out.
 */
static int checkpoint(struct store *store)
{
	int code;
	int error;

	if (store->wal_pages < store->checkpoint_pages)
		return 0;
	/* A reader that is in the way only delays it: try again after as
	 * many pages more. */
	store->wal_pages = 0;
	code = sqlite3_wal_checkpoint_v2(store->sql.db, NULL,
					 SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return 0;
	error = sql_error(&store->sql, code);
	/* No space to grow the database: the log has it all, go on. */
	return error == STORE_E_FULL ? 0 : error;
}

/* Only what takes no new work may use the space of the reserve. */
static bool takes_work(const struct store_batch *batch)
{
	return batch->entry_count || batch->group_count || batch->edit_count;
}

static int write_once(struct store *store, struct store_batch *batch)
{
	int error = checkpoint(store);

	if (error)
		return error;
	if (!reserve_make(&store->reserve, batch->now_ms) &&
	    takes_work(batch)) {
		outputs_clear(batch);
		if (store->sql.fault)
			snprintf(store->sql.fault->message,
				 sizeof(store->sql.fault->message),
				 "%s: no space left: new jobs are refused "
				 "until %" PRId64 " bytes are free",
				 store->path, store->reserve.bytes);
		return STORE_E_FULL;
	}
	error = run(store, batch);
	if (error == STORE_E_FULL && reserve_release(&store->reserve)) {
		store->reserve.tried_ms = batch->now_ms;
		if (!takes_work(batch))
			error = run(store, batch);
	}
	return error;
}

int store_write(struct store *store, struct store_batch *batch,
		struct store_fault *ret_fault)
{
	int error = STORE_E_IO;

	require(!store->reader);
	store->sql.fault = ret_fault;
	/* Before: nothing of it happened. After: it is on disk, but nobody may
	 * ever find it there, so that nobody must be told. */
	if (!store->failed)
		error = place_check(&store->place, ret_fault);
	if (!store->failed && !error)
		error = write_once(store, batch);
	if (!store->failed && !error)
		error = place_check(&store->place, ret_fault);
	if (store->failed && ret_fault)
		snprintf(ret_fault->message, sizeof(ret_fault->message),
			 "%s: failed before: it must be closed and opened "
			 "again",
			 store->path);
	if (error)
		outputs_clear(batch);
	if (error == STORE_E_IO || error == STORE_E_CORRUPT ||
	    error == STORE_E_GONE)
		store->failed = true;
	store->sql.fault = NULL;
	return error;
}
