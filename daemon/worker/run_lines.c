#include "daemon/worker/run_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/worker/handlers.h"
#include "daemon/worker/worker_crash.h"
#include "proto/json_in.h"

enum { POLL_OUTPUT, POLL_INPUT, POLL_PROGRESS };

/* Of one that is to go because it is out of step. */
#define STOP_NS 100000000

static const struct runner_kind run_lines_kind;

static struct run_lines *of(struct runner *runner)
{
	return (struct run_lines *)runner;
}

static const struct run_lines *look(const struct runner *runner)
{
	return (const struct run_lines *)runner;
}

static int start(struct run_lines *lines, int64_t now_ns)
{
	struct command_fault fault;
	int r = filter_start(&lines->filter, now_ns, &fault);

	if (r == 0) {
		lines->answered = lines->by_us = false;
		lines->start_ns = 0;
		lines->runner.busy = false;
	} else if (r == FILTER_E_FAULT) {
		log_error("the filter is not there: %s", fault.message);
	} else {
		log_error("the filter cannot be started: %s", strerror(-r));
	}
	return r;
}

int run_lines_init(struct run_lines *lines, char **run, int slot_fd,
		   int null_fd, int64_t nofile)
{
	int r;

	*lines = (struct run_lines){
		.runner = {.kind = &run_lines_kind,
			   .prefetch = WORKER_PREFETCH},
	};
	r = progress_init(&lines->progress);
	if (r == 0)
		r = filter_init(&lines->filter, run, slot_fd, null_fd,
				lines->progress.write_fd, nofile);
	if (r)
		return r;
	lines->runner.handlers = handlers_read(&lines->arena);
	if (!lines->runner.handlers)
		return -ENOMEM;
	(void)setenv("REEVE_PROGRESS_FD", "3", 1);
	return start(lines, clock_mono_ns());
}

void run_lines_fini(struct run_lines *lines)
{
	order_free(lines->runner.job);
	filter_fini(&lines->filter);
	progress_fini(&lines->progress);
	verdict_fini(&lines->verdict);
	arena_fini(&lines->arena);
	arena_fini(&lines->words);
}

/* Nothing more can be got from this filter: another one, when it is gone. */
static void replace(struct run_lines *lines, int64_t grace_ns, int64_t now_ns)
{
	lines->runner.busy = true;
	lines->by_us = true;
	filter_stop(&lines->filter, grace_ns, now_ns);
}

static void decide(struct run_lines *lines)
{
	struct verdict *verdict = &lines->verdict;
	int64_t now_ns = clock_mono_ns();

	verdict->finished_ms = clock_wall_ms();
	verdict->run_us = (now_ns - lines->began_ns) / 1000;
	verdict->cpu_us = filter_cpu_us(&lines->filter) - lines->cpu_us;
	if (verdict->cpu_us < 0)
		verdict->cpu_us = lines->filter.end.cpu_us - lines->cpu_us;
	progress_end(&lines->progress);
	filter_forget(&lines->filter);
	lines->runner.state = RUNNER_ENDED;
}

static void fail(struct run_lines *lines, const char *type, const char *message)
{
	verdict_fail(&lines->verdict, slice_of(type), slice_of(message),
		     (struct slice){0});
	decide(lines);
}

static struct slice text_of(struct arena *arena, struct slice object,
			    const char *name)
{
	struct slice value, text = {0};

	if (!json_find(object, name, &value) ||
	    json_string(arena, value, &text))
		return (struct slice){0};
	return text;
}

/* Only an object that says nothing else can mean that. */
static bool is_failure(struct slice line, struct slice *ret_error)
{
	struct json_iter iter = json_enter(line);
	struct slice key, value, type;
	bool found = false;

	if (json_kind(line) != JSON_OBJECT)
		return false;
	while (json_member(&iter, &key, &value)) {
		if (json_key_is(key, "error") &&
		    json_kind(value) == JSON_OBJECT) {
			*ret_error = value;
			found = true;
		} else if (!json_key_is(key, "retry") &&
			   !json_key_is(key, "retry_ms")) {
			return false;
		}
	}
	return found && json_find(*ret_error, "type", &type) &&
	       json_kind(type) == JSON_STRING;
}

static void take_failure(struct run_lines *lines, struct slice line,
			 struct slice error)
{
	struct verdict *verdict = &lines->verdict;
	struct arena *arena = &lines->words;
	struct slice value;
	int64_t pause_ms;
	bool again;

	verdict_fail(verdict, text_of(arena, error, "type"),
		     text_of(arena, error, "message"),
		     text_of(arena, error, "trace"));
	if (json_find(line, "retry", &value) && json_bool(value, &again) == 0)
		verdict->give_up = !again;
	if (json_find(line, "retry_ms", &value) &&
	    json_int(value, &pause_ms) == 0 && pause_ms >= 0)
		verdict->retry_ms = pause_ms;
	arena_reset(arena);
}

