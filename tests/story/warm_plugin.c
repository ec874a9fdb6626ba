/*
 * A plugin for the stories of warm workers: warm_plugin.so FOLDER.
 *
 * Each preload writes a line to FOLDER/preloads, each init one to FOLDER/inits;
 * they fail while FOLDER/no-preload, FOLDER/no-init exist. The handlers are those
 * of warm_handlers.py, with the same arguments.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/reeve_plugin.h"

static char folder[256];

/* Behind "name": of the arguments, which are as Python's json writes them. */
static const char *behind(const struct reeve_task *task, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(task->args, key);
	if (!at)
		return NULL;
	at += strlen(key);
	return at + strspn(at, " ");
}

static long number(const struct reeve_task *task, const char *name)
{
	const char *at = behind(task, name);

	return at ? strtol(at, NULL, 10) : 0;
}

static void word(const struct reeve_task *task, const char *name, char *text,
		 size_t room)
{
	const char *at = behind(task, name);

	snprintf(text, room, "%.*s", at ? (int)strcspn(at + 1, "\"") : 0,
		 at ? at + 1 : "");
}

static void append(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

static void pause_ms(long ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0)
		;
}

static int yield_number(struct reeve_task *task, long value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld", value);

	return reeve_result(task, text, (size_t)n);
}

static int echo(struct reeve_task *task)
{
	return reeve_result(task, task->args, task->args_bytes);
}

static int who(struct reeve_task *task)
{
	return yield_number(task, getpid());
}

/* {"path":P,"word":W,"ms":N}: notes its start, and takes that long. */
static int mark(struct reeve_task *task)
{
	char path[256], name[64], line[96];

	word(task, "path", path, sizeof(path));
	word(task, "word", name, sizeof(name));
	snprintf(line, sizeof(line), "%s %u\n", name, task->attempt);
	append(path, line);
	pause_ms(number(task, "ms"));
	return yield_number(task, getpid());
}

static int nap(struct reeve_task *task)
{
	for (long ms = number(task, "ms"); ms > 0; ms -= 10) {
		if (reeve_cancelled(task))
			return reeve_fail(task,
					  reeve_cancelled(task) == 2
						  ? "TimedOut"
						  : "Cancelled",
					  "as it was asked to", NULL);
		pause_ms(10);
	}
	return yield_number(task, getpid());
}

static int deaf(struct reeve_task *task)
{
	pause_ms(number(task, "ms"));
	return 0;
}

static int leave(struct reeve_task *task)
{
	exit((int)number(task, "code"));
}

static int aborts(struct reeve_task *task)
{
	(void)task;
	abort();
}

/* {"i":N,"poison":P}: the square, but not of P. */
static int square(struct reeve_task *task)
{
	long i = number(task, "i");

	if (i == number(task, "poison"))
		abort();
	return yield_number(task, i * i);
}

static int interrupt(struct reeve_task *task)
{
	kill(getpid(), SIGINT);
	return yield_number(task, getpid());
}

static int no_json(struct reeve_task *task)
{
	return reeve_result(task, "{nope", 5) ? 0 : 1;
}

static int huge(struct reeve_task *task)
{
	size_t bytes = (size_t)number(task, "bytes");
	char *text = malloc(bytes);

	if (!text)
		return 1;
	memset(text, 'x', bytes);
	text[0] = text[bytes - 1] = '"';
	(void)reeve_result(task, text, bytes);
	free(text);
	return 0;
}

static int prints(struct reeve_task *task)
{
	for (long i = number(task, "lines"); i > 0; i--)
		printf("{\"done\":%ld,\"token\":1}\n", i);
	fflush(stdout);
	return yield_number(task, getpid());
}

/* Leaves a child, and one that has hidden in a session of its own. */
static int breed(struct reeve_task *task)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid > 0)
			continue;
		if (i == 1 && (setsid() < 0 || fork() > 0))
			_exit(0);
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause_ms(60000);
	}
	return yield_number(task, getpid());
}

/* {"n":N,"ms":M}: N words of how far it is, so long between two. */
static int steps(struct reeve_task *task)
{
	long n = number(task, "n"), ms = number(task, "ms");

	for (long i = 1; i <= n; i++) {
		char note[48];

		snprintf(note, sizeof(note), "%ld/%ld", i, n);
		reeve_progress(task, (double)i / (double)n, note);
		pause_ms(ms);
	}
	return yield_number(task, n);
}

/* {"at":"start:2"}: this worker is to die there. */
static int arm(struct reeve_task *task)
{
	char at[64];

	word(task, "at", at, sizeof(at));
	if (setenv("REEVE_TEST_CRASH", at, 1) < 0)
		return 1;
	return yield_number(task, getpid());
}

static const struct reeve_handler handlers[] = {
	{"echo", echo},	      {"who", who},
	{"mark", mark},	      {"nap", nap},
	{"deaf", deaf},	      {"leave", leave},
	{"aborts", aborts},   {"interrupt", interrupt},
	{"no_json", no_json}, {"huge", huge},
	{"prints", prints},   {"breed", breed},
	{"arm", arm},	      {"square", square},
	{"steps", steps},     {0},
};

/* Whether what is called so goes well now. */
static int goes(const char *name, struct reeve_why *why)
{
	struct timespec now;
	char path[300], line[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(line, sizeof(line), "%lld.%03ld\n", (long long)now.tv_sec,
		 now.tv_nsec / 1000000);
	snprintf(path, sizeof(path), "%s/%ss", folder, name);
	append(path, line);
	snprintf(path, sizeof(path), "%s/no-%s", folder, name);
	if (access(path, F_OK) < 0)
		return 0;
	snprintf(why->text, why->bytes, "no %s today", name);
	return 1;
}

static int preload(int argc, char **argv, struct reeve_why *why)
{
	snprintf(folder, sizeof(folder), "%s", argc > 1 ? argv[1] : "/");
	return goes("preload", why);
}

static int init(void **data, struct reeve_why *why)
{
	*data = NULL;
	return goes("init", why);
}

REEVE_PLUGIN = {
	REEVE_PLUGIN_HEAD,
	.handlers = handlers,
	.preload = preload,
	.init = init,
};
