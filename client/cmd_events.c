/* reeve events: what happened, and what happens. */

#include "client/audience.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/event_line.h"
#include "client/field.h"
#include "client/patience.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/suggest.h"
#include "client/when.h"
#include "proto/json_in.h"
#include "proto/names.h"

#include <inttypes.h>
#include <stdio.h>

#define SUBSCRIBE "org.reeve.events.Subscribe"
#define SHOWN 50 /* without --since, -f and -n */
#define PATIENCE_MS 10000

struct events_options {
	bool follow;
	const char *since, *kinds, *queue;
	struct arg_list jobs;
	int64_t group, count;
};

static const struct arg_flag flags[] = {
	{"follow", 'f', ARG_ON, offsetof(struct events_options, follow), NULL,
	 "go on with what happens, until ^C", 0, NULL},
	{"since", 0, ARG_TEXT, offsetof(struct events_options, since), "N|TIME",
	 "from event N, or a time (14:30), or so long ago (2h); 0: "
	 "all",
	 0, NULL},
	{"kind", 'k', ARG_TEXT, offsetof(struct events_options, kinds), "K,...",
	 "only these: failed,cancelled", 0, NULL},
	{"queue", 'q', ARG_TEXT, offsetof(struct events_options, queue),
	 "QUEUE", "only of this queue", 0, NULL},
	{"job", 'j', ARG_LIST, offsetof(struct events_options, jobs), "JOB",
	 "only of these jobs: 7, 7-9, last", 0, NULL},
	{"group", 0, ARG_INT, offsetof(struct events_options, group), "G",
	 "only of this group", 1, NULL},
	{"last", 'n', ARG_INT, offsetof(struct events_options, count), "N",
	 "only the last N of what has been", 1, NULL},
};

struct reading {
	struct tool *tool;
	const struct events_options *options;
	struct selector jobs;
	int64_t since;	  /* a number, if has_since */
	int64_t since_ms; /* -1: none */
	bool has_since;
	struct json_out lines; /* to be printed */
	/* Of the last lines that are kept back: a ring. */
	struct json_out *last;
	size_t last_count, last_at;
	int64_t cursor; /* what goes on; -1: nothing was read yet */
	struct reeve_stream *stream;
	struct patience patience;
};

/* ---- What is asked for ---- */

static int bad_since(struct tool *tool, const char *text)
{
	return say_usage(tool,
			 "Like: --since 4711, --since 14:30, --since 2h, "
			 "--since 2026-11-22",
			 "--since takes the number of an event, a time that "
			 "has been, or how long ago, not '%s'",
			 text);
}

static int read_since(struct reading *reading, const char *text)
{
	int64_t now_ms = clock_wall_ms();

	if (text[strspn(text, "0123456789")] == '\0' && text[0]) {
		reading->has_since = args_int(text, &reading->since);
		if (reading->has_since && reading->since < INT64_C(1) << 53)
			return 0;
	} else if (when_since(text, now_ms, &reading->since_ms)) {
		return 0;
	}
	return bad_since(reading->tool, text);
}

static int check_kind(struct tool *tool, struct slice word)
{
	struct suggest suggest;
	char hint[96] = "See: reeve help events";
	enum event_kind kind;

	if (event_kind_parse(word, &kind))
		return 0;
	suggest_init(&suggest, word.p, word.n);
	for (int i = 0; i < EVENT_KIND_COUNT; i++)
		suggest_try(&suggest, event_kind_name((enum event_kind)i));
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", suggest.best);
	return say_usage(tool, hint, "'%.*s' is not a kind of event",
			 (int)word.n, word.p);
}

/* The next of the words between commas; false at the end. */
static bool next_word(const char **text, struct slice *ret)
{
	if (!*text)
		return false;
	ret->p = *text;
	ret->n = strcspn(*text, ",");
	*text = ret->p[ret->n] ? ret->p + ret->n + 1 : NULL;
	return true;
}

static int read_options(struct reading *reading)
{
	const struct events_options *options = reading->options;
	const char *kinds = options->kinds;
	struct slice word;
	int result = 0;

	if (options->since)
		result = read_since(reading, options->since);
	while (result == 0 && next_word(&kinds, &word))
		result = check_kind(reading->tool, word);
	for (size_t i = 0; result == 0 && i < options->jobs.count; i++)
		result = selector_add(reading->tool, &reading->jobs,
				      options->jobs.items[i]);
	if (result == 0 && options->jobs.count && !reading->jobs.last &&
	    !selector_is_ids(&reading->jobs))
		result = say_usage(reading->tool, "Like: --job 7-9",
				   "--job takes numbers of jobs");
	return result;
}

/* @from: where to begin, as `since`; NULL: what the options say */
static void write_params(struct reading *reading, const int64_t *from,
			 struct json_out *out)
{
	const struct events_options *options = reading->options;
	const char *kinds = options->kinds;
	struct slice word;

