/*
 * reeve work: the smallest consumer. Reserves jobs of handlers, runs a command
 * for each, and tells the daemon how it ended.
 */

#include "client/audience.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/say.h"
#include "client/work.h"
#include "client/work_args.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>

#define WORK_BEAT_MS 1000  /* how soon a cancel is heard of */
#define WORK_AWAY_MS 30000 /* a daemon that is gone so long stays away */
#define WORK_RETRY_MS 50   /* between tries to find it again */

struct work {
	struct tool *tool;
	const struct work_options *options;
	struct work_place place;
	char *names; /* owned: the handlers, taken apart */
	const char *handlers[WORK_HANDLERS_MAX + 1];
	struct reeve_consumer *consumer;
	struct work_job *jobs; /* owned; options->jobs places */
	size_t running;
	int64_t taken;	  /* since the beginning */
	int64_t beat_ms;  /* when leases are to be extended */
	int64_t away_ms;  /* the daemon has been, since; 0: it is there */
	int64_t retry_ms; /* not before; 0: at once */
	bool stopping;	  /* nothing more is taken */
	bool unheard;	  /* stdout takes no lines of JSON */
	int heard;	  /* signals that were dealt with */
	int number;	  /* of the last one; 0: none */
	int code;	  /* ours, in the end */
	volatile sig_atomic_t *signal;
};

/* ---- The daemon ---- */

/* What a call said: 0; 0 too while the daemon may come back; an exit code. */
static int heed(struct work *work, int result, int64_t now_ms)
{
	int64_t most_ms = work->options->lease_ms > WORK_AWAY_MS
				  ? work->options->lease_ms
				  : WORK_AWAY_MS;

	if (result == 0) {
		work->away_ms = work->retry_ms = 0;
		return 0;
	}
	if (result == REEVE_E_TIMEOUT || result == REEVE_E_INTERRUPTED)
		return 0;
	if (!work_may_pass(work->tool->r, result))
		return say_error(work->tool);
	if (work->away_ms == 0)
		work->away_ms = now_ms;
	if (now_ms - work->away_ms >= most_ms)
		return say_error(work->tool);
	work->retry_ms = now_ms + WORK_RETRY_MS;
	return 0;
}

static void end_taking(struct work *work)
{
	if (work->stopping)
		return;
	work->stopping = true;
	if (reeve_consumer_stop(work->consumer) != 0)
		say_note(work->tool,
			 "a job that was on its way may come back only when "
			 "its lease is over: %s",
			 reeve_error(work->tool->r)->message);
}

static void hear(struct work *work, struct work_job *job, enum reeve_hold hold,
		 int64_t now_ms)
{
	if (hold == REEVE_HOLD_OURS || job->ended)
		return;
	if (hold == REEVE_HOLD_CANCELLED)
		job->asked = true;
	else
		job->lost = true;
	work_stop(job, now_ms, work->options->grace_ms);
}

/* Hold on to all that run, in one call. */
static int beat(struct work *work, int64_t now_ms)
{
	struct reeve_held held[WORK_JOBS_MAX];
	enum reeve_hold holds[WORK_JOBS_MAX];
	struct work_job *jobs[WORK_JOBS_MAX];
	int64_t pause_ms = work->options->lease_ms / 3;
	size_t count = 0;
	int result;

	if (now_ms < work->beat_ms || now_ms < work->retry_ms)
		return 0;
	for (int64_t i = 0; i < work->options->jobs; i++) {
		struct work_job *job = &work->jobs[i];

		if (!job->lease || job->lost)
			continue;
		held[count] = (struct reeve_held){job->lease->id,
						  job->lease->token};
		jobs[count++] = job;
	}
	work->beat_ms = now_ms +
			(pause_ms < WORK_BEAT_MS ? pause_ms : WORK_BEAT_MS);
	if (count == 0)
		return 0;
	result = reeve_extend(work->tool->r, held, count,
			      work->options->lease_ms, holds);
	for (size_t i = 0; result == 0 && i < count; i++)
		hear(work, jobs[i], holds[i], now_ms);
	return heed(work, result, now_ms);
}

/* ---- Jobs in and out ---- */

static struct work_job *free_place(const struct work *work)
{
	for (int64_t i = 0; i < work->options->jobs; i++) {
		if (!work->jobs[i].lease)
			return &work->jobs[i];
	}
	return NULL;
}

