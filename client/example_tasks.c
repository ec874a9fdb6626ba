/*
 * A whole program with libreeve: ten tasks on three workers; those with n > 5
 * raise; callbacks print. What tutorials of multiprocessing show; the workers
 * are those of etc/examples/tasks.py, and ten_tasks.py there is the same in
 * Python. Build it with
 *
 *	cc example_tasks.c $(pkg-config --cflags --libs reeve) -o example_tasks
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/reeve.h" /* <reeve.h> outside of this tree */

#define TASKS 10

struct task {
	long n;
	int *done; /* how many ended well */
};

/* Whatever is printed is printed by the functions of the pool: no threads. */
static void on_result(void *data, const struct reeve_job *job)
{
	const struct task *task = data;
	const char *square = strstr(job->result, "\"square\":");

	printf("task %ld: %ld\n", task->n,
	       square ? strtol(square + strlen("\"square\":"), NULL, 10) : -1);
	(*task->done)++;
}

static void on_error(void *data, const struct reeve_job *job)
{
	(void)data;
	printf("%s: %s\n", job->failure_type, job->failure);
}

static int apply_all(struct reeve_pool *pool, struct task *tasks, int *done)
{
	char args[64];

	for (int i = 0; i < TASKS; i++) {
		tasks[i] = (struct task){.n = i + 1, .done = done};
		snprintf(args, sizeof(args), "{\"args\":[%d]}", i + 1);
		if (reeve_pool_put(pool, &(struct reeve_task){
						 .args = args,
						 .on_result = on_result,
						 .on_error = on_error,
						 .data = &tasks[i],
					 }) != REEVE_OK)
			return -1;
	}
	/* Until all have ended and every callback is through. */
	if (reeve_pool_close(pool) != REEVE_OK ||
	    reeve_pool_join(pool, -1) != REEVE_OK)
		return -1;
	return 0;
}

int main(void)
{
	struct reeve_spec handler = {.handler = "task"};
	struct reeve *r = reeve_new();
	struct reeve_pool *pool = NULL;
	struct task tasks[TASKS];
	int done = 0, code = 0;

	if (!r)
		return 1;
	if (reeve_connect(r, NULL) != REEVE_OK ||
	    reeve_pool_new(r, &handler, 0, false, &pool) != REEVE_OK ||
	    apply_all(pool, tasks, &done) != 0) {
		fprintf(stderr, "%s\n", reeve_error(r)->message);
		code = 1;
	}
	printf("%d of %d\n", done, TASKS);
	reeve_pool_free(pool);
	reeve_free(r);
	return code;
}
