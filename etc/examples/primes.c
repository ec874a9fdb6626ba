/*
 * Handlers in C: a plugin that counts primes in a table that it shares.
 *
 *	cc -shared -fPIC -O2 -o primes.so primes.c
 *
 * In reeve.yaml; 20000000 is how far the table goes, and comes to preload():
 *
 *	pools:
 *	  primes:
 *	    kind: plugin
 *	    run: [/path/to/primes.so, 20000000]
 *	    handles: [count, next]
 *	    workers: 2
 *
 *	reeve call count '{"below":1000000}'
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <reeve_plugin.h>

/* Made once, by preload(); every worker reads the same pages. */
static unsigned char *composite;
static long long limit = 1000000;

static int preload(int argc, char **argv, struct reeve_why *why)
{
	if (argc > 1)
		limit = strtoll(argv[1], NULL, 10);
	if (limit < 2 || limit > 1000000000) {
		snprintf(why->text, why->bytes,
			 "the table may go from 2 to 1000000000, not to %s",
			 argv[1]);
		return -1;
	}
	composite = calloc((size_t)limit, 1);
	if (!composite) {
		snprintf(why->text, why->bytes, "no memory for the table");
		return -1;
	}
	composite[0] = composite[1] = 1;
	for (long long n = 2; n * n < limit; n++) {
		if (composite[n])
			continue;
		for (long long m = n * n; m < limit; m += n)
			composite[m] = 1;
	}
	return 0;
}

/* The number of a member, of an object as small as ours. The arguments were
 * checked to be JSON, and a NUL lies behind them. */
static int number_of(const struct reeve_task *task, const char *name,
		     long long *ret)
{
	const char *at = strstr(task->args, name);
	char *end;

	at = at ? strchr(at, ':') : NULL;
	if (!at)
		return -1;
	*ret = strtoll(at + 1, &end, 10);
	return end == at + 1 ? -1 : 0;
}

/* {"below": 100} -> {"primes": 25} */
static int count(struct reeve_task *task)
{
	long long below, found = 0;
	char text[64];

	if (number_of(task, "\"below\"", &below) || below < 0 ||
	    below > limit) {
		snprintf(text, sizeof(text), "below: a number up to %lld",
			 limit);
		reeve_give_up(task); /* another try ends the same way */
		return reeve_fail(task, "ValueError", text, NULL);
	}
	for (long long n = 0; n < below; n++) {
		found += !composite[n];
		if (n % 100000)
			continue;
		if (reeve_cancelled(task))
			return reeve_fail(task, "Cancelled", "on the way",
					  NULL);
		reeve_progress(task, (double)n / (double)below, "counting");
	}
	snprintf(text, sizeof(text), "{\"primes\":%lld}", found);
	return reeve_result(task, text, strlen(text));
}

/* {"after": 100} -> 101 */
static int next(struct reeve_task *task)
{
	long long n;
	char text[32];

	if (number_of(task, "\"after\"", &n) || n < 0)
		return reeve_fail(task, "ValueError", "after: a number", NULL);
	for (n++; n < limit; n++) {
		if (!composite[n]) {
			snprintf(text, sizeof(text), "%lld", n);
			return reeve_result(task, text, strlen(text));
		}
	}
	reeve_log(task, "the table ends before the next one");
	return 0; /* no result: null */
}

static const struct reeve_handler handlers[] = {
	{"count", count},
	{"next", next},
	{NULL, NULL},
};

REEVE_PLUGIN = {
	REEVE_PLUGIN_HEAD,
	.handlers = handlers,
	.preload = preload,
};
