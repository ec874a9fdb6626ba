/* reeve queue ls, show, set, pause, resume, drain, purge. */

#include "client/callback_args.h"
#include "client/command.h"
#include "client/counts.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/queue_list.h"
#include "client/say.h"
#include "client/suggest.h"
#include "client/ties.h"
#include "proto/json_in.h"
#include "proto/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct queue_options {
	struct table_args table;
	int64_t max_length, timeout_ms;
	const char *overflow;
	bool no_limit, all, yes, no_callbacks;
	struct callback_args callbacks;
};

#define QUEUE_AT(member) offsetof(struct queue_options, member)

static const struct arg_flag flags[] = {
	{"max-length", 0, ARG_INT, QUEUE_AT(max_length), "N",
	 "set: jobs that may wait in it", 1, NULL},
	{"no-limit", 0, ARG_ON, QUEUE_AT(no_limit), NULL,
	 "set: any number may wait", 0, NULL},
	{"overflow", 0, ARG_TEXT, QUEUE_AT(overflow), "WAY",
	 "set: when it is full, reject a submission or block it", 0, NULL},
	{"all", 'a', ARG_ON, QUEUE_AT(all), NULL,
	 "pause, resume, drain: every queue", 0, NULL},
	{"timeout", 0, ARG_DURATION, QUEUE_AT(timeout_ms), "TIME",
	 "drain: give up then", 0, NULL},
	{"yes", 'y', ARG_ON, QUEUE_AT(yes), NULL,
	 "purge: do not ask whether to go on", 0, NULL},
	CALLBACK_FLAGS("on-", QUEUE_AT(callbacks),
		       "set: when a job of it has succeeded",
		       "set: when one has failed for good",
		       "set: when one has ended"),
	CALLBACK_TERMS(QUEUE_AT(callbacks)),
	{"no-callbacks", 0, ARG_ON, QUEUE_AT(no_callbacks), NULL,
	 "set: none but those that are named now", 0, NULL},
};

/* What is made when a job of it has ended. */
static void print_callbacks(struct slice queue)
{
	for (size_t when = 0; when < CALLBACK_WHEN_COUNT; when++) {
		const char *name = callback_when_name((enum callback_when)when);
		struct json_iter iter = json_enter(field_list(queue, name));
		char text[TIES_TEXT_BYTES];
		struct slice item;

		while (json_item(&iter, &item)) {
			ties_text(item, text);
			printf("  %-10s %s\n", name, text);
		}
	}
}

/* One queue, for people: what the table has no room for. */
static void print_one(const struct tool *tool, struct arena *arena,
		      struct slice queue)
{
	struct counts counts = {0};
	char text[COUNTS_BYTES], latency[DURATION_BYTES];
	int64_t limit = field_int(queue, "max_length");

	counts_parse(&counts, field_object(queue, "counts"));
	for (size_t i = 0; i < COUNTS_STATES; i++)
		counts.total += counts.of[i];
	counts_say(&counts, text);
	printf("queue %s%s%s\n", render_begin(&tool->out, RENDER_BLUE),
	       field_text(arena, queue, "name"), render_end(&tool->out));
	printf("  state      %s\n", field_bool(queue, "paused")
					    ? "paused: nothing of it starts"
					    : "running");
	printf("  jobs       %s\n", text);
	if (field_int(queue, "oldest_ready_ms"))
		printf("  latency    the first one has waited %s\n",
		       queue_list_latency(queue, latency));
	if (limit)
		printf("  limit      %" PRId64 " waiting, then %s\n", limit,
		       strcmp(field_text(arena, queue, "overflow"), "block")
			       ? "submissions are refused"
			       : "submissions wait for room");
	print_callbacks(queue);
}

static bool find_queue(struct arena *arena, struct slice list, const char *name,
		       struct slice *ret)
{
	struct json_iter iter = json_enter(list);

	while (json_item(&iter, ret)) {
		if (strcmp(field_text(arena, *ret, "name"), name) == 0)
			return true;
	}
	return false;
}

static int no_queue(const struct tool *tool, struct arena *arena,
		    struct slice list, const char *name)
{
	struct json_iter iter = json_enter(list);
	char hint[320] = "See which there are: reeve queue ls; the first job "
			 "of a queue begins it, or reeve queue set";
	struct suggest suggest;
	struct slice queue;

	suggest_init(&suggest, name, strlen(name));
	while (json_item(&iter, &queue))
		suggest_try(&suggest, field_text(arena, queue, "name"));
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", suggest.best);
	return say_fail(tool, EXIT_MISSING, hint, "there is no queue '%s'",
			name);
}

/* @name: NULL: only the list. Return: 0, or the exit code, with the error
 * said. */
static int load(struct tool *tool, struct arena *arena, const char *name,
		struct slice *ret_list, struct slice *ret_queue)
{
	const char *reply;
	int result = tool_connect(tool);

