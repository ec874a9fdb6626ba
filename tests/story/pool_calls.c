/*
 * A client with callbacks, for stories that kill the daemon meanwhile: every
 * task has one callback, once.
 *
 *	pool_calls SOCKET PATH COUNT BAD STEP_MS KEEP_MS STOP_AT
 *
 * COUNT calls of `mark`, which notes the number in PATH and takes a multiple of
 * STEP_MS, and BAD of `no_json`, which fails, in two pools of one handle.
 * KEEP_MS: of the jobs, see struct reeve_spec. STOP_AT: the callback of the
 * so-manieth result gives up all the rest; 0: none does. Says "put" when all
 * are submitted, and at the end: results, errors, not called once, and the last
 * type of error.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/reeve.h"

struct tasks {
	struct reeve_pool *good, *bad;
	long results, errors, stop_at;
	char type[64];
	int stopped; /* what giving up returned */
};

struct task {
	struct tasks *tasks;
	int calls;
};

static void on_result(void *data, const struct reeve_job *job)
{
	struct task *task = data;
	struct tasks *tasks = task->tasks;

	(void)job;
	task->calls++;
	if (++tasks->results != tasks->stop_at)
		return;
	tasks->stopped = reeve_pool_terminate(tasks->good, "enough");
}

static void on_error(void *data, const struct reeve_job *job)
{
	struct task *task = data;
	struct tasks *tasks = task->tasks;

	task->calls++;
	tasks->errors++;
	snprintf(tasks->type, sizeof(tasks->type), "%s",
		 job->failure_type[0] ? job->failure_type
				      : reeve_cause_name(job->cause));
}

static int put(struct reeve_pool *pool, struct task *task, const char *args)
{
	int result = reeve_pool_put(pool, &(struct reeve_task){
						  .args = args,
						  .on_result = on_result,
						  .on_error = on_error,
						  .data = task,
					  });

	/* The callback that gave up may be run by this very call. */
	if (result == REEVE_E_REFUSED && task->tasks->results)
		task->calls = 1;
	else if (result != 0)
		return result;
	return 0;
}

static int work(struct tasks *tasks, struct task *every, char **argv)
{
	long count = strtol(argv[3], NULL, 10), bad = strtol(argv[4], NULL, 10);
	long step_ms = strtol(argv[5], NULL, 10);
	int result = 0;

	for (long i = 0; result == 0 && (i < count || i < bad); i++) {
		char args[400];

		snprintf(args, sizeof(args),
			 "{\"path\":\"%s\",\"word\":\"%ld\",\"ms\":%ld}",
			 argv[2], i, (i + 1) * step_ms);
		if (i < count)
			result = put(tasks->good, &every[i], args);
		if (result == 0 && i < bad)
			result = put(tasks->bad, &every[count + i], NULL);
	}
	if (result == 0)
		result = reeve_pool_close(tasks->good);
	if (result == 0)
		result = reeve_pool_close(tasks->bad);
	puts("put");
	fflush(stdout);
	if (result == 0)
		result = reeve_pool_join(tasks->good, -1);
	if (result == 0)
		result = reeve_pool_join(tasks->bad, -1);
	return result;
}

int main(int argc, char **argv)
{
	struct reeve_spec good = {.handler = "mark"};
	struct reeve_spec bad = {.handler = "no_json"};
	struct reeve *r = reeve_new();
	struct tasks tasks = {0};
	struct task *every;
	long count, wrong = 0;
	int result;

	if (argc != 8 || !r)
		errx(2, "SOCKET PATH COUNT BAD STEP_MS KEEP_MS STOP_AT");
	good.keep_ms = strtol(argv[6], NULL, 10);
	tasks.stop_at = strtol(argv[7], NULL, 10);
	count = strtol(argv[3], NULL, 10) + strtol(argv[4], NULL, 10);
	every = calloc((size_t)count, sizeof(*every));
	if (!every)
		errx(1, "memory");
	for (long i = 0; i < count; i++)
		every[i].tasks = &tasks;
	reeve_set_patience(r, 30000);
	result = reeve_connect(r, argv[1]);
	if (result == 0)
		result = reeve_pool_new(r, &good, 1000, false, &tasks.good);
	if (result == 0)
		result = reeve_pool_new(r, &bad, 100, true, &tasks.bad);
	if (result == 0)
		result = work(&tasks, every, argv);
	if (result != 0 || tasks.stopped != 0)
		warnx("%d %d: %s", result, tasks.stopped,
		      reeve_error(r)->message);
	for (long i = 0; i < count; i++)
		wrong += every[i].calls != 1;
	printf("%ld %ld %ld %s\n", tasks.results, tasks.errors, wrong,
	       tasks.type);
	reeve_pool_free(tasks.good);
	reeve_pool_free(tasks.bad);
	reeve_free(r);
	free(every);
	return result != 0;
}
