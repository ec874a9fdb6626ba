#include "daemon/store/sqlite_lane.h"

#include <errno.h>

#define LANES_FIRST 16

static void lane_free(struct lane *lane)
{
	if (!lane)
		return;
	free((char *)lane->queue.p);
	free((char *)lane->handler.p);
	free(lane);
}
AUTO_DEFINE(struct lane *, lane_free)

void sqlite_lanes_fini(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		lane_free(lanes->items[i]);
	free(lanes->items);
	free(lanes->slots);
	*lanes = (struct lanes){0};
}

static uint64_t hash_bytes(uint64_t hash, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		hash = (hash ^ (unsigned char)bytes.p[i]) *
		       UINT64_C(0x100000001b3);
	/* A byte that is in no name parts the two. */
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static size_t slot_of(const struct lanes *lanes, struct slice queue,
		      struct slice handler)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = hash_bytes(hash_bytes(hash, queue), handler);
	return (size_t)(hash ^ hash >> 32) & (lanes->slot_count - 1);
}

static void place(struct lanes *lanes, const struct lane *lane)
{
	size_t at = slot_of(lanes, lane->queue, lane->handler);

	while (lanes->slots[at])
		at = (at + 1) & (lanes->slot_count - 1);
	lanes->slots[at] = (uint32_t)lane->id;
}

static void place_all(struct lanes *lanes)
{
	memset(lanes->slots, 0, lanes->slot_count * sizeof(*lanes->slots));
	for (size_t i = 0; i < lanes->count; i++)
		place(lanes, lanes->items[i]);
}

static int grow(struct lanes *lanes)
{
	size_t capacity = lanes->capacity ? lanes->capacity * 2 : LANES_FIRST;
	struct lane **items;
	uint32_t *slots;

	items = reallocarray(lanes->items, capacity, sizeof(struct lane *));
	if (!items)
		return -ENOMEM;
	lanes->items = items;

	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(lanes->slots);
	lanes->slots = slots;
	lanes->slot_count = capacity * 2;
	lanes->capacity = capacity;
	place_all(lanes);
	return 0;
}

static int copy(struct slice *ret, struct slice from)
{
	char *p = malloc(from.n + 1);

	if (!p)
		return -ENOMEM;
	if (from.n)
		memcpy(p, from.p, from.n);
	p[from.n] = '\0';
	*ret = (struct slice){p, from.n};
	return 0;
}

static int append(struct lanes *lanes, struct slice queue, struct slice handler,
		  struct lane **ret)
{
	AUTO(lane_free) struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane || copy(&lane->queue, queue) || copy(&lane->handler, handler))
		return -ENOMEM;
	if (lanes->count == lanes->capacity) {
		int error = grow(lanes);

		if (error)
			return error;
	}
	lane->id = (int32_t)lanes->count + 1;
	*ret = lane;
	lanes->items[lanes->count++] = TAKE(lane);
	place(lanes, *ret);
	return 0;
}

static int load_row(struct lanes *lanes, struct sql *sql,
		    struct sqlite3_stmt *stmt)
{
	int64_t id = sql_int(stmt, 0);
	struct lane *lane = sqlite_lanes_by_id(lanes, id);
	int error;

	if (!lane) {
		if (id != (int64_t)lanes->count + 1)
			return sql_damaged(sql, "lane numbers have a gap");
		error = append(lanes, sql_text(stmt, 1), sql_text(stmt, 2),
			       &lane);
		if (error)
			return error;
	}
	for (int i = 0; i < STATE_COUNT; i++)
		lane->counts[i] = sql_int(stmt, 3 + i);
	return 0;
}

int sqlite_lanes_load(struct lanes *lanes, struct sql *sql, bool counts)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_LANE_NEW, &error);
	bool row;

	if (!stmt)
		return error;
	SQL_INTS(stmt, counts ? 0 : (int64_t)lanes->count);
	for (;;) {
		error = sql_row(sql, stmt, &row);
		if (error || !row)
			break;
		error = load_row(lanes, sql, stmt);
		if (error) {
			sql_done(stmt);
			break;
		}
	}
	lanes->committed = lanes->count;
	return error;
}

struct lane *sqlite_lanes_find(const struct lanes *lanes, struct slice queue,
			       struct slice handler)
{
	size_t at;

