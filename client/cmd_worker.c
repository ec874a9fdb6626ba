/* reeve worker ls, reeve pool ls: who runs the jobs. */

#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/say.h"
#include "client/table.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

typedef void (*row_writer)(const struct tool *tool, struct render *render,
			   struct arena *arena, struct slice item);

static const struct render_column worker_columns[] = {
	{"POOL", false, 0, 0},	{"SLOT", true, 0, 0}, {"PID", true, 0, 0},
	{"STATE", false, 0, 0}, {"JOB", true, 0, 0},  {"QUEUED", true, 3, 0},
	{"SINCE", true, 2, 0},	{"DONE", true, 4, 0},
};

static enum render_colour state_colour(const char *state)
{
	if (strcmp(state, "busy") == 0)
		return RENDER_BLUE;
	if (strcmp(state, "idle") == 0 || strcmp(state, "running") == 0)
		return RENDER_GREEN;
	return RENDER_YELLOW;
}

static void write_worker(const struct tool *tool, struct render *render,
			 struct arena *arena, struct slice worker)
{
	const char *state = field_text(arena, worker, "state");
	int64_t since_ms = field_int(worker, "since_ms");
	char time[DURATION_BYTES];

	(void)tool;
	render_cell(render, 0, RENDER_PLAIN, "%s",
		    field_text(arena, worker, "pool"));
	render_number(render, 1, field_int(worker, "slot"));
	render_number(render, 2, field_int(worker, "pid"));
	render_cell(render, 3, state_colour(state), "%s", state);
	if (field_int(worker, "job"))
		render_number(render, 4, field_int(worker, "job"));
	else
		render_cell(render, 4, RENDER_DIM, "-");
	render_number(render, 5, field_int(worker, "queued"));
	render_cell(render, 6, RENDER_PLAIN, "%s",
		    duration_format(since_ms ? clock_wall_ms() - since_ms : -1,
				    time));
	render_key(render, 6, since_ms);
	render_number(render, 7, field_int(worker, "jobs_done"));
}

static const struct render_column pool_columns[] = {
	{"POOL", false, 0, 0},	  {"STATE", false, 0, 0},
	{"WORKERS", true, 0, 0},  {"BUSY", true, 0, 0},
	{"KIND", false, 2, 0},	  {"HANDLERS", false, 1, 8},
	{"REASON", false, 0, 16},
};

static void write_handlers(struct render *render, struct arena *arena,
			   struct slice pool)
{
	struct json_iter iter = json_enter(field_list(pool, "handlers"));
	struct slice item, text;
	char line[512] = "";
	size_t n = 0;

	while (json_item(&iter, &item) && n + 1 < sizeof(line)) {
		int more = 0;

		if (json_string(arena, item, &text) == 0)
			more = snprintf(line + n, sizeof(line) - n, "%s%.*s",
					n ? "," : "", (int)text.n, text.p);
		n += more > 0 ? (size_t)more : 0;
	}
	render_cell(render, 5, RENDER_PLAIN, "%s", line);
}

static void write_pool(const struct tool *tool, struct render *render,
		       struct arena *arena, struct slice pool)
{
	const char *state = field_text(arena, pool, "state");

	(void)tool;
	render_cell(render, 0, RENDER_PLAIN, "%s",
		    field_text(arena, pool, "name"));
	render_cell(render, 1, state_colour(state), "%s", state);
	render_cell(render, 2, RENDER_PLAIN, "%" PRId64 "/%" PRId64,
		    field_int(pool, "workers"), field_int(pool, "max"));
	render_number(render, 3, field_int(pool, "busy"));
	render_cell(render, 4, RENDER_PLAIN, "%s",
		    field_text(arena, pool, "kind"));
	write_handlers(render, arena, pool);
	render_cell(render, 6, RENDER_YELLOW, "%s",
		    field_text(arena, pool, "reason"));
}

struct kind {
	const char *method, *member, *id;
	const struct render_column *columns;
	size_t column_count;
	row_writer write_row;
};

/* A last line that sums up: workers, or their numbers in the pools. */
static void print_sum(const struct table *table, int64_t workers, int64_t busy)
{
	const struct tool *tool = table->tool;

	if (table_is_human(table) && !tool->quiet)
		printf("%s%" PRId64 " workers, %" PRId64 " busy%s\n",
		       render_begin(&tool->out, RENDER_DIM), workers, busy,
		       render_end(&tool->out));
}

static int fill(struct table *table, const struct kind *kind)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;
	int64_t workers = 0, busy = 0;
	int result;

	if (reeve_call(table->tool->r, kind->method, NULL, &reply) != 0)
		return say_error(table->tool);
	iter = json_enter(field_list(slice_of(reply), kind->member));
	while (json_item(&iter, &item)) {
		bool is_pool = kind->write_row == write_pool;
		const char *state = field_text(&arena, item, "state");

		table_row(table, item);
		kind->write_row(table->tool, &table->render, &arena, item);
		workers += is_pool ? field_int(item, "workers") : 1;
		busy += is_pool ? field_int(item, "busy")
				: strcmp(state, "busy") == 0;
	}
	result = table_print(table, kind->member, "");
	arena_fini(&arena);
	if (result == 0)
		print_sum(table, workers, busy);
	return result;
}

static int print_list(struct tool *tool, const struct table_args *args,
		      const struct kind *kind)
{
	struct table table;
	int result = table_init(&table, tool, args, kind->columns,
				kind->column_count, kind->id);

	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = fill(&table, kind);
	table_fini(&table);
	return result;
}

/* "ls" is all there is so far, and may be left out. */
static int check_verb(const struct tool *tool, const char *command, int argc,
		      char **argv)
{
	if (argc == 0 || (argc == 1 && strcmp(argv[0], "ls") == 0))
		return 0;
	return say_usage(tool,
			 strcmp(command, "worker") == 0
				 ? "Like: reeve worker ls"
				 : "Like: reeve pool ls",
			 "%s takes ls, and nothing else, not '%s'", command,
			 strcmp(argv[0], "ls") == 0 ? argv[1] : argv[0]);
}

static int run_worker(struct tool *tool, void *options, int argc, char **argv)
{
	int result = check_verb(tool, "worker", argc, argv);

	if (result != 0)
		return result;
	return print_list(tool, options,
			  &(struct kind){"org.reeve.admin.Workers", "workers",
					 "pid", worker_columns,
					 ARRAY_COUNT(worker_columns),
					 write_worker});
}

static int run_pool(struct tool *tool, void *options, int argc, char **argv)
{
	int result = check_verb(tool, "pool", argc, argv);

	if (result != 0)
		return result;
	return print_list(tool, options,
			  &(struct kind){"org.reeve.admin.Pools", "pools",
					 "name", pool_columns,
					 ARRAY_COUNT(pool_columns),
					 write_pool});
}

const struct command command_worker = {
	.name = "worker",
	.group = "Workers",
	.synopsis = "ls [FLAG]...",
	.list_flags = true,
	.options_bytes = sizeof(struct table_args),
	.summary = "List the workers and what they do.",
	.run = run_worker,
};

const struct command command_pool = {
	.name = "pool",
	.group = "Workers",
	.synopsis = "ls [FLAG]...",
	.list_flags = true,
	.options_bytes = sizeof(struct table_args),
	.summary = "List the pools of workers.",
	.run = run_pool,
};
