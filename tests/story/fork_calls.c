/*
 * A handle on both sides of fork(), for a story: every process submits COUNT
 * jobs `true` named after itself, alone and as calls with an answer.
 *
 *	fork_calls SOCKET CHILDREN COUNT
 *
 * Says a line for each job: the name that it was given, its number, and the
 * name that the daemon tells for that number.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/reeve.h"

static void submit(struct reeve *r, long who, long nth)
{
	const char *const argv[] = {"true", NULL};
	struct reeve_spec spec = {.argv = argv};
	struct reeve_job *job = NULL;
	char name[64];
	int64_t id;

	snprintf(name, sizeof(name), "p%ld-%ld", who, nth);
	spec.name = name;
	if (reeve_submit(r, &spec, &id) || reeve_get(r, id, &job))
		errx(1, "%s: %s", name, reeve_error(r)->message);
	printf("%s %lld %s\n", name, (long long)id, job->name);
	reeve_job_free(job);
}

int main(int argc, char **argv)
{
	struct reeve *r = reeve_new();
	long children, count, failed = 0;

	if (argc != 4 || !r)
		errx(2, "SOCKET CHILDREN COUNT");
	children = strtol(argv[2], NULL, 10);
	count = strtol(argv[3], NULL, 10);
	if (reeve_connect(r, argv[1]))
		errx(1, "%s", reeve_error(r)->message);
	submit(r, 0, -1);
	fflush(stdout);
	for (long who = 1; who <= children; who++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		for (long i = 0; i < count; i++)
			submit(r, who, i);
		reeve_free(r);
		exit(0);
	}
	for (long i = 0; i < count; i++)
		submit(r, 0, i);
	for (long i = 0; i < children; i++) {
		int status = 0;

		wait(&status);
		failed += status != 0;
	}
	reeve_free(r);
	return failed != 0;
}