	json_out_object(out);
	if (kinds) {
		json_out_key(out, "kinds");
		json_out_array(out);
		while (next_word(&kinds, &word))
			json_out_string(out, word);
		json_out_array_end(out);
	}
	if (options->queue)
		json_out_member_text(out, "queue", options->queue);
	if (options->group)
		json_out_member_int(out, "group", options->group);
	if (reading->jobs.id_count) {
		json_out_key(out, "jobs");
		json_out_array(out);
		for (size_t i = 0; i < reading->jobs.id_count; i++)
			json_out_int(out, reading->jobs.ids[i]);
		json_out_array_end(out);
	}
	if (from)
		json_out_member_int(out, "since", *from);
	else if (reading->has_since)
		json_out_member_int(out, "since", reading->since);
	else if (reading->since_ms >= 0)
		json_out_member_int(out, "since_ms", reading->since_ms);
	json_out_object_end(out);
	json_out_byte(out, '\0');
}

/* ---- What is printed ---- */

static int print_lines(struct reading *reading)
{
	struct json_out *lines = &reading->lines;
	bool good = json_out_ok(lines) &&
		    (!lines->n ||
		     fwrite(lines->p, 1, lines->n, stdout) == lines->n) &&
		    fflush(stdout) == 0;

	json_out_reset(lines);
	return good ? 0
		    : say_fail(reading->tool, EXIT_FAILED, NULL,
			       "the output cannot be written");
}

static void add_line(struct reading *reading, struct slice event)
{
	int64_t now_ms = clock_wall_ms();
	struct json_out *line = &reading->lines;

	if (reading->last_count) {
		line = &reading->last[reading->last_at++ % reading->last_count];
		json_out_reset(line);
	}
	event_line(reading->tool, line, event, now_ms);
}

static void release_last(struct reading *reading)
{
	for (size_t i = 0; i < reading->last_count; i++) {
		struct json_out *line = &reading->last[(reading->last_at + i) %
						       reading->last_count];

		json_out_append(&reading->lines, json_out_slice(line));
		json_out_fini(line);
	}
	free(reading->last);
	reading->last = NULL;
	reading->last_count = 0;
}

/* ---- What has been ---- */

static int read_past(struct reading *reading)
{
	int64_t head = -1;
	int result = 0;

	do {
		struct json_out params = {0};
		struct json_iter iter;
		struct slice event;
		const char *reply = NULL;

		write_params(reading,
			     reading->cursor < 0 ? NULL : &reading->cursor,
			     &params);
		result = json_out_ok(&params)
				 ? reeve_call(reading->tool->r, SUBSCRIBE,
					      params.p, &reply)
				 : REEVE_E_MEMORY;
		json_out_fini(&params);
		if (result != 0)
			return say_error(reading->tool);
		iter = json_enter(field_list(slice_of(reply), "events"));
		while (json_item(&iter, &event))
			add_line(reading, event);
		reading->cursor = field_int(slice_of(reply), "cursor");
		if (head < 0)
			head = field_int(slice_of(reply), "head");
		if (!reading->last_count)
			result = print_lines(reading);
	} while (result == 0 && reading->cursor < head);
	return result;
}

/* Without a filter the daemon counts; with one the last are kept here. */
static int read_last(struct reading *reading, int64_t count)
{
	const struct events_options *options = reading->options;
	bool all = !options->kinds && !options->queue && !options->group &&
		   !options->jobs.count;
	int result;

	if (all && !options->since) {
		reading->has_since = true;
		reading->since = -count;
	} else {
		if (!options->since)
			reading->has_since = true; /* 0: all that is kept */
		reading->last = calloc((size_t)count, sizeof(*reading->last));
		if (!reading->last)
			return say_memory(reading->tool);
		reading->last_count = (size_t)count;
	}
	result = read_past(reading);
	release_last(reading);
	return result == 0 ? print_lines(reading) : result;
}

/* ---- What happens ---- */

static int open_stream(struct reading *reading)
{
	struct json_out params = {0};
	int result = REEVE_E_MEMORY;

	write_params(reading, reading->cursor < 0 ? NULL : &reading->cursor,
		     &params);
	if (json_out_ok(&params))
		result = reeve_stream_open(reading->tool->r, SUBSCRIBE,
					   params.p, &reading->stream);
	json_out_fini(&params);
	if (result == 0)
		patience_opened(&reading->patience, clock_monotonic_ms());
	return result;
}

/* Those were not told, but may still be kept: ask again from there on. */
static bool take_lost(struct reading *reading, struct slice event)
{
	struct slice kind;

	if (!json_find(event, "kind", &kind) || !slice_is(kind, "\"lost\""))
		return false;
	reading->cursor = field_int(field_object(event, "detail"), "from");
	reeve_stream_close(TAKE(reading->stream));
	return true;
}

