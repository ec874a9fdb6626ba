/* Queues: their settings, and whether there is room for one job more. */

#include "daemon/store/sqlite_entry.h"

#include <errno.h>

static bool says_nothing(const struct store_queue *queue)
{
	return !queue->paused && queue->max_length <= 0 &&
	       queue->overflow == STORE_OVERFLOW_REJECT && !queue->callbacks.n;
}

static int put(struct txn *txn, const struct store_queue *queue)
{
	bool drop = says_nothing(queue);
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(
		txn->sql, drop ? SQL_QUEUE_DROP : SQL_QUEUE_PUT, &error);

	require(queue->name.n);
	if (!stmt)
		return error;
	if (!drop)
		SQL_INTS(stmt, 0, queue->paused,
			 queue->max_length > 0 ? queue->max_length : 0,
			 queue->overflow);
	sql_bind_text(stmt, 1, queue->name);
	if (!drop)
		sql_bind_text(stmt, 5, queue->callbacks);
	return sql_run(txn->sql, stmt);
}

int queue_limited(struct sql *sql, int64_t *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_QUEUE_LIMITS, &error);
	bool row;

	*ret = 0;
	if (!stmt)
		return error;
	for (;;) {
		error = sql_row(sql, stmt, &row);
		if (error || !row)
			return error;
		++*ret;
	}
}

int txn_queues(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	int error = 0;

	for (size_t i = 0; !error && i < batch->queue_count; i++)
		error = put(txn, &batch->queues[i]);
	if (!error && batch->queue_count)
		error = queue_limited(txn->sql, &txn->limited);
	if (!error && batch->queue_count)
		error = sql_number(txn->sql, SQL_QUEUES_RULED, &txn->ruled);
	return error;
}

static int find_lanes(struct txn *txn, struct queue_room *room)
{
	const struct lanes *lanes = &txn->store->lanes;

	room->lanes = arena_array(txn->arena, lanes->count,
				  sizeof(struct lane *));
	if (!room->lanes)
		return -ENOMEM;
	for (size_t i = 0; i < lanes->count; i++) {
		if (slice_equal(lanes->items[i]->queue, room->name))
			room->lanes[room->lane_count++] = lanes->items[i];
	}
	return 0;
}

static int add_room(struct entering *entering, struct slice name, int64_t max)
{
	struct txn *txn = entering->txn;
	struct queue_room *room;

	for (size_t i = 0; i < txn->batch->lane_count; i++) {
		if (!slice_equal(txn->lanes[i]->queue, name))
			continue;
		if (entering->plans[i].room)
			return 0;
		room = arena_array(txn->arena, 1, sizeof(*room));
		if (!room || arena_copy(txn->arena, name, &room->name))
			return -ENOMEM;
		room->max = max;
		room->next = entering->rooms;
		entering->rooms = room;
		for (; i < txn->batch->lane_count; i++) {
			if (slice_equal(txn->lanes[i]->queue, name))
				entering->plans[i].room = room;
		}
		return find_lanes(txn, room);
	}
	return 0;
}

int queue_rooms(struct entering *entering)
{
	struct txn *txn = entering->txn;
	int error = 0;
	struct sqlite3_stmt *stmt;
	bool row;

	if (!txn->limited)
		return 0;
	stmt = sql_use(txn->sql, SQL_QUEUE_LIMITS, &error);
	if (!stmt)
		return error;
	for (;;) {
		error = sql_row(txn->sql, stmt, &row);
		if (error || !row)
			return error;
		error = add_room(entering, sql_text(stmt, 0), sql_int(stmt, 1));
		if (error) {
			sql_done(stmt);
			return error;
		}
	}
}

bool queue_is_full(const struct queue_room *room)
{
	int64_t waiting = room->planned;

	for (size_t i = 0; i < room->lane_count; i++) {
		const struct lane *lane = room->lanes[i];

		for (int state = STATE_HELD; state <= STATE_READY; state++)
			waiting += lane->counts[state] + lane->add[state];
	}
	return waiting >= room->max;
}
