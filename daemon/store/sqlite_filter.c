#include "daemon/store/sqlite_filter.h"

#include <errno.h>

#include "proto/json_in.h"

void sqlite_filter_init(struct filter *filter, const struct store_filter *of,
			struct sql *sql, struct lanes *lanes)
{
	*filter = (struct filter){
		.of = of,
		.sql = sql,
		.lanes = lanes,
		.left = FILTER_STEP_ROWS,
	};
}

void sqlite_filter_fini(struct filter *filter)
{
	arena_fini(&filter->scratch);
}

uint32_t sqlite_filter_states(const struct store_filter *of)
{
	uint32_t all = STATES_LIVE | STATES_ENDED;

	return of->states ? of->states & all : all;
}

bool sqlite_filter_only_lanes(const struct store_filter *of)
{
	/* A list of no ids asks for no job: the lanes know better. */
	return !of->ids && !of->name.n && !of->key.n && !of->causes &&
	       !of->has_exit_code && !of->has_uid && !of->group &&
	       !of->older_than_ms && !of->newer_than_ms && !of->tags.n &&
	       !of->follows;
}

bool sqlite_filter_lane(const struct store_filter *of, const struct lane *lane)
{
	return (!of->queue.n || slice_equal(of->queue, lane->queue)) &&
	       (!of->handler.n || slice_equal(of->handler, lane->handler));
}

static int match_lane(struct filter *filter, int32_t id, bool *ret)
{
	const struct lane *lane;

	if (filter->last_lane != id) {
		lane = sqlite_lanes_by_id(filter->lanes, id);
		if (!lane) {
			/* The writer made it since this handle last looked. */
			int error = sqlite_lanes_load(filter->lanes,
						      filter->sql, false);

			if (error)
				return error;
			lane = sqlite_lanes_by_id(filter->lanes, id);
		}
		if (!lane)
			return sql_damaged(filter->sql, "a job has no lane");
		filter->last_lane = id;
		filter->last_matches = sqlite_filter_lane(filter->of, lane);
	}
	*ret = filter->last_matches;
	return 0;
}

static bool match_columns(const struct store_filter *of,
			  const struct store_row *row)
{
	if (!(sqlite_filter_states(of) & 1u << row->state) ||
	    (of->causes && !(of->causes & 1u << row->cause)))
		return false;
	if ((of->has_uid && of->uid != row->uid) ||
	    (of->has_exit_code && of->exit_code != row->exit_code) ||
	    (of->group && of->group != row->group))
		return false;
	return (!of->older_than_ms || row->created_ms < of->older_than_ms) &&
	       (!of->newer_than_ms || row->created_ms > of->newer_than_ms);
}

/* A raw key is what stands between its quotes. */
static int decode_key(struct arena *arena, struct slice raw, struct slice *ret)
{
	return json_string(arena, (struct slice){raw.p - 1, raw.n + 2}, ret);
}

static int has_tag(struct arena *arena, struct slice tags, struct slice name,
		   struct slice value, bool *ret)
{
	struct json_iter iter = json_enter(tags);
	struct slice raw_name, raw_value;

	*ret = false;
	while (!*ret && json_member(&iter, &raw_name, &raw_value)) {
		struct slice have_name, have_value;

		if (decode_key(arena, raw_name, &have_name))
			return -ENOMEM;
		if (!slice_equal(name, have_name))
			continue;
		if (json_string(arena, raw_value, &have_value))
			have_value = raw_value; /* no string: as it stands */
		*ret = slice_equal(value, have_value);
	}
	return 0;
}

static int match_tags(struct arena *arena, struct slice want, struct slice have,
		      bool *ret)
{
	struct json_iter iter = json_enter(json_trim(want));
	struct slice raw_name, raw_value;

	*ret = true;
	have = json_trim(have);
	while (*ret && json_member(&iter, &raw_name, &raw_value)) {
		struct slice name, value;
		int error;

		if (decode_key(arena, raw_name, &name))
			return -ENOMEM;
		if (json_string(arena, raw_value, &value))
			value = raw_value;
		error = has_tag(arena, have, name, value, ret);
		if (error)
			return error;
	}
	return 0;
}

