/*
 * reeve map: one job for each item, as many at a time as the workers take, with
 * progress, and a summary that names what failed.
 */

#include "client/map.h"

#include "client/clock.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/map_args.h"
#include "client/relay.h"
#include "client/say.h"
#include "client/spec.h"
#include "client/wire_words.h"
#include "proto/json_in.h"
#include "proto/json_out.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define MAP_CHUNK_FIRST 16 /* so that the first jobs start at once */
#define MAP_OUTSTANDING 10000

static const struct arg_flag flags[] = {
	{"jobs", 'j', ARG_TEXT, offsetof(struct map_options, jobs_text), "N",
	 "at most N at a time (as many as there are workers)", 0, "parallel"},
	{"lines", 'a', ARG_LIST, offsetof(struct map_options, files), "FILE",
	 "items are the lines of FILE (stdin)", 0, NULL},
	{"null", '0', ARG_ON, offsetof(struct map_options, null), NULL,
	 "items end with NUL, as from find -print0", 0, NULL},
	{"keep-order", 'k', ARG_ON, offsetof(struct map_options, keep_order),
	 NULL, "show outputs in the order of the items", 0, NULL},
	{"no-output", 0, ARG_ON, offsetof(struct map_options, no_output), NULL,
	 "show no output", 0, NULL},
	{"prefix", 0, ARG_ON, offsetof(struct map_options, prefix), NULL,
	 "begin each line of output with its item and a tab", 0, NULL},
	{"max-fail", 0, ARG_TEXT, offsetof(struct map_options, max_fail),
	 "N|N%", "cancel the rest when so many have failed", 0, NULL},
	{"colsep", 0, ARG_TEXT, offsetof(struct map_options, column_end),
	 "TEXT", "lines have columns, for {1} {2}; \\t is a tab", 0, NULL},
	{"replace", 'I', ARG_TEXT, offsetof(struct map_options, mark), "TEXT",
	 "what stands for the item, instead of {}", 0, NULL},
	{"dry-run", 0, ARG_ON, offsetof(struct map_options, dry_run), NULL,
	 "print the commands and run none", 0, NULL},
	{"json-lines", 0, ARG_ON, offsetof(struct map_options, json_lines),
	 NULL, "with --handler: items are JSON, objects the arguments", 0,
	 NULL},
	{"retry-failed", 0, ARG_TEXT, offsetof(struct map_options, again_text),
	 "GROUP", "what failed or was cancelled in a former map, or the last",
	 0, NULL},
	CALLBACK_FLAGS("on-all-", offsetof(struct map_options, all),
		       "when all have succeeded",
		       "when all have ended, and not all well",
		       "when all have ended"),
};

static const char CLOSED[] = "nobody reads the output any more";

/* ---- What has ended ---- */

static int cancel_rest(struct map *map, const char *reason)
{
	struct json_out out = {0};
	int result;

	map->stopping = true;
	json_out_object(&out);
	json_out_key(&out, "filter");
	json_out_object(&out);
	json_out_member_int(&out, "group", map->group);
	json_out_object_end(&out);
	json_out_member_text(&out, "reason", reason);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out))
		return say_memory(map->tool);
	/* In slices: go on while some are left. */
	for (;;) {
		struct slice left;
		const char *reply;
		bool more = false;

		result = reeve_call(map->tool->r, "org.reeve.jobs.Cancel",
				    out.p, &reply);
		if (result != 0 || !json_find(slice_of(reply), "left", &left) ||
		    json_bool(left, &more) != 0 || !more)
			break;
	}
	json_out_fini(&out);
	return result == 0 ? 0 : say_error(map->tool);
}

static int show_output(struct map *map, const struct flight_item *item)
{
	int result;

	if (map->options->no_output || map->tool->json ||
	    (!item->has_output && !item->result))
		return 0;
	progress_clear(&map->progress);
	if (item->result) {
		/* main() tells what cannot be written. */
		map_put_result(map, item->result, item->text);
		return 0;
	}
	result = relay_job(map->tool, item->id, REEVE_BOTH,
			   map->options->prefix ? item->text : NULL);
	if (result == 0)
		return 0;
	map->options->no_output = true;
	if (result == RELAY_E_CLOSED) {
		map->closed = true;
		return cancel_rest(map, CLOSED);
	}
	map->unwritten = result; /* said; the jobs go on */
	return 0;
}

static int show_in_order(struct map *map)
{
	struct flight_item *item;
	int result = 0;

	while (result == 0 && (item = flight_first(&map->flight))) {
		result = show_output(map, item);
		flight_drop(&map->flight, item);
	}
	return result;
}