static int take_reply(struct reading *reading, const char *reply)
{
	/* A copy: closing the stream frees it. */
	AUTO(free) char *copy = strdup(reply);
	struct json_iter iter;
	struct slice event;

	if (!copy)
		return say_memory(reading->tool);
	patience_progress(&reading->patience);
	iter = json_enter(field_list(slice_of(copy), "events"));
	while (json_item(&iter, &event)) {
		if (take_lost(reading, event))
			return print_lines(reading);
		add_line(reading, event);
	}
	reading->cursor = field_int(slice_of(copy), "cursor");
	return print_lines(reading);
}

/* The first number that is kept; 0: it is not known. */
static int64_t oldest(struct reading *reading)
{
	struct json_iter iter;
	struct slice event;
	const char *reply;

	if (reeve_call(reading->tool->r, SUBSCRIBE, "{\"since\":0}", &reply) !=
	    0)
		return 0;
	iter = json_enter(field_list(slice_of(reply), "events"));
	if (json_item(&iter, &event))
		return field_int(event, "seq");
	return field_int(slice_of(reply), "head");
}

/* What was missed is no longer kept: say so, and go on behind it. */
static bool skip_lost(struct reading *reading)
{
	const struct reeve_error *error = reeve_error(reading->tool->r);
	int64_t from = reading->cursor, first;

	if (from <= 0 ||
	    strcmp(error->name, "org.reeve.events.CursorTooOld") != 0)
		return false;
	first = oldest(reading);
	if (first <= from)
		return false;
	event_line_lost(reading->tool, &reading->lines, from, first - 1,
			clock_wall_ms());
	reading->cursor = first;
	return true;
}

static int broken(struct reading *reading, int result)
{
	int64_t pause_ms;

	reeve_stream_close(TAKE(reading->stream));
	if (skip_lost(reading))
		return print_lines(reading);
	if (result != REEVE_E_LOST && result != REEVE_E_END &&
	    result != REEVE_E_UNREACHABLE)
		return say_error(reading->tool);
	if (!patience_broken(&reading->patience, clock_monotonic_ms(),
			     PATIENCE_MS, &pause_ms))
		return say_error(reading->tool);
	clock_pause(pause_ms);
	return 0;
}

static int wait_for_more(struct reading *reading)
{
	int fd = reeve_stream_fd(reading->stream);

	if (audience_wait(AUDIENCE_STDOUT, &fd, 1, -1) == 0)
		return 0;
	return say_fail(reading->tool, EXIT_FAILED, NULL,
			"nobody reads the output any more");
}

static int follow(struct reading *reading)
{
	int result = 0;

	while (result == 0) {
		const char *reply;

		if (!reading->stream)
			result = open_stream(reading);
		if (result == 0)
			result = reeve_stream_next(reading->stream, 0, &reply);
		if (result == 0)
			result = take_reply(reading, reply);
		else if (result == REEVE_E_TIMEOUT)
			result = wait_for_more(reading);
		else
			result = broken(reading, result);
	}
	reeve_stream_close(TAKE(reading->stream));
	return result;
}

static int tell(struct reading *reading)
{
	const struct events_options *options = reading->options;
	int64_t count = options->count;
	int result = 0;

	if (!count && !options->follow && !options->since)
		count = SHOWN;
	if (count)
		result = read_last(reading, count);
	else if (!options->follow)
		result = read_past(reading);
	return result == 0 && options->follow ? follow(reading) : result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct reading reading = {
		.tool = tool,
		.options = options,
		.since_ms = -1,
		.cursor = -1,
	};
	int result = 0;

	if (argc > 0)
		result = say_usage(tool, "Like: reeve events --job 42",
				   "events takes flags only, not '%s'",
				   argv[0]);
	if (result == 0)
		result = read_options(&reading);
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0 && reading.jobs.last)
		result = selector_resolve(tool, &reading.jobs);
	if (result == 0)
		result = tell(&reading);
	selector_fini(&reading.jobs);
	json_out_fini(&reading.lines);
	return result;
}

const struct command command_events = {
	.name = "events",
	.group = "Work",
	.synopsis = "[FLAG]...",
	.summary = "Print what happened, in order, and go on with what "
		   "happens.",
	.text = "  reeve events                       the last ones\n"
		"  reeve events -f                    what happens, until ^C\n"
		"  reeve events --since 2h --kind failed,cancelled\n"
		"  reeve events --json --since 4711 -f >>log\n"
		"\n"
		"Kinds with a number, kept for a time "
		"(store.keep.events_age):\n"
		"submitted started finished failed retrying cancelled removed\n"
		"Told while they happen, and not kept:\n"
		"progress queue_paused queue_resumed queue_empty worker_up\n"
		"worker_down\n"
		"With -f a lost connection is opened again, and every number\n"
		"comes once; lost says which are no longer kept.\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct events_options),
	.run = run,
};
