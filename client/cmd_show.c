/* reeve show: everything about one job, and what to do next. */

#include "client/asked.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/job.h"
#include "client/reason.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/stamp.h"
#include "client/tail.h"
#include "client/text.h"
#include "client/ties.h"
#include "client/trace.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

#define SHOW_LINES 10

/* Values come from whoever submitted the job. */
static void row(const struct tool *tool, const char *label, const char *value)
{
	char clean[4096];

	text_fit(value, sizeof(clean), tool->out.unicode, clean, sizeof(clean));
	printf("  %-10s %s\n", label, clean);
}

/* Ended by a limit: by which. */
static void say_timeout(struct slice spec, char end[WORDS_BYTES])
{
	int64_t ms = field_int(spec, "timeout_ms");
	char span[DURATION_BYTES];

	if (ms)
		snprintf(end, WORDS_BYTES,
			 "ran longer than its timeout, %s, and was ended",
			 duration_format(ms, span));
}

static void print_head(const struct tool *tool, const struct reeve_job *job,
		       struct slice spec)
{
	enum render_colour colour;
	const char *glyph = words_glyph(job->state, tool->out.unicode, &colour);
	char end[WORDS_BYTES], title[256];

	words_end(job, end);
	if (job->cause == REEVE_CAUSE_TIMEOUT && reeve_job_ended(job))
		say_timeout(spec, end);
	text_clean(end);
	text_fit(words_title(job), 60, tool->out.unicode, title, sizeof(title));
	printf("job %" PRId64 "  %s\n", job->id, title);
	if (job->state == REEVE_SUCCEEDED)
		snprintf(end, sizeof(end), "all went well");
	printf("  %-10s %s%s %s%s: %s\n", "state",
	       render_begin(&tool->out, colour), glyph, words_state(job->state),
	       render_end(&tool->out), end);
}

static void print_times(const struct tool *tool, const struct reeve_job *job,
			int64_t now_ms)
{
	char stamp[STAMP_BYTES], text[128], span[DURATION_BYTES];

	row(tool, "submitted", stamp_local(job->created_ms, stamp));
	/* Of one that runs or ran: what was asked for, not of a later try. */
	if (job->run_at_ms > job->created_ms &&
	    (job->state == REEVE_SCHEDULED || job->attempt <= 1 ||
	     job->run_at_ms > now_ms))
		row(tool, "due", stamp_local(job->run_at_ms, stamp));
	if (!job->started_ms)
		return;
	snprintf(text, sizeof(text), "%s, after waiting %s",
		 stamp_local(job->started_ms, stamp),
		 duration_format(job->started_ms - job->created_ms, span));
	row(tool, "started", text);
	snprintf(text, sizeof(text), "%s%s",
		 duration_format(words_time_ms(job, now_ms), span),
		 reeve_job_ended(job) ? "" : " so far");
	row(tool, "ran", text);
}

/* Most jobs need less than a millisecond or two. */
static const char *say_cpu(int64_t us, char buffer[DURATION_BYTES])
{
	if (us >= 10000)
		return duration_format(us / 1000, buffer);
	snprintf(buffer, DURATION_BYTES, "%.1fms", (double)us / 1000);
	return buffer;
}

static void print_usage(const struct tool *tool, const struct reeve_job *job)
{
	char text[160], span[DURATION_BYTES], size[DURATION_BYTES];

	if (job->cpu_us >= 0 && job->peak_kib >= 0) {
		snprintf(text, sizeof(text), "%s CPU, %s memory at most",
			 say_cpu(job->cpu_us, span),
			 duration_bytes(job->peak_kib * 1024, size));
		row(tool, "used", text);
	}
	if (job->stdout_bytes > 0 || job->stderr_bytes > 0) {
		snprintf(text, sizeof(text), "%s on stdout, %s on stderr",
			 duration_bytes(
				 job->stdout_bytes > 0 ? job->stdout_bytes : 0,
				 span),
			 duration_bytes(
				 job->stderr_bytes > 0 ? job->stderr_bytes : 0,
				 size));
		row(tool, "wrote", text);
	}
}

static void print_number(const struct tool *tool, const char *label,
			 int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	row(tool, label, text);
}

static void print_user(const struct tool *tool, int64_t uid)
{
	const struct passwd *user = getpwuid((uid_t)uid);

	if (user)
		row(tool, "user", user->pw_name);
	else
		print_number(tool, "user", uid);
}

/* Whom it calls, with what. */
static void print_call(const struct tool *tool, const struct reeve_job *job)
{
	row(tool, "handler", job->handler);
	if (job->args[0])
		row(tool, "args", job->args);
}

/* How far it says to be, and when it would be done. */
static void print_progress(const struct tool *tool, const struct reeve_job *job,
			   int64_t now_ms)
{
	char text[WORDS_BYTES], line[WORDS_BYTES + DURATION_BYTES + 16];
	char span[DURATION_BYTES];
	int64_t left_ms = words_left_ms(job, now_ms);

	words_progress(job, text);
	if (!text[0])
		return;
	snprintf(line, sizeof(line), "%s%s%s%s", text,
		 left_ms < 0 ? "" : ", about ",
		 left_ms < 0 ? "" : duration_format(left_ms, span),
		 left_ms < 0 ? "" : " left");
	row(tool, "progress", line);
}

