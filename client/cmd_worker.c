/* reeve worker ls, restart: who runs the jobs. */

#include "client/command.h"
#include "client/field.h"
#include "client/say.h"
#include "client/staff_list.h"
#include "client/suggest.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

/* POOL/SLOT is a worker's place, whoever sits there now. */
static bool is_place(struct arena *arena, struct slice worker, const char *word)
{
	char place[300];

	snprintf(place, sizeof(place), "%s/%" PRId64,
		 field_text(arena, worker, "pool"), field_int(worker, "slot"));
	return strcmp(place, word) == 0;
}

/* A pid, or the one in a place; 0: there is none, and that was said. */
static int find_pid(struct tool *tool, const char *word, int64_t *ret)
{
	bool commands = false;
	struct arena arena = {0};
	struct json_iter iter;
	struct slice worker;
	const char *reply;
	int64_t number;
	bool pid = args_int(word, &number);

	*ret = 0;
	if (reeve_call(tool->r, "org.reeve.admin.Workers", NULL, &reply) != 0)
		return say_error(tool);
	iter = json_enter(field_list(slice_of(reply), "workers"));
	while (*ret == 0 && json_item(&iter, &worker)) {
		if (pid ? field_int(worker, "pid") == number
			: is_place(&arena, worker, word)) {
			*ret = field_int(worker, "pid");
			commands = strcmp(field_text(&arena, worker, "pool"),
					  "exec") == 0;
		}
	}
	arena_fini(&arena);
	if (commands)
		return say_usage(tool,
				 "What it runs is ended by: reeve cancel JOB",
				 "worker %s runs commands: only workers of "
				 "handlers are restarted, because they keep "
				 "what they have loaded",
				 word);
	if (*ret == 0)
		return say_fail(tool, EXIT_MISSING,
				"Which there are: reeve worker ls",
				"there is no worker %s", word);
	return 0;
}

static int restart(struct tool *tool, const char *word)
{
	char params[48];
	int64_t pid;
	int result = find_pid(tool, word, &pid);

	if (result != 0)
		return result;
	snprintf(params, sizeof(params), "{\"pid\":%" PRId64 "}", pid);
	if (reeve_call(tool->r, "org.reeve.admin.Recycle", params, NULL) != 0)
		return say_error(tool);
	if (!tool->json)
		printf("worker %s leaves when another one serves in its "
		       "place\n",
		       word);
	return 0;
}

static int restart_all(struct tool *tool, int count, char **words)
{
	int result;

	if (count == 0)
		return say_usage(tool,
				 "By its pid or place: reeve worker restart "
				 "img/0; or all of a pool: reeve pool reload",
				 "which worker?");
	result = tool_connect(tool);
	for (int i = 0; result == 0 && i < count; i++)
		result = restart(tool, words[i]);
	if (result == 0 && tool->json)
		printf("{\"v\":1,\"count\":%d}\n", count);
	return result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct suggest suggest;
	char hint[96] = "Like: reeve worker ls, reeve worker restart img/0";

	if (argc == 0 || (argc == 1 && strcmp(argv[0], "ls") == 0))
		return staff_list(tool, options, &staff_workers);
	if (strcmp(argv[0], "restart") == 0)
		return restart_all(tool, argc - 1, argv + 1);
	if (strcmp(argv[0], "ls") == 0)
		return say_usage(tool, "Like: reeve worker ls",
				 "worker ls takes no '%s'", argv[1]);
	suggest_init(&suggest, argv[0], strlen(argv[0]));
	suggest_try(&suggest, "ls");
	suggest_try(&suggest, "restart");
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean: reeve worker %s?",
			 suggest.best);
	return say_usage(tool, hint, "there is no command 'worker %s'",
			 argv[0]);
}

const struct command command_worker = {
	.name = "worker",
	.group = "Workers",
	.synopsis = "ls|restart [FLAG]... [WORKER]...",
	.list_flags = true,
	.options_bytes = sizeof(struct table_args),
	.summary = "List the workers and what they do; replace one.",
	.text = "  reeve worker ls\n"
		"  reeve worker restart img/0\n",
	.run = run,
};