static int match_words(struct filter *filter, const struct store_row *row,
		       bool *ret)
{
	const struct store_filter *of = filter->of;
	struct store_row words = {.id = row->id};
	int error;

	arena_reset(&filter->scratch);
	filter->left -= FILTER_WORDS_COST;
	error = row_words(filter->sql, &filter->scratch, &words, false);
	if (error)
		return error;
	*ret = (!of->name.n || slice_equal(of->name, words.name)) &&
	       (!of->key.n || slice_equal(of->key, words.key));
	if (!*ret || !of->tags.n)
		return 0;
	if (!words.tags.n)
		words.tags = SLICE("{}");
	return match_tags(&filter->scratch, of->tags, words.tags, ret);
}

int sqlite_filter_match(struct filter *filter, const struct store_row *row,
			uint32_t flags, bool *ret)
{
	const struct store_filter *of = filter->of;
	bool words = of->name.n || of->key.n || of->tags.n;
	int error;

	filter->left--;
	*ret = match_columns(of, row);
	if (!*ret)
		return 0;
	error = match_lane(filter, row->lane, ret);
	if (error || !*ret || !words)
		return error;
	if (!(flags & FLAG_WORDS)) {
		*ret = false;
		return 0;
	}
	return match_words(filter, row, ret);
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int id_of_key(struct filter *filter, int64_t *ret)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(filter->sql, SQL_KEY_GET, &error);
	bool found;

	*ret = 0;
	if (!stmt)
		return error;
	SQL_INTS(stmt, filter->of->uid);
	sql_bind_text(stmt, 2, filter->of->key);
	error = sql_row(filter->sql, stmt, &found);
	if (error || !found)
		return error;
	*ret = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

static bool is_named(const struct store_filter *of, int64_t id)
{
	for (size_t i = 0; i < of->id_count; i++) {
		if (of->ids[i] == id)
			return true;
	}
	return !of->ids;
}

/* Callbacks of one job: its own, and as many again for each time that it was
 * tried again by hand. */
static int follower_ids(struct filter *filter, struct arena *arena,
			int64_t after, int64_t **ret_ids, size_t *ret_count)
{
	const struct store_filter *of = filter->of;
	int64_t *ids = arena_array(arena, FILTER_FOLLOWERS, sizeof(*ids));
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(filter->sql, SQL_FOLLOWERS, &error);
	size_t count = 0;
	bool found;

	if (!stmt)
		return error;
	if (!ids)
		return -ENOMEM;
	SQL_INTS(stmt, of->follows, after, FILTER_FOLLOWERS);
	for (;;) {
		error = sql_row(filter->sql, stmt, &found);
		if (error || !found)
			break;
		require(count < FILTER_FOLLOWERS);
		ids[count] = sql_int(stmt, 0);
		count += is_named(of, ids[count]);
	}
	*ret_ids = ids;
	*ret_count = count;
	return error;
}

int sqlite_filter_ids(struct filter *filter, struct arena *arena, int64_t after,
		      int64_t **ret_ids, size_t *ret_count)
{
	const struct store_filter *of = filter->of;
	size_t count = of->id_count;
	size_t kept = 0;
	int64_t *ids;

	*ret_ids = NULL;
	*ret_count = 0;
	if (of->follows)
		return follower_ids(filter, arena, after, ret_ids, ret_count);
	if (!of->ids && !(of->key.n && of->has_uid))
		return 0;
	ids = arena_array(arena, count + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	if (count) {
		memcpy(ids, of->ids, count * sizeof(*ids));
		qsort(ids, count, sizeof(*ids), compare_ids);
	} else if (!of->ids) {
		int error = id_of_key(filter, &ids[0]);

		if (error)
			return error;
		count = ids[0] > 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (ids[i] > after && (!kept || ids[kept - 1] != ids[i]))
			ids[kept++] = ids[i];
	}
	*ret_ids = ids;
	*ret_count = kept;
	return 0;
}
