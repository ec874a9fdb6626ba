/* reeve logs: what a job wrote. */

#include "client/command.h"
#include "client/relay.h"
#include "client/say.h"
#include "client/selector.h"

#include <inttypes.h>

struct logs_options {
	bool follow, only_stdout, only_stderr;
};

static const struct arg_flag flags[] = {
	{"follow", 'f', ARG_ON, offsetof(struct logs_options, follow), NULL,
	 "go on until the job ends", 0, NULL},
	{"stdout", 0, ARG_ON, offsetof(struct logs_options, only_stdout), NULL,
	 "only its stdout", 0, NULL},
	{"stderr", 0, ARG_ON, offsetof(struct logs_options, only_stderr), NULL,
	 "only its stderr", 0, NULL},
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

static int logs(struct tool *tool, const struct logs_options *options,
		int64_t id)
{
	enum reeve_channel channel = REEVE_BOTH;
	struct reeve_output *output;
	struct reeve_chunk chunk;
	int result;

	if (options->only_stdout != options->only_stderr)
		channel = options->only_stdout ? REEVE_STDOUT : REEVE_STDERR;
	if (reeve_output_open(tool->r, id, channel, options->follow, &output) !=
	    0)
		return say_error(tool);
	while ((result = reeve_output_next(output, -1, &chunk)) == 0) {
		if (relay_write(&chunk) != 0)
			break;
	}
	if (result == REEVE_E_END) {
		tell_elsewhere(tool, output, id, channel, REEVE_STDOUT);
		tell_elsewhere(tool, output, id, channel, REEVE_STDERR);
	}
	reeve_output_free(output);
	if (result == 0 || result == REEVE_E_END)
		return 0;
	return say_error(tool);
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
		result = logs(tool, options, selector.ids[i]);
	selector_fini(&selector);
	return result;
}

const struct command command_logs = {
	.name = "logs",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Print what a job wrote, to stdout and stderr as it did.",
	.text = "  reeve logs last\n"
		"  reeve logs -f 42\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct logs_options),
	.run = run,
};
