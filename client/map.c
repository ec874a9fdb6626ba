#include "client/map.h"

#include "client/clock.h"
#include "client/duration.h"
#include "client/interrupt.h"
#include "client/say.h"
#include "client/text.h"
#include "client/words.h"
#include "proto/json_in.h"
#include "proto/json_out.h"

#include <inttypes.h>
#include <stdio.h>

#define ITEM_COLUMNS 120 /* of one that failed, for people */
#define ITEM_BYTES (4 * ITEM_COLUMNS + 8)

static void note_failure(struct map *map, int64_t id, const char *item,
			 const char *why)
{
	struct map_failure *failure;

	map->failed++;
	map->progress.failed++;
	if (map->failure_count == MAP_FAILURES)
		return;
	failure = &map->failures[map->failure_count];
	failure->id = id;
	failure->item = strdup(item);
	failure->why = strdup(why);
	if (failure->item && failure->why) {
		map->failure_count++;
		return;
	}
	free(failure->item);
	free(failure->why);
}

void map_count(struct map *map, const struct reeve_job *job, const char *item)
{
	char why[WORDS_BYTES];

	map->progress.done++;
	if (job->state == REEVE_SUCCEEDED) {
		map->succeeded++;
	} else if (job->state == REEVE_CANCELLED) {
		map->cancelled++;
	} else {
		words_end(job, why);
		note_failure(map, job->id, item, why);
	}
}

void map_refuse(struct map *map, const char *item, const char *why)
{
	map->progress.done++;
	note_failure(map, 0, item, why);
}

bool map_put_result(const struct map *map, const char *result, const char *item)
{
	char *prefix;
	bool good;

	if (!map->options->prefix)
		return puts(result) != EOF;
	prefix = strdup(item);
	if (!prefix)
		return false;
	text_clean(prefix);
	good = printf("%s\t%s\n", prefix, result) >= 0;
	free(prefix);
	return good;
}

int map_too_long(const struct map *map)
{
	return say_fail(map->tool, EXIT_REFUSED,
			"Are they lines? For NUL-terminated items there is -0",
			"an item is longer than %d bytes", SOURCE_ITEM_BYTES);
}

int map_group(struct map *map, struct json_out *out)
{
	struct callback_args *all = &map->options->all;
	int result = callback_args_read(map->tool, all, "on-all-",
					&map->defaults);

	if (result != 0)
		return result;
	json_out_object(out);
	if (map->options->job.name)
		json_out_member_text(out, "name", map->options->job.name);
	callback_args_write(all, out);
	json_out_object_end(out);
	json_out_byte(out, '\0');
	return json_out_ok(out) ? 0 : say_memory(map->tool);
}

int map_open_group(struct map *map)
{
	struct json_out out = {0};
	struct slice value;
	const char *reply;
	int result = map_group(map, &out);

	if (result == 0 && reeve_call(map->tool->r, "org.reeve.jobs.OpenGroup",
				      out.p, &reply) != 0)
		result = say_error(map->tool);
	json_out_fini(&out);
	if (result != 0)
		return result;
	if (!json_find(slice_of(reply), "group", &value) ||
	    json_int(value, &map->group) != 0)
		return say_fail(
			map->tool, EXIT_INTERNAL,
			"Are they of the same version? See: reeve doctor",
			"the daemon's answer to OpenGroup has no "
			"group");
	map->defaults.group = map->group;
	group_hold_begin(&map->hold, map->tool->r, map->group);
	return 0;
}

void map_close_group(struct map *map)
{
	char params[64];

	snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}", map->group);
	if (reeve_call(map->tool->r, "org.reeve.jobs.CloseGroup", params,
		       NULL) != 0)
		say_note(map->tool, "cannot close group %" PRId64 ": %s",
			 map->group, reeve_error(map->tool->r)->message);
}

/* As long as the number of items is not known, a share of a few says nothing. */
bool map_is_enough(const struct map *map)
{
	int64_t of = map->progress.total;

	if (map->most_failed == 0 || map->failed == 0)
		return false;
	if (!map->most_is_percent)
		return map->failed >= map->most_failed;
	if (of == 0 && map->progress.done < MAP_SHARE_LEAST)
		return false;
	if (of == 0)
		of = map->progress.done;
	return map->failed * 100 >= map->most_failed * of;
}

