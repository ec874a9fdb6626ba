/*
 * The numbered history: what a batch adds to it, what is read of it, and what
 * goes when it is old. How events are packed into rows: sqlite_event.c.
 */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

/* What one purge takes at most: rows, and events in them. */
#define PURGE_ROWS 256
#define PURGE_EVENTS 100000

static struct event_walk walk_of(struct slice packed)
{
	return (struct event_walk){.left = packed};
}

static struct store_event event_out(const struct event *event, int64_t seq,
				    int64_t at_ms)
{
	return (struct store_event){
		.seq = seq,
		.at_ms = at_ms,
		.kind = event->kind,
		.cause = event->cause,
		.job = event->job,
		.group = event->group,
		.attempt = event->attempt,
	};
}

/* ---- Adding ---- */

/* For who listens: what was just packed, with names. */
static int tell(struct txn *txn)
{
	struct event_pack *pack = &txn->store->events;
	struct lanes *lanes = &txn->store->lanes;
	struct event_walk walk =
		walk_of((struct slice){(const char *)pack->p, pack->n});
	struct store_batch *batch = txn->batch;
	struct event event;
	int error = 0;

	batch->events = arena_array(txn->arena, (size_t)pack->count,
				    sizeof(*batch->events));
	if (!batch->events)
		return -ENOMEM;
	for (int64_t i = 0; !error && i < pack->count; i++) {
		struct store_event *out = &batch->events[i];
		struct slice handler;
		struct lane *lane;

		require(event_unpack(&walk, &event));
		*out = event_out(&event, batch->first_event + i, txn->now_ms);
		lane = sqlite_lanes_by_id(lanes, event.lane);
		if (lane)
			error = sqlite_lane_lend(lanes, lane, txn->arena,
						 &out->queue, &handler);
	}
	return error;
}

int txn_events(struct txn *txn)
{
	struct event_pack *events = &txn->store->events;
	int error = 0;
	struct sqlite3_stmt *stmt;

	txn->batch->first_event = txn->next.event;
	txn->batch->event_count = events->count;
	if (!events->count)
		return 0;
	stmt = sql_use(txn->sql, SQL_EVENT_ADD, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, txn->next.event, events->count, txn->now_ms);
	sql_bind_blob(stmt, 4,
		      (struct slice){(const char *)events->p, events->n});
	txn->next.event += events->count;
	error = sql_run(txn->sql, stmt);
	if (!error && txn->batch->with_events &&
	    events->count <= STORE_EVENTS_TOLD)
		error = tell(txn);
	return error;
}

/* ---- The purge ---- */

struct old {
	int64_t behind; /* the first number that stays */
	bool more;
};

static int find_old(struct txn *txn, struct old *ret)
{
	const struct store_batch *batch = txn->batch;
	int64_t rows = 0, events = 0;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_EVENT_OLDEST, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, PURGE_ROWS);
	for (;;) {
		int64_t behind;

		error = sql_row(txn->sql, stmt, &found);
		if (error || !found)
			break;
		behind = sql_int(stmt, 0) + sql_int(stmt, 1);
		if (!(batch->keep_events_max > 0 &&
		      behind <= txn->next.event - batch->keep_events_max) &&
		    sql_int(stmt, 2) >= batch->purge_events_before_ms) {
			sql_done(stmt);
			return 0;
		}
		rows++;
		events += sql_int(stmt, 1);
		ret->behind = behind;
		if (events >= PURGE_EVENTS) {
			sql_done(stmt);
			break;
		}
	}
	ret->more = rows == PURGE_ROWS || events >= PURGE_EVENTS;
	return error;
}

int txn_events_purge(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	struct old old = {0};
	int error;

	if (!batch->purge_max ||
	    (!batch->purge_events_before_ms && !batch->keep_events_max))
		return 0;
	error = find_old(txn, &old);
	if (!error && old.behind)
		error = SQL_DO(txn->sql, SQL_EVENT_PRUNE, old.behind);
	batch->purge_more |= old.more;
	return error;
}

/* ---- Reading ---- */

