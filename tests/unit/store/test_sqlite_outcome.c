#include "daemon/store/sqlite_txn.h"

#include <sqlite3.h>

#include "tests/unit/store/fixture.h"

static struct store_claim one_claim(struct fixture *f)
{
	struct store_claim *claims;

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	return claims[0];
}

UNIT(all_that_a_worker_says_is_kept)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_outcome outcome;
	struct store_batch batch;
	struct store_claim claim;
	struct store_row rows[2];

	entry.name = SLICE("resize");
	entry.key = SLICE("k1");
	entry.tags = SLICE("{\"a\":\"b\"}");
	fixture_submit(f, entry);
	claim = one_claim(f);
	outcome = (struct store_outcome){
		.job = claim.job,
		.token = claim.token,
		.kind = STORE_FAILED_ATTEMPT,
		.cause = CAUSE_SIGNAL,
		.exit_code = -1,
		.signal = 11,
		.core = true,
		.started_ms = NOW + 100,
		.finished_ms = NOW + 200,
		.cpu_us = 812,
		.peak_kib = 1400,
		.stdout_bytes = 5,
		.stderr_bytes = 6,
		.output_file = true,
		.log = SLICE("abc\0def"),
		.failure = SLICE("{\"type\":\"x\"}"),
	};
	batch = fixture_batch(f);
	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, 1);
	rows[0] = batch.ended[0];
	assert_null(rows[0].spec.p);
	rows[1] = fixture_row(f, claim.job);
	assert_true(slice_equal(rows[1].spec, entry.spec));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rows[i].state, STATE_FAILED);
		assert_int_equal(rows[i].cause, CAUSE_SIGNAL);
		assert_int_equal(rows[i].signal, 11);
		assert_int_equal(rows[i].exit_code, -1);
		assert_true(rows[i].core && rows[i].output_file);
		assert_int_equal(rows[i].started_ms, NOW + 100);
		assert_int_equal(rows[i].finished_ms, NOW + 200);
		assert_int_equal(rows[i].cpu_us, 812);
		assert_int_equal(rows[i].peak_kib, 1400);
		assert_int_equal(rows[i].stdout_bytes, 5);
		assert_int_equal(rows[i].stderr_bytes, 6);
		assert_true(slice_equal(rows[i].log, outcome.log));
		assert_true(slice_equal(rows[i].failure, outcome.failure));
		assert_true(slice_is(rows[i].name, "resize"));
		assert_true(slice_is(rows[i].key, "k1"));
		assert_true(slice_is(rows[i].tags, "{\"a\":\"b\"}"));
		assert_int_equal(rows[i].uid, 1000);
		assert_int_equal(rows[i].attempt, 1);
		assert_int_equal(rows[i].worker, 0);
	}
	fixture_verify(f);
}

/* Ends the next job with these words; its id. */
static int64_t end_with(struct fixture *f, struct slice result,
			struct slice log)
{
	struct store_outcome outcome;
	struct store_claim claim;
	struct store_batch batch;

	fixture_submit(f, fixture_entry());
	claim = one_claim(f);
	outcome = (struct store_outcome){
		.job = claim.job,
		.token = claim.token,
		.kind = STORE_SUCCEEDED,
		.result = result,
		.log = log,
	};
	batch = fixture_batch(f);
	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(f, &batch);
	assert_true(slice_equal(batch.ended[0].result, result));
	return claim.job;
}

static int64_t rows_of_results(struct fixture *f)
{
	sqlite3_stmt *stmt;
	int64_t count;

	assert_int_equal(sqlite3_prepare_v2(f->store->sql.db,
					    "SELECT count(*) FROM result", -1,
					    &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return count;
}

UNIT(a_short_result_needs_no_row_of_its_own)
{
	static char text[129];
	const struct slice none = {NULL, 0};
	const struct {
		struct slice result, log;
		bool own_row;
	} cases[] = {
		{SLICE("7"), none, false},  {{text, 128}, none, false},
		{{text, 129}, none, true},  {SLICE("7"), SLICE("log"), true},
		{none, SLICE("log"), true}, {none, none, false},
	};
	struct fixture *f = *state;
	int64_t rows = 0, id;

	memset(text, '1', sizeof(text));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct store_row row;

		id = end_with(f, cases[i].result, cases[i].log);
		row = fixture_row(f, id);
		assert_true(slice_equal(row.result, cases[i].result));
		assert_true(slice_equal(row.log, cases[i].log));
		rows += cases[i].own_row;
		assert_int_equal(rows_of_results(f), rows);
		fixture_verify(f);
	}
}

UNIT(a_short_result_goes_when_its_job_lives_again)
{
	struct fixture *f = *state;
	int64_t id = end_with(f, SLICE("7"), (struct slice){NULL, 0});
	struct store_steer steer = {
		.kind = STORE_RETRY,
		.filter = {.ids = &id,
			   .id_count = 1,
			   .states = 1u << STATE_SUCCEEDED},
		.uid = UINT32_MAX,
		.max = 1,
	};
	struct store_batch batch = fixture_batch(f);
	struct store_claim claim;

	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 1);
	fixture_verify(f);
	assert_int_equal(fixture_row(f, id).result.n, 0);
	claim = one_claim(f);
	assert_int_equal(claim.job, id);
	assert_true(fixture_finish(f, &claim, STORE_SUCCEEDED, CAUSE_NONE));
	assert_int_equal(fixture_row(f, id).result.n, 0);
	fixture_verify(f);
}