bool map_interrupted(struct map *map)
{
	int number = *map->signal;

	if (number == 0)
		return false;
	interrupt_taken();
	map->interrupted = number;
	progress_clear(&map->progress);
	say_note(map->tool, "cancelling what is left; once more to leave it to "
			    "the daemon");
	return true;
}

bool map_line(const struct map *map, const struct reeve_job *job,
	      const char *item)
{
	struct json_out out = {0};
	struct slice text;

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	json_out_member_int(&out, "group", map->group);
	json_out_member_text(&out, "item", item);
	json_out_key(&out, "job");
	json_out_raw(&out, slice_of(job->json));
	json_out_object_end(&out);
	json_out_byte(&out, '\n');
	text = json_out_slice(&out);
	if (json_out_ok(&out))
		fwrite(text.p, 1, text.n, stdout);
	json_out_fini(&out);
	return !ferror(stdout);
}

void map_draw(struct map *map)
{
	int64_t now_ms = clock_monotonic_ms();

	if (map->progress.terminal)
		glance_group(&map->glance, &map->progress, map->group, now_ms);
	progress_update(&map->progress, now_ms);
}

void map_fini(struct map *map)
{
	group_hold_end(&map->hold);
	glance_fini(&map->glance);
	for (size_t i = 0; i < map->failure_count; i++) {
		free(map->failures[i].item);
		free(map->failures[i].why);
	}
	map->failure_count = 0;
	free(TAKE(map->cursor));
}

static void print_json(const struct map *map, int64_t elapsed_ms)
{
	struct json_out out = {0};
	struct slice text;

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	json_out_member_int(&out, "group", map->group);
	json_out_member_int(&out, "succeeded", map->succeeded);
	json_out_member_int(&out, "failed", map->failed);
	json_out_member_int(&out, "cancelled", map->cancelled);
	json_out_member_int(&out, "elapsed_ms", elapsed_ms);
	json_out_key(&out, "failures");
	json_out_array(&out);
	for (size_t i = 0; i < map->failure_count; i++) {
		const struct map_failure *failure = &map->failures[i];

		json_out_object(&out);
		if (failure->id)
			json_out_member_int(&out, "id", failure->id);
		json_out_member_text(&out, "item", failure->item);
		json_out_member_text(&out, "message", failure->why);
		json_out_object_end(&out);
	}
	json_out_array_end(&out);
	json_out_object_end(&out);
	json_out_byte(&out, '\n');
	text = json_out_slice(&out);
	if (json_out_ok(&out))
		fwrite(text.p, 1, text.n, stdout);
	json_out_fini(&out);
}

static void print_failures(const struct map *map)
{
	const struct tool *tool = map->tool;
	int64_t hidden = map->failed - (int64_t)map->failure_count;

	for (size_t i = 0; i < map->failure_count; i++) {
		const struct map_failure *failure = &map->failures[i];
		char item[ITEM_BYTES];

		text_fit(failure->item, ITEM_COLUMNS, tool->err.unicode, item,
			 sizeof(item));
		if (failure->id)
			say_note(tool, "  %s: %s (see: reeve show %" PRId64 ")",
				 item, failure->why, failure->id);
		else
			say_note(tool, "  %s: %s", item, failure->why);
	}
	if (hidden > 0)
		say_note(tool,
			 "  and %" PRId64
			 " more: reeve ls failed group=%" PRId64,
			 hidden, map->group);
}

int map_summary(const struct map *map)
{
	int64_t elapsed_ms = clock_monotonic_ms() - map->progress.started_ms;
	int64_t done = map->succeeded + map->failed + map->cancelled;
	double rate = elapsed_ms > 0 ? (double)done * 1000 / (double)elapsed_ms
				     : 0;
	char time[DURATION_BYTES], cancelled[64] = "";

	if (map->tool->json) {
		print_json(map, elapsed_ms);
	} else {
		if (map->cancelled)
			snprintf(cancelled, sizeof(cancelled),
				 ", %" PRId64 " cancelled", map->cancelled);
		say_note(map->tool,
			 "%" PRId64 " done, %" PRId64 " failed%s in %s "
			 "(%.0f/s), group %" PRId64,
			 map->succeeded, map->failed, cancelled,
			 duration_format(elapsed_ms, time), rate, map->group);
		print_failures(map);
	}
	if (map->interrupted)
		return 128 + map->interrupted;
	if (map->closed)
		return 128 + SIGPIPE;
	return map->failed || map->cancelled ? EXIT_FAILED : map->unwritten;
}
