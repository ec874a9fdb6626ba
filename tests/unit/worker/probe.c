/*
 * A plugin whose handlers do what the tests want to see: probe.so [WORD...],
 * where the words are of preload: fail, thread, slow FILE, init.
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/reeve_plugin.h"

#ifndef PROBE_ABI
#define PROBE_ABI REEVE_PLUGIN_ABI
#endif

static int preload_pid, inits, spoil_init;

/* The only number in the arguments. */
static int number(const struct reeve_task *task)
{
	return atoi(task->args + strcspn(task->args, "0123456789"));
}

/* The only path in them. */
static const char *path_of(const struct reeve_task *task)
{
	const char *from = strchr(task->args, '/');
	static char path[512];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(from, "\""), from);
	return path;
}

static int is_there(const struct reeve_task *task)
{
	struct stat st;

	return stat(path_of(task), &st) == 0;
}

static int touch(struct reeve_task *task)
{
	return close(open(path_of(task), O_WRONLY | O_CREAT, 0600));
}

static int echo(struct reeve_task *task)
{
	return reeve_result(task, task->args, task->args_bytes);
}

static int nothing(struct reeve_task *task)
{
	(void)task;
	return 0;
}

static int who(struct reeve_task *task)
{
	char text[512];

	if (strlen(task->args) != task->args_bytes)
		return 9;
	snprintf(text, sizeof(text),
		 "{\"pid\":%d,\"parent\":%d,\"preload\":%d,\"inits\":%d,"
		 "\"data\":%d,\"job\":%lld,\"attempt\":%u,\"handler\":\"%s\","
		 "\"queue\":\"%s\",\"args\":%s}",
		 (int)getpid(), (int)getppid(), preload_pid, inits,
		 *(int *)task->data, (long long)task->job, task->attempt,
		 task->handler, task->queue, task->args);
	return reeve_result(task, text, strlen(text));
}

static int broken(struct reeve_task *task)
{
	reeve_log(task, "it is going to fail");
	return reeve_fail(task, "KeyError", "no such thumb: \xc3\xa9\xff",
			  "main\n  thumb");
}

static int long_failure(struct reeve_task *task)
{
	char *text = malloc(100001);

	memset(text, 'x', 100000);
	text[100000] = '\0';
	memcpy(text + 4094, "\xe2\x82\xac", 3); /* across the cut */
	reeve_fail(task, text, text, text);
	free(text);
	return 0; /* fail() decides */
}

static int seven(struct reeve_task *task)
{
	(void)task;
	return 7;
}

static int final(struct reeve_task *task)
{
	reeve_give_up(task);
	return reeve_fail(task, "Poison", NULL, NULL);
}

static int later(struct reeve_task *task)
{
	reeve_retry_after(task, 1500);
	return reeve_fail(task, NULL, "come back", NULL);
}

static int not_json(struct reeve_task *task)
{
	return reeve_result(task, "{\"a\":", 5) == -1 ? 0 : 9;
}

static int mended(struct reeve_task *task)
{
	(void)reeve_result(task, "nope", 4);
	return reeve_result(task, "[1,\n2]", 6);
}

static int too_large(struct reeve_task *task)
{
	size_t bytes = 1 << 20;
	char *text = malloc(bytes);

	memset(text, '1', bytes);
	(void)reeve_result(task, text, bytes);
	free(text);
	return 0;
}

static int too_deep(struct reeve_task *task)
{
	char text[256];
	int depth = number(task);

	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	return reeve_result(task, text, 2 * (size_t)depth) ? 0 : 0;
}

static int crash(struct reeve_task *task)
{
	(void)task;
	/* A sanitizer would make an exit of it. */
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return 0;
}

static int leave(struct reeve_task *task)
{
	exit(number(task));
}

static int until_cancelled(struct reeve_task *task)
{
	int reason;

	reeve_progress(task, 0, "waiting");
	while (!(reason = reeve_cancelled(task)))
		usleep(1000);
	return reeve_fail(task, reason == 2 ? "TimedOut" : "Cancelled",
			  "as it was asked to", NULL);
}

/* Never asks for anything, until the file is there. */
static int until_file(struct reeve_task *task)
{
	while (!is_there(task))
		usleep(1000);
	return 0;
}

static int flood(struct reeve_task *task)
{
	double fraction = 0;

	while (!is_there(task)) {
		reeve_progress(task, fraction, "on its way");
		fraction = fraction < 0.5 ? fraction + 0.001 : 0.5;
		usleep(500);
	}
	return 0;
}

static int talk(struct reeve_task *task)
{
	char line[256];

	for (int i = 0; i < number(task); i++) {
		snprintf(line, sizeof(line), "line %d %0190d", i, 0);
		reeve_log(task, line);
	}
	printf("this is for the log of the daemon\n");
	fflush(stdout);
	return 0;
}

static const struct reeve_handler handlers[] = {
	{"echo", echo},
	{"nothing", nothing},
	{"who", who},
	{"broken", broken},
	{"long_failure", long_failure},
	{"seven", seven},
	{"final", final},
	{"later", later},
	{"not_json", not_json},
	{"mended", mended},
	{"too_large", too_large},
	{"too_deep", too_deep},
	{"crash", crash},
	{"leave", leave},
	{"until_cancelled", until_cancelled},
	{"until_file", until_file},
	{"flood", flood},
	{"touch", touch},
	{"talk", talk},
	{0},
};

static void *idle(void *arg)
{
	pause();
	return arg;
}

static int preload(int argc, char **argv, struct reeve_why *why)
{
	pthread_t thread;

	preload_pid = (int)getpid();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "fail") == 0) {
			snprintf(why->text, why->bytes, "no such table: '%s'",
				 "x");
			return 3;
		}
		if (strcmp(argv[i], "number") == 0)
			return 5;
		if (strcmp(argv[i], "exit") == 0)
			exit(17);
		if (strcmp(argv[i], "thread") == 0 &&
		    pthread_create(&thread, NULL, idle, NULL))
			return 4;
		if (strcmp(argv[i], "init") == 0)
			spoil_init = 1;
	}
	return argv[argc] != NULL;
}

static int init(void **data, struct reeve_why *why)
{
	static int number = 42;

	if (spoil_init) {
		snprintf(why->text, why->bytes, "no connection");
		return 1;
	}
	inits++;
	*data = &number;
	return 0;
}

static void fini(void *data)
{
	const char *path = getenv("PROBE_FINI");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	if (fd >= 0 && write(fd, *(int *)data == 42 ? "+" : "-", 1) == 1)
		close(fd);
}

REEVE_PLUGIN = {
	.abi = PROBE_ABI,
	.bytes = sizeof(struct reeve_plugin),
	.handlers = handlers,
	.preload = preload,
	.init = init,
	.fini = fini,
};
