#include <errno.h>

#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/fixture.h"

UNIT(a_key_names_the_first_job_for_ever)
{
	struct fixture *f = *state;
	struct store_entry entries[3] = {fixture_entry(), fixture_entry(),
					 fixture_entry()};
	struct store_batch batch = fixture_batch(f);
	struct store_claim *claims;

	for (int i = 0; i < 3; i++)
		entries[i].key = SLICE("a");
	entries[2].uid = 1001; /* another user's key is another key */
	batch.entries = entries;
	batch.entry_count = 3;
	fixture_write(f, &batch);
	assert_int_equal(entries[0].what, STORE_NEW);
	assert_int_equal(entries[1].what, STORE_EXISTING);
	assert_int_equal(entries[1].id, entries[0].id);
	assert_int_equal(entries[2].what, STORE_NEW);
	assert_int_equal(entries[2].id, entries[0].id + 1);

	/* Also when it has ended. */
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	batch = fixture_batch(f);
	batch.entries = entries;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(entries[0].what, STORE_EXISTING);
	assert_int_equal(entries[0].id, claims[0].job);
	fixture_verify(f);
}

UNIT(a_job_is_held_or_scheduled_or_ready_as_asked)
{
	struct fixture *f = *state;
	struct store_entry entries[4] = {fixture_entry(), fixture_entry(),
					 fixture_entry(), fixture_entry()};
	struct store_batch batch = fixture_batch(f);

	entries[0].hold = true;
	entries[1].run_at_ms = NOW + 5000;
	entries[2].run_at_ms = NOW - 5000; /* long past: at once */
	batch.entries = entries;
	batch.entry_count = 4;
	fixture_write(f, &batch);
	assert_int_equal(fixture_row(f, entries[0].id).state, STATE_HELD);
	assert_int_equal(fixture_row(f, entries[1].id).state, STATE_SCHEDULED);
	assert_int_equal(fixture_row(f, entries[2].id).state, STATE_READY);
	assert_int_equal(fixture_row(f, entries[3].id).state, STATE_READY);
	assert_int_equal(batch.next_due_ms, NOW + 5000);
	assert_int_equal(batch.lanes[0].counts[STATE_HELD], 1);
	assert_int_equal(batch.lanes[0].counts[STATE_SCHEDULED], 1);
	assert_int_equal(batch.lanes[0].counts[STATE_READY], 2);
	fixture_verify(f);
}

UNIT(due_jobs_become_ready_a_few_at_a_time_and_are_claimed)
{
	struct fixture *f = *state;
	struct store_want want = {.worker = 1, .max = 10};
	struct store_worker worker = {.id = 1};
	struct store_batch batch;
	int64_t ids[3];

	for (int i = 0; i < 3; i++) {
		struct store_entry entry = fixture_entry();

		entry.run_at_ms = NOW + 1000 - i;
		ids[i] = fixture_submit(f, entry);
	}
	f->now_ms = NOW + 999;
	batch = fixture_batch(f);
	batch.promote_max = 1;
	batch.wants = &want;
	batch.want_count = 1;
	batch.workers = &worker;
	batch.worker_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.claim_count, 1);
	assert_int_equal(batch.claims[0].job, ids[2]);
	assert_int_equal(batch.next_due_ms, NOW + 999);

	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	assert_int_equal(batch.lanes[0].counts[STATE_READY], 2);
	assert_int_equal(batch.next_due_ms, 0);
	fixture_verify(f);
}

static int64_t open_group(struct fixture *f, bool and_close)
{
	struct store_group_op op = {.kind = STORE_GROUP_OPEN,
				    .name = SLICE("images"),
				    .total = 10,
				    .uid = 1000};
	struct store_batch batch = fixture_batch(f);
	int64_t id;

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	assert_true(op.found);
	assert_int_equal(batch.changed_group_count, 1);
	id = op.id;
	if (!and_close)
		return id;
	op = (struct store_group_op){.kind = STORE_GROUP_CLOSE, .id = id};
	batch = fixture_batch(f);
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	assert_true(op.found);
	assert_true(batch.changed_groups[0].closed);
	return id;
}

UNIT(a_group_counts_its_jobs_and_refuses_when_closed)
{
	struct fixture *f = *state;
	int64_t group = open_group(f, false);
	int64_t closed = open_group(f, true);
	struct store_entry entries[3] = {fixture_entry(), fixture_entry(),
					 fixture_entry()};
	struct store_batch batch = fixture_batch(f);
	struct store_group got;

	entries[0].group = group;
	entries[1].group = closed;
	entries[2].group = 4711;
	batch.entries = entries;
	batch.entry_count = 3;
	fixture_write(f, &batch);
	assert_int_equal(entries[0].what, STORE_NEW);
	assert_int_equal(entries[1].what, STORE_REFUSED_CLOSED);
	assert_int_equal(entries[2].what, STORE_REFUSED_GROUP);
	assert_int_equal(entries[1].id, 0);
	assert_int_equal(
		store_get_group(fixture_reader(f), &f->arena, group, &got), 0);
	assert_int_equal(got.counts[STATE_READY], 1);
	assert_true(slice_is(got.name, "images"));
	assert_int_equal(got.total, 10);
	assert_int_equal(
		store_get_group(fixture_reader(f), &f->arena, 4711, &got),
		-ENOENT);
	fixture_verify(f);
}

