#include "client/job_args.h"

#include "client/context.h"
#include "client/say.h"
#include "client/text.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LEFT_OUT_BYTES 400
#define LEFT_OUT_WHY                                                           \
	"Such variables are not UTF-8 text, and the protocol carries nothing " \
	"else: set them in the job, with --sh"
#define AT(member) offsetof(struct job_args, member)

static const struct arg_flag flags[] = {
	{"queue", 'q', ARG_TEXT, AT(queue), "NAME", "queue (default)", 0, NULL},
	{"name", 'n', ARG_TEXT, AT(name), "TEXT",
	 "shown instead of the command", 0, NULL},
	{"priority", 'p', ARG_INT, AT(priority), "N", "higher runs first (0)",
	 -2147483647, NULL},
	{"tag", 't', ARG_LIST, AT(tags), "K=V", "to find it by; repeatable", 0,
	 NULL},
	{"in", 0, ARG_DURATION, AT(in_ms), "TIME", "start it so much later", 0,
	 NULL},
	{"hold", 0, ARG_ON, AT(hold), NULL, "not before `reeve release`", 0,
	 NULL},
	{"timeout", 0, ARG_DURATION, AT(timeout_ms), "TIME",
	 "end it when it runs longer", 0, NULL},
	{"grace", 0, ARG_DURATION, AT(grace_ms), "TIME",
	 "from SIGTERM to SIGKILL (10s)", 0, NULL},
	{"stdin", 0, ARG_ON, AT(read_stdin), NULL,
	 "give it what stdin holds now (at most 1 MiB)", 0, NULL},
	{"stdin-file", 0, ARG_TEXT, AT(stdin_file), "FILE",
	 "give it the contents of FILE", 0, NULL},
	{"cwd", 'C', ARG_TEXT, AT(cwd), "DIR", "where to run it (here)", 0,
	 NULL},
	{"env", 'e', ARG_LIST, AT(env), "K=V", "set a variable; repeatable", 0,
	 NULL},
	{"clean-env", 0, ARG_ON, AT(clean_env), NULL,
	 "pass no variables but those of --env", 0, NULL},
	{"sh", 0, ARG_TEXT, AT(shell), "TEXT", "run TEXT with /bin/sh -c", 0,
	 "shell"},
	{"group", 0, ARG_INT, AT(group), "N", "put it into an open group", 1,
	 NULL},
	{"key", 0, ARG_TEXT, AT(key), "TEXT",
	 "a second submission with TEXT is the first one", 0, NULL},
	{"once", 0, ARG_ON, AT(once), NULL,
	 "never start it twice, even if that loses it", 0, NULL},
	{"crash-limit", 0, ARG_INT, AT(crash_limit), "N",
	 "fail when N workers died under it (3)", 1, NULL},
	{"keep-orphans", 0, ARG_ON, AT(keep_orphans), NULL,
	 "leave processes behind when it ends", 0, NULL},
};

const struct arg_table job_args_table = {flags, ARRAY_COUNT(flags)};

void job_args_fini(struct job_args *args)
{
	free(args->stdin_data);
	args->stdin_data = NULL;
}

/* All of a file, up to the limit of the protocol. */
static int read_file(struct tool *tool, struct job_args *args, FILE *file,
		     const char *name)
{
	size_t room = LIMIT_DATA_BYTES + 1;

	args->stdin_data = malloc(room);
	if (!args->stdin_data)
		return say_memory(tool);
	args->stdin_bytes = fread(args->stdin_data, 1, room, file);
	if (ferror(file))
		return say_fail(tool, EXIT_FAILED, NULL, "cannot read %s: %s",
				name, strerror(errno));
	if (args->stdin_bytes == room)
		return say_fail(tool, EXIT_REFUSED,
				"Let the job open the file itself: --sh "
				"'command <file'",
				"%s holds more than the %d bytes that a job "
				"can be given",
				name, LIMIT_DATA_BYTES);
	return 0;
}

static int read_input(struct tool *tool, struct job_args *args)
{
	FILE *file;
	int result;

	if (args->read_stdin && args->stdin_file)
		return say_usage(tool, "Give one of them",
				 "--stdin and --stdin-file exclude each "
				 "other");
	if (args->read_stdin)
		return read_file(tool, args, stdin, "stdin");
	if (!args->stdin_file)
		return 0;
	file = fopen(args->stdin_file, "re");
	if (!file)
		return say_fail(tool, EXIT_FAILED, NULL, "cannot open %s: %s",
				args->stdin_file, strerror(errno));
	result = read_file(tool, args, file, args->stdin_file);
	fclose(file);
	return result;
}

static int check(struct tool *tool, const struct job_args *args, int argc)
{
	if (args->shell && argc > 0)
		return say_usage(tool, "Put all of it into --sh '...'",
				 "--sh is the whole command, so nothing may "
				 "follow it");
	if (!args->shell && argc == 0)
		return say_usage(tool, "Name one, like: reeve submit make -j8",
				 "there is no command to run");
	return 0;
}

/* A job that behaves otherwise than in the shell needs an explanation. */
static void tell_left_out(const struct tool *tool,
			  const struct reeve_spec *spec)
{
	char names[LEFT_OUT_BYTES] = "";
	size_t at = 0, n = 0, more = 0;
	const char *variable;

	while ((variable = context_left_out(spec, &at)) != NULL) {
		size_t bytes = strcspn(variable, "=");

		if (n + bytes + 3 > sizeof(names)) {
			more++;
			continue;
		}
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%.*s",
				      n ? ", " : "", (int)bytes, variable);
	}
	text_clean(names);
	if (more > 0)
		say_note(tool, "left out: %s and %zu more. " LEFT_OUT_WHY,
			 names, more);
	else if (names[0])
		say_note(tool, "left out: %s. " LEFT_OUT_WHY, names);
}

int job_args_spec(struct tool *tool, struct job_args *args, int argc,
		  char **argv, struct reeve_spec *ret)
{
	int result = check(tool, args, argc);

	if (result == 0)
		result = read_input(tool, args);
	if (result != 0)
		return result;
	*ret = (struct reeve_spec){
		.argv = argc > 0 ? (const char *const *)argv : NULL,
		.shell = args->shell,
		.queue = args->queue,
		.name = args->name,
		.key = args->key,
		.tags = args->tags.items,
		.stdin_data = args->stdin_data,
		.stdin_bytes = args->stdin_bytes,
		.cwd = args->cwd,
		.env = args->env.items,
		.environment = args->clean_env ? REEVE_ENV_CLEAN
					       : REEVE_ENV_CAPTURED,
		.priority = args->priority,
		.delay_ms = args->in_ms,
		.timeout_ms = args->timeout_ms,
		.grace_ms = args->grace_ms,
		.crash_limit = args->crash_limit,
		.group = args->group,
		.hold = args->hold,
		.once = args->once,
		.keep_orphans = args->keep_orphans,
	};
	tell_left_out(tool, ret);
	return 0;
}
