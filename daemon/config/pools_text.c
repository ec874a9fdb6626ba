#include "daemon/config/pools_text.h"

#include <errno.h>

#include "daemon/config/member.h"
#include "proto/json_in.h"

static const char *const kinds[] = {"command", "plugin", "worker", "lines",
				    "http"};

const char *pools_kind_name(enum pool_kind kind)
{
	require(kind < ARRAY_COUNT(kinds));
	return kinds[kind];
}

static void write_pool(struct json_out *out, const struct pool_config *pool,
		       size_t number)
{
	json_out_object(out);
	json_out_member_int(out, "number", (int64_t)number);
	json_out_member_text(out, "name", pool->name);
	json_out_member_int(out, "kind", pool->kind);
	json_out_member_int(out, "min", pool->workers_min);
	json_out_member_int(out, "max", pool->workers_max);
	json_out_member_int(out, "idle_ms", pool->idle_ms);
	json_out_member_int(out, "ping_ms", pool->ping_ms);
	json_out_member_int(out, "retire_jobs", pool->retire_jobs);
	json_out_member_int(out, "retire_age_ms", pool->retire_age_ms);
	json_out_member_int(out, "retire_kib", pool->retire_kib);
	json_out_member_int(out, "jitter_permille",
			    (int64_t)(pool->retire_jitter * 1000 + 0.5));
	json_out_member_int(out, "broken", pool->broken);
	json_out_key(out, "handles");
	json_out_array(out);
	for (char **name = pool->handles; name && *name; name++)
		json_out_string(out, slice_of(*name));
	json_out_array_end(out);
	json_out_object_end(out);
}

void pools_text_write(struct json_out *out, const struct pools_config *pools)
{
	json_out_array(out);
	for (size_t i = 0; i < pools->count; i++) {
		if (pools->list[i].name[0])
			write_pool(out, &pools->list[i], i);
	}
	json_out_array_end(out);
}

static int read_handles(struct arena *arena, struct slice list, char ***ret)
{
	struct json_iter iter = json_enter(list);
	size_t count = json_count(list), i = 0;
	char **handles = calloc(count + 1, sizeof(*handles));
	struct slice item, text;

	if (!handles)
		return -ENOMEM;
	*ret = handles;
	while (json_item(&iter, &item)) {
		int r = json_string(arena, item, &text);

		if (r)
			return r < 0 ? r : POOLS_TEXT_E_FORM;
		handles[i] = strndup(text.p, text.n);
		if (!handles[i++])
			return -ENOMEM;
	}
	return 0;
}

static int read_name(struct arena *arena, struct slice object,
		     struct pool_config *pool)
{
	int r = member_text(arena, object, "name", pool->name,
			    sizeof(pool->name));

	return r > 0 ? POOLS_TEXT_E_FORM : r;
}

static int read_pool(struct arena *arena, struct slice object,
		     struct pools_config *ret)
{
	bool bad = false;
	size_t number = (size_t)member_int(object, "number", 0, POOLS_MAX - 1,
					   &bad);
	struct pool_config *pool = &ret->list[number];
	struct slice list;

	if (bad || pool->name[0])
		return POOLS_TEXT_E_FORM;
	pool->kind = (enum pool_kind)member_int(object, "kind", 0, POOL_HTTP,
						&bad);
	pool->workers_min = (int)member_int(object, "min", 0, 4096, &bad);
	pool->workers_max = (int)member_int(object, "max", 1, 4096, &bad);
	pool->idle_ms = member_int(object, "idle_ms", 0, INT64_MAX, &bad);
	pool->ping_ms = member_int(object, "ping_ms", 0, INT64_MAX, &bad);
	pool->retire_jobs = member_int(object, "retire_jobs", 0, INT64_MAX,
				       &bad);
	pool->retire_age_ms = member_int(object, "retire_age_ms", 0, INT64_MAX,
					 &bad);
	pool->retire_kib = member_int(object, "retire_kib", 0, INT64_MAX, &bad);
	pool->retire_jitter = (double)member_int(object, "jitter_permille", 0,
						 1000, &bad) /
			      1000;
	pool->broken = (enum pool_broken)member_int(object, "broken", 0,
						    POOL_BROKEN_FAIL, &bad);
	if (bad || !json_find(object, "handles", &list) ||
	    json_kind(list) != JSON_ARRAY)
		return POOLS_TEXT_E_FORM;
	if (number >= ret->count)
		ret->count = number + 1;
	/* The name comes last: what has none is a hole. */
	if (read_handles(arena, list, &pool->handles))
		return POOLS_TEXT_E_FORM;
	return read_name(arena, object, pool);
}

int pools_text_read(struct slice text, struct pools_config *ret)
{
	struct pools_config pools = {
		.list = calloc(POOLS_MAX, sizeof(*pools.list)),
	};
	struct json_iter iter = json_enter(text);
	struct arena arena = {0};
	struct slice item;
	int r = pools.list ? 0 : -ENOMEM;

	if (r == 0 && json_kind(text) != JSON_ARRAY)
		r = POOLS_TEXT_E_FORM;
	while (r == 0 && json_item(&iter, &item))
		r = json_kind(item) == JSON_OBJECT
			    ? read_pool(&arena, item, &pools)
			    : POOLS_TEXT_E_FORM;
	arena_fini(&arena);
	if (r) {
		pools.count = POOLS_MAX;
		pools_text_free(&pools);
		return r;
	}
	*ret = pools;
	return 0;
}

void pools_text_free(struct pools_config *pools)
{
	for (size_t i = 0; pools->list && i < pools->count; i++) {
		char **handles = pools->list[i].handles;

		for (char **name = handles; name && *name; name++)
			free(*name);
		free(handles);
	}
	free(pools->list);
	*pools = (struct pools_config){0};
}