	if (!lanes->count)
		return NULL;
	for (at = slot_of(lanes, queue, handler); lanes->slots[at];
	     at = (at + 1) & (lanes->slot_count - 1)) {
		struct lane *lane = lanes->items[lanes->slots[at] - 1];

		if (slice_equal(lane->queue, queue) &&
		    slice_equal(lane->handler, handler))
			return lane;
	}
	return NULL;
}

struct lane *sqlite_lanes_by_id(const struct lanes *lanes, int64_t id)
{
	if (id < 1 || (uint64_t)id > lanes->count)
		return NULL;
	return lanes->items[id - 1];
}

static void touch(struct lanes *lanes, struct lane *lane)
{
	if (lane->touched)
		return;
	lane->touched = true;
	lane->next_touched = lanes->touched;
	lanes->touched = lane;
	lanes->touched_count++;
}

int sqlite_lanes_intern(struct lanes *lanes, struct sql *sql,
			struct slice queue, struct slice handler,
			struct lane **ret)
{
	struct lane *lane = sqlite_lanes_find(lanes, queue, handler);
	struct sqlite3_stmt *stmt;
	int error = 0;

	if (lane) {
		*ret = lane;
		return 0;
	}
	stmt = sql_use(sql, SQL_LANE_ADD, &error);
	if (!stmt)
		return error;
	error = append(lanes, queue, handler, &lane);
	if (error)
		return error;
	SQL_INTS(stmt, lane->id);
	sql_bind_text(stmt, 2, queue);
	sql_bind_text(stmt, 3, handler);
	touch(lanes, lane);
	*ret = lane;
	return sql_run(sql, stmt);
}

void sqlite_lane_add(struct lanes *lanes, struct lane *lane,
		     enum job_state state, int64_t add)
{
	lane->add[state] += add;
	touch(lanes, lane);
}

int64_t sqlite_lane_ready(const struct lane *lane)
{
	return lane->counts[STATE_READY] + lane->add[STATE_READY];
}

static bool adds_nothing(const struct lane *lane)
{
	for (int i = 0; i < STATE_COUNT; i++) {
		if (lane->add[i])
			return false;
	}
	return true;
}

int sqlite_lanes_flush(struct lanes *lanes, struct sql *sql)
{
	for (struct lane *lane = lanes->touched; lane;
	     lane = lane->next_touched) {
		int error;

		if (adds_nothing(lane))
			continue;
		error = SQL_DO(sql, SQL_LANE_COUNT, lane->id, lane->add[0],
			       lane->add[1], lane->add[2], lane->add[3],
			       lane->add[4], lane->add[5], lane->add[6],
			       lane->add[7]);
		if (error)
			return error;
	}
	return 0;
}

static void forget(struct lanes *lanes, bool keep)
{
	struct lane *lane = lanes->touched;

	while (lane) {
		struct lane *next = lane->next_touched;

		for (int i = 0; keep && i < STATE_COUNT; i++)
			lane->counts[i] += lane->add[i];
		memset(lane->add, 0, sizeof(lane->add));
		lane->touched = false;
		lane->next_touched = NULL;
		lane = next;
	}
	lanes->touched = NULL;
	lanes->touched_count = 0;
}

void sqlite_lanes_commit(struct lanes *lanes)
{
	forget(lanes, true);
	lanes->committed = lanes->count;
}

void sqlite_lanes_rollback(struct lanes *lanes)
{
	forget(lanes, false);
	if (lanes->committed == lanes->count)
		return;
	while (lanes->count > lanes->committed)
		lane_free(lanes->items[--lanes->count]);
	place_all(lanes);
}

int sqlite_lane_lend(struct lanes *lanes, struct lane *lane,
		     struct arena *arena, struct slice *ret_queue,
		     struct slice *ret_handler)
{
	if (lane->lent != lanes->call) {
		if (arena_copy(arena, lane->queue, &lane->lent_queue) ||
		    arena_copy(arena, lane->handler, &lane->lent_handler))
			return -ENOMEM;
		lane->lent = lanes->call;
	}
	*ret_queue = lane->lent_queue;
	*ret_handler = lane->lent_handler;
	return 0;
}
