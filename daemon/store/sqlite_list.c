/*
 * The reading half, jobs: by id, by filter, counted. Each call is a short
 * transaction of its own, so live and finished rows are of one moment; a step
 * looks at FILTER_STEP_ROWS rows at most.
 */

#include "daemon/store/sqlite_store.h"

#include <errno.h>

#include "daemon/store/sqlite_filter.h"
#include "daemon/store/sqlite_spec.h"

/* One of the two tables, walked by id. */
struct cursor {
	struct sqlite3_stmt *stmt; /* NULL: nothing (more) in it */
	struct store_row row;	   /* the current one, without texts */
	uint32_t flags;
	bool live;
};

struct walk {
	struct store *store;
	struct filter filter;
	struct cursor live, done;
	bool newest_first;
	int64_t last; /* the last id that was looked at */
	bool more;    /* it stopped before the end */
};

static int cursor_next(struct sql *sql, struct cursor *cursor)
{
	struct live live;
	int64_t context;
	bool found;
	int error;

	if (!cursor->stmt)
		return 0;
	error = sql_row(sql, cursor->stmt, &found);
	if (error || !found) {
		cursor->stmt = NULL;
		return error;
	}
	if (!cursor->live)
		return finished_read(sql, cursor->stmt, &cursor->row,
				     &cursor->flags, &context);
	error = live_read(sql, cursor->stmt, &live);
	live_row(&live, &cursor->row);
	cursor->flags = live.flags;
	return error;
}

static int cursor_start(struct walk *walk, struct cursor *cursor,
			enum sql_id id, int64_t after)
{
	struct sql *sql = &walk->store->sql;
	int64_t group = walk->filter.of->group;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, id, &error);

	if (!stmt)
		return error;
	if (group)
		SQL_INTS(stmt, after, group);
	else
		SQL_INTS(stmt, after);
	cursor->stmt = stmt;
	return cursor_next(sql, cursor);
}

static enum sql_id live_walk(const struct walk *walk)
{
	bool newest = walk->newest_first;

	if (walk->filter.of->group)
		return newest ? SQL_LIVE_GROUP_BEFORE : SQL_LIVE_GROUP_AFTER;
	if ((sqlite_filter_states(walk->filter.of) & STATES_LIVE) ==
	    1u << STATE_RUNNING)
		return newest ? SQL_RUNNING_BEFORE : SQL_RUNNING_AFTER;
	return newest ? SQL_LIVE_BEFORE : SQL_LIVE_AFTER;
}

static enum sql_id done_walk(const struct walk *walk)
{
	bool newest = walk->newest_first;

	if (walk->filter.of->group)
		return newest ? SQL_DONE_GROUP_BEFORE : SQL_DONE_GROUP_AFTER;
	return newest ? SQL_DONE_BEFORE : SQL_DONE_AFTER;
}

static int walk_start(struct walk *walk, int64_t after)
{
	uint32_t states = sqlite_filter_states(walk->filter.of);
	int error = 0;

	if (walk->newest_first && after == 0)
		after = INT64_MAX;
	walk->live.live = true;
	walk->last = after;
	if (states & STATES_LIVE)
		error = cursor_start(walk, &walk->live, live_walk(walk), after);
	if (!error && states & STATES_ENDED)
		error = cursor_start(walk, &walk->done, done_walk(walk), after);
	return error;
}

static void walk_end(struct walk *walk)
{
	if (walk->live.stmt)
		sql_done(walk->live.stmt);
	if (walk->done.stmt)
		sql_done(walk->done.stmt);
	walk->live.stmt = NULL;
	walk->done.stmt = NULL;
}

/* Of the two, the cursor whose row comes first; NULL at the end. */
static struct cursor *walk_front(struct walk *walk)
{
	if (!walk->live.stmt)
		return walk->done.stmt ? &walk->done : NULL;
	if (!walk->done.stmt)
		return &walk->live;
	return (walk->live.row.id < walk->done.row.id) != walk->newest_first
		       ? &walk->live
		       : &walk->done;
}

