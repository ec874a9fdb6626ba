/*
 * A plugin for the benchmarks: `noop` returns its arguments, `sum` reads an
 * array of doubles that was filled once, in the template: argv[1] of them.
 */

#include "client/reeve_plugin.h"

#include <stdio.h>
#include <stdlib.h>
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

static const struct reeve_handler handlers[] = {
	{"noop", noop},
	{"sum", sum},
	{0},
};

REEVE_PLUGIN = {REEVE_PLUGIN_HEAD, .handlers = handlers, .preload = preload};
