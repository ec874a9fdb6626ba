/*
 * reeve map --handler: a call for each item, results a line each. The item is
 * the handler's argument, or goes where NAME={} says.
 */

#include "client/clock.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/map_args.h"
#include "client/pool.h"
#include "client/say.h"
#include "client/served.h"
#include "client/spec.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

struct calls {
	struct map *map;
	struct reeve_pool *pool;
	const char *const *words; /* NAME={}, NAME:={}; none: the item alone */
	struct json_out args;	  /* of the item that is to be put next */
	char *held;		  /* owned; its text; NULL: there is none */
};

static const char CLOSED[] = "nobody reads the output any more";

/* ---- An item as arguments ---- */

/* A line of JSON: an object is all of them, the rest are positions. */
static bool write_json(struct json_out *out, const char *text,
		       char why[SPEC_ESCAPED_BYTES])
{
	struct json_fault fault = {0};
	struct slice value = slice_of(text);

	if (json_check(value, &fault) != 0) {
		snprintf(why, SPEC_ESCAPED_BYTES,
			 "is not JSON: %s at column %zu", fault.message,
			 fault.offset + 1);
		return false;
	}
	value = json_trim(value);
	if (json_kind(value) == JSON_OBJECT) {
		json_out_raw(out, value);
		return true;
	}
	json_out_object(out);
	json_out_key(out, "args");
	if (json_kind(value) != JSON_ARRAY)
		json_out_array(out);
	json_out_raw(out, value);
	if (json_kind(value) != JSON_ARRAY)
		json_out_array_end(out);
	json_out_object_end(out);
	return true;
}

static void write_positions(struct json_out *out, const struct source *source)
{
	json_out_object(out);
	json_out_key(out, "args");
	json_out_array(out);
	for (size_t i = 0; i < source->field_count; i++)
		json_out_string(out, slice_of(source->fields[i]));
	json_out_array_end(out);
	json_out_object_end(out);
}

/* Words that were checked, with their places filled. */
static bool write_members(struct json_out *out, const char *const *words,
			  char why[SPEC_ESCAPED_BYTES])
{
	struct json_fault fault = {0};

	json_out_object(out);
	for (; *words; words++) {
		const char *equals = strchr(*words, '=');
		size_t n = equals ? (size_t)(equals - *words) : 0;
		bool raw = n > 1 && equals[-1] == ':';

		if (n == 0)
			continue;
		json_out_key_slice(out, (struct slice){*words, n - raw});
		if (!raw) {
			json_out_string(out, slice_of(equals + 1));
			continue;
		}
		if (json_check(slice_of(equals + 1), &fault) != 0) {
			snprintf(why, SPEC_ESCAPED_BYTES,
				 "makes no JSON of %.*s: %s", (int)n, *words,
				 fault.message);
			return false;
		}
		json_out_raw(out, json_trim(slice_of(equals + 1)));
	}
	json_out_object_end(out);
	return true;
}

static int write_pattern(struct calls *calls, bool *ret_good,
			 char why[SPEC_ESCAPED_BYTES])
{
	struct map *map = calls->map;
	struct arena arena = {0};
	struct reeve_spec spec;
	int result =
		pattern_fill(&map->pattern, &arena,
			     &(struct pattern_item){map->source.fields,
						    map->source.field_count,
						    map->source.given},
			     &spec);

	if (result == 0)
		*ret_good = write_members(&calls->args, spec.argv, why);
	arena_fini(&arena);
	return result;
}

/* The next item into `held` and `args`; SOURCE_E_* when there is none. */
static int read_item(struct calls *calls)
{
	struct map *map = calls->map;
	char why[SPEC_ESCAPED_BYTES], name[SPEC_ESCAPED_BYTES];
	const char *text;
	bool good = true;
	int result;

	for (;;) {
		result = source_next(&map->source, &text);
		if (result != 0)
			return result;
		json_out_reset(&calls->args);
		if (!json_utf8(slice_of(text))) {
			spec_escape(text, name);
			map_refuse(map, name,
				   "is not UTF-8 text, and the protocol "
				   "carries nothing else");
			continue;
		}
		if (map->options->json_lines)
			good = write_json(&calls->args, text, why);
		else if (calls->words)
			result = write_pattern(calls, &good, why);
		else
			write_positions(&calls->args, &map->source);
		if (!good) {
			map_refuse(map, text, why);
			continue;
		}
		json_out_byte(&calls->args, '\0');
		calls->held = strdup(text);
		if (result != 0 || !calls->held || !json_out_ok(&calls->args))
			return -ENOMEM;
		return 0;
	}
}

