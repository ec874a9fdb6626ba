/* The other ways of `reeve map`: --retry-failed and --dry-run. */

#include "client/clock.h"
#include "client/field.h"
#include "client/job.h"
#include "client/map_args.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

/* ---- --retry-failed ---- */

#define AGAIN_STATES (1u << REEVE_FAILED | 1u << REEVE_CANCELLED)

static void write_filter(const struct map *map, struct json_out *out)
{
	struct selector selector = {.states = AGAIN_STATES,
				    .group = map->group};

	json_out_object(out);
	json_out_key(out, "filter");
	selector_write(&selector, out, clock_wall_ms());
}

static int ask(struct map *map, const char *method, struct json_out *out,
	       const char **ret)
{
	int result;

	json_out_object_end(out);
	json_out_byte(out, '\0');
	if (!json_out_ok(out))
		return say_memory(map->tool);
	result = reeve_call(map->tool->r, method, out->p, ret);
	return result == 0 ? 0 : say_error(map->tool);
}

int map_again_begin(struct map *map)
{
	struct json_out out = {0};
	const char *reply;
	char params[64];
	int result;

	if (map->options->again == MAP_GROUP_LAST) {
		result = selector_last_group(map->tool, &map->options->again);
		if (result != 0)
			return result;
	}
	map->group = map->options->again;
	snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}", map->group);
	if (reeve_call(map->tool->r, "org.reeve.jobs.GetGroup", params,
		       &reply) != 0)
		return say_error(map->tool);
	write_filter(map, &out);
	result = ask(map, "org.reeve.jobs.Count", &out, &reply);
	if (result == 0)
		map->progress.total = field_int(slice_of(reply), "total");
	json_out_fini(&out);
	return result;
}

/* The ids of one page become jobs that run again. */
static int retry(struct map *map, const int64_t *ids, size_t count)
{
	struct json_out out = {0};
	const char *reply;
	bool left = true;
	int result = 0;

	while (result == 0 && left) {
		json_out_reset(&out);
		json_out_object(&out);
		json_out_key(&out, "filter");
		json_out_object(&out);
		json_out_key(&out, "ids");
		json_out_array(&out);
		for (size_t i = 0; i < count; i++)
			json_out_int(&out, ids[i]);
		json_out_array_end(&out);
		json_out_object_end(&out);
		json_out_member_bool(&out, "reset_attempts", true);
		result = ask(map, "org.reeve.jobs.Retry", &out, &reply);
		left = result == 0 && field_bool(slice_of(reply), "left");
	}
	json_out_fini(&out);
	return result;
}

static int take_page(struct map *map, const char *reply, int64_t *ids,
		     size_t *ret_count)
{
	struct json_iter iter = json_enter(field_list(slice_of(reply), "jobs"));
	struct arena arena = {0};
	const char *cursor = field_text(&arena, slice_of(reply), "cursor");
	struct slice item;
	size_t count = 0;
	int result = 0;

	free(TAKE(map->cursor));
	map->cursor = cursor[0] ? strdup(cursor) : NULL;
	map->all_read = !map->cursor;
	arena_fini(&arena);
	while (result == 0 && count < MAP_CHUNK && json_item(&iter, &item)) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;

		result = job_decode(item, &job);
		if (result == 0)
			result = flight_add(&map->flight, job->id,
					    words_title(job));
		if (result == 0)
			ids[count++] = job->id;
	}
	*ret_count = count;
	if (result > 0)
		return say_fail(
			map->tool, EXIT_INTERNAL,
			"Are they of the same version? See: reeve doctor",
			"the daemon's answer to List holds something "
			"that is not a job");
	return result == 0 ? 0 : say_memory(map->tool);
}

int map_again_some(struct map *map, size_t most)
{
	struct json_out out = {0};
	int64_t ids[MAP_CHUNK];
	const char *reply;
	size_t count = 0;
	int result;

	write_filter(map, &out);
	json_out_member_int(&out, "limit", (int64_t)most);
	json_out_member_bool(&out, "with_spec", true);
	if (map->cursor)
		json_out_member_text(&out, "cursor", map->cursor);
	result = ask(map, "org.reeve.jobs.List", &out, &reply);
	if (result == 0)
		result = take_page(map, reply, ids, &count);
	json_out_fini(&out);
	if (result != 0 || count == 0)
		return result;
	result = retry(map, ids, count);
	if (result == 0 && flight_watch(&map->flight, ids, count) != 0)
		result = say_error(map->tool);
	return result;
}

/* ---- --dry-run ---- */

static void print(struct json_out *out)
{
	struct slice text;

	json_out_byte(out, '\n');
	text = json_out_slice(out);
	if (json_out_ok(out))
		fwrite(text.p, 1, text.n, stdout);
	json_out_fini(out);
}

static void print_object(const struct reeve_spec *spec)
{
	struct json_out out = {0};

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	if (spec->shell) {
		json_out_member_text(&out, "shell", spec->shell);
	} else {
		json_out_key(&out, "argv");
		json_out_array(&out);
		for (size_t i = 0; spec->argv[i]; i++)
			json_out_string(&out, slice_of(spec->argv[i]));
		json_out_array_end(&out);
	}
	json_out_object_end(&out);
	print(&out);
}

static void print_command(const struct reeve_spec *spec)
{
	struct json_out out = {0};

	if (spec->shell) {
		puts(spec->shell);
		return;
	}
	for (size_t i = 0; spec->argv[i]; i++) {
		if (i > 0)
			json_out_byte(&out, ' ');
		pattern_quote(&out, spec->argv[i]);
	}
	print(&out);
}

/* One item; SOURCE_E_* when there is none now. */
static int print_next(struct map *map)
{
	struct arena arena = {0};
	struct reeve_spec spec;
	const char *text;
	int result = source_next(&map->source, &text);

	if (result != 0)
		return result;
	result = pattern_fill(&map->pattern, &arena,
			      &(struct pattern_item){map->source.fields,
						     map->source.field_count,
						     map->source.given},
			      &spec);
	if (result == 0 && map->tool->json)
		print_object(&spec);
	else if (result == 0)
		print_command(&spec);
	arena_fini(&arena);
	return result;
}

int map_dry_run(struct map *map)
{
	int result = 0;

	while (result == 0 || result == SOURCE_E_LATER) {
		struct pollfd fd = {.fd = map->source.fd, .events = POLLIN};

		if (result == SOURCE_E_LATER)
			poll(&fd, 1, -1);
		result = source_fill(&map->source);
		while (result == 0 && !ferror(stdout))
			result = print_next(map);
		if (ferror(stdout))
			return EXIT_FAILED;
	}
	if (result == SOURCE_E_END)
		return 0;
	if (result == SOURCE_E_TOO_LONG)
		return map_too_long(map);
	return say_fail(map->tool, EXIT_FAILED,
			"Check --lines, or what feeds stdin",
			"cannot read the items: %s", strerror(-result));
}
