/* The reading half, the rest: what a new broker must know, lanes, groups. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static int lanes_out(struct store *store, struct arena *arena,
		     struct store_lane **ret, size_t *ret_count)
{
	struct store_lane *out;
	int error = sqlite_lanes_load(&store->lanes, &store->sql, true);

	if (error)
		return error;
	out = arena_array(arena, store->lanes.count, sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < store->lanes.count; i++) {
		struct lane *lane = store->lanes.items[i];

		out[i].id = lane->id;
		memcpy(out[i].counts, lane->counts, sizeof(out[i].counts));
		if (sqlite_lane_lend(&store->lanes, lane, arena, &out[i].queue,
				     &out[i].handler))
			return -ENOMEM;
	}
	*ret = out;
	*ret_count = store->lanes.count;
	return 0;
}

int store_lanes(struct store *store, struct arena *arena,
		struct store_lane **ret, size_t *ret_count)
{
	store->lanes.call++;
	return lanes_out(store, arena, ret, ret_count);
}

/* An array in the arena that doubles. */
static int room_for(struct arena *arena, void **array, size_t count,
		    size_t *capacity, size_t bytes)
{
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *p;

	if (count < *capacity)
		return 0;
	p = arena_array(arena, wanted, bytes);
	if (!p)
		return -ENOMEM;
	if (count)
		memcpy(p, *array, count * bytes);
	*array = p;
	*capacity = wanted;
	return 0;
}

static int read_worker(struct sqlite3_stmt *stmt, struct arena *arena,
		       struct store_worker *ret)
{
	struct slice secret = sql_text(stmt, 6);

	ret->id = sql_int(stmt, 0);
	ret->slot = sql_int(stmt, 1);
	ret->pid = sql_int(stmt, 3);
	ret->start_ticks = sql_int(stmt, 4);
	/* One of another length matches nobody. */
	if (secret.n == sizeof(ret->secret_hash))
		memcpy(ret->secret_hash, secret.p, secret.n);
	if (sql_copy(stmt, 2, arena, &ret->pool) ||
	    sql_copy(stmt, 5, arena, &ret->boot_id))
		return -ENOMEM;
	return 0;
}

static int load_workers(struct store *store, struct arena *arena,
			struct store_snapshot *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_WORKER_ALL,
					    &error);
	size_t capacity = 0;
	bool row;

	if (!stmt)
		return error;
	for (;;) {
		error = sql_row(&store->sql, stmt, &row);
		if (error || !row)
			return error;
		error = room_for(arena, (void **)&ret->workers,
				 ret->worker_count, &capacity,
				 sizeof(*ret->workers));
		if (!error)
			error = read_worker(stmt, arena,
					    &ret->workers[ret->worker_count]);
		if (error)
			break;
		ret->worker_count++;
	}
	sql_done(stmt);
	return error;
}

static int by_worker_and_token(const void *a, const void *b)
{
	const struct store_running *x = a, *y = b;

	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return (x->token > y->token) - (x->token < y->token);
}

static int load_running(struct store *store, struct arena *arena,
			struct store_snapshot *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_RUNNING_ALL,
					    &error);
	size_t capacity = 0;
	bool row;

	if (!stmt)
		return error;
	for (;;) {
		struct live live;

		error = sql_row(&store->sql, stmt, &row);
		if (error || !row)
			break;
		error = room_for(arena, (void **)&ret->running,
				 ret->running_count, &capacity,
				 sizeof(*ret->running));
		if (!error)
			error = live_read(&store->sql, stmt, &live);
		if (error) {
			sql_done(stmt);
			break;
		}
		ret->running[ret->running_count++] = (struct store_running){
			.job = live.id,
			.token = live.token,
			.worker = live.worker,
			.started_ms = live.started_ms,
			.group = live.group,
			.timeout_ms = live.timeout_ms,
			.grace_ms = live.grace_ms,
			.attempt = live.facts.attempt,
			.lane = (int32_t)live.lane,
			.once = live.facts.once,
			.cancel_asked = live.facts.cancel_asked,
		};
	}
	if (!error && ret->running_count)
		qsort(ret->running, ret->running_count, sizeof(*ret->running),
		      by_worker_and_token);
	return error;
}

