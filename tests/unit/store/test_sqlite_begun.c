#include <sqlite3.h>

#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

static void reserve(struct fixture *f, uint32_t count, int64_t *ret_job,
		    int64_t *ret_token)
{
	struct store_batch batch = fixture_batch(f);

	batch.reserve = count;
	fixture_write(f, &batch);
	*ret_job = batch.reserved_job;
	*ret_token = batch.reserved_token;
}

static struct store_entry begun(int64_t job, int64_t token)
{
	struct store_entry entry = fixture_entry();

	entry.begun.job = job;
	entry.begun.token = token;
	entry.begun.worker = 1;
	return entry;
}

static struct store_worker worker_row(void)
{
	return (struct store_worker){.id = 1, .pid = 1, .start_ticks = 1};
}

UNIT(reserved_numbers_are_given_to_nothing_else)
{
	struct fixture *f = *state;
	int64_t job, token, next;
	struct store_claim *claims;

	reserve(f, 5, &job, &token);
	next = fixture_submit(f, fixture_entry());
	assert_int_equal(next, job + 5);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].token, token + 5);
	fixture_reopen(f);
	assert_int_equal(fixture_submit(f, fixture_entry()), next + 1);
	fixture_verify(f);
}

UNIT(a_job_that_began_before_its_batch_is_running_with_its_worker)
{
	struct fixture *f = *state;
	struct store_worker worker = worker_row();
	struct store_entry entry;
	struct store_batch batch;
	struct store_row row;
	int64_t job, token;

	reserve(f, 2, &job, &token);
	entry = begun(job + 1, token);
	entry.name = SLICE("n");
	batch = fixture_batch(f);
	batch.workers = &worker;
	batch.worker_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(entry.what, STORE_NEW);
	assert_int_equal(entry.id, job + 1);
	assert_int_equal(batch.claim_count, 0);
	assert_int_equal(batch.lanes[0].counts[STATE_RUNNING], 1);
	row = fixture_row(f, job + 1);
	assert_int_equal(row.state, STATE_RUNNING);
	assert_int_equal(row.attempt, 1);
	assert_int_equal(row.worker, 1);
	assert_true(slice_is(row.name, "n"));
	fixture_verify(f);
}

UNIT(begun_and_ended_in_one_batch_is_a_finished_job)
{
	struct fixture *f = *state;
	struct store_worker worker = worker_row();
	struct store_outcome outcomes[2];
	struct store_entry entries[3];
	struct store_batch batch;
	int64_t job, token;

	reserve(f, 2, &job, &token);
	for (int i = 0; i < 2; i++) {
		entries[i] = begun(job + i, token + i);
		outcomes[i] = (struct store_outcome){
			.job = job + i,
			.token = token + i,
			.kind = i ? STORE_FAILED_ATTEMPT : STORE_SUCCEEDED,
			.cause = i ? CAUSE_EXIT : CAUSE_NONE,
			.exit_code = i,
			.result = i ? (struct slice){0} : SLICE("42"),
		};
	}
	/* With an ordinary one between them. */
	entries[2] = entries[1];
	entries[1] = fixture_entry();
	batch = fixture_batch(f);
	batch.workers = &worker;
	batch.worker_count = 1;
	batch.entries = entries;
	batch.entry_count = 3;
	batch.outcomes = outcomes;
	batch.outcome_count = 2;
	fixture_write(f, &batch);
	assert_true(outcomes[0].accepted && outcomes[1].accepted);
	assert_int_equal(batch.ended_count, 2);
	assert_true(slice_is(batch.ended[0].result, "42"));
	assert_int_equal(fixture_row(f, job).state, STATE_SUCCEEDED);
	assert_int_equal(fixture_row(f, job + 1).state, STATE_FAILED);
	assert_int_equal(fixture_row(f, job + 1).exit_code, 1);
	assert_int_equal(entries[1].id, job + 2);
	assert_int_equal(fixture_row(f, entries[1].id).state, STATE_READY);
	fixture_verify(f);
}

UNIT(a_begun_job_that_fails_is_tried_again_by_its_rule)
{
	struct fixture *f = *state;
	struct store_worker worker = worker_row();
	struct store_outcome outcome = {.kind = STORE_FAILED_ATTEMPT,
					.cause = CAUSE_EXIT,
					.exit_code = 1};
	struct store_entry entry;
	struct store_batch batch;

	reserve(f, 1, &outcome.job, &outcome.token);
	entry = begun(outcome.job, outcome.token);
	entry.retry = SLICE("{\"max_attempts\":2,\"backoff_ms\":1000}");
	entry.max_attempts = 2;
	batch = fixture_batch(f);
	batch.workers = &worker;
	batch.worker_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(f, &batch);
	assert_true(outcome.accepted);
	assert_int_equal(fixture_row(f, outcome.job).state, STATE_SCHEDULED);
	fixture_verify(f);
}

