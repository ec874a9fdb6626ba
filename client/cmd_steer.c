/* reeve cancel, hold, release, retry, rm: change jobs, one or many. */

#include "client/command.h"
#include "client/steer.h"

#define STEER_AT(member) offsetof(struct steer_options, member)

static const struct arg_flag flags[] = {
	{"dry-run", 0, ARG_ON, STEER_AT(dry_run), NULL,
	 "only say how many and which it would be", 0, NULL},
	{"yes", 'y', ARG_ON, STEER_AT(yes), NULL,
	 "do not ask before changing what a filter finds", 0, NULL},
};

static const struct arg_flag cancel_flags[] = {
	{"dry-run", 0, ARG_ON, STEER_AT(dry_run), NULL,
	 "only say how many and which it would be", 0, NULL},
	{"yes", 'y', ARG_ON, STEER_AT(yes), NULL,
	 "do not ask before changing what a filter finds", 0, NULL},
	{"reason", 0, ARG_TEXT, STEER_AT(reason), "TEXT", "kept with the job",
	 0, NULL},
	{"grace", 0, ARG_DURATION, STEER_AT(grace_ms), "TIME",
	 "from SIGTERM to SIGKILL", 0, NULL},
};

static const struct arg_flag retry_flags[] = {
	{"dry-run", 0, ARG_ON, STEER_AT(dry_run), NULL,
	 "only say how many and which it would be", 0, NULL},
	{"yes", 'y', ARG_ON, STEER_AT(yes), NULL,
	 "do not ask before changing what a filter finds", 0, NULL},
	{"in", 0, ARG_DURATION, STEER_AT(delay_ms), "TIME",
	 "start it so much later", 0, NULL},
	{"reset", 0, ARG_ON, STEER_AT(reset), NULL,
	 "count its failures from zero again", 0, NULL},
};

static int run_cancel(struct tool *tool, void *options, int argc, char **argv)
{
	struct steer steer = {
		.tool = tool,
		.options = options,
		.method = "org.reeve.jobs.Cancel",
		.verb = "cancelled",
	};

	return steer_run(&steer, argc, argv);
}

static int run_hold(struct tool *tool, void *options, int argc, char **argv)
{
	struct steer steer = {
		.tool = tool,
		.options = options,
		.method = "org.reeve.jobs.Hold",
		.verb = "held",
	};

	return steer_run(&steer, argc, argv);
}

static int run_release(struct tool *tool, void *options, int argc, char **argv)
{
	struct steer steer = {
		.tool = tool,
		.options = options,
		.method = "org.reeve.jobs.Release",
		.verb = "released",
	};

	return steer_run(&steer, argc, argv);
}

static int run_retry(struct tool *tool, void *options, int argc, char **argv)
{
	struct steer steer = {
		.tool = tool,
		.options = options,
		.method = "org.reeve.jobs.Retry",
		.verb = "tried again",
		.states = 1u << REEVE_FAILED | 1u << REEVE_CANCELLED,
	};

	return steer_run(&steer, argc, argv);
}

static int run_rm(struct tool *tool, void *options, int argc, char **argv)
{
	struct steer steer = {
		.tool = tool,
		.options = options,
		.method = "org.reeve.jobs.Remove",
		.verb = "removed",
	};

	return steer_run(&steer, argc, argv);
}

const struct command command_cancel = {
	.name = "cancel",
	.alias = "kill",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "End jobs: waiting ones at once, running ones by signal.",
	.text = "  reeve cancel 42\n"
		"  reeve cancel waiting queue=mail --dry-run\n",
	COMMAND_FLAGS(cancel_flags),
	.options_bytes = sizeof(struct steer_options),
	.states = SELECTOR_UNFINISHED,
	.run = run_cancel,
};

const struct command command_hold = {
	.name = "hold",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Keep waiting jobs from starting.",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct steer_options),
	.states = SELECTOR_WAITING & ~(1u << REEVE_HELD),
	.run = run_hold,
};

const struct command command_release = {
	.name = "release",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Let held jobs go on.",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct steer_options),
	.states = 1u << REEVE_HELD,
	.run = run_release,
};

const struct command command_retry = {
	.name = "retry",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Try jobs again that failed or were cancelled; one that "
		   "succeeded where it alone is named.",
	.text = "  reeve retry last\n"
		"  reeve retry failed queue=mail newer=1d --dry-run\n",
	COMMAND_FLAGS(retry_flags),
	.options_bytes = sizeof(struct steer_options),
	.states = 1u << REEVE_FAILED | 1u << REEVE_CANCELLED,
	.run = run_retry,
};

const struct command command_rm = {
	.name = "rm",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Forget jobs that have ended, with their output.",
	.text = "  reeve rm 42\n"
		"  reeve rm succeeded older=1d\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct steer_options),
	.states = SELECTOR_ENDED,
	.run = run_rm,
};