/* ---- Items in ---- */

static int put_items(struct calls *calls)
{
	struct map *map = calls->map;
	int result = map->all_read ? 0 : source_fill(&map->source);

	if (result != 0)
		return say_fail(map->tool, EXIT_FAILED,
				"What was submitted goes on",
				"cannot read the items: %s", strerror(-result));
	map->progress.total = source_total(&map->source);
	while (!map->stopping) {
		struct reeve_task task;

		if (!calls->held)
			result = map->all_read ? SOURCE_E_END
					       : read_item(calls);
		map->all_read |= result == SOURCE_E_END;
		if (result == SOURCE_E_TOO_LONG)
			return map_too_long(map);
		if (result < 0)
			return say_memory(map->tool);
		if (result != 0)
			return 0;
		task = (struct reeve_task){.args = calls->args.p,
					   .data = calls->held};
		result = reeve_pool_put(calls->pool, &task);
		if (result == REEVE_E_FULL)
			return 0;
		if (result == REEVE_E_INVALID) {
			map_refuse(map, calls->held,
				   reeve_error(map->tool->r)->message);
			free(calls->held);
			result = 0;
		}
		if (result != 0)
			return say_error(map->tool);
		calls->held = NULL;
	}
	return 0;
}

/* ---- Ends out ---- */

static int stop(struct calls *calls, const char *reason)
{
	if (calls->map->stopping)
		return 0;
	calls->map->stopping = true;
	if (reeve_pool_terminate(calls->pool, reason) != 0)
		return say_error(calls->map->tool);
	return 0;
}

/* Of a reader that went all is to stop; of a full disk main() speaks in the
 * end, and the calls go on. */
static int check_output(struct calls *calls, bool failed)
{
	struct map *map = calls->map;

	if (!failed || map->closed || map->unwritten)
		return 0;
	map->options->no_output = true;
	if (errno != EPIPE) {
		map->unwritten = EXIT_FAILED;
		return 0;
	}
	map->closed = true;
	return stop(calls, CLOSED);
}

static int print(struct calls *calls, const struct reeve_job *job,
		 const char *item)
{
	struct map *map = calls->map;

	if (map->closed || map->unwritten)
		return 0;
	if (map->tool->json)
		return check_output(calls, !map_line(map, job, item));
	if (map->options->no_output || job->state != REEVE_SUCCEEDED)
		return 0;
	if (map->progress.shown)
		progress_clear(&map->progress);
	return check_output(calls, !map_put_result(map, job->result, item));
}

static int take_end(struct calls *calls, const struct reeve_job *job,
		    const char *item)
{
	struct map *map = calls->map;
	int result;

	map_count(map, job, item);
	result = print(calls, job, item);
	if (result == 0 && !map->stopping && map_is_enough(map)) {
		progress_clear(&map->progress);
		say_note(map->tool, "%" PRId64 " failed: cancelling the rest",
			 map->failed);
		result = stop(calls, "too many of its group failed");
	}
	return result;
}

static int take_ends(struct calls *calls)
{
	for (;;) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;
		void *data;
		int result = reeve_pool_next(calls->pool, 0, &job, &data);

		if (result == REEVE_E_TIMEOUT || result == REEVE_E_END ||
		    result == REEVE_E_INTERRUPTED)
			return 0;
		if (result != 0)
			return say_error(calls->map->tool);
		result = take_end(calls, job, data);
		free(data);
		if (result != 0)
			return result;
	}
}

/* ---- The loop ---- */

static bool is_over(const struct calls *calls)
{
	const struct map *map = calls->map;

	return reeve_pool_left(calls->pool) == 0 &&
	       (map->stopping || (map->all_read && !calls->held));
}

static bool has_room(const struct calls *calls)
{
	size_t most = (size_t)calls->map->options->jobs;

	if (most == 0 || most > LIMIT_IDS_PER_CALL)
		most = LIMIT_IDS_PER_CALL;
	return reeve_pool_left(calls->pool) < most;
}

