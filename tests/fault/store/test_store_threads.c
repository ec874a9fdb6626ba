/*
 * One thread writes, one reads, each on its own handle: readers see whole
 * batches, and neither waits for the other for long.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

enum { ROUNDS = 150, BATCH = 20 };

struct side {
	struct fixture *f;
	struct store *reader;
	atomic_bool over;
	const char *wrong; /* what the reading thread saw */
	int reads;
};

/* Every batch enters BATCH jobs, so any moment has a multiple of it. */
static const char *look(struct side *side, struct arena *arena)
{
	struct store_filter all = {.newer_than_ms = 1};
	struct store_filter lanes = {.all = true};
	int64_t counts[STATE_COUNT] = {0}, by_lane[STATE_COUNT] = {0};
	int64_t next = 0, sum = 0, sum_by_lane = 0;
	struct store_row *rows;
	size_t count;

	if (store_count(side->reader, arena, &all, 0, counts, &next) || next ||
	    store_count(side->reader, arena, &lanes, 0, by_lane, &next))
		return "count failed";
	for (int i = 0; i < STATE_COUNT; i++) {
		sum += counts[i];
		sum_by_lane += by_lane[i];
	}
	if (sum % BATCH || sum_by_lane % BATCH || sum_by_lane < sum)
		return "half a batch";
	if (store_list(side->reader, arena, &lanes, 0, true, false, BATCH,
		       &rows, &count, &next))
		return "list failed";
	for (size_t i = 0; i < count; i++) {
		if (!slice_is(rows[i].name, "named"))
			return "a job without its name";
	}
	return NULL;
}

static void *read_for_ever(void *context)
{
	struct side *side = context;
	struct arena arena = {0};

	while (!atomic_load(&side->over) && !side->wrong) {
		arena_reset(&arena);
		side->wrong = look(side, &arena);
		side->reads++;
	}
	arena_fini(&arena);
	return NULL;
}

static void write_some(struct fixture *f)
{
	struct store_outcome outcomes[BATCH];
	struct store_entry entries[BATCH];
	struct store_worker worker = {.id = 1};
	size_t count = 0;

	f->store->checkpoint_pages = 20;
	for (int round = 0; round < ROUNDS; round++) {
		struct store_want want = {.worker = 1, .max = BATCH};
		struct store_batch batch;

		arena_reset(&f->arena);
		batch = fixture_batch(f);
		for (int i = 0; i < BATCH; i++) {
			entries[i] = fixture_entry();
			entries[i].name = SLICE("named");
		}
		batch.entries = entries;
		batch.entry_count = BATCH;
		batch.outcomes = outcomes;
		batch.outcome_count = count;
		batch.workers = &worker;
		batch.worker_count = 1;
		batch.wants = &want;
		batch.want_count = 1;
		fixture_write(f, &batch);
		count = batch.claim_count;
		for (size_t i = 0; i < count; i++)
			outcomes[i] = (struct store_outcome){
				.job = batch.claims[i].job,
				.token = batch.claims[i].token,
				.kind = STORE_SUCCEEDED,
			};
	}
}

UNIT(a_reader_sees_whole_batches_while_the_writer_goes_on)
{
	struct side side = {.f = *state, .reader = fixture_reader(*state)};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, read_for_ever, &side),
			 0);
	write_some(side.f);
	atomic_store(&side.over, true);
	pthread_join(thread, NULL);
	if (side.wrong)
		fail_msg("%s", side.wrong);
	assert_true(side.reads > 0);
	fixture_verify(side.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			a_reader_sees_whole_batches_while_the_writer_goes_on),
	};

	return cmocka_run_group_tests_name("store_threads", tests, NULL, NULL);
}