UNIT(a_group_closed_in_the_same_batch_refuses)
{
	struct fixture *f = *state;
	struct store_group_op op = {.kind = STORE_GROUP_CLOSE,
				    .id = open_group(f, false)};
	struct store_entry entry = fixture_entry();
	struct store_batch batch = fixture_batch(f);

	entry.group = op.id;
	batch.groups = &op;
	batch.group_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(entry.what, STORE_REFUSED_CLOSED);
	op.id = 99;
	batch = fixture_batch(f);
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	assert_false(op.found);
	assert_int_equal(batch.changed_group_count, 0);
	fixture_verify(f);
}

UNIT(all_or_none_means_none_when_one_is_refused)
{
	struct fixture *f = *state;
	struct store_entry entries[5];
	struct store_batch batch = fixture_batch(f);

	for (int i = 0; i < 5; i++)
		entries[i] = fixture_entry();
	entries[0].unit = 1;
	entries[1].unit = 2;
	entries[2].unit = 1;
	entries[2].group = 77;
	entries[4].unit = 2;
	batch.entries = entries;
	batch.entry_count = 5;
	fixture_write(f, &batch);
	assert_int_equal(entries[0].what, STORE_REFUSED_DEPENDS);
	assert_int_equal(entries[1].what, STORE_NEW);
	assert_int_equal(entries[2].what, STORE_REFUSED_GROUP);
	assert_int_equal(entries[3].what, STORE_NEW);
	assert_int_equal(entries[4].what, STORE_NEW);
	assert_int_equal(batch.lanes[0].counts[STATE_READY], 3);
	fixture_verify(f);
}

/* Submit one job with this context; the context's id. */
static int64_t submit_with(struct fixture *f, struct store_context *context,
			   int64_t *ret_job)
{
	struct store_entry entry = fixture_entry();
	struct store_batch batch = fixture_batch(f);

	entry.context = 0;
	batch.contexts = context;
	batch.context_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	*ret_job = entry.id;
	return context->id;
}

UNIT(a_context_is_kept_once_and_told_with_a_claim)
{
	struct fixture *f = *state;
	struct store_context a = {.text = SLICE("{\"cwd\":\"/\"}")};
	struct store_context b = {.text = SLICE("{\"cwd\":\"/tmp\"}")};
	struct store_context again = a;
	struct store_want want = {.worker = 1, .max = 3};
	struct store_worker worker = {.id = 1};
	struct store_batch batch;
	int64_t job;

	submit_with(f, &a, &job);
	assert_int_not_equal(submit_with(f, &b, &job), a.id);
	assert_int_equal(submit_with(f, &again, &job), a.id);
	batch = fixture_batch(f);
	batch.workers = &worker;
	batch.worker_count = 1;
	batch.wants = &want;
	batch.want_count = 1;
	batch.with_contexts = true;
	fixture_write(f, &batch);
	assert_int_equal(batch.claim_count, 3);
	assert_true(slice_equal(batch.claims[0].context_text, a.text));
	assert_true(slice_equal(batch.claims[1].context_text, b.text));
	assert_int_equal(batch.claims[2].context, a.id);
	fixture_verify(f);
}

UNIT(a_context_that_the_caller_remembers_may_be_gone)
{
	struct fixture *f = *state;
	struct store_context context = {.text = SLICE("{\"cwd\":\"/\"}")};
	int64_t job;
	int64_t first = submit_with(f, &context, &job);
	struct store_batch batch;

	assert_int_equal(fixture_steer(f, STORE_CANCEL, &job, 1).changed, 1);
	f->now_ms += 10;
	batch = fixture_batch(f);
	batch.purge_max = 10;
	batch.purge_failed_before_ms = f->now_ms;
	fixture_write(f, &batch);
	fixture_verify(f);
	/* Interned again, under a number that was never used before. */
	assert_true(submit_with(f, &context, &job) > first);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_key_names_the_first_job_for_ever),
		WITH_STORE(a_job_is_held_or_scheduled_or_ready_as_asked),
		WITH_STORE(
			due_jobs_become_ready_a_few_at_a_time_and_are_claimed),
		WITH_STORE(a_group_counts_its_jobs_and_refuses_when_closed),
		WITH_STORE(a_group_closed_in_the_same_batch_refuses),
		WITH_STORE(all_or_none_means_none_when_one_is_refused),
		WITH_STORE(a_context_is_kept_once_and_told_with_a_claim),
		WITH_STORE(a_context_that_the_caller_remembers_may_be_gone),
	};

	return cmocka_run_group_tests_name("sqlite_entry", tests, NULL, NULL);
}