static int take_end(struct map *map, const struct reeve_job *job,
		    struct flight_item *item)
{
	int result;

	map_count(map, job, item->text);
	if (map->tool->json && !map->closed &&
	    !map_line(map, job, item->text)) {
		map->closed = true;
		flight_drop(&map->flight, item);
		return cancel_rest(map, CLOSED);
	}
	if (map->options->keep_order) {
		result = show_in_order(map);
	} else {
		result = show_output(map, item);
		flight_drop(&map->flight, item);
	}
	if (result == 0 && !map->stopping && map_is_enough(map)) {
		progress_clear(&map->progress);
		say_note(map->tool, "%" PRId64 " failed: cancelling the rest",
			 map->failed);
		result = cancel_rest(map, "too many of its group failed");
	}
	progress_update(&map->progress, clock_monotonic_ms());
	return result;
}

static int take_ends(struct map *map)
{
	for (;;) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;
		struct flight_item *item;
		int result = flight_next(&map->flight, &job, &item);

		if (result == REEVE_E_TIMEOUT || result == REEVE_E_INTERRUPTED)
			return 0;
		if (result != 0)
			return say_error(map->tool);
		result = take_end(map, job, item);
		if (result != 0)
			return result;
	}
}

/* ---- What is to be submitted ---- */

struct chunk {
	struct arena arena;
	struct reeve_spec specs[MAP_CHUNK];
	const char *texts[MAP_CHUNK];
	int64_t ids[MAP_CHUNK];
	size_t count;
};

static int fill_chunk(struct map *map, struct chunk *chunk, size_t most)
{
	while (chunk->count < most) {
		struct reeve_spec *spec = &chunk->specs[chunk->count];
		struct slice copy;
		char name[SPEC_ESCAPED_BYTES];
		const char *item;
		int result = source_next(&map->source, &item);

		if (result == SOURCE_E_TOO_LONG)
			return map_too_long(map);
		if (result < 0)
			return say_memory(map->tool);
		if (result == SOURCE_E_END)
			map->all_read = true;
		if (result != 0)
			return 0;
		if (!json_utf8(slice_of(item))) {
			spec_escape(item, name);
			map_refuse(map, name,
				   "is not UTF-8 text, and the protocol "
				   "carries nothing else");
			continue;
		}
		if (arena_copy(&chunk->arena, slice_of(item), &copy) != 0 ||
		    pattern_fill(&map->pattern, &chunk->arena,
				 &(struct pattern_item){map->source.fields,
							map->source.field_count,
							map->source.given},
				 spec) != 0)
			return say_memory(map->tool);
		chunk->texts[chunk->count++] = copy.p;
	}
	return 0;
}

static int enter_chunk(struct map *map, struct chunk *chunk)
{
	int64_t taken[MAP_CHUNK];
	size_t taken_count = 0;
	char why[sizeof(reeve_error(map->tool->r)->message) + 64];

	if (chunk->count == 0)
		return 0;
	if (reeve_submit_many(map->tool->r, &map->defaults, chunk->specs,
			      chunk->count, chunk->ids) != 0)
		return say_error(map->tool);
	for (size_t i = 0; i < chunk->count; i++) {
		if (chunk->ids[i] == 0) {
			map_refuse(
				map, chunk->texts[i],
				wire_words(reeve_error(map->tool->r)->message,
					   why, sizeof(why)));
			continue;
		}
		if (flight_add(&map->flight, chunk->ids[i], chunk->texts[i]) !=
		    0)
			return say_memory(map->tool);
		taken[taken_count++] = chunk->ids[i];
	}
	if (taken_count == 0)
		return 0;
	if (flight_watch(&map->flight, taken, taken_count) != 0)
		return say_error(map->tool);
	return 0;
}

/* One call's worth, if there is room and there are items. */
static int submit_some(struct map *map)
{
	size_t most = flight_room(&map->flight);
	struct chunk *chunk;
	int result;

	if (map->stopping || map->all_read || most == 0)
		return 0;
	/* Half of what is allowed at a time: a call for each job that ends
	 * would be many, and waiting for room for a big one wastes workers. */
	if (most > map->chunk)
		most = map->chunk;
	if (map->chunk < MAP_CHUNK)
		map->chunk = map->chunk * 2 < MAP_CHUNK ? map->chunk * 2
							: MAP_CHUNK;
	if (map->options->again)
		return map_again_some(map, most);
	result = source_fill(&map->source);
	if (result != 0)
		return say_fail(map->tool, EXIT_FAILED,
				"What was submitted goes on",
				"cannot read the items: %s", strerror(-result));
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return say_memory(map->tool);
	result = fill_chunk(map, chunk, most);
	map->progress.total = source_total(&map->source);
	if (result == 0)
		result = enter_chunk(map, chunk);
	arena_fini(&chunk->arena);
	free(chunk);
	return result;
}