static int bounds(struct store *store, struct store_history *ret)
{
	struct sql *sql = &store->sql;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_META_GET, &error);
	bool found;

	if (!stmt)
		return error;
	error = sql_row(sql, stmt, &found);
	if (error)
		return error;
	if (!found)
		return sql_damaged(sql, "table meta is empty");
	ret->oldest = ret->head = sql_int(stmt, 3);
	sql_done(stmt);
	stmt = sql_use(sql, SQL_EVENT_AT, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, 0);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	ret->oldest = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

struct reading {
	struct store *store;
	bool (*take)(void *context, const struct store_event *event);
	void *context;
	struct store_history *history;
	int64_t left; /* to look at */
	bool enough;
};

/* One row, from where the reading is. */
static int read_row(struct reading *reading, struct sqlite3_stmt *stmt)
{
	struct store_history *history = reading->history;
	struct event_walk walk = walk_of(sql_text(stmt, 3));
	int64_t first = sql_int(stmt, 0), count = sql_int(stmt, 1);
	struct event event;

	for (int64_t i = 0; i < count && !reading->enough; i++) {
		struct store_event out;
		struct lane *lane;

		if (!event_unpack(&walk, &event))
			return sql_damaged(&reading->store->sql,
					   "a row of events is cut");
		if (first + i < history->next)
			continue;
		out = event_out(&event, first + i, sql_int(stmt, 2));
		lane = sqlite_lanes_by_id(&reading->store->lanes, event.lane);
		if (lane)
			out.queue = lane->queue;
		history->next = first + i + 1;
		reading->left--;
		reading->enough = !reading->take(reading->context, &out) ||
				  reading->left <= 0;
	}
	return 0;
}

static int read_rows(struct reading *reading)
{
	struct sql *sql = &reading->store->sql;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_EVENT_FROM, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, reading->history->next);
	while (!reading->enough) {
		error = sql_row(sql, stmt, &found);
		if (error || !found)
			return error;
		error = read_row(reading, stmt);
		if (error)
			break;
	}
	sql_done(stmt);
	return error;
}

static int begin(struct store *store, struct store_history *ret)
{
	int error = sql_begin_read(&store->sql);

	if (error)
		return error;
	error = sqlite_lanes_load(&store->lanes, &store->sql, false);
	return error ? error : bounds(store, ret);
}

static int end(struct store *store, int error)
{
	int ended = sql_end_read(&store->sql);

	return error ? error : ended;
}

int store_events(struct store *store, int64_t from, uint32_t max,
		 bool (*take)(void *context, const struct store_event *event),
		 void *context, struct store_history *ret)
{
	struct reading reading = {
		.store = store,
		.take = take,
		.context = context,
		.history = ret,
		.left = max,
	};
	int error = begin(store, ret);

	if (!error) {
		ret->next = from < 0 ? ret->head + from : from;
		if (ret->next < ret->oldest)
			ret->next = ret->oldest;
		if (ret->next < ret->head && max)
			error = read_rows(&reading);
	}
	return end(store, error);
}

/* The rows' times grow with their numbers, so their keys can be halved. */
static int find_at(struct store *store, int64_t at_ms, int64_t low,
		   int64_t high, int64_t *ret)
{
	*ret = high;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		int error = 0;
		struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_EVENT_AT,
						    &error);
		bool found;

		if (!stmt)
			return error;
		SQL_INTS(stmt, middle);
		error = sql_row(&store->sql, stmt, &found);
		if (error)
			return error;
		if (!found) {
			high = middle;
			continue;
		}
		if (sql_int(stmt, 2) >= at_ms) {
			*ret = sql_int(stmt, 0);
			high = middle;
		} else {
			low = sql_int(stmt, 0) + sql_int(stmt, 1);
		}
		sql_done(stmt);
	}
	return 0;
}

int store_event_at(struct store *store, int64_t at_ms, int64_t *ret)
{
	struct store_history history = {0};
	int error = begin(store, &history);

	if (!error)
		error = find_at(store, at_ms, history.oldest, history.head,
				ret);
	return end(store, error);
}