/* What it returned, or where its error came from. */
static void print_result(const struct tool *tool, const struct reeve_job *job)
{
	if (strcmp(job->handler, "exec") == 0)
		return;
	if (job->state == REEVE_SUCCEEDED)
		row(tool, "result", job->result);
	if (job->failure_trace[0]) {
		printf("  trace\n");
		trace_print(stdout, job->failure_trace, "    ", 0);
	}
}

static void print_facts(const struct tool *tool, const struct reeve_job *job)
{
	char text[64];

	if (strcmp(job->handler, "exec") != 0)
		print_call(tool, job);
	else if (job->command[0])
		row(tool, "command", job->command);
	row(tool, "queue", job->queue);
	if (job->priority)
		print_number(tool, "priority", job->priority);
	if (job->group)
		print_number(tool, "group", job->group);
	if (job->key[0])
		row(tool, "key", job->key);
	print_user(tool, job->uid);
	if (job->attempt > 0) {
		snprintf(text, sizeof(text), "%" PRId64 "%s", job->attempt,
			 job->crashes ? " (workers were lost)" : "");
		row(tool, "attempt", text);
	}
}

static void print_output(struct tool *tool, const struct reeve_job *job)
{
	struct tail tail;
	const char *line;

	if (job->stdout_bytes == 0 && job->stderr_bytes == 0)
		return;
	if (tail_load(tool, job->id, 0, SHOW_LINES, &tail) != 0 ||
	    !tail.text[0])
		return;
	if (tail.cut)
		printf("  last lines (all of it: reeve logs %" PRId64 ")\n",
		       job->id);
	else
		printf("  output\n");
	for (line = tail.text; *line;) {
		size_t n = strcspn(line, "\n");

		printf("    %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* How each try ended, when there was more than one. */
static int print_tries(struct tool *tool, const struct reeve_job *job)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice reason;
	const char *label = "tries", *reply;
	char params[64];

	if (job->attempt < 2 && (job->attempt < 1 || reeve_job_ended(job) ||
				 job->state == REEVE_RUNNING))
		return 0;
	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", job->id);
	if (reeve_call(tool->r, "org.reeve.jobs.Explain", params, &reply) != 0)
		return say_error(tool);
	iter = json_enter(field_list(slice_of(reply), "reasons"));
	while (json_item(&iter, &reason)) {
		row(tool, label, reason_text(&arena, reason));
		label = "";
	}
	arena_fini(&arena);
	return 0;
}

static int show_json(struct tool *tool, const struct reeve_job *job,
		     struct slice spec)
{
	char params[64];
	const char *reply;

	printf("{\"v\":1,\"job\":%s", job->json);
	if (json_count(spec) > 0)
		printf(",\"submitted\":%.*s", (int)spec.n, spec.p);
	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", job->id);
	if (job->attempt > 1 && reeve_call(tool->r, "org.reeve.jobs.Explain",
					   params, &reply) == 0) {
		struct slice reasons = field_list(slice_of(reply), "reasons");

		printf(",\"tries\":%.*s", (int)reasons.n, reasons.p);
	}
	printf("}\n");
	return 0;
}

static int show_text(struct tool *tool, const struct reeve_job *job,
		     struct slice spec)
{
	char hint[WORDS_BYTES];

	print_head(tool, job, spec);
	print_facts(tool, job);
	asked_print(tool, spec, row);
	print_times(tool, job, clock_wall_ms());
	print_progress(tool, job, clock_wall_ms());
	ties_print(tool, job, row);
	print_usage(tool, job);
	if (print_tries(tool, job) != 0)
		return EXIT_FAILED;
	print_result(tool, job);
	print_output(tool, job);
	words_hint(job, hint);
	if (hint[0])
		row(tool, "next", hint);
	return 0;
}

static int show(struct tool *tool, int64_t id)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	struct arena arena = {0};
	struct slice spec;
	int result;

	if (reeve_get(tool->r, id, &job) != 0)
		return say_error(tool);
	spec = asked_load(tool, id, &arena);
	result = tool->json ? show_json(tool, job, spec)
			    : show_text(tool, job, spec);
	arena_fini(&arena);
	return result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct selector selector = {0};
	int result;

	(void)options;
	result = selector_parse(tool, &selector, argc, argv);
	if (result == 0 && selector_is_empty(&selector))
		result = say_usage(tool,
				   "Like: reeve show 42, or: reeve show "
				   "last",
				   "which job?");
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = selector_find(tool, &selector);
	for (size_t i = 0; result == 0 && i < selector.id_count; i++)
		result = show(tool, selector.ids[i]);
	selector_fini(&selector);
	return result;
}

const struct command command_show = {
	.name = "show",
	.group = "Work",
	.synopsis = "JOB|FILTER...",
	.summary = "All about a job: why it failed, what it wrote, what next.",
	.text = "  reeve show last\n",
	.run = run,
};
