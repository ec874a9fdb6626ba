/* reeve logs: what a job wrote. */

#include "client/audience.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/job.h"
#include "client/relay.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/stuck.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

struct logs_options {
	bool follow, only_stdout, only_stderr;
	int64_t attempt; /* 0: the last, or each that is to come */
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

/* As relay_write(): all that is there; 0 when more may come. */
static int relay(struct tool *tool, struct reeve_output *output,
		 enum reeve_channel channel, int *ret_result)
{
	struct reeve_chunk chunk;
	int fd, written = 0;

	while (written == 0 &&
	       (*ret_result = reeve_output_next(output, 0, &chunk)) == 0)
		written = relay_write(tool, &chunk);
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
	int result = 0, written = 0;

	*ret_closed = false;
	if (options->only_stdout != options->only_stderr)
		channel = options->only_stdout ? REEVE_STDOUT : REEVE_STDERR;
	if (reeve_output_open(tool->r, id, channel, options->follow, &output) !=
	    0)
		return say_error(tool);
	reeve_output_set_attempt(output, attempt);
	while (written == 0 && result == 0)
		written = relay(tool, output, channel, &result);
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
static int follow(struct tool *tool, const struct logs_options *options,
		  int64_t id)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	bool closed = false;
	int64_t attempt;
	int result;

	if (reeve_get(tool->r, id, &job) != 0)
		return say_error(tool);
	if (job->attempt == 0)
		stuck_tell(tool, &id, 1);
	for (attempt = job->attempt > 0 ? job->attempt : 1;; attempt++) {
		result = show(tool, options, id, attempt, &closed);
		if (result != 0 || closed)
			return result;
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
			why = field_text(&arena, reason, "message");
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

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct selector selector = {0};
	int result = selector_parse(tool, &selector, argc, argv);

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
	for (size_t i = 0; result == 0 && i < selector.id_count; i++)
		result = logs(tool, options, selector.ids[i],
			      selector.id_count == 1);
	selector_fini(&selector);
	return result;
}

const struct command command_logs = {
	.name = "logs",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Print what a job wrote, to stdout and stderr as it did.",
	.text = "  reeve logs last\n"
		"  reeve logs -f 42\n"
		"  reeve logs --attempt 1 42\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct logs_options),
	.run = run,
};
