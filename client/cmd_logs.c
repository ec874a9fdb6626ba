/* reeve logs: what a job wrote. */

#include "client/audience.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/job.h"
#include "client/reason.h"
#include "client/relay.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/stuck.h"
#include "client/text.h"
#include "client/when.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define LOGS_TITLE 60 /* columns of what a header says of a job */

struct logs_options {
	bool follow, only_stdout, only_stderr;
	int64_t attempt; /* 0: the last, or each that is to come */
	const char *tail, *since;
	int64_t tail_lines, since_ms; /* read from those; -1 and 0: all */
};

static const struct arg_flag flags[] = {
	{"follow", 'f', ARG_ON, offsetof(struct logs_options, follow), NULL,
	 "go on until the job ends", 0, NULL},
	{"stdout", 0, ARG_ON, offsetof(struct logs_options, only_stdout), NULL,
	 "only its stdout", 0, NULL},
	{"stderr", 0, ARG_ON, offsetof(struct logs_options, only_stderr), NULL,
	 "only its stderr", 0, NULL},
	{"attempt", 0, ARG_INT, offsetof(struct logs_options, attempt), "N",
	 "what its Nth try wrote (the last)", 1, NULL},
	{"tail", 0, ARG_INT_TEXT, offsetof(struct logs_options, tail), "N",
	 "only the last N lines, and with -f what follows", 0, NULL},
	{"since", 0, ARG_TEXT, offsetof(struct logs_options, since), "WHEN",
	 "only what was written since: 5m, 14:30, 2026-11-22", 0, NULL},
};

/* An empty answer must not look like a silent job. */
static void tell_elsewhere(struct tool *tool, const struct reeve_output *output,
			   int64_t id, enum reeve_channel asked,
			   enum reeve_channel of)
{
	if ((asked == REEVE_BOTH || asked == of) &&
	    reeve_output_elsewhere(output, of))
		say_note(tool,
			 "%s of job %" PRId64
			 " is not kept: it goes where its submitter wanted it",
			 of == REEVE_STDOUT ? "stdout" : "stderr", id);
}

/* Those which get something of it. */
static unsigned audience_of(enum reeve_channel channel)
{
	switch (channel) {
	case REEVE_STDOUT:
		return AUDIENCE_STDOUT;
	case REEVE_STDERR:
		return AUDIENCE_STDERR;
	case REEVE_BOTH:
	default:
		return AUDIENCE_STDOUT | AUDIENCE_STDERR;
	}
}

/* ---- The end of it ---- */

/* Of a piece what is asked for; false: nothing. @skip: lines to be left out. */
static bool take_part(const struct logs_options *options, int64_t *skip,
		      struct reeve_chunk *chunk)
{
	if (chunk->at_ms < options->since_ms)
		return false;
	while (*skip > 0 && chunk->bytes > 0) {
		const char *end = memchr(chunk->data, '\n', chunk->bytes);
		size_t n = end ? (size_t)(end - chunk->data) + 1 : chunk->bytes;

		chunk->data += n;
		chunk->bytes -= n;
		*skip -= end != NULL;
	}
	return *skip == 0 && (chunk->bytes > 0 || chunk->omitted > 0);
}

/* How many lines come before the last of them: it is read twice, because
 * nobody knows how much the last lines are. */
static int count_skip(struct tool *tool, const struct logs_options *options,
		      int64_t id, int64_t attempt, enum reeve_channel channel,
		      int64_t *ret)
{
	struct reeve_output *output;
	struct reeve_chunk chunk;
	int64_t lines = 0, none = 0;
	bool open = false; /* the last line has no end */
	int result;

	*ret = 0;
	if (options->tail_lines < 0)
		return 0;
	if (reeve_output_open(tool->r, id, channel, false, &output) != 0)
		return say_error(tool);
	reeve_output_set_attempt(output, attempt);
	while ((result = reeve_output_next(output, -1, &chunk)) == 0) {
		if (!take_part(options, &none, &chunk) || chunk.bytes == 0)
			continue;
		for (size_t i = 0; i < chunk.bytes; i++)
			lines += chunk.data[i] == '\n';
		open = chunk.data[chunk.bytes - 1] != '\n';
	}
	lines += open;
	if (lines > options->tail_lines)
		*ret = lines - options->tail_lines;
	reeve_output_free(output);
	return result == REEVE_E_END ? 0 : say_error(tool);
}