static int load_queues(struct store *store, struct arena *arena,
		       struct store_snapshot *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_QUEUE_ALL, &error);
	size_t capacity = 0;
	bool row;

	if (!stmt)
		return error;
	for (;;) {
		struct store_queue *queue;

		error = sql_row(&store->sql, stmt, &row);
		if (error || !row)
			return error;
		error = room_for(arena, (void **)&ret->queues, ret->queue_count,
				 &capacity, sizeof(*ret->queues));
		if (error)
			break;
		queue = &ret->queues[ret->queue_count];
		*queue = (struct store_queue){
			.paused = sql_int(stmt, 1),
			.max_length = sql_int(stmt, 2),
			.overflow = sql_int(stmt, 3) ? STORE_OVERFLOW_BLOCK
						     : STORE_OVERFLOW_REJECT,
		};
		error = sql_copy(stmt, 0, arena, &queue->name);
		if (!error)
			error = sql_copy(stmt, 4, arena, &queue->callbacks);
		if (error) {
			sql_done(stmt);
			break;
		}
		ret->queue_count++;
	}
	sql_done(stmt);
	return error;
}

static int load_tied_groups(struct store *store, struct arena *arena,
			    struct store_snapshot *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_GROUPS_TIED,
					    &error);
	size_t capacity = 0;
	bool row;

	if (!stmt)
		return error;
	for (;;) {
		error = sql_row(&store->sql, stmt, &row);
		if (error || !row)
			return error;
		error = room_for(arena, (void **)&ret->tied_groups,
				 ret->tied_group_count, &capacity,
				 sizeof(*ret->tied_groups));
		if (error)
			break;
		ret->tied_groups[ret->tied_group_count++] = sql_int(stmt, 0);
	}
	sql_done(stmt);
	return error;
}

static int load_carried(struct store *store, struct store_snapshot *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_CARRIED_ANY,
					    &error);

	if (!stmt)
		return error;
	error = sql_row(&store->sql, stmt, &ret->descriptors);
	if (!error && ret->descriptors)
		sql_done(stmt);
	return error;
}

static int load_next_event(struct store *store, int64_t *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_META_GET, &error);
	bool found;

	if (!stmt)
		return error;
	error = sql_row(&store->sql, stmt, &found);
	if (error || !found)
		return error;
	*ret = sql_int(stmt, 3);
	sql_done(stmt);
	return 0;
}

int store_load(struct store *store, struct arena *arena,
	       struct store_snapshot *ret, struct store_fault *ret_fault)
{
	struct store_snapshot snapshot = {0};
	int error, ended;

	store->sql.fault = ret_fault;
	store->lanes.call++;
	error = sql_begin_read(&store->sql);
	if (!error) {
		error = lanes_out(store, arena, &snapshot.lanes,
				  &snapshot.lane_count);
		if (!error)
			error = load_workers(store, arena, &snapshot);
		if (!error)
			error = load_running(store, arena, &snapshot);
		if (!error)
			error = load_queues(store, arena, &snapshot);
		if (!error)
			error = load_tied_groups(store, arena, &snapshot);
		if (!error)
			error = load_carried(store, &snapshot);
		if (!error)
			error = txn_due_next(&store->sql,
					     &snapshot.next_due_ms);
		if (!error)
			error = load_next_event(store, &snapshot.next_event);
		ended = sql_end_read(&store->sql);
		if (!error)
			error = ended;
	}
	store->sql.fault = NULL;
	if (!error)
		*ret = snapshot;
	return error;
}

int store_get_group(struct store *store, struct arena *arena, int64_t id,
		    struct store_group *ret)
{
	struct store_group group;
	bool found;
	int error = group_read(&store->sql, arena, id, &group, &found);

	if (error)
		return error;
	if (!found)
		return -ENOENT;
	*ret = group;
	return 0;
}

int64_t store_size(struct store *store)
{
	static const char *const tails[] = {"", "-wal"};
	int64_t bytes = 0;

	for (size_t i = 0; i < ARRAY_COUNT(tails); i++) {
		AUTO(free) char *path = NULL;
		struct stat status;

		if (asprintf(&path, "%s%s", store->path, tails[i]) < 0) {
			path = NULL;
			continue;
		}
		if (stat(path, &status) == 0)
			bytes += status.st_size;
	}
	return bytes;
}
