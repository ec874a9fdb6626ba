#include "client/job_args.h"

#include "client/clock.h"
#include "client/context.h"
#include "client/duration.h"
#include "client/say.h"
#include "client/stamp.h"
#include "client/start.h"
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
	{"handler", 0, ARG_TEXT, AT(handler.handler), "NAME",
	 "call a handler of a pool, instead of a command", 0, NULL},
	{"args", 0, ARG_LIST, AT(handler.args), "JSON|K=V",
	 "what it is given: an object, or members of it; repeatable", 0, NULL},
	{"args-file", 0, ARG_TEXT, AT(handler.file), "FILE",
	 "... the JSON object in FILE; - is stdin", 0, NULL},
	{"priority", 'p', ARG_INT_TEXT, AT(priority), "N",
	 "higher runs first (0)", -2147483647, NULL},
	{"tag", 't', ARG_LIST, AT(tags), "K=V", "to find it by; repeatable", 0,
	 NULL},
	{"in", 0, ARG_DURATION_TEXT, AT(in), "TIME", "start it so much later",
	 0, NULL},
	{"at", 0, ARG_TEXT, AT(at), "WHEN",
	 "not before: 14:30, 'tomorrow 9:00', friday, 2026-11-22T09:00Z", 0,
	 NULL},
	{"hold", 0, ARG_ON, AT(hold), NULL, "not before `reeve release`", 0,
	 NULL},
	{"timeout", 0, ARG_DURATION_TEXT, AT(timeout), "TIME",
	 "end it when it runs longer; 0: never", 0, NULL},
	{"grace", 0, ARG_DURATION, AT(grace_ms), "TIME",
	 "from SIGTERM to SIGKILL (10s)", 0, NULL},
	{"retry", 0, ARG_INT_TEXT, AT(retry.retries), "N",
	 "try it up to N times more when it fails", 0, NULL},
	{"retry-on", 0, ARG_TEXT, AT(retry.on), "CAUSES",
	 "only these: exit,signal,timeout,memory,handler,exec", 0, NULL},
	{"retry-exit", 0, ARG_TEXT, AT(retry.exits), "CODES",
	 "of the exit codes only these, like 75,100-111", 0, NULL},
	{"backoff", 0, ARG_TEXT, AT(retry.backoff), "TIME[..TIME]",
	 "before the next try, doubled each time (1s..10m)", 0, NULL},
	{"retry-jitter", 0, ARG_TEXT, AT(retry.jitter), "PERCENT",
	 "of that wait so much more or less, by chance (20%)", 0, NULL},
	{"expire", 0, ARG_DURATION_TEXT, AT(expire), "TIME",
	 "cancel it if it still waits so long after its submission; 0: never",
	 0, NULL},
	{"keep", 0, ARG_DURATION_TEXT, AT(keep), "TIME",
	 "remember it so long after its end; 0: not at all", 0, NULL},
	{"stdin", 0, ARG_ON, AT(read_stdin), NULL,
	 "give it what stdin holds now (at most 1 MiB)", 0, NULL},
	{"stdin-file", 0, ARG_TEXT, AT(stdin_file), "FILE",
	 "give it the contents of FILE", 0, NULL},
	{"cwd", 'C', ARG_TEXT, AT(cwd), "DIR", "where to run it (here)", 0,
	 NULL},
	{"env", 'e', ARG_LIST, AT(place.env), "K[=V]",
	 "set a variable, or pass on the one set here; repeatable", 0, NULL},
	{"clean-env", 0, ARG_ON, AT(place.clean_env), NULL,
	 "pass no variables but those of --env, with a plain PATH, HOME, USER, "
	 "SHELL and LANG",
	 0, "env-clean"},
	{"umask", 0, ARG_TEXT, AT(place.umask), "OCTAL",
	 "for the files it makes (as here)", 0, NULL},
	{"nice", 0, ARG_INT, AT(place.nice), "N",
	 "-20 to 19: the higher, the more it gives way", -20, NULL},
	{"limit", 0, ARG_LIST, AT(place.limit), "NAME=N",
	 "like nofile=1024, as=2G, cpu=10m; repeatable", 0, NULL},
	{"sh", 0, ARG_TEXT, AT(shell), "TEXT", "run TEXT with /bin/sh -c", 0,
	 "shell"},
	{"group", 0, ARG_INT, AT(group), "N", "put it into an open group", 1,
	 NULL},
	{"key", 0, ARG_TEXT, AT(key), "TEXT",
	 "a second submission with TEXT is the first one", 0, NULL},
	{"unique", 0, ARG_TEXT, AT(unique), "TEXT",
	 "no two unfinished jobs have the same TEXT", 0, NULL},
	{"on-conflict", 0, ARG_TEXT, AT(on_conflict), "WAY",
	 "if another has the key or is unique: return, replace or reject it", 0,
	 NULL},
	{"durability", 0, ARG_TEXT, AT(durability), "WORD",
	 "answer when it is on disk: sync, before: memory, or promise only the "
	 "end: result (sync)",
	 0, NULL},
	{"once", 0, ARG_ON, AT(once), NULL,
	 "never start it twice, even if that loses it", 0, NULL},
	{"crash-limit", 0, ARG_INT, AT(crash_limit), "N",
	 "fail when N workers died under it (3)", 1, NULL},
	{"keep-orphans", 0, ARG_ON, AT(keep_orphans), NULL,
	 "leave processes behind when it ends", 0, NULL},
	CALLBACK_FLAGS("on-", AT(callbacks), "when it has succeeded",
		       "when it has failed for good", "when it has ended"),
	CALLBACK_TERMS(AT(callbacks)),
};