UNIT(a_failed_attempt_is_tried_again_and_remembered)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim claim;
	struct store_row row;
	int64_t id;

	entry.max_attempts = 2;
	id = fixture_submit(f, entry);
	claim = one_claim(f);
	assert_true(
		fixture_finish(f, &claim, STORE_FAILED_ATTEMPT, CAUSE_TIMEOUT));
	row = fixture_row(f, id);
	assert_int_equal(row.state, STATE_READY);
	assert_int_equal(row.cause, CAUSE_TIMEOUT);
	assert_int_equal(row.attempt, 1);
	assert_int_equal(row.started_ms, 0);

	claim = one_claim(f);
	assert_int_equal(claim.attempt, 2);
	assert_true(
		fixture_finish(f, &claim, STORE_FAILED_ATTEMPT, CAUSE_EXIT));
	row = fixture_row(f, id);
	assert_int_equal(row.state, STATE_FAILED);
	assert_int_equal(row.cause, CAUSE_EXIT);
	assert_int_equal(row.attempt, 2);
	fixture_verify(f);
}

UNIT(lost_attempts_are_counted_apart_up_to_the_limit)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_row row;

	for (int i = 1; i <= 3; i++) {
		struct store_claim claim = one_claim(f);

		assert_int_equal(claim.attempt, i);
		assert_true(fixture_finish(f, &claim, STORE_LOST,
					   CAUSE_WORKER_LOST));
		row = fixture_row(f, id);
		assert_int_equal(row.crashes, i);
	}
	assert_int_equal(row.state, STATE_FAILED);
	assert_int_equal(row.cause, CAUSE_WORKER_LOST);
	fixture_verify(f);
}

UNIT(what_runs_once_fails_when_its_worker_is_lost)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_claim claim;

	entry.once = true;
	fixture_submit(f, entry);
	claim = one_claim(f);
	assert_true(claim.once);
	assert_true(fixture_finish(f, &claim, STORE_LOST, CAUSE_HOST_LOST));
	assert_int_equal(fixture_row(f, claim.job).state, STATE_FAILED);
	assert_int_equal(fixture_row(f, claim.job).cause, CAUSE_HOST_LOST);
	fixture_verify(f);
}

UNIT(what_is_put_back_keeps_its_place_and_its_number)
{
	struct fixture *f = *state;
	struct store_claim first, again;

	fixture_submit(f, fixture_entry());
	fixture_submit(f, fixture_entry());
	first = one_claim(f);
	assert_true(fixture_finish(f, &first, STORE_PUT_BACK, CAUSE_NONE));
	again = one_claim(f);
	assert_int_equal(again.job, first.job);
	assert_int_equal(again.attempt, 1);
	assert_int_not_equal(again.token, first.token);
	fixture_verify(f);
}

UNIT(of_two_outcomes_in_one_batch_the_first_counts)
{
	struct fixture *f = *state;
	struct store_outcome outcomes[2];
	struct store_batch batch;
	struct store_claim claim;

	fixture_submit(f, fixture_entry());
	claim = one_claim(f);
	outcomes[0] = (struct store_outcome){
		.job = claim.job,
		.token = claim.token,
		.kind = STORE_SUCCEEDED,
	};
	outcomes[1] = outcomes[0];
	outcomes[1].kind = STORE_FAILED_ATTEMPT;
	outcomes[1].cause = CAUSE_EXIT;
	batch = fixture_batch(f);
	batch.outcomes = outcomes;
	batch.outcome_count = 2;
	fixture_write(f, &batch);
	assert_true(outcomes[0].accepted);
	assert_false(outcomes[1].accepted);
	assert_int_equal(batch.ended_count, 1);
	assert_int_equal(fixture_row(f, claim.job).state, STATE_SUCCEEDED);
	fixture_verify(f);
}

UNIT(many_ends_of_many_lanes_in_one_batch)
{
	enum { MANY = 500 };
	struct fixture *f = *state;
	struct store_entry entries[MANY];
	struct store_outcome outcomes[MANY];
	struct store_want wants[4];
	struct store_worker worker = {.id = 1};
	struct store_batch batch = fixture_batch(f);

	for (uint32_t i = 0; i < 4; i++)
		wants[i] = (struct store_want){
			.lane = i, .worker = 1, .max = MANY};
	for (int i = 0; i < MANY; i++) {
		entries[i] = fixture_entry();
		entries[i].lane = (uint32_t)i % 4;
	}
	batch.entries = entries;
	batch.entry_count = MANY;
	batch.wants = wants;
	batch.want_count = 4;
	batch.workers = &worker;
	batch.worker_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.claim_count, MANY);
	for (int i = 0; i < MANY; i++)
		outcomes[i] = (struct store_outcome){
			.job = batch.claims[i].job,
			.token = batch.claims[i].token,
			.kind = STORE_SUCCEEDED,
		};
	batch = fixture_batch(f);
	batch.outcomes = outcomes;
	batch.outcome_count = MANY;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, MANY);
	assert_int_equal(batch.changed_lane_count, 4);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(batch.ended[i].state, STATE_SUCCEEDED);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(all_that_a_worker_says_is_kept),
		WITH_STORE(a_short_result_needs_no_row_of_its_own),
		WITH_STORE(a_short_result_goes_when_its_job_lives_again),
		WITH_STORE(a_failed_attempt_is_tried_again_and_remembered),
		WITH_STORE(lost_attempts_are_counted_apart_up_to_the_limit),
		WITH_STORE(what_runs_once_fails_when_its_worker_is_lost),
		WITH_STORE(what_is_put_back_keeps_its_place_and_its_number),
		WITH_STORE(of_two_outcomes_in_one_batch_the_first_counts),
		WITH_STORE(many_ends_of_many_lanes_in_one_batch),
	};

	return cmocka_run_group_tests_name("sqlite_outcome", tests, NULL, NULL);
}
