/*
 * A plugin for the benchmarks: `noop` returns its arguments, `sum` reads an
 * array of doubles that was filled once, in the template: argv[1] of them;
 * `stamp` returns the time, in nanoseconds of CLOCK_MONOTONIC.
 */

#include "client/reeve_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double *values;
static size_t count;

static int preload(int argc, char **argv, struct reeve_why *why)
{
	(void)why;
	count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	values = calloc(count ? count : 1, sizeof(*values));
	if (!values)
		return -1;
	for (size_t i = 0; i < count; i++)
		values[i] = (double)i;
	return 0;
}

static int noop(struct reeve_task *task)
{
	return reeve_result(task, task->args, task->args_bytes);
}

static int sum(struct reeve_task *task)
{
	double total = 0;
	char text[64];
	int n;

	for (size_t i = 0; i < count; i++)
		total += values[i];
	usleep(50000); /* so that every worker gets one */
	n = snprintf(text, sizeof(text), "%.0f", total);
	return reeve_result(task, text, (size_t)n);
}

static int stamp(struct reeve_task *task)
{
	struct timespec now;
	char text[32];
	int n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(text, sizeof(text), "%lld",
		     now.tv_sec * 1000000000LL + now.tv_nsec);
	return reeve_result(task, text, (size_t)n);
}

static const struct reeve_handler handlers[] = {
	{"noop", noop},
	{"stamp", stamp},
	{"sum", sum},
	{0},
};

REEVE_PLUGIN = {REEVE_PLUGIN_HEAD, .handlers = handlers, .preload = preload};
