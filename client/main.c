/* reeve: finds the command, reads the flags, runs it. */

#include "client/command.h"
#include "client/habit.h"
#include "client/job_args.h"
#include "client/say.h"
#include "client/shield.h"
#include "client/suggest.h"
#include "client/table.h"
#include "proto/json_out.h"
#include "proto/streams.h"

#include <errno.h>
#include <stdio.h>

static const struct command *const commands[] = {
	&command_submit,     &command_run,	&command_call,
	&command_map,	     &command_work,	&command_wait,
	&command_ls,	     &command_show,	&command_explain,
	&command_logs,	     &command_follow,	&command_events,
	&command_cancel,     &command_retry,	&command_hold,
	&command_release,    &command_edit,	&command_rm,
	&command_progress,   &command_queue,	&command_pool,
	&command_worker,     &command_status,	&command_top,
	&command_daemon,     &command_config,	&command_doctor,
	&command_ping,	     &command_version,	&command_help,
	&command_completion, &command_complete,
};

static const struct arg_flag common_flags[] = {
	{"json", 0, ARG_ON, offsetof(struct tool, json), NULL,
	 "one JSON object on stdout, errors too", 0, NULL},
	{"quiet", 0, ARG_ON, offsetof(struct tool, quiet), NULL,
	 "no hints, notes or progress", 0, NULL},
	{"no-autostart", 0, ARG_ON, offsetof(struct tool, no_autostart), NULL,
	 "do not start a daemon", 0, NULL},
	{"socket", 0, ARG_TEXT, offsetof(struct tool, socket), "PATH",
	 "talk to the daemon there", 0, NULL},
	{"color", 0, ARG_TEXT, offsetof(struct tool, colour), "WHEN",
	 "always, never or auto", 0, "colour"},
	{"help", 'h', ARG_ON, offsetof(struct tool, help), NULL, "this text", 0,
	 NULL},
};

const struct arg_table common_args_table = {common_flags,
					    ARRAY_COUNT(common_flags)};

const struct command *command_at(size_t i)
{
	return i < ARRAY_COUNT(commands) ? commands[i] : NULL;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0 ||
		    (commands[i]->alias &&
		     strcmp(commands[i]->alias, name) == 0))
			return commands[i];
	}
	return NULL;
}

int command_unknown(const struct tool *tool, const char *name)
{
	struct suggest suggest;
	char hint[128] =
		"See: reeve help, or from other tools: reeve help habits";

	if (habit_command(name))
		return say_usage(tool, habit_command(name),
				 "there is no command '%s'", name);
	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (commands[i]->group)
			suggest_try(&suggest, commands[i]->name);
		if (commands[i]->alias)
			suggest_try(&suggest, commands[i]->alias);
	}
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean: reeve %s?",
			 suggest.best);
	return say_usage(tool, hint, "there is no command '%s'", name);
}

/* Wherever it stands: an error in a flag before it is to be JSON, too. Behind
 * the first argument of some commands it is somebody else's word. */
static bool wants_json(const struct command *command, int argc, char **argv)
{
	for (int i = 0; i < argc && !command->stop_early; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
	}
	return false;
}

static int apply_common(struct tool *tool)
{
	if (tool->colour && strcmp(tool->colour, "always") != 0 &&
	    strcmp(tool->colour, "never") != 0 &&
	    strcmp(tool->colour, "auto") != 0)
		return say_usage(tool, "Like: --color never",
				 "--color takes always, never or auto, not "
				 "'%s'",
				 tool->colour);
	tool_screens(tool);
	return 0;
}

/*
 * A name that is not UTF-8 would arrive as another name, and find what nobody
 * meant. Commands that take somebody else's words look at each by itself.
 */
static int check_words(const struct tool *tool, const struct command *command,
		       int argc, char **argv)
{
	for (int i = 0; i < argc && !command->job_flags; i++) {
		if (!json_utf8(slice_of(argv[i])))
			return say_usage(tool, "See: reeve help filters",
					 "'%s' is not UTF-8 text, and the "
					 "protocol carries nothing else",
					 argv[i]);
	}
	return 0;
}

static int run_command(struct tool *tool, const struct command *command,
		       int argc, char **argv)
{
	size_t bytes = command->options_bytes ? command->options_bytes : 1;
	struct arg_table tables[2] = {
		{command->flags, command->flag_count},
		command->list_flags ? table_args_table : job_args_table,
	};
	size_t table_count = command->job_flags || command->list_flags ? 2 : 1;
	void *options = calloc(1, bytes);
	struct arg_bases bases = {
		.tables = tables,
		.table_count = table_count,
		.options = options,
		.common_table = &common_args_table,
		.common = tool,
	};
	int result;

	if (!options)
		return say_memory(tool);
	result = check_words(tool, command, argc, argv);
	if (result) {
		free(options);
		return result;
	}
	tool->speaks_for_job = command->job_exit;
	tool->json |= wants_json(command, argc, argv);
	result = args_parse(tool, &bases, command->stop_early, argc, argv,
			    &argc);
	if (result == 0)
		result = apply_common(tool);
	if (result == 0 && tool->help)
		command_help_of(command);
	else if (result == 0)
		result = command->run(tool, options, argc, argv);
	args_free(tables, table_count, options);
	free(options);
	return result;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct arg_bases bases = {
		.common_table = &common_args_table,
		.common = tool,
	};
	const struct command *command = &command_status;
	int result;

	argv++;
	result = args_parse(tool, &bases, true, argc - 1, argv, &argc);
	if (result == 0)
		result = apply_common(tool);
	if (result != 0)
		return result;
	if (tool->help) {
		command_overview();
		return 0;
	}
	if (argc == 0)
		return run_command(tool, command, 0, argv);
	command = command_find(argv[0]);
	if (!command)
		return command_unknown(tool, argv[0]);
	return run_command(tool, command, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	struct tool tool = {0};
	int code;

	if (streams_keep() != 0)
		return EXIT_INTERNAL;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("reeve %s\n", reeve_version());
		return 0;
	}
	tool_screens(&tool);
	if (tool.out.terminal)
		shield_stdout();
	code = run(&tool, argc, argv);
	reeve_free(tool.r);
	/* A full disk behind stdout is an error like any other. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "reeve: cannot write to stdout: %s\n",
			strerror(errno));
		if (code == 0)
			code = tool.speaks_for_job ? EXIT_INTERNAL
						   : EXIT_FAILED;
	}
	return code;
}
