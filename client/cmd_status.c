/* reeve, reeve status: one screen about everything. */

#include "client/autostart.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/counts.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/listing.h"
#include "client/say.h"
#include "client/text.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define STATUS_RUNNING 7
#define STATUS_POOLS 3
#define STATUS_QUEUES 4
#define STATUS_LABEL 12 /* columns */
#define STATUS_FAILED 5
#define STATUS_FAILED_AGE_MS (24 * 3600 * INT64_C(1000))

static void print_head(const struct tool *tool, struct slice status,
		       struct arena *arena)
{
	const char *state = field_text(arena, status, "state");
	bool running = strcmp(state, "running") == 0;
	char time[DURATION_BYTES];

	printf("reeved %s  pid %" PRId64 "  %s%s%s for %s  %" PRId64
	       " connected\n",
	       field_text(arena, status, "version"), field_int(status, "pid"),
	       render_begin(&tool->out, running ? RENDER_GREEN : RENDER_YELLOW),
	       state, render_end(&tool->out),
	       duration_format(clock_wall_ms() - field_int(status, "since_ms"),
			       time),
	       field_int(status, "connections"));
}

static void print_facts(const struct tool *tool, struct slice status,
			struct arena *arena)
{
	struct slice storage = field_object(status, "storage");
	struct counts counts;
	char text[COUNTS_BYTES], size[DURATION_BYTES];

	counts_parse(&counts, field_object(status, "counts"));
	counts_say(&counts, text);
	printf("  %-9s %" PRId64 ", %" PRId64 " busy\n", "workers",
	       field_int(status, "workers"), field_int(status, "busy"));
	printf("  %-9s %s\n", "jobs", text);
	printf("  %-9s %s, %s%s\n", "store", field_text(arena, storage, "path"),
	       duration_bytes(field_int(storage, "bytes"), size),
	       field_bool(storage, "writable") ? "" : ", NOT WRITABLE");
	if (field_text(arena, storage, "message")[0])
		printf("  %-9s %s%s%s\n", "",
		       render_begin(&tool->out, RENDER_RED),
		       field_text(arena, storage, "message"),
		       render_end(&tool->out));
	printf("  %-9s %s\n", "cgroups", field_text(arena, status, "cgroups"));
}

static void print_pool(const struct tool *tool, struct arena *arena,
		       struct slice pool)
{
	const char *reason = field_text(arena, pool, "reason");
	size_t room = tool->out.width > STATUS_LABEL
			      ? (size_t)tool->out.width - STATUS_LABEL
			      : 1000;
	char text[1024], fit[1024];

	snprintf(text, sizeof(text),
		 "%s: %s, %" PRId64 "/%" PRId64 " workers, %" PRId64
		 " busy, %" PRId64 " waiting%s%s",
		 field_text(arena, pool, "name"),
		 field_text(arena, pool, "state"), field_int(pool, "workers"),
		 field_int(pool, "max"), field_int(pool, "busy"),
		 field_int(pool, "waiting"), reason[0] ? "; " : "", reason);
	text_fit(text, room, tool->out.unicode, fit, sizeof(fit));
	printf("  %-9s %s%s%s\n", "pool",
	       render_begin(&tool->out,
			    reason[0] ? RENDER_YELLOW : RENDER_PLAIN),
	       fit, render_end(&tool->out));
}

/* More than commands: who serves handlers. */
static void print_pools(struct tool *tool)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice pool;
	const char *reply;
	int shown = 0, more = 0;

	if (reeve_call(tool->r, "org.reeve.admin.Pools", NULL, &reply) != 0)
		return;
	iter = json_enter(field_list(slice_of(reply), "pools"));
	while (json_item(&iter, &pool)) {
		if (strcmp(field_text(&arena, pool, "name"), "exec") == 0)
			continue;
		if (shown++ < STATUS_POOLS)
			print_pool(tool, &arena, pool);
		else
			more++;
	}
	if (more > 0)
		printf("  %-9s and %d more: reeve pool ls\n", "", more);
	arena_fini(&arena);
}

/* What `queues` takes: those that are paused or have something to do. */
static bool is_busy(struct slice queue, struct counts *counts)
{
	counts_parse(counts, field_object(queue, "counts"));
	return field_bool(queue, "paused") || counts->of[REEVE_RUNNING] ||
	       counts->of[REEVE_READY] || counts->of[REEVE_SCHEDULED] ||
	       counts->of[REEVE_BLOCKED] || counts->of[REEVE_HELD];
}