/* ---- The loop ---- */

static bool has_items_now(const struct map *map)
{
	return !map->stopping && !map->all_read &&
	       flight_room(&map->flight) > 0 &&
	       (map->source.waiting > 0 || map->source.eof ||
		map->options->again);
}

static void wait_for_more(const struct map *map)
{
	struct pollfd fds[FLIGHT_WATCHES + 4];
	int watches[FLIGHT_WATCHES];
	size_t n = flight_fds(&map->flight, watches);
	int timeout_ms = map->tool->err.terminal ? 200 : 1000;

	for (size_t i = 0; i < n; i++) {
		fds[i] = (struct pollfd){.fd = watches[i], .events = POLLIN};
		if (watches[i] < 0)
			timeout_ms = 20;
	}
	fds[n++] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = glance_fd(&map->glance),
				   .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = group_hold_fd(&map->hold),
				   .events = POLLIN};
	if (!map->stopping && !map->all_read && map->source.fd >= 0 &&
	    !map->source.eof && flight_room(&map->flight) > 0)
		fds[n++] = (struct pollfd){.fd = map->source.fd,
					   .events = POLLIN};
	if (has_items_now(map))
		timeout_ms = 0;
	poll(fds, n, timeout_ms);
}

static bool is_over(const struct map *map)
{
	return map->flight.running == 0 && (map->stopping || map->all_read);
}

static int loop(struct map *map)
{
	int result = 0;

	while (result == 0 && !is_over(map)) {
		group_hold_look(&map->hold);
		result = submit_some(map);
		if (result == 0)
			result = take_ends(map);
		if (result == 0 && map_interrupted(map))
			result = cancel_rest(map, MAP_INTERRUPTED);
		map_draw(map);
		if (map->tool->json)
			fflush(stdout);
		if (result == 0 && !is_over(map))
			wait_for_more(map);
	}
	progress_clear(&map->progress);
	return result;
}

/* ---- Beginning and end ---- */

static int open_lists(struct map *map, char **args, int count)
{
	int result = lists_parse(&map->lists, args, count);

	if (result == LISTS_E_MANY)
		return say_usage(
			map->tool, NULL,
			"there may be at most %d lists behind :::", LISTS_MAX);
	if (result != 0)
		return say_usage(map->tool,
				 "Use fewer lists, or link them with :::+",
				 "the lists have more combinations than can be "
				 "counted");
	source_lists(&map->source, &map->lists);
	return 0;
}

/* "\t" for those whose shell makes no tab of it. */
static const char *column_end(const struct map_options *options)
{
	if (options->column_end && strcmp(options->column_end, "\\t") == 0)
		return "\t";
	return options->column_end;
}