/* A batch of one worker's jobs and its words. */
static struct store_batch batch_of(struct fixture *f,
				   struct store_worker *worker,
				   struct store_entry *entries, size_t count,
				   struct store_outcome *outcomes, size_t words)
{
	struct store_batch batch = fixture_batch(f);

	*worker = worker_row();
	batch.workers = worker;
	batch.worker_count = 1;
	batch.entries = entries;
	batch.entry_count = count;
	batch.outcomes = outcomes;
	batch.outcome_count = words;
	return batch;
}

/* From now on each live row of the database is an error. */
static void forbid_live_rows(struct fixture *f)
{
	assert_int_equal(
		sqlite3_exec(f->store->sql.db,
			     "CREATE TRIGGER none BEFORE INSERT ON job BEGIN "
			     "SELECT RAISE(ABORT, 'a live row'); END",
			     NULL, NULL, NULL),
		SQLITE_OK);
}

UNIT(one_that_ends_in_its_batch_is_never_a_live_row)
{
	struct fixture *f = *state;
	struct store_outcome outcomes[600];
	struct store_entry entries[600];
	struct store_worker worker;
	struct store_batch batch;
	int64_t job, token;

	reserve(f, 600, &job, &token);
	for (int i = 0; i < 600; i++) {
		entries[i] = begun(job + i, token + i);
		outcomes[i] = (struct store_outcome){
			.job = job + i,
			.token = token + i,
			.kind = i % 2 ? STORE_FAILED_ATTEMPT : STORE_SUCCEEDED,
			.cause = i % 2 ? CAUSE_HANDLER : CAUSE_NONE,
		};
	}
	forbid_live_rows(f);
	batch = batch_of(f, &worker, entries, 600, outcomes, 600);
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, 600);
	assert_int_equal(batch.lanes[0].counts[STATE_RUNNING], 0);
	assert_int_equal(batch.lanes[0].counts[STATE_SUCCEEDED], 300);
	for (int i = 0; i < 600; i++)
		assert_int_equal(fixture_row(f, job + i).state,
				 i % 2 ? STATE_FAILED : STATE_SUCCEEDED);
	fixture_verify(f);
}

UNIT(only_the_first_word_on_an_attempt_counts_and_only_with_its_token)
{
	struct fixture *f = *state;
	struct store_outcome outcomes[4];
	struct store_entry entries[2];
	struct store_worker worker;
	struct store_batch batch;
	int64_t job, token;

	reserve(f, 2, &job, &token);
	for (int i = 0; i < 4; i++)
		outcomes[i] = (struct store_outcome){
			.job = job + i / 2,
			.token = token + i / 2,
			.kind = i == 1 ? STORE_FAILED_ATTEMPT : STORE_SUCCEEDED,
			.cause = i == 1 ? CAUSE_HANDLER : CAUSE_NONE,
		};
	outcomes[2].token += 100;
	outcomes[3].token += 100;
	entries[0] = begun(job, token);
	entries[1] = begun(job + 1, token + 1);
	batch = batch_of(f, &worker, entries, 2, outcomes, 4);
	fixture_write(f, &batch);
	assert_true(outcomes[0].accepted);
	assert_false(outcomes[1].accepted || outcomes[2].accepted ||
		     outcomes[3].accepted);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(fixture_row(f, job).state, STATE_SUCCEEDED);
	assert_int_equal(fixture_row(f, job + 1).state, STATE_RUNNING);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(reserved_numbers_are_given_to_nothing_else),
		WITH_STORE(
			a_job_that_began_before_its_batch_is_running_with_its_worker),
		WITH_STORE(begun_and_ended_in_one_batch_is_a_finished_job),
		WITH_STORE(a_begun_job_that_fails_is_tried_again_by_its_rule),
		WITH_STORE(one_that_ends_in_its_batch_is_never_a_live_row),
		WITH_STORE(
			only_the_first_word_on_an_attempt_counts_and_only_with_its_token),
	};

	return cmocka_run_group_tests_name("sqlite_begun", tests, NULL, NULL);
}