/* @ret_flags: of the row. @ret_found false: the end, or the step's. */
static int walk_next(struct walk *walk, struct store_row *ret,
		     uint32_t *ret_flags, bool *ret_found)
{
	struct cursor *cursor;

	*ret_found = false;
	while ((cursor = walk_front(walk))) {
		bool matches;
		int error;

		if (walk->filter.left <= 0) {
			walk->more = true;
			return 0;
		}
		walk->last = cursor->row.id;
		error = sqlite_filter_match(&walk->filter, &cursor->row,
					    cursor->flags, &matches);
		*ret = cursor->row;
		*ret_flags = cursor->flags;
		if (!error)
			error = cursor_next(&walk->store->sql, cursor);
		if (error)
			return error;
		if (matches) {
			*ret_found = true;
			return 0;
		}
	}
	return 0;
}

static int worker_pid(struct sql *sql, struct store_row *row)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(sql, SQL_WORKER_PID, &error);
	bool found;

	if (!stmt)
		return error;
	SQL_INTS(stmt, row->worker);
	error = sql_row(sql, stmt, &found);
	if (error || !found)
		return error;
	row->worker_pid = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

/* The texts and what else is in other tables. */
static int fill(struct store *store, struct arena *arena, struct store_row *row,
		uint32_t flags, bool with_spec, bool with_log)
{
	struct sql *sql = &store->sql;
	struct lane *lane = sqlite_lanes_by_id(&store->lanes, row->lane);
	int error = 0;

	if (!lane) {
		error = sqlite_lanes_load(&store->lanes, sql, false);
		if (error)
			return error;
		lane = sqlite_lanes_by_id(&store->lanes, row->lane);
	}
	if (!lane)
		return sql_damaged(sql, "a job has no lane");
	error = sqlite_lane_lend(&store->lanes, lane, arena, &row->queue,
				 &row->handler);
	if (!error && (with_spec || flags & FLAG_WORDS))
		error = row_words(sql, arena, row, with_spec);
	if (!error && flags & FLAG_ATTEMPTS && !state_is_end(row->state))
		error = row_attempt(sql, arena, row, with_log);
	if (!error && flags & FLAG_RESULT)
		error = row_result(sql, arena, row, with_log);
	if (!error && flags & FLAG_SHORT)
		error = row_short(sql, arena, row);
	if (!error && flags & FLAG_FOLLOWS)
		error = row_follows(sql, row);
	if (!error && row->worker)
		error = worker_pid(sql, row);
	return error;
}

static int begin(struct store *store)
{
	store->lanes.call++;
	return sql_begin_read(&store->sql);
}

static int end(struct store *store, int error)
{
	int ended = sql_end_read(&store->sql);

	return error ? error : ended;
}

/* @ret_found false: it is neither live nor finished */
static int read_id(struct store *store, int64_t id, struct store_row *ret,
		   uint32_t *ret_flags, bool *ret_found)
{
	struct sql *sql = &store->sql;
	struct sqlite3_stmt *stmt;
	struct live live;
	int64_t context;
	int error = live_get(sql, id, &live, ret_found);

	if (error)
		return error;
	if (*ret_found) {
		live_row(&live, ret);
		*ret_flags = live.flags;
		return 0;
	}
	stmt = sql_use(sql, SQL_DONE_GET, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, id);
	error = sql_row(sql, stmt, ret_found);
	if (error || !*ret_found)
		return error;
	error = finished_read(sql, stmt, ret, ret_flags, &context);
	sql_done(stmt);
	return error;
}

/* Plain words may grow to six times as much where they are told, as \u0001. */
static int fill_counted(struct store *store, struct arena *arena,
			struct store_row *row, uint32_t flags, bool with_spec,
			bool with_log, size_t *bytes)
{
	size_t before = arena->used_bytes;
	int error = fill(store, arena, row, flags, with_spec, with_log);

	if (!error && with_spec)
		error = row_callbacks(&store->sql, arena, row);
	if (!error)
		*bytes += arena->used_bytes - before +
			  5 * (row->name.n + row->key.n + row->reason.n);
	return error;
}