	if (result != 0)
		return result;
	if (reeve_call(tool->r, "org.reeve.queues.List", NULL, &reply) != 0)
		return say_error(tool);
	*ret_list = field_list(slice_of(reply), "queues");
	if (name && !find_queue(arena, *ret_list, name, ret_queue))
		return no_queue(tool, arena, *ret_list, name);
	return 0;
}

/* All of them, or the one named. */
static int list(struct tool *tool, const struct table_args *args,
		const char *name)
{
	struct arena arena = {0};
	struct slice queues, queue, one;
	struct table table;
	int result = queue_list_table(&table, tool, args);

	if (result == 0)
		result = load(tool, &arena, name, &queues, &queue);
	if (result == 0 && name) {
		one = slice_of(
			arena_print(&arena, "[%.*s]", (int)queue.n, queue.p));
		queues = one.p ? one : SLICE("[]");
	}
	if (result == 0)
		result = queue_list_print(&table, &arena, queues);
	table_fini(&table);
	arena_fini(&arena);
	return result;
}

static int show(struct tool *tool, const char *name)
{
	struct arena arena = {0};
	struct slice queues, queue;
	int result = load(tool, &arena, name, &queues, &queue);

	if (result == 0 && tool->json)
		printf("{\"v\":1,\"queue\":%.*s}\n", (int)queue.n, queue.p);
	else if (result == 0)
		print_one(tool, &arena, queue);
	arena_fini(&arena);
	return result;
}

/* Of a call that failed: which one might be meant. */
static int call_failed(struct tool *tool, const char *name)
{
	struct arena arena = {0};
	struct slice queues, queue;
	int result;

	if (!name || strcmp(reeve_error(tool->r)->name,
			    "org.reeve.queues.NoSuchQueue") != 0)
		return say_error(tool);
	result = load(tool, &arena, name, &queues, &queue);
	arena_fini(&arena);
	/* It was begun a moment ago. */
	return result ? result
		      : say_fail(tool, EXIT_MISSING, "Try again",
				 "there was no queue '%s'", name);
}

/* A call with parameters that were begun with an open object. */
static int call(struct tool *tool, const char *method, const char *name,
		struct json_out *out, const char **ret_reply)
{
	int result;

	json_out_object_end(out);
	json_out_byte(out, '\0');
	if (!json_out_ok(out))
		return say_memory(tool);
	result = tool_connect(tool);
	if (result == 0 && reeve_call(tool->r, method, out->p, ret_reply) != 0)
		result = call_failed(tool, name);
	return result;
}

static int say_done(const struct tool *tool, const char *what, const char *name)
{
	if (tool->json)
		printf("{\"v\":1}\n");
	else
		printf("%s %s\n", name ? name : "every queue", what);
	return 0;
}

/* A list takes the place of the one that was there. */
static void write_callbacks(struct json_out *out,
			    const struct queue_options *options)
{
	callback_args_write(&options->callbacks, out);
	for (size_t i = 0; options->no_callbacks && i < CALLBACK_WHEN_COUNT;
	     i++) {
		if (options->callbacks.lists[i])
			continue;
		json_out_key(out, callback_when_name((enum callback_when)i));
		json_out_array(out);
		json_out_array_end(out);
	}
}

static int set(struct tool *tool, struct queue_options *options,
	       const char *name)
{
	/* Where the job that they follow says nothing: here. */
	struct reeve_spec here = {0};
	struct json_out out = {0};
	const char *reply;
	int result;

	if (options->overflow && strcmp(options->overflow, "reject") != 0 &&
	    strcmp(options->overflow, "block") != 0)
		return say_usage(tool, "Like: --overflow block",
				 "--overflow takes reject or block, not '%s'",
				 options->overflow);
	if (!options->max_length && !options->no_limit && !options->overflow &&
	    !options->no_callbacks &&
	    callback_args_are_none(&options->callbacks))
		return say_usage(tool,
				 "Like: reeve queue set mail --max-length 1000",
				 "there is nothing to set");
	if (options->max_length && options->no_limit)
		return say_usage(tool, "Give one of them",
				 "--max-length and --no-limit exclude each "
				 "other");
	result = callback_args_read(tool, &options->callbacks, "on-", &here);
	if (result != 0)
		return result;
	json_out_object(&out);
	json_out_member_text(&out, "name", name);
	write_callbacks(&out, options);
	if (options->max_length || options->no_limit)
		json_out_member_int(&out, "max_length", options->max_length);
	if (options->overflow)
		json_out_member_text(&out, "overflow", options->overflow);
	result = call(tool, "org.reeve.queues.Configure", name, &out, &reply);
	json_out_fini(&out);
	return result ? result : say_done(tool, "is set", name);
}

static int steer(struct tool *tool, const struct queue_options *options,
		 const char *verb, const char *name)
{
	bool drain = strcmp(verb, "drain") == 0;
	bool pause = strcmp(verb, "pause") == 0;
	struct json_out out = {0};
	const char *reply;
	int result;

	json_out_object(&out);
	if (name)
		json_out_member_text(&out, "name", name);
	if (drain && options->timeout_ms)
		json_out_member_int(&out, "wait_ms", options->timeout_ms);
	result = call(tool,
		      drain   ? "org.reeve.queues.Drain"
		      : pause ? "org.reeve.queues.Pause"
			      : "org.reeve.queues.Resume",
		      name, &out, &reply);
	json_out_fini(&out);
	if (result != 0)
		return result;
	return say_done(tool,
			drain	? "has nothing left to do"
			: pause ? "starts nothing more"
				: "goes on",
			name);
}

