/*
 * A whole program with libreeve: many calls of one handler, with callbacks.
 * The handler is one that squares {"args":[NUMBER]}. Build it with
 *
 *	cc example_pool.c $(pkg-config --cflags --libs reeve) -o example_pool
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/reeve.h" /* <reeve.h> outside of this tree */

struct sums {
	int64_t results, sum, errors;
	char first_error[160];
};

/* What ended well: its result is JSON, here a number. */
static void add(void *data, const struct reeve_job *job)
{
	struct sums *sums = data;

	sums->results++;
	sums->sum += strtoll(job->result, NULL, 10);
}

static void tell(void *data, const struct reeve_job *job)
{
	struct sums *sums = data;

	if (sums->errors++ == 0)
		snprintf(sums->first_error, sizeof(sums->first_error), "%s: %s",
			 job->failure_type, job->failure);
}

/* One call, and its result. */
static int apply(struct reeve *r, const struct reeve_spec *handler)
{
	struct reeve_spec spec = *handler;
	struct reeve_job *job;

	spec.args = "{\"args\":[12]}";
	spec.durability = REEVE_RESULT;
	if (reeve_apply(r, &spec, -1, &job) != REEVE_OK)
		return -1;
	printf("12 squared is %s\n", job->result);
	reeve_job_free(job);
	return 0;
}

/* Some calls, and all their results in the order of the arguments. */
static int map(struct reeve *r, const struct reeve_spec *handler)
{
	static const char *const args[] = {"{\"args\":[1]}", "{\"args\":[2]}",
					   "{\"args\":[\"x\"]}",
					   "{\"args\":[3]}"};
	struct reeve_job *jobs[4];
	struct reeve_pool *pool;
	int result;

	if (reeve_pool_new(r, handler, 0, false, &pool) != REEVE_OK)
		return -1;
	result = reeve_pool_map(pool, args, 4, jobs);
	for (int i = 0; i < 4; i++) {
		if (jobs[i])
			printf("%s: %s\n", args[i],
			       jobs[i]->state == REEVE_SUCCEEDED
				       ? jobs[i]->result
				       : jobs[i]->failure);
		reeve_job_free(jobs[i]);
	}
	reeve_pool_free(pool);
	return result == REEVE_OK ? 0 : -1;
}

/* Back-pressure: put() waits while 1000 are under way. */
static int put_all(struct reeve_pool *pool, int64_t count, struct sums *sums)
{
	struct reeve_task task = {
		.on_result = add, .on_error = tell, .data = sums};
	char args[64];

	for (int64_t i = 1; i <= count; i++) {
		/* One that the handler does not like. */
		const char *format = i == 7 ? "{\"args\":[\"%" PRId64 "\"]}"
					    : "{\"args\":[%" PRId64 "]}";

		snprintf(args, sizeof(args), format, i);
		task.args = args;
		if (reeve_pool_put(pool, &task) != REEVE_OK)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int64_t count = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000;
	struct reeve_spec square = {.handler = "square"};
	struct reeve *r = reeve_new();
	struct reeve_pool *pool = NULL;
	struct sums sums = {0};
	int code = 0;

	if (!r)
		return 1;
	if (reeve_connect(r, NULL) != REEVE_OK || apply(r, &square) != 0 ||
	    map(r, &square) != 0 ||
	    reeve_pool_new(r, &square, 1000, false, &pool) != REEVE_OK ||
	    put_all(pool, count, &sums) != 0 ||
	    reeve_pool_close(pool) != REEVE_OK ||
	    reeve_pool_join(pool, -1) != REEVE_OK) {
		fprintf(stderr, "%s\n", reeve_error(r)->message);
		code = 1;
	}
	printf("%" PRId64 " results, their sum is %" PRId64 "\n", sums.results,
	       sums.sum);
	if (sums.errors > 0)
		printf("%" PRId64 " errors, the first: %s\n", sums.errors,
		       sums.first_error);
	reeve_pool_free(pool);
	reeve_free(r);
	return code;
}
