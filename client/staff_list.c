#include "client/staff_list.h"

#include "client/clock.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/say.h"
#include "proto/json_in.h"
#include "proto/json_out.h"

#include <inttypes.h>
#include <stdio.h>

enum render_colour staff_colour(const char *state)
{
	if (strcmp(state, "busy") == 0)
		return RENDER_BLUE;
	if (strcmp(state, "idle") == 0 || strcmp(state, "running") == 0)
		return RENDER_GREEN;
	return RENDER_YELLOW;
}

/* ---- Workers ---- */

static const struct render_column worker_columns[] = {
	{"POOL", false, 0, 0},	{"SLOT", true, 0, 0}, {"PID", true, 0, 0},
	{"STATE", false, 0, 0}, {"JOB", true, 0, 0},  {"QUEUED", true, 3, 0},
	{"SINCE", true, 2, 0},	{"DONE", true, 4, 0},
};

static void write_worker(struct render *render, struct arena *arena,
			 struct slice worker)
{
	const char *state = field_text(arena, worker, "state");
	int64_t since_ms = field_int(worker, "since_ms");
	char time[DURATION_BYTES];

	render_cell(render, 0, RENDER_PLAIN, "%s",
		    field_text(arena, worker, "pool"));
	render_number(render, 1, field_int(worker, "slot"));
	render_number(render, 2, field_int(worker, "pid"));
	render_cell(render, 3, staff_colour(state), "%s", state);
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

static void count_worker(struct arena *arena, struct slice worker,
			 int64_t *workers, int64_t *busy)
{
	*workers += 1;
	*busy += strcmp(field_text(arena, worker, "state"), "busy") == 0;
}

const struct staff_kind staff_workers = {
	"org.reeve.admin.Workers",   "workers",	   "pid",	 worker_columns,
	ARRAY_COUNT(worker_columns), write_worker, count_worker,
};

/* ---- Pools ---- */

static const struct render_column pool_columns[] = {
	{"POOL", false, 0, 0},
	{"STATE", false, 0, 0},
	{"WORKERS", true, 0, 0},
	{"BUSY", true, 0, 0},
	{"WAITING", true, 1, 0},
	{"KIND", false, 3, 0},
	{"HANDLERS", false, 2, 8},
	{"REASON", false, 0, 16},
	{"MIN", true, RENDER_WIDE, 0},
	{"MAX", true, RENDER_WIDE, 0},
	{"WANTED", true, RENDER_WIDE, 0},
};

const char *staff_handlers(struct arena *arena, struct slice pool)
{
	struct json_iter iter = json_enter(field_list(pool, "handlers"));
	struct json_out line = {0};
	struct slice item, text, copy = {0};

	while (json_item(&iter, &item)) {
		if (json_string(arena, item, &text) != 0)
			continue;
		if (line.n > 0)
			json_out_byte(&line, ',');
		json_out_append(&line, text);
	}
	if (!json_out_ok(&line) ||
	    arena_copy(arena, json_out_slice(&line), &copy) != 0)
		copy = SLICE("");
	json_out_fini(&line);
	return copy.p;
}

static void write_pool(struct render *render, struct arena *arena,
		       struct slice pool)
{
	const char *state = field_text(arena, pool, "state");
	static const char *const numbers[] = {"min", "max", "wanted"};

	render_cell(render, 0, RENDER_PLAIN, "%s",
		    field_text(arena, pool, "name"));
	render_cell(render, 1, staff_colour(state), "%s", state);
	render_cell(render, 2, RENDER_PLAIN, "%" PRId64 "/%" PRId64,
		    field_int(pool, "workers"), field_int(pool, "max"));
	render_key(render, 2, field_int(pool, "workers"));
	render_number(render, 3, field_int(pool, "busy"));
	render_number(render, 4, field_int(pool, "waiting"));
	render_cell(render, 5, RENDER_PLAIN, "%s",
		    field_text(arena, pool, "kind"));
	render_cell(render, 6, RENDER_PLAIN, "%s", staff_handlers(arena, pool));
	render_cell(render, 7, RENDER_YELLOW, "%s",
		    field_text(arena, pool, "reason"));
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		render_number(render, 8 + i, field_int(pool, numbers[i]));
}

static void count_pool(struct arena *arena, struct slice pool, int64_t *workers,
		       int64_t *busy)
{
	(void)arena;
	*workers += field_int(pool, "workers");
	*busy += field_int(pool, "busy");
}

const struct staff_kind staff_pools = {
	"org.reeve.admin.Pools",   "pools",    "name",	   pool_columns,
	ARRAY_COUNT(pool_columns), write_pool, count_pool,
};

/* ---- Both ---- */

static int fill(struct table *table, const struct staff_kind *kind)
{
	const struct tool *tool = table->tool;
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;
	int64_t workers = 0, busy = 0;
	int result;

	if (reeve_call(tool->r, kind->method, NULL, &reply) != 0)
		return say_error(tool);
	iter = json_enter(field_list(slice_of(reply), kind->member));
	while (json_item(&iter, &item)) {
		table_row(table, item);
		kind->write_row(&table->render, &arena, item);
		kind->count(&arena, item, &workers, &busy);
	}
	result = table_print(table, kind->member, "");
	arena_fini(&arena);
	/* A last line that sums up. */
	if (result == 0 && table_is_human(table) && !tool->quiet)
		printf("%s%" PRId64 " workers, %" PRId64 " busy%s\n",
		       render_begin(&tool->out, RENDER_DIM), workers, busy,
		       render_end(&tool->out));
	return result;
}

int staff_list(struct tool *tool, const struct table_args *args,
	       const struct staff_kind *kind)
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
