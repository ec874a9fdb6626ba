/*
 * kill -9 at a random moment, many times: the child tells through a pipe what
 * was acknowledged, the parent kills it, opens the store and compares.
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

enum { KILLS = 25, KILLS_SOAK = 10000, BATCH = 20 };
/* Then it begins with a new one: the check reads all of it. */
enum { KILLS_EACH = 50 };

/* One for each batch that was acknowledged. */
struct note {
	int64_t first, last; /* ids of the batch */
	int64_t ended;	     /* how many of its claims ended */
	int64_t ends[BATCH];
};

static void write_for_ever(struct fixture *f, int to)
{
	struct store_claim claims[BATCH];
	size_t claim_count = 0;

	for (;;) {
		struct store_entry entries[BATCH];
		struct store_outcome outcomes[BATCH];
		struct store_worker worker = {.id = 1};
		struct store_want want = {.worker = 1, .max = BATCH};
		struct store_batch batch;
		struct note note = {0};

		arena_reset(&f->arena);
		batch = fixture_batch(f);
		for (int i = 0; i < BATCH; i++)
			entries[i] = fixture_entry();
		for (size_t i = 0; i < claim_count; i++) {
			outcomes[i] = (struct store_outcome){
				.job = claims[i].job,
				.token = claims[i].token,
				.kind = STORE_SUCCEEDED,
			};
			note.ends[i] = claims[i].job;
		}
		note.ended = (int64_t)claim_count;
		batch.entries = entries;
		batch.entry_count = BATCH;
		batch.outcomes = outcomes;
		batch.outcome_count = claim_count;
		batch.workers = &worker;
		batch.worker_count = 1;
		batch.wants = &want;
		batch.want_count = 1;
		if (store_write(f->store, &batch, &f->fault))
			_exit(1);
		note.first = entries[0].id;
		note.last = entries[BATCH - 1].id;
		if (write(to, &note, sizeof(note)) != sizeof(note))
			_exit(1);
		claim_count = batch.claim_count;
		if (claim_count)
			memcpy(claims, batch.claims,
			       claim_count * sizeof(*claims));
	}
}

static pid_t start_child(struct fixture *f, int *ret_from)
{
	struct store_config config = {.directory = f->directory};
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		if (store_open(&f->store, &config, &f->fault))
			_exit(1);
		f->store->checkpoint_pages = 20;
		write_for_ever(f, ends[1]);
	}
	close(ends[1]);
	*ret_from = ends[0];
	return child;
}

static void check_note(struct fixture *f, const struct note *note)
{
	int64_t ids[BATCH * 2];
	struct store_row *rows;
	size_t n = 0, count, looked;

	for (int64_t id = note->first; id <= note->last; id++)
		ids[n++] = id;
	for (int64_t i = 0; i < note->ended; i++)
		ids[n++] = note->ends[i];
	arena_reset(&f->arena);
	assert_int_equal(store_get(f->store, &f->arena, ids, n, true, false,
				   &rows, &count, &looked),
			 0);
	assert_int_equal(count, n);
	for (size_t i = BATCH; i < n; i++)
		assert_int_equal(rows[i].state, STATE_SUCCEEDED);
}

UNIT(kill_9_at_any_moment_loses_nothing_that_was_acknowledged)
{
	struct fixture *f = *state;
	struct store_config config = {.directory = f->directory};
	unsigned int seed = 4711;
	int kills = fixture_count(KILLS, KILLS_SOAK);
	int64_t notes = 0;

	store_close(f->store);
	f->store = NULL;
	for (int i = 0; i < kills; i++) {
		struct note note;
		int from, status;
		pid_t child = start_child(f, &from);
		struct pollfd wait_for = {.fd = from, .events = POLLIN};
		struct note kept[512];
		int kept_count = 0;

		/* After its first word, at a moment of its work. */
		assert_int_equal(poll(&wait_for, 1, 30000), 1);
		usleep((useconds_t)rand_r(&seed) % 20000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		while (read(from, &note, sizeof(note)) ==
		       (ssize_t)sizeof(note)) {
			kept[kept_count++ % 512] = note;
			notes++;
		}
		close(from);
		assert_int_equal(store_open(&f->store, &config, &f->fault), 0);
		fixture_verify(f);
		for (int k = 0; k < kept_count && k < 512; k++)
			check_note(f, &kept[k]);
		store_close(f->store);
		f->store = NULL;
		if (i % KILLS_EACH == KILLS_EACH - 1) {
			fixture_end(f);
			fixture_prepare(f);
			config.directory = f->directory;
		}
	}
	print_message("%d kills, %d batches acknowledged\n", kills, (int)notes);
	assert_true(notes >= kills);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			kill_9_at_any_moment_loses_nothing_that_was_acknowledged),
	};

	return cmocka_run_group_tests_name("store_kill", tests, NULL, NULL);
}
