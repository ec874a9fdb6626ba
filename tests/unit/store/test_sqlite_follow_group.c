/* Groups that are followed: sqlite_follow.c, the other half. */

#include <errno.h>

#include "tests/unit/store/followed.h"

static int64_t open_group(struct fixture *f, const char *callbacks)
{
	struct store_group_op op = {.kind = STORE_GROUP_OPEN,
				    .callbacks = slice_of(callbacks)};
	struct store_batch batch = fixture_batch(f);

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	fixture_verify(f);
	return op.id;
}

static struct store_group_op
change_group(struct fixture *f, enum store_group_kind kind, int64_t id)
{
	struct store_group_op op = {.kind = kind, .id = id};
	struct store_batch batch = fixture_batch(f);

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	fixture_verify(f);
	return op;
}

static void close_group(struct fixture *f, int64_t id)
{
	change_group(f, STORE_GROUP_CLOSE, id);
}

static struct store_group group_of(struct fixture *f, int64_t id)
{
	struct store_group group;

	assert_int_equal(
		store_get_group(fixture_reader(f), &f->arena, id, &group), 0);
	return group;
}

static size_t tied_groups(struct fixture *f)
{
	struct store_snapshot snapshot;

	assert_int_equal(
		store_load(fixture_reader(f), &f->arena, &snapshot, &f->fault),
		0);
	return snapshot.tied_group_count;
}

UNIT(a_group_is_followed_once_when_it_is_complete)
{
	struct fixture *f = *state;
	int64_t group = open_group(f, "group"), jobs[3];
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;
	struct store_row row;

	entry.group = group;
	for (int i = 0; i < 3; i++)
		jobs[i] = fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 2, &claims), 2);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	assert_true(fixture_finish(f, &claims[1], STORE_FAILED_ATTEMPT,
				   CAUSE_EXIT));
	close_group(f, group);
	assert_int_equal(asked.calls, 0);
	fixture_reopen(f);
	fixture_steer(f, STORE_CANCEL, &jobs[2], 1);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.group, group);
	assert_int_equal(asked.job, 0);
	assert_string_equal(asked.callbacks, "group");
	assert_int_equal(asked.counts[STATE_SUCCEEDED], 1);
	assert_int_equal(asked.counts[STATE_FAILED], 1);
	assert_int_equal(asked.counts[STATE_CANCELLED], 1);
	assert_int_equal(asked.counts[STATE_RUNNING], 0);
	assert_int_equal(asked.failed_count, 2);
	assert_int_equal(asked.failed, jobs[1]);
	row = fixture_row(f, jobs[2] + 1);
	assert_int_equal(row.follows_group, group);
	assert_int_equal(row.follows, 0);
	assert_int_equal(row.group, 0);
	fixture_verify(f);
	/* Complete again: it was told. */
	fixture_steer(f, STORE_RETRY, &jobs[1], 1);
	fixture_steer(f, STORE_CANCEL, &jobs[1], 1);
	fixture_reopen(f);
	fixture_steer(f, STORE_RETRY, &jobs[1], 1);
	fixture_steer(f, STORE_CANCEL, &jobs[1], 1);
	assert_int_equal(asked.calls, 1);
	fixture_verify(f);
}

