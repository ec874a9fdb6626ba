/* reeve worker ls, reeve pool ls: who runs the jobs. */

#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/render.h"
#include "client/say.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

typedef void (*row_writer)(const struct tool *tool, struct render *render,
			   struct arena *arena, struct slice item);

/* A table of the list @member of @method's reply. */
static int print_list(struct tool *tool, const char *method, const char *member,
		      const struct render_column *columns, size_t column_count,
		      row_writer write_row)
{
	struct arena arena = {0};
	struct render render;
	struct json_iter iter;
	struct slice item;
	const char *reply;
	bool printed;
	int result = tool_connect(tool);

	if (result != 0)
		return result;
	if (reeve_call(tool->r, method, NULL, &reply) != 0)
		return say_error(tool);
	iter = json_enter(field_list(slice_of(reply), member));
	if (tool->json) {
		struct slice list = field_list(slice_of(reply), member);

		printf("{\"v\":1,\"%s\":%.*s}\n", member, (int)list.n, list.p);
		return 0;
	}
	render_init(&render, columns, column_count);
	while (json_item(&iter, &item)) {
		render_row(&render);
		write_row(tool, &render, &arena, item);
	}
	printed = render_print(&render, &tool->out);
	render_fini(&render);
	arena_fini(&arena);
	return printed ? 0 : say_memory(tool);
}

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
	render_cell(render, 1, RENDER_PLAIN, "%" PRId64,
		    field_int(worker, "slot"));
	render_cell(render, 2, RENDER_PLAIN, "%" PRId64,
		    field_int(worker, "pid"));
	render_cell(render, 3, state_colour(state), "%s", state);
	if (field_int(worker, "job"))
		render_cell(render, 4, RENDER_PLAIN, "%" PRId64,
			    field_int(worker, "job"));
	else
		render_cell(render, 4, RENDER_DIM, "-");
	render_cell(render, 5, RENDER_PLAIN, "%" PRId64,
		    field_int(worker, "queued"));
	render_cell(render, 6, RENDER_PLAIN, "%s",
		    duration_format(since_ms ? clock_wall_ms() - since_ms : -1,
				    time));
	render_cell(render, 7, RENDER_PLAIN, "%" PRId64,
		    field_int(worker, "jobs_done"));
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
	render_cell(render, 3, RENDER_PLAIN, "%" PRId64,
		    field_int(pool, "busy"));
	render_cell(render, 4, RENDER_PLAIN, "%s",
		    field_text(arena, pool, "kind"));
	write_handlers(render, arena, pool);
	render_cell(render, 6, RENDER_YELLOW, "%s",
		    field_text(arena, pool, "reason"));
}

/* "ls" is all there is so far, and may be left out. */
static int check_verb(const struct tool *tool, const char *command, int argc,
		      char **argv)
{
	if (argc == 0 || (argc == 1 && strcmp(argv[0], "ls") == 0))
		return 0;
	return say_usage(tool, NULL, "there is only: reeve %s ls", command);
}

static int run_worker(struct tool *tool, void *options, int argc, char **argv)
{
	int result = check_verb(tool, "worker", argc, argv);

	(void)options;
	if (result != 0)
		return result;
	return print_list(tool, "org.reeve.admin.Workers", "workers",
			  worker_columns, ARRAY_COUNT(worker_columns),
			  write_worker);
}

static int run_pool(struct tool *tool, void *options, int argc, char **argv)
{
	int result = check_verb(tool, "pool", argc, argv);

	(void)options;
	if (result != 0)
		return result;
	return print_list(tool, "org.reeve.admin.Pools", "pools", pool_columns,
			  ARRAY_COUNT(pool_columns), write_pool);
}

const struct command command_worker = {
	.name = "worker",
	.group = "Workers",
	.synopsis = "ls",
	.summary = "List the workers and what they do.",
	.run = run_worker,
};

const struct command command_pool = {
	.name = "pool",
	.group = "Workers",
	.synopsis = "ls",
	.summary = "List the pools of workers.",
	.run = run_pool,
};