int map_open_source(struct map *map, char **lists, int count)
{
	const struct map_options *options = map->options;
	char separator = options->null ? '\0' : '\n';
	int fd = STDIN_FILENO;

	if (options->files.count > 1)
		return say_usage(map->tool,
				 "Like: cat FILE FILE | reeve map COMMAND, or: "
				 "paste FILE FILE | reeve map --colsep '\\t' "
				 "COMMAND {1} {2}",
				 "--lines takes one file");
	if (lists && (options->files.count || options->column_end))
		return say_usage(map->tool, "Give one of them",
				 "::: excludes --lines and --colsep");
	if (options->column_end && !options->column_end[0])
		return say_usage(map->tool, "Like: --colsep ,",
				 "--colsep takes a text that is not empty");
	if (lists)
		return open_lists(map, lists, count);
	if (options->files.count > 0) {
		fd = open(options->files.items[0], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return say_fail(map->tool, EXIT_FAILED,
					"Check the spelling and the rights",
					"cannot open %s: %s",
					options->files.items[0],
					strerror(errno));
	} else if (isatty(fd) == 1) {
		return say_usage(map->tool,
				 "Like: ls *.png | reeve map -- optipng, or: "
				 "reeve map optipng ::: a.png b.png",
				 "there are no items: stdin is a terminal");
	}
	source_stream(&map->source, fd, separator);
	map->source.column_end = column_end(options);
	return 0;
}

/* The command and its items. */
static int begin_items(struct map *map, int argc, char **argv)
{
	struct map_options *options = map->options;
	size_t columns = LISTS_MAX;
	int words = 0, result = map_args_marks(map, argc, argv);

	if (result != 0)
		return result;
	while (words < argc && !lists_is_mark(argv[words]))
		words++;
	if (words == 0 && !options->job.shell)
		return say_usage(map->tool,
				 "Like: reeve map gzip -9 ::: *.log, or: ls "
				 "*.png | reeve map optipng",
				 "there is no command to run");
	result = map_open_source(map, words < argc ? argv + words : NULL,
				 argc - words);
	if (result != 0)
		return result;
	if (!options->column_end)
		columns = map->source.lists ? map->lists.count : 1;
	argv[words] = NULL;
	result = job_args_spec(map->tool, &options->job, words, argv,
			       &map->defaults);
	if (result != 0)
		return result;
	if (options->mark && !options->mark[0])
		return say_usage(map->tool, "Like: -I %",
				 "--replace takes a text that is not empty");
	if (options->job.key)
		return say_usage(map->tool,
				 "Leave it out: each job gets its own",
				 "--key names one job, and map makes many");
	pattern_init(&map->pattern, map->defaults.argv, map->defaults.shell,
		     columns, options->mark);
	return map_args_places(map);
}

static int begin_again(const struct map *map, int argc)
{
	const struct map_options *options = map->options;

	if (argc > 0 || options->job.shell || options->job.handler.handler ||
	    options->files.count > 0 || options->dry_run ||
	    !callback_args_are_none(&options->all) ||
	    !callback_args_are_none(&options->job.callbacks))
		return say_usage(map->tool,
				 "To see which: reeve ls failed group=N",
				 "--retry-failed runs the jobs of its group "
				 "again: it takes no command, no items, no "
				 "callbacks and no --dry-run");
	return 0;
}

static int begin(struct map *map, int argc, char **argv)
{
	struct map_options *options = map->options;
	struct tool *tool = map->tool;
	int result = map_args_read(map);
	int64_t limit = options->jobs ? options->jobs : MAP_OUTSTANDING;

	if (result == 0)
		result = options->again ? begin_again(map, argc)
					: begin_items(map, argc, argv);
	if (result != 0 || options->dry_run)
		return result;
	result = tool_connect(tool);
	if (result != 0)
		return result;
	if (limit > MAP_OUTSTANDING)
		limit = MAP_OUTSTANDING;
	if (flight_init(&map->flight, tool->r, (size_t)limit) != 0)
		return say_memory(tool);
	map->chunk = MAP_CHUNK_FIRST;
	progress_init(&map->progress, tool, clock_monotonic_ms());
	if (options->again)
		return map_again_begin(map);
	return map_open_group(map);
}

static int carry_out(struct map *map)
{
	int result;

	if (map->options->dry_run)
		return map_dry_run(map);
	signal(SIGPIPE, SIG_IGN);
	map->signal = interrupt_catch();
	result = loop(map);
	if (!map->options->again)
		map_close_group(map);
	return result == 0 ? map_summary(map) : result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct map map = {.tool = tool, .options = options, .source.fd = -1};
	struct callback_args *each = &map.options->job.callbacks;
	int result;

	each->elsewhere = !callback_args_are_none(&map.options->all);
	map.options->all.elsewhere = true;
	map.options->all.terms = each->terms;

	if (map.options->job.handler.handler && !map.options->again) {
		result = map_call(&map, argc, argv);
	} else {
		result = begin(&map, argc, argv);
		if (result == 0)
			result = carry_out(&map);
	}
	flight_fini(&map.flight);
	source_fini(&map.source);
	map_fini(&map);
	job_args_fini(&map.options->job);
	callback_args_fini(&map.options->all);
	return result;
}

const struct command command_map = {
	.name = "map",
	.group = "Work",
	.synopsis = "[FLAG]... [--] COMMAND [ARGUMENT]... [::: ITEM...]...",
	.summary = "Run a command for each item; {} is the item, {#} its "
		   "number.",
	.text = "  reeve map gzip -9 ::: *.log\n"
		"  find . -name '*.png' -print0 | reeve map -0 -j4 optipng\n"
		"  reeve map --sh 'sort {} >{.}.sorted' ::: a.txt b.txt\n"
		"  reeve map -k echo {1}-{2} ::: a b ::: 1 2\n"
		"  reeve map --colsep , -- ./send {2} --to {1} <list.csv\n"
		"  reeve map --handler thumb path={} ::: *.png\n"
		"  reeve map --retry-failed 7\n\n"
		"  {} item  {.} without extension  {/} without folder  "
		"{//} folder\n"
		"  {/.} both  {1} {2.} column or list  {#} number\n",
	COMMAND_FLAGS(flags),
	.job_flags = true,
	.stop_early = true,
	.options_bytes = sizeof(struct map_options),
	.run = run,
};
