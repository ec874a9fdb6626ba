/* reeve explain: why a job waits, and when it would start; why one ended. */

#include "client/command.h"
#include "client/field.h"
#include "client/job.h"
#include "client/reason.h"
#include "client/render.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/stamp.h"
#include "client/tail.h"
#include "client/trace.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define EXPLAIN_LINES 3

/* What it wrote last often says why; a try that wrote nothing has no lines. */
static void print_tail(struct tool *tool, int64_t id, int64_t attempt)
{
	struct tail tail;
	char *line, *rest;

	if (tail_load(tool, id, attempt, EXPLAIN_LINES, &tail) != 0)
		return;
	for (rest = tail.text; (line = strsep(&rest, "\n"));) {
		if (*line)
			printf("    %s| %s%s\n",
			       render_begin(&tool->out, RENDER_DIM), line,
			       render_end(&tool->out));
	}
}

/* Of the last attempt; those before it are remembered without. */
static void print_trace(struct tool *tool, int64_t id, int64_t attempt)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char prefix[32];

	if (reeve_get(tool->r, id, &job) != 0 ||
	    (attempt && job->attempt != attempt))
		return;
	snprintf(prefix, sizeof(prefix), "    %s|%s ",
		 render_begin(&tool->out, RENDER_DIM), render_end(&tool->out));
	trace_print(stdout, job->failure_trace, prefix, EXPLAIN_LINES);
}

static void print_reason(struct tool *tool, struct arena *arena, int64_t id,
			 struct slice reason)
{
	int64_t attempt = field_int(reason, "attempt");
	const char *remedy = field_text(arena, reason, "remedy");

	printf("  %s\n", reason_text(arena, reason));
	if (strcmp(field_text(arena, reason, "rule"), "handler") == 0)
		print_trace(tool, id, attempt);
	if (attempt)
		print_tail(tool, id, attempt);
	if (remedy[0])
		printf("    next: %s\n", remedy);
}

static int explain(struct tool *tool, struct arena *arena, int64_t id)
{
	char params[64], stamp[STAMP_BYTES];
	struct json_iter iter;
	struct slice reason, told;
	const char *reply;
	int64_t start_ms, said_ms = 0;

	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", id);
	if (reeve_call(tool->r, "org.reeve.jobs.Explain", params, &reply) != 0)
		return say_error(tool);
	if (tool->json) {
		printf("{\"v\":1,\"id\":%" PRId64 ",\"explain\":%s}\n", id,
		       reply);
		return 0;
	}
	/* Reading output is a call of its own, and ends the reply's life. */
	if (arena_copy(arena, slice_of(reply), &told) != 0)
		return say_memory(tool);
	printf("%s\n", field_text(arena, told, "summary"));
	iter = json_enter(field_list(told, "reasons"));
	while (json_item(&iter, &reason)) {
		print_reason(tool, arena, id, reason);
		if (field_int(reason, "at_ms"))
			said_ms = field_int(reason, "at_ms");
	}
	start_ms = field_int(told, "expected_start_ms");
	if (start_ms && start_ms != said_ms)
		printf("  expected to start about %s\n",
		       stamp_local(start_ms, stamp));
	return 0;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct selector selector = {0};
	struct arena arena = {0};
	int result = selector_parse(tool, &selector, argc, argv);

	(void)options;
	if (result == 0 && selector_is_empty(&selector))
		result = say_usage(tool, "Name one, like: reeve explain last",
				   "which job?");
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = selector_find(tool, &selector);
	for (size_t i = 0; result == 0 && i < selector.id_count; i++)
		result = explain(tool, &arena, selector.ids[i]);
	arena_fini(&arena);
	selector_fini(&selector);
	return result;
}

const struct command command_explain = {
	.name = "explain",
	.alias = "why",
	.group = "Work",
	.synopsis = "JOB|FILTER...",
	.summary = "Say why a job waits and when it would start, or why it "
		   "ended.",
	.text = "  reeve explain last\n"
		"  reeve explain waiting queue=mail\n",
	.run = run,
};