/* Return: false when it is no answer, and the filter out of step. */
static bool take_line(struct run_lines *lines, struct slice line)
{
	struct slice error;

	if (verdict_result(&lines->verdict, line))
		return false;
	line = json_out_slice(&lines->verdict.result);
	if (is_failure(line, &error))
		take_failure(lines, line, error);
	lines->answered = true;
	backoff_worked(&lines->backoff);
	return true;
}

/* Something came, while a job runs or has just been overtaken by the end. */
static void look_for_answer(struct run_lines *lines, int64_t now_ns)
{
	struct slice line;
	bool more;
	int r = filter_receive(&lines->filter, lines->verdict.max_bytes);

	if (r < 0) {
		fail(lines, "MemoryError", "no memory for the answer");
		replace(lines, STOP_NS, now_ns);
	} else if (filter_line(&lines->filter, &line, &more)) {
		bool early = filter_wants_write(&lines->filter);
		bool good = take_line(lines, line);

		if (early)
			verdict_fail(&lines->verdict, SLICE("OutOfStep"),
				     SLICE("the filter answered before it had "
					   "read its line"),
				     (struct slice){0});
		decide(lines);
		if (more)
			log_warning("the filter says more than one line for a "
				    "job, starting another one");
		/* Also one that was asked to end: it has nothing left to do. */
		if (!good || early || more || lines->cancelled)
			replace(lines, STOP_NS, now_ns);
	} else if (r == FILTER_E_LONG) {
		(void)!verdict_result(
			&lines->verdict,
			(struct slice){lines->filter.output,
				       lines->filter.output_bytes});
		decide(lines);
		replace(lines, STOP_NS, now_ns);
	} else if (lines->filter.output_ended) {
		/* It may end by itself; if it does not, it is of no use. */
		filter_stop(&lines->filter, STOP_NS, now_ns);
	}
}

static void lines_begin(struct runner *runner)
{
	struct run_lines *lines = of(runner);
	struct verdict *verdict = &lines->verdict;
	struct slice args = SLICE("{}");

	verdict_begin(verdict, runner->max_line);
	lines->cancelled = false;
	lines->began_ns = clock_mono_ns();
	runner->started_ms = verdict->started_ms = clock_wall_ms();
	runner->state = RUNNER_RUNNING;
	/* What it has said before nobody asked it is no answer. */
	if (filter_receive(&lines->filter, verdict->max_bytes) ||
	    lines->filter.output_bytes || lines->filter.output_ended) {
		if (!lines->filter.output_ended)
			log_warning("the filter speaks without a job, starting "
				    "another one");
		runner->state = RUNNER_UNBEGUN;
		replace(lines, STOP_NS, lines->began_ns);
		return;
	}
	lines->cpu_us = filter_cpu_us(&lines->filter);
	if (runner->job->spec.n)
		(void)json_find(runner->job->spec, "args", &args);
	worker_crash("start");
	if (filter_send(&lines->filter, args))
		fail(lines, "MemoryError", "no memory for the job");
}

/* There is no soft way: a filter hears TERM, and is gone in any case. */
static void lines_cancel(struct runner *runner, const struct order *job,
			 int64_t grace_ms, enum runner_reason reason,
			 int64_t now_ns)
{
	struct run_lines *lines = of(runner);
	int64_t grace_ns = grace_ms > INT64_MAX / 1000000 ? INT64_MAX
							  : grace_ms * 1000000;

	(void)job;
	if (runner->state != RUNNER_RUNNING)
		return;
	if (!lines->cancelled)
		lines->reason = reason;
	lines->cancelled = true;
	replace(lines, grace_ns, now_ns);
}

static void lines_report(struct runner *runner, struct json_out *out)
{
	verdict_write(&of(runner)->verdict, out, runner->job);
	order_free(runner->job);
	runner->job = NULL;
	runner->state = RUNNER_IDLE;
}

/* The running job's, whose filter is gone without an answer. */
static void fail_with_end(struct run_lines *lines)
{
	int status = lines->filter.end.status;
	char text[256];

	if (lines->cancelled) {
		bool late = lines->reason == RUNNER_BY_TIMEOUT;

		fail(lines, late ? "TimedOut" : "Cancelled",
		     late ? "its time was over, the filter was ended"
			  : "it was cancelled, the filter was ended");
		return;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    leaf_oom(&lines->filter.leaf))
		snprintf(text, sizeof(text),
			 "the filter was killed because memory ran out");
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text),
			 "the filter was ended by signal %d (%s) before it "
			 "answered",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof(text),
			 "the filter ended with status %d before it answered",
			 WEXITSTATUS(status));
	fail(lines, "FilterEnded", text);
}