static int get(struct store *store, struct arena *arena, const int64_t *ids,
	       size_t count, bool with_spec, bool with_log,
	       struct store_row *rows, size_t *ret_count, size_t *ret_looked)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		struct store_row *row = &rows[*ret_count];
		uint32_t flags;
		bool found;
		int error = read_id(store, ids[i], row, &flags, &found);

		if (!error && found)
			error = fill_counted(store, arena, row, flags,
					     with_spec, with_log, &bytes);
		if (error)
			return error;
		if (*ret_count && bytes > STORE_PAGE_BYTES)
			break; /* another call begins with it */
		*ret_count += found;
		*ret_looked = i + 1;
	}
	return 0;
}

int store_get(struct store *store, struct arena *arena, const int64_t *ids,
	      size_t count, bool with_spec, bool with_log,
	      struct store_row **ret, size_t *ret_count, size_t *ret_looked)
{
	struct store_row *rows = arena_array(arena, count, sizeof(*rows));
	size_t got = 0, looked = 0;
	int error;

	if (!rows)
		return -ENOMEM;
	error = begin(store);
	if (error)
		return error;
	error = end(store, get(store, arena, ids, count, with_spec, with_log,
			       rows, &got, &looked));
	if (error)
		return error;
	*ret = rows;
	*ret_count = got;
	*ret_looked = looked;
	return 0;
}

int store_get_spec(struct store *store, struct arena *arena, int64_t id,
		   struct store_spec *ret)
{
	size_t got = 0, looked;
	int error = begin(store);

	*ret = (struct store_spec){0};
	if (error)
		return error;
	error = get(store, arena, &id, 1, true, false, &ret->row, &got,
		    &looked);
	if (!error && got)
		error = spec_read(&store->sql, arena, id, ret);
	error = end(store, error);
	return error || got ? error : -ENOENT;
}

/*
 * What list and count do with each row that matches. Enough: it was the last;
 * who leaves it for the next step sets walk's more, and last to the one before.
 */
typedef int visit(void *context, struct walk *walk, struct store_row *row,
		  uint32_t flags, bool *ret_enough);

static int visit_ids(struct walk *walk, const int64_t *ids, size_t count,
		     visit *visitor, void *context)
{
	bool enough = false;

	for (size_t i = 0; i < count; i++) {
		int64_t id = ids[walk->newest_first ? count - 1 - i : i];
		struct store_row row;
		uint32_t flags;
		bool found;
		int error;

		if (enough || walk->filter.left <= 0) {
			walk->more = true;
			return 0;
		}
		walk->last = id;
		error = read_id(walk->store, id, &row, &flags, &found);
		if (!error && found)
			error = sqlite_filter_match(&walk->filter, &row, flags,
						    &found);
		else
			walk->filter.left--;
		if (!error && found)
			error = visitor(context, walk, &row, flags, &enough);
		if (error)
			return error;
	}
	return 0;
}

static int visit_all(struct walk *walk, int64_t after, visit *visitor,
		     void *context)
{
	struct store_row row;
	bool enough = false;
	uint32_t flags;
	bool found;
	int error = walk_start(walk, after);

	while (!error) {
		error = walk_next(walk, &row, &flags, &found);
		if (error || !found)
			break;
		error = visitor(context, walk, &row, flags, &enough);
		if (!error && enough) {
			walk->more = walk->more || walk_front(walk);
			break;
		}
	}
	walk_end(walk);
	return error;
}

/* sqlite_filter_ids() cuts from below: newest first, the cut is from above. */
static int visit_matches(struct walk *walk, struct arena *arena, int64_t after,
			 visit *visitor, void *context)
{
	int64_t *ids;
	size_t count;
	int error = sqlite_filter_ids(&walk->filter, arena,
				      walk->newest_first ? 0 : after, &ids,
				      &count);

	if (error)
		return error;
	if (!ids)
		return visit_all(walk, after, visitor, context);
	while (walk->newest_first && after && count && ids[count - 1] >= after)
		count--;
	return visit_ids(walk, ids, count, visitor, context);
}

