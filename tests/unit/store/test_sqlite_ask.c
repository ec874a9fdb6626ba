#include <errno.h>

#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

UNIT(a_ready_job_knows_how_many_go_before_it)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	int64_t ids[5], ahead;

	for (int i = 0; i < 5; i++) {
		entry.priority = i == 4 ? 1 : 0;
		ids[i] = fixture_submit(f, entry);
	}
	entry.lane = 1;
	entry.hold = true;
	fixture_submit(f, entry);
	assert_int_equal(store_ahead(fixture_reader(f), ids[3], 100, &ahead),
			 0);
	assert_int_equal(ahead, 4);
	assert_int_equal(store_ahead(fixture_reader(f), ids[3], 2, &ahead), 0);
	assert_int_equal(ahead, 2);
	assert_int_equal(store_ahead(fixture_reader(f), ids[4], 100, &ahead),
			 0);
	assert_int_equal(ahead, 0);
	assert_int_equal(store_ahead(fixture_reader(f), 6, 100, &ahead),
			 -ENOENT);
	assert_int_equal(store_ahead(fixture_reader(f), 99, 100, &ahead),
			 -ENOENT);
}

static void run_for(struct fixture *f, struct slice name, int64_t ms)
{
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	struct store_outcome outcome = {.kind = STORE_SUCCEEDED,
					.started_ms = NOW,
					.finished_ms = NOW + ms};
	struct store_batch batch;

	entry.name = name;
	fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	outcome.job = claims[0].job;
	outcome.token = claims[0].token;
	batch = fixture_batch(f);
	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(f, &batch);
}

UNIT(the_run_time_is_that_of_the_newest_like_it)
{
	struct fixture *f = *state;
	struct slice queue = SLICE("default"), handler = SLICE("exec");
	int64_t ms, count;

	assert_int_equal(store_run_time(fixture_reader(f), queue, handler,
					(struct slice){NULL, 0}, &ms, &count),
			 0);
	assert_int_equal(count, 0);
	run_for(f, SLICE("a"), 100000);
	for (int i = 0; i < 100; i++)
		run_for(f, SLICE("a"), i % 2 ? 100 : 300);
	run_for(f, SLICE("b"), 5000);
	run_for(f, (struct slice){NULL, 0}, 7000);
	assert_int_equal(store_run_time(fixture_reader(f), queue, handler,
					SLICE("a"), &ms, &count),
			 0);
	assert_int_equal(count, 100);
	assert_int_equal(ms, 200);
	assert_int_equal(store_run_time(fixture_reader(f), queue, handler,
					SLICE("b"), &ms, &count),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(ms, 5000);
	assert_int_equal(store_run_time(fixture_reader(f), queue, handler,
					(struct slice){NULL, 0}, &ms, &count),
			 0);
	assert_int_equal(count, 100);
	assert_int_equal(store_run_time(fixture_reader(f), SLICE("none"),
					handler, SLICE("a"), &ms, &count),
			 0);
	assert_int_equal(count, 0);
}

UNIT(the_first_ready_job_of_a_queue_is_this_old)
{
	struct fixture *f = *state;
	struct slice queue = SLICE("default");
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	struct store_batch batch;
	int64_t since;

	assert_int_equal(store_oldest_ready(fixture_reader(f), queue, &since),
			 0);
	assert_int_equal(since, 0);
	entry.run_at_ms = NOW + 500;
	fixture_submit(f, entry);
	f->now_ms = NOW + 600;
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	entry.run_at_ms = 0;
	entry.lane = 2;
	fixture_submit(f, entry);
	assert_int_equal(store_oldest_ready(fixture_reader(f), queue, &since),
			 0);
	assert_int_equal(since, NOW + 500);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(store_oldest_ready(fixture_reader(f), queue, &since),
			 0);
	assert_int_equal(since, NOW + 601);
	assert_int_equal(
		store_oldest_ready(fixture_reader(f), SLICE("other"), &since),
		0);
	assert_int_equal(since, 0);
}

UNIT(attempts_are_told_oldest_first_without_the_last)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_attempt *attempts;
	struct store_claim *claims;
	size_t count;
	int64_t id;

	entry.max_attempts = 10;
	id = fixture_submit(f, entry);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		assert_true(fixture_finish(f, &claims[0], STORE_FAILED_ATTEMPT,
					   CAUSE_SIGNAL));
	}
	/* It waits: its own row tells of the third. */
	assert_int_equal(store_attempts(fixture_reader(f), &f->arena, id,
					&attempts, &count),
			 0);
	assert_int_equal(count, 2);
	assert_int_equal(attempts[0].number, 1);
	assert_int_equal(attempts[1].number, 2);
	assert_int_equal(attempts[1].cause, CAUSE_SIGNAL);
	/* Cancelled while it waited, that row has no attempt to tell of. */
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &id, 1).changed, 1);
	assert_int_equal(store_attempts(fixture_reader(f), &f->arena, id,
					&attempts, &count),
			 0);
	assert_int_equal(count, 3);
	assert_int_equal(store_attempts(fixture_reader(f), &f->arena, 77,
					&attempts, &count),
			 0);
	assert_int_equal(count, 0);
}

UNIT(what_each_attempt_wrote_is_kept_apart)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_batch batch;
	struct store_claim *claims;
	struct slice log;
	int64_t id;
	bool file;

	entry.max_attempts = 3;
	id = fixture_submit(f, entry);
	for (uint32_t i = 1; i <= 3; i++) {
		char text[] = "log ?";
		struct store_outcome outcome = {
			.job = id,
			.kind = STORE_FAILED_ATTEMPT,
			.cause = CAUSE_EXIT,
			.exit_code = 1,
			.output_file = i == 2,
		};

		text[4] = (char)('0' + i);
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		/* It runs: what it wrote is not there yet. */
		assert_int_equal(store_attempt_log(fixture_reader(f), &f->arena,
						   id, i, &log, &file),
				 0);
		assert_int_equal(log.n, 0);
		outcome.token = claims[0].token;
		outcome.log = slice_of(text);
		batch = fixture_batch(f);
		batch.outcomes = &outcome;
		batch.outcome_count = 1;
		fixture_write(f, &batch);
		assert_true(outcome.accepted);
	}
	assert_int_equal(store_attempt_log(fixture_reader(f), &f->arena, id, 1,
					   &log, &file),
			 0);
	assert_true(slice_is(log, "log 1") && !file);
	assert_int_equal(store_attempt_log(fixture_reader(f), &f->arena, id, 2,
					   &log, &file),
			 0);
	assert_true(slice_is(log, "log 2") && file);
	assert_int_equal(store_attempt_log(fixture_reader(f), &f->arena, id, 9,
					   &log, &file),
			 0);
	assert_int_equal(log.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_ready_job_knows_how_many_go_before_it),
		WITH_STORE(the_run_time_is_that_of_the_newest_like_it),
		WITH_STORE(the_first_ready_job_of_a_queue_is_this_old),
		WITH_STORE(what_each_attempt_wrote_is_kept_apart),
		WITH_STORE(attempts_are_told_oldest_first_without_the_last),
	};

	return cmocka_run_group_tests_name("sqlite_ask", tests, NULL, NULL);
}
