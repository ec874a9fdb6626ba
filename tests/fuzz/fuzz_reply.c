/*
 * What a daemon may send: the first byte picks a call of libreeve, the rest
 * comes back over its connection. The library must end every one of them, with
 * a result that holds together or an error that has a message.
 */

#include <sys/socket.h>
#include <unistd.h>

#include "client/handle.h"
#include "client/job.h"
#include "tests/fuzz/fuzz.h"

#define ROUNDS_MAX 10000 /* more pieces than any input holds */

static void check(struct reeve *r, int result)
{
	require(result >= 0 && result <= REEVE_E_SYSTEM);
	require(result == 0 || reeve_error(r)->message[0]);
	require(result == 0 || reeve_error(r)->code == (enum reeve_code)result);
}

static void check_job(const struct reeve_job *job)
{
	require(job->id > 0);
	require(job->queue && job->handler && job->name && job->command);
	require(job->failure && job->failure_type && job->json[0] == '{');
	require(reeve_job_exit(job) >= 0 && reeve_job_exit(job) <= 255);
	require(reeve_state_name(job->state) && reeve_cause_name(job->cause));
}

static void try_get(struct reeve *r)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	int result = reeve_get(r, 1, &job);

	check(r, result);
	if (result == 0)
		check_job(job);
}

static void try_submit(struct reeve *r)
{
	static const char *const argv[] = {"true", NULL};
	struct reeve_spec spec = {
		.argv = argv, .cwd = "/", .environment = REEVE_ENV_CLEAN};
	struct reeve_spec jobs[2] = {spec, spec};
	int64_t ids[2] = {-1, -1};
	int result = reeve_submit(r, &spec, ids);

	check(r, result);
	require(result != 0 || ids[0] > 0);
	result = reeve_submit_many(r, &spec, jobs, 2, ids);
	check(r, result);
	require(result != 0 || (ids[0] >= 0 && ids[1] >= 0));
}

static void try_watch(struct reeve *r)
{
	static const int64_t ids[] = {1, 2, 7};
	struct reeve_watch *watch;
	size_t told = 0;
	int result = reeve_watch_new(r, ids, ARRAY_COUNT(ids), &watch);

	require(result == 0);
	while (result == 0) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;

		result = reeve_watch_next(watch, 0, &job);
		if (result == 0) {
			check_job(job);
			require(reeve_job_ended(job));
			require(++told <= ARRAY_COUNT(ids));
		}
	}
	check(r, result);
	require(reeve_watch_left(watch) == ARRAY_COUNT(ids) - told);
	reeve_watch_free(watch);
}

static void try_output(struct reeve *r, bool follow)
{
	struct reeve_output *output;
	struct reeve_chunk chunk;
	size_t rounds = 0;
	int result = reeve_output_open(r, 1, REEVE_BOTH, follow, &output);

	require(result == 0);
	while (result == 0) {
		result = reeve_output_next(output, 0, &chunk);
		require(++rounds < ROUNDS_MAX);
		require(result != 0 || (chunk.data && chunk.channel));
	}
	check(r, result);
	reeve_output_free(output);
}

static void try_call(struct reeve *r)
{
	const char *reply;
	int result = reeve_call(r, "a.B", NULL, &reply);

	check(r, result);
	require(result != 0 || reply[0] == '{');
}

static void try(struct reeve *r, uint8_t which)
{
	switch (which % 6) {
	case 0:
		try_get(r);
		break;
	case 1:
		try_submit(r);
		break;
	case 2:
		try_watch(r);
		break;
	case 3:
		try_output(r, false);
		break;
	case 4:
		try_output(r, true);
		break;
	default:
		try_call(r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reeve *r;
	int ends[2];

	if (size < 1 || size > FUZZ_BYTES_MAX)
		return 0;
	r = reeve_new();
	require(r != NULL);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	require(write(ends[1], data + 1, size - 1) == (ssize_t)size - 1);
	require(shutdown(ends[1], SHUT_WR) == 0);
	/* As after reeve_connect(); a second connection finds nobody. */
	r->link.fd = ends[0];
	frame_init(&r->link.frame, FRAME_NUL, LINK_MESSAGE_BYTES);
	r->path[0] = '/';
	reeve_set_patience(r, 0);
	try(r, data[0]);
	reeve_free(r);
	close(ends[1]);
	return 0;
}
