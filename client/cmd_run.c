/*
 * reeve run: a job as if it were a command of this shell. Its output appears
 * as it is written, signals cancel it, its exit code is ours.
 */

#include "client/clock.h"
#include "client/command.h"
#include "client/existing.h"
#include "client/finish.h"
#include "client/glance.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/job_args.h"
#include "client/relay.h"
#include "client/say.h"
#include "client/slow.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Shorter jobs are shown at their end: that saves them a connection. */
#define RUN_FOLLOW_MS 50
#define RUN_DRAIN_MS 2000
#define RUN_DRAW_MS 200

struct run_options {
	struct job_args job;
	bool verbose, progress;
};

static const struct arg_flag flags[] = {
	{"verbose", 'v', ARG_ON, offsetof(struct run_options, verbose), NULL,
	 "say on stderr what happens", 0, NULL},
	{"progress", 0, ARG_ON, offsetof(struct run_options, progress), NULL,
	 "a line each 10% or 30s, where stderr is no terminal", 0, NULL},
};

struct run {
	struct tool *tool;
	int64_t id;
	struct reeve_watch *watch;
	struct reeve_output *output; /* NULL: not followed yet, or over */
	bool followed;	 /* output was opened: up to `attempt` all is shown */
	int64_t attempt; /* whose output it is, or was; 0: none */
	bool attached;	 /* to an older job, which is not ours to cancel */
	bool closed;	 /* our stdout or stderr is: the job was cancelled */
	int unwritten;	 /* exit code: they cannot be written; it goes on */
	volatile sig_atomic_t *signal;
	struct progress progress;
	struct glance glance;
	bool midline; /* the terminal's cursor is behind output of the job */
};

static int cancel(struct run *run, const char *reason)
{
	if (reeve_cancel(run->tool->r, run->id, reason) != 0)
		return say_error(run->tool);
	return 0;
}

/* The first signal cancels; the second one ends us. */
static int take_signal(struct run *run)
{
	char reason[64];
	int number = *run->signal;

	if (number == 0)
		return 0;
	progress_clear(&run->progress);
	if (run->attached)
		return existing_left(run->tool, run->id);
	interrupt_taken();
	snprintf(reason, sizeof(reason), "reeve run got SIG%s",
		 sigabbrev_np(number));
	say_hint(run->tool,
		 "cancelling job %" PRId64
		 "; once more to leave it to the daemon",
		 run->id);
	return cancel(run, reason);
}

static int reader_gone(struct run *run)
{
	run->closed = true;
	reeve_output_free(TAKE(run->output));
	if (run->attached)
		return 128 + SIGPIPE;
	return cancel(run, "nobody reads its output any more");
}

/* What the job says of itself: only where a line of ours can stand. */
static void draw(struct run *run)
{
	int64_t now_ms = clock_monotonic_ms();

	if (glance_job(&run->glance, &run->progress, run->id, now_ms) &&
	    !run->midline)
		progress_update(&run->progress, now_ms);
}

static int relay(struct run *run, const struct reeve_chunk *chunk)
{
	const struct screen *screen = chunk->channel == REEVE_STDERR
					      ? &run->tool->err
					      : &run->tool->out;

	progress_clear(&run->progress);
	if (chunk->omitted)
		run->midline = false;
	else if (screen->terminal && chunk->bytes)
		run->midline = chunk->data[chunk->bytes - 1] != '\n';
	return relay_write(run->tool, chunk);
}

/* All that is there, without waiting. */
static int show(struct run *run, int64_t timeout_ms)
{
	struct reeve_chunk chunk;
	int result = 0;

	while (run->output) {
		result = reeve_output_next(run->output, timeout_ms, &chunk);
		if (result == 0) {
			result = relay(run, &chunk);
			if (result == RELAY_E_CLOSED)
				return reader_gone(run);
			if (result == 0)
				continue;
			run->unwritten = result;
			reeve_output_free(TAKE(run->output));
			return 0;
		}
		if (result == REEVE_E_TIMEOUT)
			return 0;
		if (result == REEVE_E_INTERRUPTED)
			return take_signal(run);
		progress_clear(&run->progress);
		if (result != REEVE_E_END)
			say_note(run->tool, "the output is cut short: %s",
				 reeve_error(run->tool->r)->message);
		reeve_output_free(TAKE(run->output));
	}
	return 0;
}

static void wait_for_more(const struct run *run, int64_t timeout_ms)
{
	struct pollfd fds[4] = {
		{.fd = reeve_watch_fd(run->watch), .events = POLLIN},
		{.fd = interrupt_fd(), .events = POLLIN},
		{.fd = run->output ? reeve_output_fd(run->output) : -1,
		 .events = POLLIN},
		{.fd = glance_fd(&run->glance), .events = POLLIN},
	};

	if (progress_wanted(&run->progress)) {
		int most_ms = run->progress.shown ? RUN_DRAW_MS : GLANCE_MS;

		if (timeout_ms < 0 || timeout_ms > most_ms)
			timeout_ms = most_ms;
	}
	/* Between two connections there is nothing to poll: look again soon. */
	if (fds[0].fd < 0 || (run->output && fds[2].fd < 0))
		timeout_ms = 20;
	poll(fds, ARRAY_COUNT(fds), (int)timeout_ms);
}

/* The next try, which may be still to come. */
static int follow(struct run *run)
{
	run->followed = true;
	if (reeve_output_open(run->tool->r, run->id, REEVE_BOTH, true,
			      &run->output) != 0)
		return say_error(run->tool);
	reeve_output_set_attempt(run->output, ++run->attempt);
	return 0;
}