/* Not the job's fault: another consumer may have the program. */
static int cannot_start(struct work *work, struct work_job *job, int error)
{
	struct reeve_held held = {job->lease->id, job->lease->token};
	int result = reeve_put_back(work->tool->r, &held, 1, 0, NULL);

	work_free(job);
	if (result != 0)
		say_note(work->tool, "cannot put job %" PRId64 " back: %s",
			 held.id, reeve_error(work->tool->r)->message);
	work->code = say_fail(work->tool, error == -ENOENT ? 127 : 126,
			      "The job was put back", "cannot start '%s': %s",
			      work->place.argv[0], strerror(-error));
	end_taking(work);
	return 0;
}

static int begin_job(struct work *work, struct reeve_lease *lease,
		     int64_t now_ms)
{
	struct work_job *job = free_place(work);
	int result;

	work->taken++;
	if (work->options->verbose)
		say_note(work->tool,
			 "job %" PRId64 " begins (%s, attempt %" PRId64 ")",
			 lease->id, lease->handler, lease->attempt);
	if (work->running == 0)
		work->beat_ms = now_ms;
	result = work_start(job, &work->place, lease, now_ms);
	if (result != 0)
		return cannot_start(work, job, result);
	work->running++;
	return 0;
}

static int take_jobs(struct work *work, int64_t now_ms)
{
	while (!work->stopping && now_ms >= work->retry_ms &&
	       (int64_t)work->running < work->options->jobs) {
		struct reeve_lease *lease;
		int result;

		if (work->options->max_jobs &&
		    work->taken >= work->options->max_jobs) {
			end_taking(work);
			return 0;
		}
		result = reeve_consumer_next(work->consumer, 0, &lease);
		if (result == REEVE_E_TIMEOUT &&
		    reeve_consumer_fd(work->consumer) >= 0) {
			work->away_ms = 0;
			return 0;
		}
		if (result == REEVE_E_TIMEOUT)
			result = REEVE_E_LOST;
		result = result ? heed(work, result, now_ms)
				: begin_job(work, lease, now_ms);
		if (result != 0)
			return result;
	}
	return 0;
}

/*
 * The lines of JSON get lost from now on. Ends are the daemon's, and what runs
 * is finished; but who wants the lines wants no job done without one.
 */
static void tell_unheard(struct work *work, int error)
{
	struct tool plain = *work->tool;

	plain.json = false; /* not there */
	work->unheard = true;
	if (error == -EPIPE) {
		work->code = 128 + SIGPIPE;
		say_note(&plain,
			 "nobody reads the output any more: taking no more");
	} else {
		work->code = say_fail(
			&plain,
			work->options->once ? EXIT_INTERNAL : EXIT_FAILED,
			"What has run is told to the daemon, and no more is "
			"taken",
			"cannot write to stdout: %s", strerror(-error));
	}
	/* It was said; main() need not. */
	__fpurge(stdout);
	clearerr(stdout);
	end_taking(work);
}

static int settle_job(struct work *work, struct work_job *job, int64_t now_ms)
{
	enum work_end end = WORK_LOST;
	int result = work_settle(job, &work->place, &end);

	if (result != 0)
		return heed(work, result, now_ms);
	result = work_tell(job, &work->place, end, now_ms);
	if (result != 0 && !work->unheard)
		tell_unheard(work, result);
	if (work->options->verbose && end == WORK_SUCCEEDED)
		say_note(work->tool, "job %" PRId64 " succeeded",
			 job->lease->id);
	if (work->options->once && (!work->unheard || work_exit(job, end)))
		work->code = work_exit(job, end);
	work_free(job);
	work->running--;
	return 0;
}

static int report(struct work *work, struct work_job *job, int64_t now_ms)
{
	enum reeve_hold hold;
	int result = work_report(job, &work->place, now_ms, &hold);

	if (result == 0)
		hear(work, job, hold, now_ms);
	return result ? heed(work, result, now_ms) : 0;
}

static int attend(struct work *work, int64_t now_ms)
{
	int result = 0;

	for (int64_t i = 0; result == 0 && i < work->options->jobs; i++) {
		struct work_job *job = &work->jobs[i];

		if (!job->lease)
			continue;
		work_step(job, &work->place, now_ms);
		if (now_ms < work->retry_ms)
			continue;
		if (job->ended)
			result = settle_job(work, job, now_ms);
		else
			result = report(work, job, now_ms);
	}
	return result;
}