static int count_waiting(struct tool *tool, const char *name, int64_t *ret)
{
	struct arena arena = {0};
	struct counts counts = {0};
	struct slice queues, queue;
	int result = load(tool, &arena, name, &queues, &queue);

	if (result == 0) {
		counts_parse(&counts, field_object(queue, "counts"));
		*ret = queue_list_waiting(&counts);
	}
	arena_fini(&arena);
	return result;
}

static bool confirm(const char *name, int64_t count)
{
	char line[16];

	fprintf(stderr, "%" PRId64 " %s in %s will be cancelled. Go on? [y/N] ",
		count, count == 1 ? "job that waits" : "jobs that wait", name);
	fflush(stderr);
	return fgets(line, sizeof(line), stdin) &&
	       (line[0] == 'y' || line[0] == 'Y');
}

static int purge(struct tool *tool, const struct queue_options *options,
		 const char *name)
{
	struct json_out out = {0};
	const char *reply;
	int64_t count;
	int result;

	if (!options->yes && (isatty(STDIN_FILENO) != 1 || tool->json))
		return say_usage(tool,
				 "Add --yes, or look first: reeve ls "
				 "waiting queue=NAME",
				 "a purge cancels all that waits in a "
				 "queue");
	/* A name that is none has nothing to purge: that is a mistake. */
	result = count_waiting(tool, name, &count);
	if (result != 0)
		return result;
	if (!options->yes && !confirm(name, count))
		return EXIT_FAILED;
	json_out_object(&out);
	json_out_member_text(&out, "name", name);
	result = call(tool, "org.reeve.queues.Purge", name, &out, &reply);
	if (result == 0 && tool->json)
		printf("{\"v\":1,\"removed\":%" PRId64 "}\n",
		       field_int(slice_of(reply), "removed"));
	else if (result == 0)
		printf("%" PRId64 " cancelled\n",
		       field_int(slice_of(reply), "removed"));
	json_out_fini(&out);
	return result;
}

static int unknown(const struct tool *tool, const char *verb)
{
	static const char *const verbs[] = {"ls",     "show",  "set",  "pause",
					    "resume", "drain", "purge"};
	struct suggest suggest;
	char hint[128] = "They are ls, show, set, pause, resume, drain, purge";

	suggest_init(&suggest, verb, strlen(verb));
	for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
		suggest_try(&suggest, verbs[i]);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean: reeve queue %s?",
			 suggest.best);
	return say_usage(tool, hint, "there is no command 'queue %s'", verb);
}

static int carry_out(struct tool *tool, struct queue_options *options, int argc,
		     char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "ls";
	const char *name = argc > 1 ? argv[1] : NULL;
	bool many = strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0 ||
		    strcmp(verb, "drain") == 0;
	bool one = strcmp(verb, "show") == 0 || strcmp(verb, "set") == 0 ||
		   strcmp(verb, "purge") == 0;

	if (argc > 2)
		return say_usage(tool, "Name one queue at a time",
				 "'%s' is one word too many", argv[2]);
	if (strcmp(verb, "ls") == 0)
		return list(tool, &options->table, name);
	if (!many && !one)
		return unknown(tool, verb);
	if (!name && (one || !options->all))
		return say_usage(tool,
				 many ? "Name one, or say --all"
				      : "Name one: reeve queue ls",
				 "which queue?");
	if (name && options->all)
		return say_usage(tool, "Leave one of them out",
				 "--all means every queue, not only '%s'",
				 name);
	if (many)
		return steer(tool, options, verb, name);
	if (strcmp(verb, "show") == 0)
		return show(tool, name);
	if (strcmp(verb, "set") == 0)
		return set(tool, options, name);
	return purge(tool, options, name);
}

static int run(struct tool *tool, void *queue_options, int argc, char **argv)
{
	struct queue_options *options = queue_options;
	int result = carry_out(tool, options, argc, argv);

	callback_args_fini(&options->callbacks);
	return result;
}

const struct command command_queue = {
	.name = "queue",
	.group = "Queues",
	.synopsis = "ls|show|set|pause|resume|drain|purge [FLAG]... [QUEUE]",
	.summary = "List the queues and steer them.",
	.text = "  reeve queue ls\n"
		"  reeve queue ls --sort -waiting --limit 5\n"
		"  reeve queue pause mail\n"
		"  reeve queue set mail --max-length 1000 --overflow block\n"
		"  reeve queue set mail --on-failure './alert.sh mail'\n"
		"  reeve queue drain mail --timeout 10m\n",
	COMMAND_FLAGS(flags),
	.list_flags = true,
	.options_bytes = sizeof(struct queue_options),
	.run = run,
};