static void print_queue(const struct tool *tool, struct arena *arena,
			struct slice queue, const struct counts *counts,
			bool first)
{
	size_t room = tool->out.width > STATUS_LABEL
			      ? (size_t)tool->out.width - STATUS_LABEL
			      : 1000;
	bool paused = field_bool(queue, "paused");
	char text[1024], fit[1024];

	snprintf(text, sizeof(text),
		 "%s: %s%" PRId64 " running, %" PRId64 " waiting",
		 field_text(arena, queue, "name"), paused ? "paused, " : "",
		 counts->of[REEVE_RUNNING],
		 counts->of[REEVE_READY] + counts->of[REEVE_SCHEDULED] +
			 counts->of[REEVE_BLOCKED] + counts->of[REEVE_HELD]);
	text_fit(text, room, tool->out.unicode, fit, sizeof(fit));
	printf("  %-9s %s%s%s\n", first ? "queues" : "",
	       render_begin(&tool->out, paused ? RENDER_YELLOW : RENDER_PLAIN),
	       fit, render_end(&tool->out));
}

/* Paused ones first: they are why nothing happens. */
static void print_queues(struct tool *tool)
{
	struct arena arena = {0};
	struct counts counts;
	const char *reply;
	int shown = 0, more = 0;

	if (reeve_call(tool->r, "org.reeve.queues.List", NULL, &reply) != 0)
		return;
	for (int paused = 1; paused >= 0; paused--) {
		struct json_iter iter =
			json_enter(field_list(slice_of(reply), "queues"));
		struct slice queue;

		while (json_item(&iter, &queue)) {
			if (field_bool(queue, "paused") != paused ||
			    !is_busy(queue, &counts))
				continue;
			if (shown < STATUS_QUEUES)
				print_queue(tool, &arena, queue, &counts,
					    shown++ == 0);
			else
				more++;
		}
	}
	if (more > 0)
		printf("  %-9s and %d more: reeve queue ls\n", "", more);
	arena_fini(&arena);
}

static void print_warnings(const struct tool *tool, struct slice status,
			   struct arena *arena)
{
	struct json_iter iter = json_enter(field_list(status, "warnings"));
	struct slice item, text;

	while (json_item(&iter, &item)) {
		if (json_string(arena, item, &text) == 0)
			printf("  %swarning%s   %.*s\n",
			       render_begin(&tool->out, RENDER_YELLOW),
			       render_end(&tool->out), (int)text.n, text.p);
	}
}

static int print_jobs(struct tool *tool)
{
	struct selector running = {.states = 1u << REEVE_RUNNING};
	struct selector failed = {.states = 1u << REEVE_FAILED,
				  .newer_ms = STATUS_FAILED_AGE_MS};
	static const struct table_args as_usual;
	struct listing listing = {0};
	struct table table;
	int result = listing_table(&table, tool, &as_usual);

	if (result == 0)
		result = listing_load(tool, &listing, &failed, STATUS_FAILED);
	if (result == 0)
		result = listing_load(tool, &listing, &running, STATUS_RUNNING);
	listing_sort(&listing);
	if (result == 0 && listing.count > 0) {
		putchar('\n');
		listing_fill(&listing, &table, clock_wall_ms());
		result = table_print(&table, "jobs", "");
	}
	table_fini(&table);
	listing_fini(&listing);
	return result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct arena arena = {0};
	struct slice status;
	const char *reply;
	int result;

	(void)options;
	(void)argv;
	if (argc > 0)
		return say_usage(tool, "For one job: reeve show ID",
				 "status takes no arguments");
	result = tool_connect_only(
		tool, autostart_wanted(tool)
			      ? "The first job starts one: reeve submit "
				"make; or at once: reeve daemon start; all "
				"commands: reeve help"
			      : NULL);
	if (result != 0)
		return result;
	if (reeve_call(tool->r, "org.reeve.admin.Status", NULL, &reply) != 0)
		return say_error(tool);
	if (tool->json) {
		printf("{\"v\":1,\"status\":%s}\n", reply);
		return 0;
	}
	status = slice_of(reply);
	print_head(tool, status, &arena);
	print_facts(tool, status, &arena);
	print_warnings(tool, status, &arena);
	arena_fini(&arena);
	print_pools(tool);
	print_queues(tool);
	return print_jobs(tool);
}

const struct command command_status = {
	.name = "status",
	.group = "System",
	.synopsis = "",
	.summary = "The daemon, its workers and queues, what runs and what "
		   "failed.",
	.run = run,
};