/* Until the job has ended; what it writes is shown meanwhile. */
static int attend(struct run *run, struct reeve_job **ret)
{
	int64_t begun_ms = clock_monotonic_ms();

	for (;;) {
		int result = reeve_watch_next(run->watch, 0, ret);

		if (result == 0)
			return 0;
		if (result != REEVE_E_TIMEOUT && result != REEVE_E_INTERRUPTED)
			return say_error(run->tool);
		result = take_signal(run);
		/* It is over, and the job is not: another try follows. */
		if (result == 0 && !run->output && !run->closed &&
		    !run->unwritten &&
		    clock_monotonic_ms() - begun_ms >= RUN_FOLLOW_MS) {
			result = follow(run);
			begun_ms = clock_monotonic_ms();
		}
		if (result == 0)
			result = show(run, 0);
		if (result != 0)
			return result;
		draw(run);
		wait_for_more(run, run->output || run->closed || run->unwritten
					   ? -1
					   : RUN_FOLLOW_MS);
	}
}

static int finish(struct run *run, const struct reeve_job *job)
{
	int64_t until_ms = clock_monotonic_ms() + RUN_DRAIN_MS;
	int result;

	/* Its last words may still be on their way. */
	while (run->output && clock_monotonic_ms() < until_ms) {
		result = show(run, 100);
		if (result != 0)
			return result;
	}
	if ((!run->followed || run->attempt < job->attempt) && !run->closed &&
	    !run->unwritten &&
	    (job->stdout_bytes != 0 || job->stderr_bytes != 0)) {
		result = relay_job(run->tool, run->id, REEVE_BOTH, NULL);
		run->closed = result == RELAY_E_CLOSED;
		run->unwritten = result > 0 ? result : 0;
	}
	if (run->closed)
		return 128 + SIGPIPE;
	result = finish_job(run->tool, job, run->attached);
	return result ? result : run->unwritten;
}

/*
 * As a command of the shell would have it: a file, a pipe, a socket. What is
 * read from them cannot be read again, so a job that may be tried again goes
 * without. A terminal is not for jobs, whose session is another one.
 */
static int passes_stdin(const struct tool *tool, const struct job_args *args,
			bool *ret)
{
	struct stat st;

	*ret = false;
	if (args->read_stdin || args->stdin_file ||
	    fstat(STDIN_FILENO, &st) < 0)
		return 0;
	/* Nobody means that, and an empty stdin would hide the mistake. */
	if (S_ISDIR(st.st_mode))
		return say_fail(tool, EXIT_FAILED,
				"Give a file or a pipe, or </dev/null for an "
				"empty one",
				"stdin is a folder, from which nothing can be "
				"read");
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) &&
	    !S_ISSOCK(st.st_mode))
		return 0;
	*ret = !args->retry.retries || strcmp(args->retry.retries, "0") == 0;
	if (!*ret)
		say_note(tool, "with --retry its stdin is empty; --stdin gives "
			       "it what stdin holds now");
	return 0;
}

static int start(struct tool *tool, struct run_options *options, int argc,
		 char **argv, struct run *run)
{
	struct reeve_descriptors descriptors = {STDIN_FILENO, -1, -1, -1};
	struct reeve_spec spec;
	int result = job_args_spec(tool, &options->job, argc, argv, &spec);
	bool passed;

	if (result == 0 && (spec.handler || spec.durability == REEVE_RESULT))
		result = say_usage(tool, "Like: reeve call thumb path=a.png",
				   spec.handler ? "run is for commands; a "
						  "handler is called"
						: "run shows output before "
						  "the end, so it cannot have "
						  "--durability result");
	if (result == 0)
		result = passes_stdin(tool, &options->job, &passed);
	if (result != 0)
		return result;
	if (passed)
		spec.descriptors = &descriptors;
	result = tool_connect(tool);
	if (result != 0)
		return result;
	signal(SIGPIPE, SIG_IGN);
	run->signal = interrupt_catch();
	/* From here on: a signal before it must not leave a job without us. */
	slow_begin(tool, spec.queue);
	result = reeve_submit(tool->r, &spec, &run->id);
	slow_end();
	if (result != 0)
		return say_error(tool);
	run->attached = reeve_submit_existed(tool->r);
	if (run->attached)
		existing_tell(tool, &spec, run->id, true);
	reeve_set_interrupt(tool->r, run->signal);
	if (options->verbose)
		say_note(tool, "job %" PRId64, run->id);
	if (reeve_watch_new(tool->r, &run->id, 1, &run->watch) != 0)
		return say_error(tool);
	return 0;
}

static int run_job(struct tool *tool, void *options, int argc, char **argv)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	struct run_options *run_options = options;
	struct run run = {.tool = tool};
	int result;

	progress_init(&run.progress, tool, clock_monotonic_ms());
	run.progress.single = true;
	run.progress.lines = run_options->progress;
	result = start(tool, run_options, argc, argv, &run);
	run.glance.next_ms = clock_monotonic_ms() + GLANCE_MS;
	if (result == 0)
		result = attend(&run, &job);
	progress_clear(&run.progress);
	if (result == 0)
		result = finish(&run, job);
	glance_fini(&run.glance);
	reeve_output_free(run.output);
	reeve_watch_free(run.watch);
	job_args_fini(&run_options->job);
	return result;
}

const struct command command_run = {
	.name = "run",
	.group = "Work",
	.synopsis = "[FLAG]... [--] COMMAND [ARGUMENT]...",
	.summary = "Submit, show the output as it comes, exit with its code.",
	.text = "  reeve run ./test.sh\n"
		"  reeve run --timeout 5m -- make check\n"
		"  reeve run sort <words | head\n",
	COMMAND_FLAGS(flags),
	.job_flags = true,
	.stop_early = true,
	.job_exit = true,
	.options_bytes = sizeof(struct run_options),
	.run = run_job,
};
