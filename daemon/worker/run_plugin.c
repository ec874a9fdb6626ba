#include "daemon/worker/run_plugin.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/worker/progress.h"
#include "daemon/worker/worker_crash.h"
#include "proto/json_in.h"
#include "proto/utf8.h"

/* A look at the CPU's clock costs as much as a small job. One that took less
 * than this did not wait for anything: it had the CPU all the time. And a look
 * holds for the jobs that begin soon. */
#define SHORT_NS 50000
#define FRESH_NS 1000000

static const struct runner_kind run_plugin_kind;

/* What the plugin sees, and whose it is. */
struct task {
	struct reeve_task task;
	struct run_plugin *run;
};

static struct run_plugin *of(struct runner *runner)
{
	return (struct run_plugin *)runner;
}

static struct run_plugin *run_of(const struct reeve_task *task)
{
	return ((const struct task *)task)->run;
}

void run_plugin_init(struct run_plugin *run, const struct plugin *plugin,
		     struct attend *attend, void *data)
{
	*run = (struct run_plugin){
		.runner = {.kind = &run_plugin_kind,
			   .handlers = plugin->names,
			   .prefetch = RUN_PLUGIN_PREFETCH},
		.plugin = plugin,
		.attend = attend,
		.data = data,
	};
	atomic_init(&run->cancelled, 0);
}

void run_plugin_fini(struct run_plugin *run)
{
	order_free(run->runner.job);
	verdict_fini(&run->verdict);
	arena_fini(&run->arena);
}

static struct slice text_of(const char *text)
{
	return text ? slice_of(text) : (struct slice){0};
}

static int task_result(struct reeve_task *task, const char *json, size_t bytes)
{
	struct slice text = {json, json ? bytes : 0};

	return verdict_result(&run_of(task)->verdict, text) ? -1 : 0;
}

static void task_fail(struct reeve_task *task, const char *type,
		      const char *message, const char *trace)
{
	struct slice kind = text_of(type);

	if (!kind.n)
		kind = SLICE("HandlerFailed");
	verdict_fail(&run_of(task)->verdict, kind, text_of(message),
		     text_of(trace));
}

static void task_retry(struct reeve_task *task, int again, int64_t pause_ms)
{
	struct verdict *verdict = &run_of(task)->verdict;

	verdict->give_up = !again;
	verdict->retry_ms = again && pause_ms >= 0 ? pause_ms : -1;
}

static void task_log(struct reeve_task *task, const char *text)
{
	verdict_log(&run_of(task)->verdict, text_of(text), clock_wall_ms());
}

static int task_cancelled(const struct reeve_task *task)
{
	return atomic_load_explicit(&run_of(task)->cancelled,
				    memory_order_relaxed);
}

static void run_say(struct runner *runner, struct json_out *out, int64_t now_ns)
{
	struct run_plugin *run = of(runner);

	if (!run->progress_waits || now_ns < run->progress_ns)
		return;
	json_out_object(out);
	json_out_member_int(out, "progress", runner->job->id);
	json_out_member_int(out, "token", runner->job->token);
	if (run->fraction >= 0) {
		json_out_key(out, "fraction");
		json_out_float(out, run->fraction);
	}
	if (run->note_bytes)
		json_out_member_string(
			out, "note",
			(struct slice){run->note, run->note_bytes});
	json_out_object_end(out);
	json_out_byte(out, '\n');
	run->progress_waits = false;
	run->progress_ns = now_ns + PROGRESS_PAUSE_NS;
}

static void task_progress(struct reeve_task *task, double fraction,
			  const char *note)
{
	struct run_plugin *run = run_of(task);
	struct serve *serve = run->attend->serve;
	struct slice text = text_of(note);
	int64_t now_ns = clock_mono_ns();

	pthread_mutex_lock(&run->attend->lock);
	/* Also what is no number at all is not known. */
	run->fraction = fraction >= 0 && fraction <= 1 ? fraction : -1;
	run->note_bytes = utf8_cut(text, sizeof(run->note));
	if (run->note_bytes)
		memcpy(run->note, text.p, run->note_bytes);
	run->progress_waits = true;
	if (serve->desk.link.greeted && now_ns >= run->progress_ns) {
		run_say(&run->runner, &serve->desk.link.out, now_ns);
		/* It cannot be over: a job runs. */
		(void)desk_turn(&serve->desk, now_ns);
	}
	pthread_mutex_unlock(&run->attend->lock);
}

static const struct reeve_task_calls calls = {
	.bytes = sizeof(struct reeve_task_calls),
	.result = task_result,
	.fail = task_fail,
	.retry = task_retry,
	.progress = task_progress,
	.cancelled = task_cancelled,
	.log = task_log,
};

/* The statement is the job's own: what is behind a text in it may go. */
static const char *terminated(struct slice text)
{
	((char *)(uintptr_t)text.p)[text.n] = '\0';
	return text.p;
}

static int word(struct arena *arena, struct slice raw, const char **ret)
{
	struct slice text = SLICE("");
	int r;

	*ret = "";
	if (!raw.n)
		return 0;
	r = json_string(arena, raw, &text);
	if (r < 0)
		return r;
	if (r)
		return 0;
	if (text.p > raw.p && text.p < raw.p + raw.n)
		*ret = terminated(text);
	else if ((r = arena_copy(arena, text, &text)) == 0)
		*ret = text.p;
	return r;
}