UNIT(a_group_that_nobody_holds_any_more_is_closed_and_followed)
{
	struct fixture *f = *state;
	int64_t group = open_group(f, "group"), other = open_group(f, "other");
	struct store_entry entry = fixture_entry();
	struct store_group_op op;
	int64_t job;

	assert_int_equal(tied_groups(f), 0);
	assert_false(change_group(f, STORE_GROUP_ABANDON, group).found);
	assert_false(group_of(f, group).closed);
	op = change_group(f, STORE_GROUP_TIE, group);
	assert_true(op.found && !op.closed);
	assert_int_equal(tied_groups(f), 1);
	entry.group = group;
	job = fixture_submit(f, entry);
	assert_true(change_group(f, STORE_GROUP_ABANDON, group).found);
	assert_true(group_of(f, group).closed);
	assert_true(group_of(f, group).abandoned);
	assert_int_equal(tied_groups(f), 0);
	/* Its maker is back in time. */
	op = change_group(f, STORE_GROUP_TIE, group);
	assert_true(op.found && !op.closed);
	assert_false(group_of(f, group).closed);
	assert_false(group_of(f, group).abandoned);
	fixture_reopen(f);
	assert_int_equal(tied_groups(f), 1);
	change_group(f, STORE_GROUP_ABANDON, group);
	assert_int_equal(asked.calls, 0);
	fixture_steer(f, STORE_CANCEL, &job, 1);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.group, group);
	/* It was told, and who closed it meant it. */
	op = change_group(f, STORE_GROUP_TIE, group);
	assert_true(op.found && op.closed);
	close_group(f, other);
	op = change_group(f, STORE_GROUP_TIE, other);
	assert_true(op.found && op.closed);
	assert_false(change_group(f, STORE_GROUP_TIE, 99).found);
	fixture_verify(f);
}

UNIT(a_group_whose_jobs_had_ended_is_complete_when_it_is_closed)
{
	struct fixture *f = *state;
	int64_t group = open_group(f, "group"), empty = open_group(f, "empty");
	struct store_entry entry = fixture_entry();
	int64_t job;

	entry.group = group;
	job = fixture_submit(f, entry);
	fixture_steer(f, STORE_CANCEL, &job, 1);
	assert_int_equal(asked.calls, 0);
	close_group(f, group);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.group, group);
	close_group(f, empty);
	assert_int_equal(asked.calls, 2);
	assert_int_equal(asked.group, empty);
	close_group(f, group);
	close_group(f, open_group(f, ""));
	assert_int_equal(asked.calls, 2);
}

UNIT(ends_count_for_a_group_also_when_their_jobs_are_gone)
{
	struct fixture *f = *state;
	int64_t group = open_group(f, "group"), jobs[2];
	struct store_entry entry = fixture_entry();
	struct store_claim *claims;

	entry.group = group;
	for (int i = 0; i < 2; i++)
		jobs[i] = fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 2, &claims), 2);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	assert_true(fixture_finish(f, &claims[1], STORE_FAILED_ATTEMPT,
				   CAUSE_EXIT));
	fixture_steer(f, STORE_REMOVE, &jobs[1], 1);
	fixture_verify(f);
	fixture_reopen(f);
	fixture_steer(f, STORE_REMOVE, &jobs[0], 1);
	fixture_verify(f);
	close_group(f, group);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.counts[STATE_SUCCEEDED], 1);
	assert_int_equal(asked.counts[STATE_FAILED], 1);
}

UNIT(a_callback_that_cannot_be_made_undoes_the_end)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, with_callback()), ids[8];
	int64_t group = open_group(f, "group");
	struct store_group_op op = {.kind = STORE_GROUP_CLOSE, .id = group};
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.ids = &id, .id_count = 1},
				    .uid = UINT32_MAX,
				    .max = 1};
	struct store_batch batch = fixture_batch(f);

	batch.steers = &steer;
	batch.steer_count = 1;
	batch.groups = &op;
	batch.group_count = 1;
	asked.error = -ENOMEM;
	assert_int_equal(store_write(f->store, &batch, &f->fault), -ENOMEM);
	assert_int_equal(fixture_row(f, id).state, STATE_READY);
	fixture_verify(f);
	asked.error = 0;
	fixture_write(f, &batch);
	assert_int_equal(followers(f, id, ids), 1);
	assert_int_equal(asked.group, group);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOWED(a_group_is_followed_once_when_it_is_complete),
		FOLLOWED(
			a_group_that_nobody_holds_any_more_is_closed_and_followed),
		FOLLOWED(
			a_group_whose_jobs_had_ended_is_complete_when_it_is_closed),
		FOLLOWED(ends_count_for_a_group_also_when_their_jobs_are_gone),
		FOLLOWED(a_callback_that_cannot_be_made_undoes_the_end),
	};

	return cmocka_run_group_tests_name("sqlite_follow_group", tests, NULL,
					   NULL);
}