static void wait_for_more(const struct calls *calls)
{
	const struct map *map = calls->map;
	struct pollfd fds[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
	int own[2], timeout_ms = map->tool->err.terminal ? 200 : 1000;

	if (reeve_pool_left(calls->pool) > 0 &&
	    reeve_pool_fds(calls->pool, own) == 0)
		timeout_ms = 20;
	else if (reeve_pool_left(calls->pool) > 0)
		for (int i = 0; i < 2; i++)
			fds[i] = (struct pollfd){.fd = own[i],
						 .events = POLLIN};
	fds[2] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
	if (!map->stopping && !map->all_read && !calls->held &&
	    map->source.fd >= 0 && !map->source.eof)
		fds[3] = (struct pollfd){.fd = map->source.fd,
					 .events = POLLIN};
	/* What was read and not put yet has room now. */
	if (!map->stopping && has_room(calls) &&
	    (calls->held ||
	     (!map->all_read && (map->source.waiting > 0 || map->source.eof))))
		timeout_ms = 0;
	poll(fds, 4, timeout_ms);
}

static int loop(struct calls *calls)
{
	struct map *map = calls->map;
	int result = 0;

	while (result == 0 && !is_over(calls)) {
		result = put_items(calls);
		if (result == 0)
			result = take_ends(calls);
		if (result == 0 && map_interrupted(map))
			result = stop(calls, MAP_INTERRUPTED);
		map_draw(map);
		if (result == 0)
			result = check_output(calls, fflush(stdout) != 0);
		if (result == 0 && !is_over(calls))
			wait_for_more(calls);
	}
	progress_clear(&map->progress);
	return result;
}

/* ---- Beginning and end ---- */

/* Where the item goes has to be said, and once for each name. */
static int check_words(struct calls *calls, size_t columns)
{
	struct map *map = calls->map;
	const char *const *words = calls->words;

	for (; *words; words++) {
		const char *equals = strchr(*words, '=');

		if (!equals || equals == *words || **words == '{')
			return say_usage(map->tool, "Like: path={} width:=200",
					 "'%s' is neither NAME=TEXT nor "
					 "NAME:=JSON",
					 *words);
	}
	pattern_init(&map->pattern, calls->words, NULL, columns,
		     map->options->mark);
	if (map_args_places(map) != 0)
		return EXIT_USAGE;
	if (!map->pattern.has_item)
		return say_usage(map->tool,
				 "Like: reeve map --handler thumb path={} "
				 "width:=200 ::: *.png",
				 "there is no {} in the arguments: where does "
				 "the item go?");
	return 0;
}

static int check_options(const struct map *map, bool has_words)
{
	const struct map_options *options = map->options;

	if (options->json_lines && (has_words || options->column_end))
		return say_usage(map->tool, "Leave them out",
				 "with --json-lines an item is all of the "
				 "arguments");
	if (options->job.handler.file)
		return say_usage(map->tool, "Like: path={}",
				 "--args-file is for one call");
	if (options->mark && !options->mark[0])
		return say_usage(map->tool, "Like: -I %",
				 "--replace takes a text that is not empty");
	if (options->job.key || options->job.durability || options->job.unique)
		return say_usage(map->tool,
				 "Leave it out: each call has a key of its "
				 "own, and is on disk",
				 "--key, --unique and --durability are for one "
				 "call");
	return 0;
}

/* All arguments that were said, of --args and behind the flags. */
static int collect(struct map *map, struct arg_list *words, int argc,
		   char **argv)
{
	struct arg_list *given = &map->options->job.handler.args;

	for (size_t i = 0; i < given->count; i++) {
		if (!args_add(words, given->items[i]))
			return say_memory(map->tool);
	}
	for (int i = 0; i < argc; i++) {
		if (!args_add(words, argv[i]))
			return say_memory(map->tool);
	}
	return 0;
}

static int begin(struct calls *calls, struct arg_list *words, int argc,
		 char **argv)
{
	struct map *map = calls->map;
	struct arg_list given = map->options->job.handler.args;
	char *nothing[] = {NULL};
	size_t columns = LISTS_MAX;
	int count = 0, result;

	while (count < argc && !lists_is_mark(argv[count]))
		count++;
	result = map_args_marks(map, argc, argv);
	if (result == 0)
		result = map_args_read(map);
	if (result == 0)
		result = map_open_source(
			map, count < argc ? argv + count : NULL, argc - count);
	if (result == 0)
		result = collect(map, words, count, argv);
	if (result == 0)
		result = check_options(map, words->count > 0);
	if (result != 0)
		return result;
	if (!map->options->column_end)
		columns = map->source.lists ? map->lists.count : 1;
	calls->words = words->items;
	if (calls->words)
		result = check_words(calls, columns);
	if (result != 0)
		return result;
	/* They are each item's, not of what all have in common. */
	map->options->job.handler.args = (struct arg_list){0};
	result = job_args_spec(map->tool, &map->options->job, 0, nothing,
			       &map->defaults);
	map->options->job.handler.args = given;
	return result;
}

/* Without --json the arguments alone are JSON enough. */
static void print_args(const struct tool *tool, const char *args)
{
	if (tool->json)
		printf("{\"v\":1,\"args\":%s}\n", args);
	else
		puts(args);
}

static int dry_run(struct calls *calls)
{
	struct map *map = calls->map;
	int result = 0;

	while (result == 0 || result == SOURCE_E_LATER) {
		struct pollfd fd = {.fd = map->source.fd, .events = POLLIN};

		if (result == SOURCE_E_LATER)
			poll(&fd, 1, -1);
		result = source_fill(&map->source);
		while (result == 0 && !ferror(stdout)) {
			result = read_item(calls);
			if (result == 0)
				print_args(map->tool, calls->args.p);
			free(TAKE(calls->held));
		}
		if (ferror(stdout))
			return EXIT_FAILED;
	}
	if (result == SOURCE_E_TOO_LONG)
		return map_too_long(map);
	if (result < 0)
		return say_fail(map->tool, EXIT_FAILED,
				"Check --lines, or what feeds stdin",
				"cannot read the items: %s", strerror(-result));
	return map->failed ? EXIT_FAILED : 0;
}

/* One answer for a name that nobody serves, not one for each item. */
static int check_handler(struct map *map)
{
	const char *name = map->options->job.handler.handler;
	struct json_iter iter;
	struct slice list, item, value;
	const char *reply;
	bool served = false;

	if (reeve_call(map->tool->r, "org.reeve.admin.Handlers", NULL,
		       &reply) != 0)
		return say_error(map->tool);
	if (!json_find(slice_of(reply), "handlers", &list))
		list = SLICE("[]");
	iter = json_enter(list);
	while (!served && json_item(&iter, &item)) {
		struct arena arena = {0};
		struct slice text;

		served = json_find(item, "name", &value) &&
			 json_string(&arena, value, &text) == 0 &&
			 slice_is(text, name);
		arena_fini(&arena);
	}
	return served ? 0 : served_missing(map->tool, SERVED_HANDLER, name);
}

static int open_pool(struct calls *calls)
{
	struct map *map = calls->map;
	struct json_out group = {0};
	int result = map_group(map, &group);

	if (result == 0 &&
	    pool_new(map->tool->r, &map->defaults, (size_t)map->options->jobs,
		     map->options->keep_order, group.p, &calls->pool) != 0)
		result = say_error(map->tool);
	json_out_fini(&group);
	return result;
}

static int carry_out(struct calls *calls)
{
	struct map *map = calls->map;
	int result = tool_connect(map->tool);

	if (result == 0)
		result = check_handler(map);
	if (result != 0)
		return result;
	signal(SIGPIPE, SIG_IGN);
	map->signal = interrupt_catch();
	map->defaults.name = map->options->job.name;
	result = open_pool(calls);
	if (result != 0)
		return result;
	reeve_set_interrupt(map->tool->r, map->signal);
	map->group = reeve_pool_group(calls->pool);
	progress_init(&map->progress, map->tool, clock_monotonic_ms());
	result = loop(calls);
	return result == 0 ? map_summary(map) : result;
}

int map_call(struct map *map, int argc, char **argv)
{
	struct calls calls = {.map = map};
	struct arg_list words = {0};
	int result = begin(&calls, &words, argc, argv);

	if (result == 0)
		result = map->options->dry_run ? dry_run(&calls)
					       : carry_out(&calls);
	/* What nobody was told of, because an error came first. */
	if (calls.pool)
		pool_forget(calls.pool, free);
	reeve_pool_free(calls.pool);
	json_out_fini(&calls.args);
	free(calls.held);
	free(words.items);
	return result;
}
