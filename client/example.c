/*
 * A whole program with libreeve: submit one job, wait for its end, print what
 * it wrote. Build it with
 *
 *	cc example.c $(pkg-config --cflags --libs reeve) -o example
 */

#include <inttypes.h>
#include <stdio.h>

#include "client/reeve.h" /* <reeve.h> outside of this tree */

static int complain(const struct reeve *r, const char *what)
{
	const struct reeve_error *error = reeve_error(r);

	fprintf(stderr, "%s: %s\n%s\n", what, error->message, error->hint);
	return 1;
}

static int print_output(struct reeve *r, int64_t id)
{
	struct reeve_output *output;
	struct reeve_chunk chunk;
	int result = reeve_output_open(r, id, REEVE_BOTH, false, &output);

	if (result != REEVE_OK)
		return complain(r, "output");
	while ((result = reeve_output_next(output, -1, &chunk)) == REEVE_OK)
		fwrite(chunk.data, 1, chunk.bytes,
		       chunk.channel == REEVE_STDERR ? stderr : stdout);
	reeve_output_free(output);
	return result == REEVE_E_END ? 0 : complain(r, "output");
}

int main(int argc, char **argv)
{
	static const char *const hello[] = {"echo", "hello from reeve", NULL};
	const char *const *command = argc > 1 ? (const char *const *)argv + 1
					      : hello;
	struct reeve_spec spec = {.argv = command, .timeout_ms = 60000};
	struct reeve *r = reeve_new();
	struct reeve_job *job = NULL;
	int64_t id = 0;
	int code = 1;

	if (!r)
		return 1;
	if (reeve_connect(r, NULL) != REEVE_OK)
		code = complain(r, "connect");
	else if (reeve_submit(r, &spec, &id) != REEVE_OK)
		code = complain(r, "submit");
	else if (reeve_wait(r, id, -1, &job) != REEVE_OK)
		code = complain(r, "wait");
	else if (print_output(r, id) == 0) {
		printf("job %" PRId64 " %s after %" PRId64 " ms\n", job->id,
		       reeve_state_name(job->state),
		       job->finished_ms - job->started_ms);
		code = reeve_job_exit(job);
	}
	reeve_job_free(job);
	reeve_free(r);
	return code;
}