static int step(struct walk *walk, struct arena *arena, int64_t after,
		visit *visitor, void *context, int64_t *ret_next)
{
	struct store *store = walk->store;
	int error = begin(store);

	if (error)
		return error;
	error = end(store, visit_matches(walk, arena, after, visitor, context));
	*ret_next = !error && walk->more ? walk->last : 0;
	return error;
}

struct page {
	struct arena *arena;
	struct store_row *rows;
	size_t count, max, bytes;
	bool with_spec;
};

static int add_to_page(void *context, struct walk *walk, struct store_row *row,
		       uint32_t flags, bool *ret_enough)
{
	struct page *page = context;
	int error = fill_counted(walk->store, page->arena, row, flags,
				 page->with_spec, false, &page->bytes);

	if (error)
		return error;
	if (page->count && page->bytes > STORE_PAGE_BYTES) {
		walk->last = page->rows[page->count - 1].id;
		walk->more = true;
		*ret_enough = true;
		return 0;
	}
	walk->filter.left -= FILTER_WORDS_COST;
	page->rows[page->count++] = *row;
	*ret_enough = page->count == page->max;
	return 0;
}

int store_list(struct store *store, struct arena *arena,
	       const struct store_filter *filter, int64_t after,
	       bool newest_first, bool with_spec, uint32_t max,
	       struct store_row **ret, size_t *ret_count, int64_t *ret_next)
{
	struct walk walk = {.store = store, .newest_first = newest_first};
	struct page page = {
		.arena = arena,
		.max = max,
		.with_spec = with_spec,
	};
	int error;

	require(max >= 1 && max <= 1000);
	page.rows = arena_array(arena, max, sizeof(*page.rows));
	if (!page.rows)
		return -ENOMEM;
	sqlite_filter_init(&walk.filter, filter, &store->sql, &store->lanes);
	error = step(&walk, arena, after, add_to_page, &page, ret_next);
	sqlite_filter_fini(&walk.filter);
	*ret = page.rows;
	*ret_count = error ? 0 : page.count;
	return error;
}

static int add_to_counts(void *context, struct walk *walk,
			 struct store_row *row, uint32_t flags,
			 bool *ret_enough)
{
	int64_t *counts = context;

	(void)walk;
	(void)flags;
	(void)ret_enough;
	counts[row->state]++;
	return 0;
}

static int count_lanes(struct store *store, const struct store_filter *filter,
		       int64_t counts[STATE_COUNT])
{
	uint32_t states = sqlite_filter_states(filter);
	int error = sqlite_lanes_load(&store->lanes, &store->sql, true);

	for (size_t i = 0; !error && i < store->lanes.count; i++) {
		const struct lane *lane = store->lanes.items[i];

		if (!sqlite_filter_lane(filter, lane))
			continue;
		for (int state = 0; state < STATE_COUNT; state++) {
			if (states & 1u << state)
				counts[state] += lane->counts[state];
		}
	}
	return error;
}

int store_count(struct store *store, struct arena *arena,
		const struct store_filter *filter, int64_t after,
		int64_t counts[STATE_COUNT], int64_t *ret_next)
{
	struct walk walk = {.store = store};
	int64_t found[STATE_COUNT] = {0};
	int error;

	*ret_next = 0;
	if (sqlite_filter_only_lanes(filter)) {
		error = count_lanes(store, filter, found);
	} else {
		sqlite_filter_init(&walk.filter, filter, &store->sql,
				   &store->lanes);
		error = step(&walk, arena, after, add_to_counts, found,
			     ret_next);
		sqlite_filter_fini(&walk.filter);
	}
	for (int state = 0; !error && state < STATE_COUNT; state++)
		counts[state] += found[state];
	return error;
}
