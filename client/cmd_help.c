/* reeve help, version, ping: about the tool itself. */

#include "client/clock.h"
#include "client/command.h"
#include "client/field.h"
#include "client/job_args.h"
#include "client/say.h"
#include "client/suggest.h"
#include "client/table.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	const char *name;
	const char *text;
} topics[] = {
	{"times",
	 "Times are written like 90s, 5m, 2h30m, 1d or 500ms; a "
	 "number alone is\nseconds. The last part may have a fraction: "
	 "1.5h.\n\n"
	 "Points in time (--at), local unless they say where:\n\n"
	 "  14:30  noon  midnight           the next time it is that late\n"
	 "  today 18:00  tomorrow 9:00\n"
	 "  monday  fri 17:15               the next such day\n"
	 "  2026-11-22  2026-11-22 09:00  2026-11-22T09:00Z\n"
	 "  +2h30m  @1760000000             so much later; seconds since "
	 "1970\n"},
	{"filters",
	 "Which jobs, in plain words that no shell touches:\n\n"
	 "  42  40-60  1-5,8  last  -       ids; - reads them from stdin\n"
	 "  held blocked scheduled ready running succeeded failed cancelled\n"
	 "  waiting unfinished done ended   several states at once\n"
	 "  all                             every job\n"
	 "  state=failed,cancelled  queue=Q  name=N  group=G  key=K\n"
	 "  cause=timeout  exit=3  user=NAME  tag:k=v  newer=1d  older=2h\n\n"
	 "Words are joined by \"and\"; ids, and states, among themselves by "
	 "\"or\".\n"},
	{"exit",
	 "  0        fine\n"
	 "  1 2 3 4  it failed; usage; not found; refused by the daemon\n"
	 "  120      no daemon answers\n\n"
	 "run, submit -w and wait of one job exit with the job's own code, "
	 "and\n\n"
	 "  128+n    killed by signal n        121  cancelled\n"
	 "  122      its worker was lost       123  a job before it failed\n"
	 "  124      timeout                   125  refused, internal\n"
	 "  126 127  it could not be started\n\n"
	 "wait of several and map: 1 when any of them failed.\n"},
	{"environment", "  REEVE_SOCKET       socket of the daemon\n"
			"  REEVE_RUNTIME_DIR  folder with reeve.sock "
			"($XDG_RUNTIME_DIR/reeve)\n"
			"  REEVE_AUTOSTART=0  never start a daemon\n"
			"  REEVED             the daemon to start\n"
			"  NO_COLOR, CLICOLOR_FORCE, COLUMNS\n"},
};

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
		if (strcmp(group, command->group) != 0) {
			group = command->group;
			printf("\n%s\n", group);
		}
		printf("  %-10s %s\n", command->name, command->summary);
	}
	printf("\nreeve COMMAND --help, reeve help TOPIC:");
	for (size_t i = 0; i < ARRAY_COUNT(topics); i++)
		printf(" %s", topics[i].name);
	printf("\n");
}

static int unknown_topic(const struct tool *tool, const char *name)
{
	const struct command *command;
	struct suggest suggest;
	char hint[128] = "See: reeve help";

	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < ARRAY_COUNT(topics); i++)
		suggest_try(&suggest, topics[i].name);
	for (size_t i = 0; (command = command_at(i)); i++)
		suggest_try(&suggest, command->name);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", suggest.best);
	return say_usage(tool, hint, "there is no help on '%s'", name);
}

static int run_help(struct tool *tool, void *options, int argc, char **argv)
{
	(void)options;
	if (argc == 0) {
		command_overview();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_COUNT(topics); i++) {
		if (strcmp(topics[i].name, argv[0]) == 0) {
			fputs(topics[i].text, stdout);
			return 0;
		}
	}
	if (!command_find(argv[0]))
		return unknown_topic(tool, argv[0]);
	command_help_of(command_find(argv[0]));
	return 0;
}

static int run_version(struct tool *tool, void *options, int argc, char **argv)
{
	(void)options;
	(void)argc;
	(void)argv;
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
	int result = tool_connect_only(tool);

	(void)options;
	(void)argc;
	(void)argv;
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