const struct arg_table job_args_table = {flags, ARRAY_COUNT(flags)};

void job_args_fini(struct job_args *args)
{
	free(args->folder);
	args->folder = NULL;
	free(args->stdin_data);
	args->stdin_data = NULL;
	place_args_fini(&args->place);
	handler_args_fini(&args->handler);
	callback_args_fini(&args->callbacks);
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
		return say_fail(tool, EXIT_FAILED, "Give a file or a pipe",
				"cannot read %s: %s", name, strerror(errno));
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
		return say_fail(tool, EXIT_FAILED,
				"Check the spelling and the rights",
				"cannot open %s: %s", args->stdin_file,
				strerror(errno));
	result = read_file(tool, args, file, args->stdin_file);
	fclose(file);
	return result;
}

/* One word "make -j8 | tee log": somebody thinks that a shell reads it. A name
 * with blanks may be a program if it has a folder before them. */
static bool is_shell_line(const char *word)
{
	size_t n = strcspn(word, " \t\n");

	return word[n] && n > 0 && !memchr(word, '/', n);
}

/* What says how a process is to run. */
static int check_handler(struct tool *tool, const struct job_args *args)
{
	const struct place_args *place = &args->place;
	const struct {
		bool given;
		const char *name;
	} flags_of_commands[] = {
		{args->shell, "sh"},
		{args->read_stdin, "stdin"},
		{args->stdin_file, "stdin-file"},
		{args->cwd, "cwd"},
		{place->env.count > 0, "env"},
		{place->clean_env, "clean-env"},
		{place->umask, "umask"},
		{place->nice != 0, "nice"},
		{place->limit.count > 0, "limit"},
		{args->keep_orphans, "keep-orphans"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(flags_of_commands); i++) {
		if (flags_of_commands[i].given)
			return say_usage(
				tool,
				"A handler runs where its pool does, and is "
				"given --args",
				"--%s is for commands, not for a handler",
				flags_of_commands[i].name);
	}
	return 0;
}

static int check(struct tool *tool, const struct job_args *args, int argc,
		 char **argv)
{
	if (args->handler.handler)
		return check_handler(tool, args);
	if (args->handler.file || args->handler.args.count > 0)
		return say_usage(tool,
				 "Name it: --handler NAME, or: reeve call NAME",
				 "--args is for a handler, and none is named");
	if (args->shell && argc > 0)
		return say_usage(tool, "Put all of it into --sh '...'",
				 "--sh is the whole command, so nothing may "
				 "follow it");
	if (!args->shell && argc == 0)
		return say_usage(tool,
				 "Name it behind the flags, like make -j8, or "
				 "give a line for the shell: --sh 'make | tee "
				 "log'",
				 "there is no command to run");
	if (argc == 1 && is_shell_line(argv[0]))
		return say_usage(tool,
				 "A line for the shell goes behind --sh; "
				 "otherwise leave out the quotes",
				 "'%s' is one word, and no program is called "
				 "that",
				 argv[0]);
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

static int read_conflict(struct tool *tool, const struct job_args *args,
			 struct reeve_spec *spec)
{
	static const char *const ways[] = {
		[REEVE_CONFLICT_RETURN] = "return",
		[REEVE_CONFLICT_REPLACE] = "replace",
		[REEVE_CONFLICT_REJECT] = "reject",
	};

	if (!args->on_conflict)
		return 0;
	if (!args->key && !args->unique)
		return say_usage(tool, "Add one of them",
				 "--on-conflict says nothing without --key or "
				 "--unique");
	for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
		if (strcmp(args->on_conflict, ways[i]) == 0) {
			spec->on_conflict = (enum reeve_conflict)i;
			return 0;
		}
	}
	return say_usage(tool, "Like: --on-conflict replace",
			 "--on-conflict takes return, replace or reject, not "
			 "'%s'",
			 args->on_conflict);
}

static int read_durability(struct tool *tool, const struct job_args *args,
			   struct reeve_spec *spec)
{
	static const char *const words[] = {
		[REEVE_SYNC] = "sync",
		[REEVE_MEMORY] = "memory",
		[REEVE_RESULT] = "result",
	};
	size_t i = 0;

	if (!args->durability)
		return 0;
	while (i < ARRAY_COUNT(words) && strcmp(args->durability, words[i]))
		i++;
	if (i == ARRAY_COUNT(words))
		return say_usage(tool, "Like: --durability memory",
				 "--durability takes sync, memory or result, "
				 "not '%s'",
				 args->durability);
	if (i != REEVE_SYNC && (args->once || args->key || args->unique))
		return say_usage(tool, "Leave one of them out",
				 "--durability %s excludes --once, --key "
				 "and --unique: a crash would forget them",
				 words[i]);
	spec->durability = (enum reeve_durability)i;
	return 0;
}

/* 0 says something: never, or forget it at once. */
static int64_t time_of(const char *text)
{
	int64_t ms = 0;

	/* It was looked at when it was read. */
	if (text && duration_parse(text, &ms) && ms == 0)
		return -1;
	return ms;
}

static void take_given(const struct job_args *args, struct reeve_spec *spec)
{
	int64_t in_ms = 0;

	if (args->in && !duration_parse(args->in, &in_ms))
		in_ms = 0;
	spec->timeout_ms = time_of(args->timeout);
	spec->expire_ms = time_of(args->expire);
	spec->keep_ms = time_of(args->keep);
	spec->delay_ms = in_ms;
	spec->priority_given = args->priority &&
			       args_int(args->priority, &spec->priority);
}

/* The daemon's own folder is another one than that of the caller. */
static int read_folder(struct tool *tool, struct job_args *args,
		       struct reeve_spec *spec)
{
	if (!args->cwd || args->cwd[0] == '/')
		return 0;
	args->folder = realpath(args->cwd, NULL);
	if (!args->folder)
		return say_fail(tool, EXIT_FAILED,
				"Check the spelling and the rights",
				"cannot find the folder '%s': %s", args->cwd,
				strerror(errno));
	spec->cwd = args->folder;
	return 0;
}

/* Until its start, in ms; 0: at once, or nobody knows when. */
static int64_t start_in(const struct reeve_spec *spec)
{
	return spec->run_at_ms ? spec->run_at_ms - clock_wall_ms()
			       : spec->delay_ms;
}

static int check_expire(struct tool *tool, const struct job_args *args,
			const struct reeve_spec *spec)
{
	if (spec->expire_ms <= 0 || start_in(spec) <= spec->expire_ms)
		return 0;
	return say_usage(tool,
			 "--expire counts from the submission: give a longer "
			 "one",
			 "it would expire before it may start: --expire %s, "
			 "--%s %s",
			 args->expire, args->at ? "at" : "in",
			 args->at ? args->at : args->in);
}

static int read_at(struct tool *tool, const struct job_args *args,
		   struct reeve_spec *spec)
{
	int64_t meant_ms = args->meant_ms ? args->meant_ms : clock_wall_ms();
	char stamp[STAMP_BYTES];
	struct when when;
	int result;

	if (!args->at)
		return 0;
	if (args->in)
		return say_usage(tool, "Give one of them",
				 "--at and --in exclude each other");
	result = start_read(tool, args->at, meant_ms, &when);
	if (result != 0)
		return result;
	spec->run_at_ms = when.ms;
	stamp_zoned(spec->run_at_ms, stamp);
	if (spec->run_at_ms <= meant_ms)
		return say_usage(tool,
				 args->meant_ms
					 ? "Empty the line at: to start it now"
					 : "Leave --at out to start it now",
				 "'%s' is over: %s", args->at, stamp);
	start_tell_odd(tool, args->at, &when);
	return 0;
}

/* What was understood is told: "friday" may mean another one. */
static void tell_start(const struct tool *tool, const struct reeve_spec *spec)
{
	int64_t now_ms = clock_wall_ms();
	int64_t start_ms = spec->run_at_ms ? spec->run_at_ms
					   : now_ms + spec->delay_ms;
	char stamp[STAMP_BYTES];

	if (!spec->run_at_ms && !spec->delay_ms)
		return;
	stamp_zoned(start_ms, stamp);
	if (start_ms <= now_ms)
		say_note(tool,
			 "%s has passed meanwhile: it starts as soon as it can",
			 stamp);
	else
		say_note(tool, "not before %s", stamp);
}

int job_args_spec(struct tool *tool, struct job_args *args, int argc,
		  char **argv, struct reeve_spec *ret)
{
	bool calls = args->handler.handler != NULL;
	int result = check(tool, args, argc, argv);

	if (result == 0)
		result = read_input(tool, args);
	if (result == 0 && calls)
		result = handler_args_read(tool, &args->handler,
					   (const char *const *)argv);
	if (result != 0)
		return result;
	*ret = (struct reeve_spec){
		.argv = argc > 0 && !calls ? (const char *const *)argv : NULL,
		.shell = args->shell,
		.handler = args->handler.handler,
		.args = args->handler.json,
		.queue = args->queue,
		.name = args->name,
		.key = args->key,
		.tags = args->tags.items,
		.stdin_data = args->stdin_data,
		.stdin_bytes = args->stdin_bytes,
		.cwd = args->cwd,
		.grace_ms = args->grace_ms,
		.crash_limit = args->crash_limit,
		.group = args->group,
		.hold = args->hold,
		.once = args->once,
		.keep_orphans = args->keep_orphans,
		.unique = args->unique,
	};
	take_given(args, ret);
	result = calls ? 0 : place_args_spec(tool, &args->place, ret);
	if (result == 0)
		result = retry_args_spec(tool, &args->retry, ret);
	if (result == 0)
		result = read_conflict(tool, args, ret);
	if (result == 0)
		result = read_durability(tool, args, ret);
	if (result == 0)
		result = read_at(tool, args, ret);
	if (result == 0)
		result = check_expire(tool, args, ret);
	if (result == 0)
		result = read_folder(tool, args, ret);
	if (result == 0)
		tell_start(tool, ret);
	/* A command's have its context, a call has none that they could have.
	 */
	if (result == 0)
		result = callback_args_read(tool, &args->callbacks, "on-",
					    calls ? ret : NULL);
	if (result == 0)
		callback_args_spec(&args->callbacks, ret);
	if (result == 0 && !calls)
		tell_left_out(tool, ret);
	return result;
}