/* ---- Signals ---- */

/* The first: no more. The second: what runs goes back. The third kills us. */
static void take_signals(struct work *work, int64_t now_ms)
{
	int number = *work->signal;
	int count;

	/* In this order: one that comes meanwhile counts now or next time. */
	interrupt_taken();
	count = interrupt_count();
	if (number)
		work->number = number;
	if (count == work->heard)
		return;
	work->heard = count;
	if (count > 1) {
		work->code = 128 + work->number;
		for (int64_t i = 0; i < work->options->jobs; i++) {
			struct work_job *job = &work->jobs[i];

			if (!job->lease || job->ended)
				continue;
			job->put_back = true;
			work_stop(job, now_ms, work->options->grace_ms);
		}
	} else if (work->running > 0) {
		say_note(work->tool,
			 "finishing %zu, taking no more; once more to put back "
			 "and end",
			 work->running);
	}
	end_taking(work);
}

/* ---- The loop ---- */

static int64_t next_ms(const struct work *work, int64_t now_ms)
{
	int64_t at_ms = now_ms + 1000;

	if (work->running > 0 && work->beat_ms < at_ms)
		at_ms = work->beat_ms;
	for (int64_t i = 0; i < work->options->jobs; i++) {
		const struct work_job *job = &work->jobs[i];

		if (!job->lease)
			continue;
		if (!job->ended && job->kill_ms && job->kill_ms > now_ms &&
		    job->kill_ms < at_ms)
			at_ms = job->kill_ms;
		if (work_due_ms(job) < at_ms)
			at_ms = work_due_ms(job);
		/* Its last output may come without a sign. */
		if (job->child.reaped_ms && at_ms > now_ms + WORK_RETRY_MS)
			at_ms = now_ms + WORK_RETRY_MS;
	}
	/* Nothing can be told before; without it the beat would be due. */
	if (work->retry_ms > now_ms)
		at_ms = work->retry_ms;
	return at_ms;
}

static void wait_for_more(struct work *work, int64_t now_ms)
{
	struct pollfd fds[WORK_JOBS_MAX * CHILD_FDS + 3];
	int64_t left_ms = next_ms(work, now_ms) - now_ms;
	nfds_t n = 0;

	for (int64_t i = 0; i < work->options->jobs; i++) {
		if (!work->jobs[i].lease || work->jobs[i].ended)
			continue;
		child_fds(&work->jobs[i].child, &fds[n]);
		n += CHILD_FDS;
	}
	fds[n++] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
	if (!work->stopping)
		fds[n++] =
			(struct pollfd){.fd = reeve_consumer_fd(work->consumer),
					.events = POLLIN};
	if (work->tool->json && !work->unheard)
		fds[n++] = audience_polled(AUDIENCE_STDOUT);
	if (poll(fds, n, left_ms > 0 ? (int)left_ms : 0) > 0 &&
	    work->tool->json && !work->unheard && audience_left(&fds[n - 1]))
		tell_unheard(work, -EPIPE);
}

static int loop(struct work *work)
{
	int result = 0;

	for (;;) {
		int64_t now_ms = clock_monotonic_ms();

		take_signals(work, now_ms);
		result = attend(work, now_ms);
		if (result == 0)
			result = take_jobs(work, now_ms);
		if (result == 0)
			result = beat(work, now_ms);
		if (result != 0 || (work->stopping && work->running == 0))
			return result;
		wait_for_more(work, now_ms);
	}
}

/* The daemon is lost, or refuses us: nothing that runs counts any more. */
static void give_up(struct work *work)
{
	int64_t now_ms = clock_monotonic_ms();

	for (int64_t i = 0; i < work->options->jobs; i++) {
		if (work->jobs[i].lease)
			work_stop(&work->jobs[i], now_ms,
				  work->options->grace_ms);
	}
	work->stopping = true;
	for (;;) {
		size_t left = 0;

		now_ms = clock_monotonic_ms();
		for (int64_t i = 0; i < work->options->jobs; i++) {
			struct work_job *job = &work->jobs[i];

			if (!job->lease)
				continue;
			work_step(job, &work->place, now_ms);
			left += !job->ended;
		}
		if (left == 0)
			return;
		wait_for_more(work, now_ms);
	}
}