/* All of it is gone: what becomes of the job, and when does another start? */
static void on_down(struct run_lines *lines, int64_t now_ns)
{
	struct filter *filter = &lines->filter;
	struct runner *runner = &lines->runner;
	bool read = filter->ever_read || filter_has_read(filter);
	int64_t lived_ns = now_ns - filter->started_ns;

	runner->busy = true;
	if (filter->unclean)
		runner->retire = WORKER_EXIT_UNCLEAN;
	if (runner->state == RUNNER_RUNNING)
		look_for_answer(lines, now_ns);
	if (runner->state == RUNNER_RUNNING) {
		if (filter_has_read(filter) || lines->cancelled)
			fail_with_end(lines);
		else
			runner->state = RUNNER_UNBEGUN;
	}
	lines->start_ns = now_ns;
	if (lines->by_us && (lines->answered || lines->cancelled))
		return;
	if (!lines->by_us)
		log_warning("the filter ended %s=%d, starting another one",
			    WIFSIGNALED(filter->end.status) ? "signal"
							    : "status",
			    WIFSIGNALED(filter->end.status)
				    ? WTERMSIG(filter->end.status)
				    : WEXITSTATUS(filter->end.status));
	lines->start_ns = backoff_died(&lines->backoff, now_ns, lived_ns,
				       lines->answered);
	if (!read || lines->start_ns - now_ns > RUN_LINES_PAUSE_NS) {
		log_error("the filter gets nothing done, the worker leaves");
		runner->retire = WORKER_EXIT_BIRTH;
	}
}

static void lines_children(struct runner *runner)
{
	struct run_lines *lines = of(runner);
	int64_t now_ns = clock_mono_ns();

	filter_children(&lines->filter, now_ns);
	if (lines->filter.state == FILTER_DOWN && !lines->start_ns)
		on_down(lines, now_ns);
}

static void lines_fill(const struct runner *runner,
		       struct pollfd fds[RUNNER_FDS])
{
	const struct run_lines *lines = look(runner);

	if (lines->filter.state == FILTER_UP ||
	    lines->filter.state == FILTER_STOPPING)
		fds[POLL_OUTPUT].fd = lines->filter.output_fd;
	if (filter_wants_write(&lines->filter))
		fds[POLL_INPUT] = (struct pollfd){lines->filter.input_fd,
						  POLLOUT, 0};
	if (runner->state == RUNNER_RUNNING)
		fds[POLL_PROGRESS].fd = lines->progress.read_fd;
}

static void lines_readable(struct runner *runner,
			   const struct pollfd fds[RUNNER_FDS])
{
	struct run_lines *lines = of(runner);
	int64_t now_ns = clock_mono_ns();

	if (fds[POLL_INPUT].revents)
		filter_flush(&lines->filter);
	if (fds[POLL_PROGRESS].revents)
		progress_read(&lines->progress);
	if (!fds[POLL_OUTPUT].revents)
		return;
	if (runner->state == RUNNER_RUNNING) {
		look_for_answer(lines, now_ns);
		return;
	}
	/* Nobody asked, or it is on its way out. */
	if (filter_receive(&lines->filter, lines->verdict.max_bytes) == 0 &&
	    !lines->filter.output_bytes && !lines->filter.output_ended)
		return;
	if (!lines->filter.output_ended && lines->filter.state == FILTER_UP)
		log_warning("the filter speaks without a job, starting another "
			    "one");
	if (lines->filter.state == FILTER_UP)
		replace(lines, STOP_NS, now_ns);
	lines->filter.output_bytes = 0;
}

static void lines_say(struct runner *runner, struct json_out *out,
		      int64_t now_ns)
{
	progress_write(&of(runner)->progress, out, runner->job->id,
		       runner->job->token, now_ns);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t lines_due_ns(const struct runner *runner)
{
	const struct run_lines *lines = look(runner);
	int64_t due = sooner(filter_due_ns(&lines->filter),
			     progress_due_ns(&lines->progress));

	if (lines->start_ns && runner->retire == WORKER_EXIT_OK)
		due = sooner(due, lines->start_ns);
	return due;
}

static void lines_tick(struct runner *runner, int64_t now_ns)
{
	struct run_lines *lines = of(runner);

	filter_tick(&lines->filter, now_ns);
	if (lines->filter.state != FILTER_DOWN)
		return;
	if (!lines->start_ns)
		on_down(lines, now_ns);
	/* The job first: it asks what was read, and starting forgets. */
	if (now_ns >= lines->start_ns && runner->retire == WORKER_EXIT_OK &&
	    start(lines, now_ns)) {
		lines->start_ns = INT64_MAX;
		runner->retire = WORKER_EXIT_BIRTH;
	}
}

static const struct runner_kind run_lines_kind = {
	.begin = lines_begin,
	.cancel = lines_cancel,
	.report = lines_report,
	.children = lines_children,
	.fill = lines_fill,
	.readable = lines_readable,
	.say = lines_say,
	.due_ns = lines_due_ns,
	.tick = lines_tick,
};
