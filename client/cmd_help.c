/* reeve help, version, ping: about the tool itself. */

#include "client/clock.h"
#include "client/command.h"
#include "client/field.h"
#include "client/job_args.h"
#include "client/say.h"
#include "client/suggest.h"
#include "client/table.h"
#include "client/topics.h"

#include <inttypes.h>
#include <stdio.h>

static void print_flags(const char *title, const struct arg_table *table)
{
	printf("\n%s\n", title);
	args_print_help(table);
}

void command_help_of(const struct command *command)
{
	struct arg_table own = {command->flags, command->flag_count};

	printf("%s\n\n  reeve %s%s%s\n", command->summary, command->name,
	       command->synopsis[0] ? " " : "", command->synopsis);
	if (command->text)
		printf("\nExamples\n%s", command->text);
	if (own.count > 0)
		print_flags("Flags", &own);
	if (command->job_flags)
		print_flags("Flags of the job", &job_args_table);
	if (command->list_flags)
		print_flags("Flags of a listing", &table_args_table);
	print_flags("Flags of every command", &common_args_table);
}

void command_overview(void)
{
	const struct command *command;
	const struct topic *topic;
	const char *group = "";

	printf("reeve: a task queue for this machine\n\n"
	       "  reeve submit make -j8               into the queue; prints "
	       "an "
	       "id\n"
	       "  reeve run ./test.sh                 run it there, see its "
	       "output here\n"
	       "  reeve map gzip -9 ::: *.log         one job for each file\n"
	       "  reeve ls                            what there is\n"
	       "  reeve show last                     and how it went\n");
	for (size_t i = 0; (command = command_at(i)); i++) {
		if (!command->group)
			continue;
		if (strcmp(group, command->group) != 0) {
			group = command->group;
			printf("\n%s\n", group);
		}
		printf("  %-10s %s\n", command->name, command->summary);
	}
	printf("\nMore: reeve COMMAND --help, reeve help TOPIC\n");
	for (size_t i = 0; (topic = topic_at(i)); i++)
		printf("    %-12s %s\n", topic->name, topic->summary);
}

static int unknown_topic(const struct tool *tool, const char *name)
{
	const struct command *command;
	const struct topic *topic;
	struct suggest suggest;
	char hint[128] = "See: reeve help";

	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; (topic = topic_at(i)); i++)
		suggest_try(&suggest, topic->name);
	for (size_t i = 0; (command = command_at(i)); i++)
		suggest_try(&suggest, command->name);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", suggest.best);
	return say_usage(tool, hint, "there is no help on '%s'", name);
}

static int run_help(struct tool *tool, void *options, int argc, char **argv)
{
	const struct command *command;
	const struct topic *topic;

	(void)options;
	if (argc == 0) {
		command_overview();
		return 0;
	}
	/* "retry" is both. */
	command = command_find(argv[0]);
	topic = topic_find(argv[0]);
	if (!command && !topic)
		return unknown_topic(tool, argv[0]);
	if (topic)
		fputs(topic->text, stdout);
	if (command && topic)
		printf("\n");
	if (command)
		command_help_of(command);
	return 0;
}

static int takes_nothing(const struct tool *tool, int argc, char **argv)
{
	if (argc == 0)
		return 0;
	return say_usage(tool, "Leave it out", "'%s' means nothing here",
			 argv[0]);
}

static int run_version(struct tool *tool, void *options, int argc, char **argv)
{
	int result = takes_nothing(tool, argc, argv);

	(void)options;
	if (result)
		return result;
	if (tool->json)
		printf("{\"v\":1,\"version\":\"%s\"}\n", reeve_version());
	else
		printf("reeve %s\n", reeve_version());
	return 0;
}

static int run_ping(struct tool *tool, void *options, int argc, char **argv)
{
	int64_t begun_ms;
	const char *reply;
	int result = takes_nothing(tool, argc, argv);

	(void)options;
	if (result == 0)
		result = tool_connect_only(tool, NULL);
	if (result != 0)
		return result;
	begun_ms = clock_monotonic_ms();
	if (reeve_call(tool->r, "org.reeve.admin.Ping", NULL, &reply) != 0)
		return say_error(tool);
	if (tool->json)
		printf("{\"v\":1,\"now_ms\":%" PRId64 "}\n",
		       field_int(slice_of(reply), "now_ms"));
	else
		printf("reeved (pid %d) answers in %" PRId64 " ms\n",
		       tool_daemon_pid(tool), clock_monotonic_ms() - begun_ms);
	return 0;
}

const struct command command_help = {
	.name = "help",
	.group = "System",
	.synopsis = "[COMMAND|TOPIC]",
	.summary = "Help.",
	.run = run_help,
};

const struct command command_version = {
	.name = "version",
	.group = "System",
	.synopsis = "",
	.summary = "The version of this tool.",
	.run = run_version,
};

const struct command command_ping = {
	.name = "ping",
	.group = "System",
	.synopsis = "",
	.summary = "Ask the daemon for an answer.",
	.run = run_ping,
};