/* ---- Beginning and end ---- */

static int find_program(struct work *work, const char *name)
{
	int result = child_find(name, &work->place.path);

	if (result == -ENOMEM)
		return say_memory(work->tool);
	if (result == 0)
		return 0;
	return say_fail(work->tool, result == -ENOENT ? 127 : 126,
			"Check the spelling and the rights",
			"cannot start '%s': %s", name, strerror(-result));
}

/* Flags may stand behind the handlers, too; the command begins behind them. */
static int read_words(struct work *work, struct work_options *options, int argc,
		      char **argv)
{
	struct arg_bases bases = {.tables = &work_args_table,
				  .table_count = 1,
				  .options = options,
				  .common_table = &common_args_table,
				  .common = work->tool};
	int result;

	if (argc == 0)
		return say_usage(work->tool,
				 "Like: reeve work thumb -- ./thumb",
				 "which handler?");
	result = args_parse(work->tool, &bases, true, argc - 1, argv + 1,
			    &argc);
	if (result == 0 && work->tool->help)
		return 0;
	if (result == 0)
		result = work_args_check(options, work->tool);
	if (result == 0)
		result = work_args_handlers(work->tool, argv[0], &work->names,
					    work->handlers);
	if (result == 0 && argc == 0)
		result = say_usage(work->tool,
				   "Like: reeve work thumb -- ./thumb",
				   "there is no command to run");
	work->place.argv = argv + 1;
	return result ? result : find_program(work, argv[1]);
}

static int begin(struct work *work)
{
	struct reeve_reserve reserve = {
		.handlers = work->handlers,
		.queues = work->options->queues.items,
		.lease_ms = work->options->lease_ms,
	};
	int result = tool_connect(work->tool);

	if (result != 0)
		return result;
	work->jobs = calloc((size_t)work->options->jobs, sizeof(*work->jobs));
	if (!work->jobs)
		return say_memory(work->tool);
	result = guard_start(&work->place.guard);
	if (result != 0)
		return say_fail(work->tool, EXIT_INTERNAL, NULL,
				"cannot start a process: %s",
				strerror(-result));
	/* Whatever a call waits for: the loop has more to do. */
	reeve_set_patience(work->tool->r, 0);
	if (reeve_consumer_new(work->tool->r, &reserve, &work->consumer) != 0)
		return say_error(work->tool);
	/* A command need not read its input. */
	signal(SIGPIPE, SIG_IGN);
	interrupt_allow(2);
	work->signal = interrupt_catch();
	return 0;
}

static void end(struct work *work)
{
	reeve_consumer_free(work->consumer);
	for (int64_t i = 0; work->jobs && i < work->options->jobs; i++) {
		if (work->jobs[i].lease)
			work_free(&work->jobs[i]);
	}
	guard_end(&work->place.guard);
	free(work->place.path);
	free(work->names);
	free(work->jobs);
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct work work = {
		.tool = tool,
		.options = options,
		.place = {.tool = tool, .guard = {-1}},
	};
	int result = read_words(&work, options, argc, argv);

	if (result == 0 && tool->help) {
		command_help_of(&command_work);
		return 0;
	}
	work.place.text = work.options->text;
	if (result == 0)
		result = begin(&work);
	if (work.signal) {
		result = loop(&work);
		if (result != 0)
			give_up(&work);
	}
	end(&work);
	return result ? result : work.code;
}

const struct command command_work = {
	.name = "work",
	.group = "Work",
	.synopsis = "HANDLER[,HANDLER]... [FLAG]... [--] COMMAND "
		    "[ARGUMENT]...",
	.summary = "Run a command for each job of a handler that no pool "
		   "serves.",
	.text = "  reeve work thumb -- ./thumb             arguments are JSON "
		"on its stdin,\n"
		"                                          its stdout is the "
		"result\n"
		"  reeve work thumb,scale -j4 -- ./pictures\n"
		"  reeve work report --once -- python3 report.py\n",
	.flags = work_flags,
	.flag_count = WORK_FLAGS,
	.stop_early = true,
	.handler_first = true,
	.options_bytes = sizeof(struct work_options),
	.run = run,
};
