#include "client/queue_list.h"

#include "client/clock.h"
#include "client/field.h"
#include "client/say.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

static const struct render_column columns[] = {
	{"QUEUE", false, 0, 8},	 {"WAITING", true, 0, 0},
	{"RUNNING", true, 0, 0}, {"FAILED", true, 3, 0},
	{"DONE", true, 4, 0},	 {"LATENCY", true, 1, 0},
	{"LIMIT", true, 2, 0},	 {"STATE", false, 0, 0},
};

/* In the order of the columns. */
enum { QUEUE, WAITING, RUNNING, FAILED, DONE, LATENCY, LIMIT, STATE };

int64_t queue_list_waiting(const struct counts *counts)
{
	return counts->of[REEVE_HELD] + counts->of[REEVE_BLOCKED] +
	       counts->of[REEVE_SCHEDULED] + counts->of[REEVE_READY];
}

static int64_t latency_ms(struct slice queue)
{
	int64_t since_ms = field_int(queue, "oldest_ready_ms");

	return since_ms ? clock_wall_ms() - since_ms : -1;
}

const char *queue_list_latency(struct slice queue, char text[DURATION_BYTES])
{
	return duration_format(latency_ms(queue), text);
}

static void write_count(struct render *render, size_t column,
			enum render_colour colour, int64_t count)
{
	render_cell(render, column, count ? colour : RENDER_PLAIN, "%" PRId64,
		    count);
	render_key(render, column, count);
}

static void write_row(struct render *render, struct arena *arena,
		      struct slice queue, const struct counts *counts)
{
	char latency[DURATION_BYTES];
	int64_t limit = field_int(queue, "max_length");
	bool paused = field_bool(queue, "paused");

	render_cell(render, QUEUE, RENDER_PLAIN, "%s",
		    field_text(arena, queue, "name"));
	write_count(render, WAITING, RENDER_PLAIN, queue_list_waiting(counts));
	write_count(render, RUNNING, RENDER_BLUE, counts->of[REEVE_RUNNING]);
	write_count(render, FAILED, RENDER_RED, counts->of[REEVE_FAILED]);
	write_count(render, DONE, RENDER_PLAIN, counts->of[REEVE_SUCCEEDED]);
	render_cell(render, LATENCY, RENDER_PLAIN, "%s",
		    queue_list_latency(queue, latency));
	render_key(render, LATENCY, latency_ms(queue));
	if (limit)
		write_count(render, LIMIT, RENDER_PLAIN, limit);
	else
		render_cell(render, LIMIT, RENDER_DIM, "-");
	render_cell(render, STATE, paused ? RENDER_YELLOW : RENDER_GREEN, "%s",
		    paused ? "paused" : "running");
}

int queue_list_table(struct table *table, struct tool *tool,
		     const struct table_args *args)
{
	return table_init(table, tool, args, columns, ARRAY_COUNT(columns),
			  "name");
}

int queue_list_print(struct table *table, struct arena *arena,
		     struct slice queues)
{
	const struct screen *screen = &table->tool->out;
	struct json_iter iter = json_enter(queues);
	int64_t waiting = 0, running = 0;
	struct slice queue;
	int result;

	while (json_item(&iter, &queue)) {
		struct counts counts = {0};

		counts_parse(&counts, field_object(queue, "counts"));
		waiting += queue_list_waiting(&counts);
		running += counts.of[REEVE_RUNNING];
		table_row(table, queue);
		write_row(&table->render, arena, queue, &counts);
	}
	result = table_print(table, "queues", "");
	if (result == 0 && table_is_human(table) && !table->tool->quiet)
		printf("%s%" PRId64 " waiting, %" PRId64 " running%s\n",
		       render_begin(screen, RENDER_DIM), waiting, running,
		       render_end(screen));
	return result;
}