/* As relay_write(): all that is there; 0 when more may come. */
static int relay(struct tool *tool, const struct logs_options *options,
		 struct reeve_output *output, enum reeve_channel channel,
		 int64_t *skip, int *ret_result)
{
	struct reeve_chunk chunk;
	int fd, written = 0;

	while (written == 0 &&
	       (*ret_result = reeve_output_next(output, 0, &chunk)) == 0) {
		if (take_part(options, skip, &chunk))
			written = relay_write(tool, &chunk);
	}
	if (written != 0 || *ret_result != REEVE_E_TIMEOUT)
		return written;
	fd = reeve_output_fd(output);
	*ret_result = 0;
	return audience_wait(audience_of(channel), &fd, 1, -1) == 0
		       ? 0
		       : RELAY_E_CLOSED;
}

/* @attempt: 0: the last. @ret_closed: nobody reads what is written here. */
static int show(struct tool *tool, const struct logs_options *options,
		int64_t id, int64_t attempt, bool *ret_closed)
{
	enum reeve_channel channel = REEVE_BOTH;
	struct reeve_output *output;
	int result, written = 0;
	int64_t skip;

	*ret_closed = false;
	if (options->only_stdout != options->only_stderr)
		channel = options->only_stdout ? REEVE_STDOUT : REEVE_STDERR;
	result = count_skip(tool, options, id, attempt, channel, &skip);
	if (result != 0)
		return result;
	if (reeve_output_open(tool->r, id, channel, options->follow, &output) !=
	    0)
		return say_error(tool);
	reeve_output_set_attempt(output, attempt);
	while (written == 0 && result == 0)
		written = relay(tool, options, output, channel, &skip, &result);
	*ret_closed = written == RELAY_E_CLOSED;
	if (written == 0 && result == REEVE_E_END) {
		tell_elsewhere(tool, output, id, channel, REEVE_STDOUT);
		tell_elsewhere(tool, output, id, channel, REEVE_STDERR);
	}
	reeve_output_free(output);
	if (written > 0)
		return written;
	if (*ret_closed || result == REEVE_E_END)
		return 0;
	return say_error(tool);
}

static void tell_next(const struct tool *tool, const struct reeve_job *job,
		      int64_t attempt)
{
	char end[WORDS_BYTES], wait[DURATION_BYTES];
	int64_t left_ms = job->run_at_ms - clock_wall_ms();
	struct reeve_job ended = *job;

	/* The cause is of the try that ended last, whatever it is now. */
	ended.state = REEVE_FAILED;
	words_end(&ended, end);
	if (job->state == REEVE_SCHEDULED && left_ms > 0)
		say_note(tool,
			 "attempt %" PRId64 " of job %" PRId64
			 " %s; the next one comes in %s",
			 attempt, job->id, end, duration_format(left_ms, wait));
	else
		say_note(tool,
			 "attempt %" PRId64 " of job %" PRId64
			 " is over; the next one follows",
			 attempt, job->id);
}

/* One try after the other, until the job has ended. */
static int follow(struct tool *tool, const struct logs_options *asked,
		  int64_t id)
{
	struct logs_options options = *asked;
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	bool closed = false;
	int64_t attempt;
	int result;

	if (reeve_get(tool->r, id, &job) != 0)
		return say_error(tool);
	if (job->attempt == 0)
		stuck_tell(tool, &id, 1);
	for (attempt = job->attempt > 0 ? job->attempt : 1;; attempt++) {
		result = show(tool, &options, id, attempt, &closed);
		if (result != 0 || closed)
			return result;
		options.tail_lines = -1; /* the next is shown whole */
		reeve_job_free(TAKE(job));
		if (reeve_get(tool->r, id, &job) != 0)
			return say_error(tool);
		if (job->attempt <= attempt && reeve_job_ended(job))
			return 0;
		tell_next(tool, job, attempt);
	}
}

/* One that has not begun would look like one that wrote nothing. */
static int show_attempt(struct tool *tool, const struct logs_options *options,
			int64_t id)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char hint[64];
	bool closed;

	if (reeve_get(tool->r, id, &job) != 0)
		return say_error(tool);
	if (options->attempt <= job->attempt)
		return show(tool, options, id, options->attempt, &closed);
	snprintf(hint, sizeof(hint), "How each ended: reeve show %" PRId64, id);
	if (job->attempt == 0)
		return say_fail(tool, EXIT_MISSING, hint,
				"job %" PRId64 " has not begun", id);
	return say_fail(tool, EXIT_MISSING, hint,
			"job %" PRId64 " has no attempt %" PRId64
			": its last is %" PRId64,
			id, options->attempt, job->attempt);
}

/* An empty answer must not look like a silent job. @alone: no other is asked
 * for, so it is an error. */
