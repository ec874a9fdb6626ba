/*
 * reeve call: a handler of a pool as if it were a program: its result is our
 * stdout, its error our stderr, its end our exit code.
 */

#include "client/apply.h"
#include "client/command.h"
#include "client/existing.h"
#include "client/finish.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/job_args.h"
#include "client/say.h"
#include "client/served.h"
#include "client/slow.h"
#include "client/stuck.h"
#include "client/trace.h"

#include <inttypes.h>
#include <stdio.h>

#define CALL_STUCK_MS 1000 /* then somebody asks why nothing happens */
#define CALL_LOOK_MS 50

struct call_options {
	struct job_args job;
	bool verbose;
};

static const struct arg_flag flags[] = {
	{"verbose", 'v', ARG_ON, offsetof(struct call_options, verbose), NULL,
	 "of an error the trace, too; say on stderr what happens", 0, NULL},
};

struct calling {
	struct tool *tool;
	const struct call_options *options;
	const char *handler;
	struct apply apply;
	volatile sig_atomic_t *signal;
	int cancel;  /* the signal that asked for it; 0: none, or done */
	bool looked; /* whether it is stuck */
	bool slow;   /* what it may wait for was said */
	bool named;
};

/* The first signal cancels; the second one ends us. */
static void take_signal(struct calling *calling)
{
	if (*calling->signal == 0)
		return;
	calling->cancel = *calling->signal;
	interrupt_taken();
}

static int cancel(struct calling *calling)
{
	char reason[64];

	if (!calling->cancel || calling->apply.id == 0)
		return 0;
	snprintf(reason, sizeof(reason), "reeve call got SIG%s",
		 sigabbrev_np(calling->cancel));
	calling->cancel = 0;
	say_hint(calling->tool,
		 "cancelling job %" PRId64
		 "; once more to leave it to the daemon",
		 calling->apply.id);
	/* Who gave it up does not want it anew, if the daemon is replaced. */
	if (calling->apply.spec->durability == REEVE_RESULT)
		calling->apply.again = false;
	if (reeve_cancel(calling->tool->r, calling->apply.id, reason) != 0)
		return say_error(calling->tool);
	return 0;
}

/* What can be said only when its number is known. */
static void tell(struct calling *calling, bool late)
{
	if (calling->apply.id == 0) {
		char text[256];

		if (late && !calling->slow)
			say_hint(calling->tool, "%s",
				 slow_text(calling->apply.spec->queue, text,
					   sizeof(text)));
		calling->slow |= late;
		return;
	}
	if (calling->apply.existed && !calling->named)
		existing_tell(calling->tool, calling->apply.spec,
			      calling->apply.id, true);
	if (calling->options->verbose && !calling->named)
		say_note(calling->tool, "job %" PRId64, calling->apply.id);
	calling->named = true;
	if (late && !calling->looked) {
		calling->looked = true;
		stuck_tell(calling->tool, &calling->apply.id, 1);
	}
}

static int attend(struct calling *calling, struct reeve_job **ret)
{
	for (;;) {
		int64_t most_ms = calling->looked ? -1 : CALL_STUCK_MS;
		int result;

		if (calling->apply.id == 0 && calling->cancel)
			most_ms = CALL_LOOK_MS;
		result = apply_next(&calling->apply, most_ms, ret);
		if (result != 0 && result != REEVE_E_TIMEOUT &&
		    result != REEVE_E_INTERRUPTED)
			return served_fail(calling->tool, calling->handler);
		tell(calling, result == REEVE_E_TIMEOUT && !calling->cancel);
		if (result == 0)
			return 0;
		take_signal(calling);
		if (calling->cancel && calling->apply.existed)
			return existing_left(calling->tool, calling->apply.id);
		result = cancel(calling);
		if (result != 0)
			return result;
	}
}

static int finish(const struct calling *calling, const struct reeve_job *job)
{
	const struct tool *tool = calling->tool;

	if (tool->json || job->state != REEVE_SUCCEEDED) {
		int code = finish_job(tool, job, calling->apply.existed);

		if (calling->options->verbose && !tool->json)
			trace_print(stderr, job->failure_trace, "  ", 0);
		return code;
	}
	puts(job->result);
	return 0;
}

static int begin(struct calling *calling, struct call_options *options,
		 int argc, char **argv, struct reeve_spec *spec)
{
	struct tool *tool = calling->tool;
	int result;

	if (options->job.handler.handler)
		return say_usage(tool, "Like: reeve call thumb path=a.png",
				 "call has the handler as its first word, and "
				 "takes no --handler");
	if (argc == 0)
		return say_usage(tool, "Which there are: reeve pool ls",
				 "which handler?");
	if (strcmp(argv[0], "exec") == 0)
		return say_usage(tool, "Like: reeve run make -j8",
				 "exec runs commands: that is reeve run");
	calling->handler = options->job.handler.handler = argv[0];
	/* What those ask for is on disk before it begins. */
	if (!options->job.durability && !options->job.once &&
	    !options->job.key && !options->job.unique)
		options->job.durability = "result";
	result = job_args_spec(tool, &options->job, argc - 1, argv + 1, spec);
	if (result == 0)
		result = tool_connect(tool);
	return result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	struct call_options *call_options = options;
	struct calling calling = {.tool = tool, .options = options};
	struct reeve_spec spec;
	int result = begin(&calling, call_options, argc, argv, &spec);

	if (result == 0) {
		calling.signal = interrupt_catch();
		reeve_set_interrupt(tool->r, calling.signal);
		result = apply_begin(&calling.apply, tool->r, &spec);
		result = result ? say_error(tool) : attend(&calling, &job);
		if (job)
			result = finish(&calling, job);
		apply_fini(&calling.apply);
	}
	job_args_fini(&call_options->job);
	return result;
}

const struct command command_call = {
	.name = "call",
	.group = "Work",
	.synopsis = "[FLAG]... HANDLER [JSON|-|K=V...]",
	.summary = "Call a handler of a pool, print the result, a JSON value.",
	.text = "  reeve call thumb path=a.png width:=200\n"
		"  reeve call thumb '{\"path\":\"a.png\",\"width\":200}'\n"
		"  reeve call --timeout 10s thumb - <args.json\n",
	COMMAND_FLAGS(flags),
	.job_flags = true,
	.job_exit = true,
	.options_bytes = sizeof(struct call_options),
	.run = run,
};