static int fill_task(struct run_plugin *run, struct task *task)
{
	struct order *job = run->runner.job;
	struct slice args = SLICE("{}");
	int r;

	*task = (struct task){
		.task = {.bytes = sizeof(struct reeve_task),
			 .attempt = (uint32_t)job->attempt,
			 .job = job->id,
			 .data = run->data,
			 .calls = &calls},
		.run = run,
	};
	r = word(&run->arena, job->handler, &task->task.handler);
	if (r == 0)
		r = word(&run->arena, job->queue, &task->task.queue);
	if (job->spec.n && json_find(job->spec, "args", &args))
		(void)terminated(args);
	task->task.args = args.p;
	task->task.args_bytes = args.n;
	return r;
}

static void fail_with(struct run_plugin *run, const char *type,
		      const char *message)
{
	verdict_fail(&run->verdict, slice_of(type), slice_of(message),
		     (struct slice){0});
}

/* In the handler, the desk is somebody else's. */
static void call(struct run_plugin *run, struct task *task)
{
	const struct reeve_handler *handler =
		plugin_find(run->plugin, slice_of(task->task.handler));
	char text[320];
	int r;

	if (!handler) {
		snprintf(text, sizeof(text), "the plugin has no handler '%s'",
			 task->task.handler);
		fail_with(run, "NoSuchHandler", text);
		return;
	}
	attend_leave(run->attend);
	r = handler->handle(&task->task);
	attend_enter(run->attend);
	if (r && !run->verdict.failed) {
		snprintf(text, sizeof(text), "the handler returned %d", r);
		fail_with(run, "HandlerFailed", text);
	}
}

/* Before a job. */
static void look_at_cpu(struct run_plugin *run, int64_t now_ns)
{
	if (now_ns - run->looked_ns <= FRESH_NS)
		return;
	run->cpu_us = clock_cpu_us();
	run->looked_ns = now_ns;
}

/* Behind it. Return: microseconds that it used, of all threads. */
static int64_t used_cpu(struct run_plugin *run, int64_t began_ns,
			int64_t now_ns)
{
	int64_t run_us = (now_ns - began_ns) / 1000, before_us = run->cpu_us;
	bool shared = run->looked_ns < began_ns;

	if (now_ns - began_ns < SHORT_NS)
		return run_us;
	run->cpu_us = clock_cpu_us();
	run->looked_ns = now_ns;
	/* What was used since the look, but before the job, is not its own. */
	if (shared && run->cpu_us - before_us > run_us)
		return run_us;
	return run->cpu_us - before_us;
}

static void run_begin(struct runner *runner)
{
	struct run_plugin *run = of(runner);
	struct verdict *verdict = &run->verdict;
	struct task task;
	int64_t began_ns = clock_mono_ns(), ended_ns;

	verdict_begin(verdict, runner->max_line);
	arena_reset(&run->arena);
	atomic_store(&run->cancelled, 0);
	run->progress_waits = false;
	run->progress_ns = 0;
	runner->started_ms = verdict->started_ms = clock_wall_ms();
	runner->state = RUNNER_RUNNING;
	look_at_cpu(run, began_ns);
	worker_crash("start");
	if (fill_task(run, &task))
		fail_with(run, "MemoryError", "no memory for the job");
	else
		call(run, &task);
	ended_ns = clock_mono_ns();
	verdict->cpu_us = used_cpu(run, began_ns, ended_ns);
	verdict->run_us = (ended_ns - began_ns) / 1000;
	verdict->finished_ms = clock_wall_ms();
	runner->state = RUNNER_ENDED;
}

static void run_cancel(struct runner *runner, const struct order *job,
		       int64_t grace_ms, enum runner_reason reason,
		       int64_t now_ns)
{
	(void)job;
	(void)grace_ms; /* the broker counts it: it has the means */
	(void)now_ns;
	atomic_store(&of(runner)->cancelled,
		     reason == RUNNER_BY_TIMEOUT ? 2 : 1);
}

static void run_report(struct runner *runner, struct json_out *out)
{
	verdict_write(&of(runner)->verdict, out, runner->job);
	order_free(runner->job);
	runner->job = NULL;
	runner->state = RUNNER_IDLE;
}

static void run_children(struct runner *runner)
{
	(void)runner; /* they are the plugin's, it may wait for them */
}

static void run_fill(const struct runner *runner, struct pollfd fds[RUNNER_FDS])
{
	(void)runner;
	(void)fds;
}

static void run_readable(struct runner *runner,
			 const struct pollfd fds[RUNNER_FDS])
{
	(void)runner;
	(void)fds;
}

static int64_t run_due_ns(const struct runner *runner)
{
	const struct run_plugin *run = (const struct run_plugin *)runner;

	return run->progress_waits && runner->job ? run->progress_ns
						  : INT64_MAX;
}

static void run_tick(struct runner *runner, int64_t now_ns)
{
	(void)runner;
	(void)now_ns;
}

static const struct runner_kind run_plugin_kind = {
	.begin = run_begin,
	.cancel = run_cancel,
	.report = run_report,
	.children = run_children,
	.fill = run_fill,
	.readable = run_readable,
	.say = run_say,
	.due_ns = run_due_ns,
	.tick = run_tick,
};