static int not_begun(struct tool *tool, const struct reeve_job *job, bool alone)
{
	struct arena arena = {0};
	char params[64], hint[96];
	const char *reply, *why = "";
	struct json_iter iter;
	struct slice reason;
	int result = 0;

	if (reeve_job_ended(job)) {
		say_note(tool,
			 "job %" PRId64 " never began, so it wrote nothing",
			 job->id);
		return 0;
	}
	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", job->id);
	if (reeve_call(tool->r, "org.reeve.jobs.Explain", params, &reply) ==
	    0) {
		iter = json_enter(field_list(slice_of(reply), "reasons"));
		if (json_item(&iter, &reason))
			why = reason_text(&arena, reason);
	}
	snprintf(hint, sizeof(hint), "To wait for it: reeve logs -f %" PRId64,
		 job->id);
	if (!alone)
		say_note(tool, "job %" PRId64 " has not begun", job->id);
	else
		result = say_fail(tool, EXIT_MISSING, hint,
				  "job %" PRId64 " has not begun%s%s", job->id,
				  why[0] ? ": " : "", why);
	arena_fini(&arena);
	return result;
}

static int show_last(struct tool *tool, const struct logs_options *options,
		     int64_t id, bool alone)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	bool closed;

	if (reeve_get(tool->r, id, &job) != 0)
		return say_error(tool);
	if (job->attempt == 0)
		return not_begun(tool, job, alone);
	return show(tool, options, id, 0, &closed);
}

static int logs(struct tool *tool, const struct logs_options *options,
		int64_t id, bool alone)
{
	if (options->attempt > 0)
		return show_attempt(tool, options, id);
	return options->follow ? follow(tool, options, id)
			       : show_last(tool, options, id, alone);
}

/* Whose it is, as tail(1) says it: in a file or a pipe are only their words. */
static int header(struct tool *tool, int64_t id, bool first)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char title[LOGS_TITLE * 4 + 8];

	if (reeve_get(tool->r, id, &job) != 0)
		return say_error(tool);
	text_fit(words_title(job), LOGS_TITLE, tool->out.unicode, title,
		 sizeof(title));
	printf("%s==> job %" PRId64 ": %s <==\n", first ? "" : "\n", id, title);
	fflush(stdout);
	return 0;
}

static int read_options(struct tool *tool, struct logs_options *options)
{
	options->tail_lines = -1;
	if (options->tail && !args_int(options->tail, &options->tail_lines))
		return EXIT_USAGE; /* was looked at before */
	if (options->since &&
	    !when_since(options->since, clock_wall_ms(), &options->since_ms))
		return say_usage(tool,
				 "Like: --since 5m, --since 14:30, --since "
				 "'2026-11-22 09:00'",
				 "--since takes a time that has been, or how "
				 "long ago, not '%s'",
				 options->since);
	return 0;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct selector selector = {0};
	int result = read_options(tool, options);

	if (result == 0)
		result = selector_parse(tool, &selector, argc, argv);
	if (result == 0 && selector_is_empty(&selector))
		result = say_usage(tool,
				   "Like: reeve logs 42, or: reeve logs "
				   "-f last",
				   "which job?");
	if (result == 0 && tool->json)
		result = say_usage(tool,
				   "See reeve-protocol(7), Output, for a "
				   "stream of JSON",
				   "logs prints what the job wrote and has no "
				   "--json");
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = selector_find(tool, &selector);
	for (size_t i = 0; result == 0 && i < selector.id_count; i++) {
		if (selector.id_count > 1 && tool->out.terminal)
			result = header(tool, selector.ids[i], i == 0);
		if (result == 0)
			result = logs(tool, options, selector.ids[i],
				      selector.id_count == 1);
	}
	selector_fini(&selector);
	return result;
}

/* `follow 42`: with the flags of logs. */
static int run_follow(struct tool *tool, void *options, int argc, char **argv)
{
	((struct logs_options *)options)->follow = true;
	return run(tool, options, argc, argv);
}

const struct command command_follow = {
	.name = "follow",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Print what a job writes until it ends: logs -f.",
	.text = "  reeve follow last\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct logs_options),
	.run = run_follow,
};

const struct command command_logs = {
	.name = "logs",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Print what a job wrote, to stdout and stderr as it did.",
	.text = "  reeve logs last\n"
		"  reeve logs -f 42\n"
		"  reeve logs --attempt 1 42\n"
		"  reeve logs -f --tail 10 --since 5m running\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct logs_options),
	.run = run,
};
