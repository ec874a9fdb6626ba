#include "daemon/store/sqlite_txn.h"

#include <errno.h>

#include "tests/unit/store/fixture.h"

static struct store_steer change(struct fixture *f, struct store_steer how)
{
	struct store_batch batch = fixture_batch(f);

	how.kind = STORE_CHANGE;
	how.filter.all = true;
	how.uid = UINT32_MAX;
	how.max = 1000;
	batch.steers = &how;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	fixture_verify(f);
	return how;
}

UNIT(a_change_of_priority_changes_the_order)
{
	struct fixture *f = *state;
	int64_t first = fixture_submit(f, fixture_entry());
	int64_t second = fixture_submit(f, fixture_entry());
	struct store_steer how = {.kind = STORE_CHANGE,
				  .filter = {.ids = &second, .id_count = 1},
				  .change_priority = true,
				  .priority = 5,
				  .uid = 1000,
				  .max = 10};
	struct store_batch batch = fixture_batch(f);
	struct store_claim *claims;

	batch.steers = &how;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(how.changed, 1);
	fixture_verify(f);
	/* It has it already. */
	batch = fixture_batch(f);
	batch.steers = &how;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(how.changed, 0);
	assert_int_equal(fixture_claim(f, 2, &claims), 2);
	assert_int_equal(claims[0].job, second);
	assert_int_equal(claims[1].job, first);
}

UNIT(a_change_of_time_moves_it)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_steer later = {.change_run_at = true,
				    .run_at_ms = NOW + 9000};
	struct store_steer now = {.change_run_at = true};
	int64_t id = fixture_submit(f, entry);
	struct store_claim *claims;

	assert_int_equal(change(f, later).changed, 1);
	assert_int_equal(fixture_row(f, id).state, STATE_SCHEDULED);
	assert_int_equal(fixture_row(f, id).run_at_ms, NOW + 9000);
	assert_int_equal(change(f, later).changed, 0);
	assert_int_equal(change(f, now).changed, 1);
	assert_int_equal(fixture_row(f, id).state, STATE_READY);
	assert_int_equal(change(f, now).changed, 0);

	assert_int_equal(fixture_steer(f, STORE_HOLD, &id, 1).changed, 1);
	assert_int_equal(change(f, later).changed, 1);
	assert_int_equal(fixture_row(f, id).state, STATE_HELD);
	assert_int_equal(fixture_steer(f, STORE_RELEASE, &id, 1).changed, 1);
	assert_int_equal(fixture_row(f, id).state, STATE_SCHEDULED);
	assert_int_equal(change(f, now).changed, 1);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	/* What runs is not changed. */
	assert_int_equal(change(f, later).changed, 0);
}

UNIT(a_change_of_queue_takes_it_to_another_lane)
{
	struct fixture *f = *state;
	struct store_steer how = {.queue = SLICE("brand-new")};
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_batch batch = fixture_batch(f);
	struct store_entry entry = fixture_entry();
	struct store_steer dry;
	int64_t id;

	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	entry.group = op.id;
	id = fixture_submit(f, entry);
	dry = how;
	dry.dry_run = true;
	assert_int_equal(change(f, dry).changed, 1);
	assert_true(slice_is(fixture_row(f, id).queue, "default"));
	assert_int_equal(change(f, how).changed, 1);
	assert_true(slice_is(fixture_row(f, id).queue, "brand-new"));
	assert_true(slice_is(fixture_row(f, id).handler, "exec"));
	assert_int_equal(change(f, how).changed, 0);
}

UNIT(changes_of_many_go_slice_by_slice_and_each_job_once)
{
	struct fixture *f = *state;
	struct store_steer how = {.kind = STORE_CHANGE,
				  .filter = {.queue = SLICE("default")},
				  .change_priority = true,
				  .priority = 3,
				  .uid = UINT32_MAX,
				  .max = 4};
	uint32_t changed = 0;

	for (int i = 0; i < 10; i++)
		fixture_submit(f, fixture_entry());
	do {
		struct store_batch batch = fixture_batch(f);

		batch.steers = &how;
		batch.steer_count = 1;
		fixture_write(f, &batch);
		changed += how.changed;
		how.after = how.next;
	} while (how.next);
	assert_int_equal(changed, 10);
	fixture_verify(f);
}

/* When something is due after it. */
static int64_t edit(struct fixture *f, struct store_edit *edit)
{
	struct store_context context = {.text = SLICE("{\"cwd\":\"/b\"}")};
	struct store_batch batch = fixture_batch(f);

	batch.contexts = &context;
	batch.context_count = 1;
	batch.edits = edit;
	batch.edit_count = 1;
	edit->entry.context = 0;
	fixture_write(f, &batch);
	fixture_verify(f);
	return batch.next_due_ms;
}

UNIT(an_edit_replaces_what_a_waiting_job_is)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_edit how = {.uid = 1000, .entry = fixture_entry()};
	struct store_context context = {.text = SLICE("{\"cwd\":\"/a\"}")};
	struct store_batch batch = fixture_batch(f);
	struct store_row row;

	entry.key = SLICE("k");
	entry.unique = SLICE("w");
	entry.name = SLICE("old");
	entry.expire_ms = 1000;
	entry.context = 0;
	batch.contexts = &context;
	batch.context_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	how.job = entry.id;
	how.entry.lane = 1;
	how.entry.spec = SLICE("{\"argv\":[\"false\"]}");
	how.entry.name = SLICE("new");
	how.entry.tags = SLICE("{\"a\":\"b\"}");
	how.entry.priority = 7;
	how.entry.run_at_ms = NOW + 5000;
	how.entry.retry = SLICE("{\"max_attempts\":4}");
	how.entry.unique = SLICE("v");
	how.entry.keep_ms = 5;
	assert_int_equal(edit(f, &how), NOW + 5000);
	assert_true(how.found && how.edited);
	row = fixture_row(f, entry.id);
	assert_int_equal(row.state, STATE_SCHEDULED);
	assert_int_equal(row.created_ms, NOW);
	assert_int_equal(row.priority, 7);
	assert_int_equal(row.max_attempts, 4);
	assert_true(slice_is(row.queue, "other"));
	assert_true(slice_is(row.name, "new"));
	assert_true(slice_is(row.key, "k"));
	assert_true(slice_is(row.tags, "{\"a\":\"b\"}"));
	assert_true(slice_equal(row.spec, how.entry.spec));
	/* The old word is free, the new one is not; it expires no more. */
	entry.key = (struct slice){NULL, 0};
	entry.on_conflict = CONFLICT_REJECT;
	entry.context = UINT32_MAX;
	entry.expire_ms = 0;
	assert_true(fixture_submit(f, entry) > how.job);
	entry.unique = SLICE("v");
	assert_int_equal(fixture_submit(f, entry), how.job);
	f->now_ms = NOW + 2000;
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, 0);
	assert_int_equal(batch.next_due_ms, NOW + 5000);
}

/* What store_get_spec() tells goes into an edit and comes out again. */
UNIT(what_a_job_is_can_be_read_as_a_whole)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_edit how = {.uid = 1000, .entry = fixture_entry()};
	struct store_claim *claims;
	struct store_spec spec;

	entry.hold = true;
	how.job = fixture_submit(f, entry);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, how.job, &spec),
		0);
	assert_int_equal(spec.row.state, STATE_HELD);
	assert_int_equal(spec.row.created_ms, NOW);
	assert_int_equal(spec.context.n + spec.retry.n + spec.unique.n, 0);
	assert_int_equal(spec.expire_ms, 0);
	assert_int_equal(spec.keep_ms, -1);
	f->now_ms = NOW + 700;
	how.entry.expire_ms = 1000;
	how.entry.keep_ms = 0;
	how.entry.timeout_ms = 11;
	how.entry.grace_ms = 12;
	how.entry.crash_limit = 13;
	how.entry.once = how.entry.orphans_keep = true;
	how.entry.retry = SLICE("{\"max_attempts\":1}");
	how.entry.unique = SLICE("v");
	/* It is counted from its birth, not from now. */
	assert_int_equal(edit(f, &how), NOW + 1000);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, how.job, &spec),
		0);
	assert_true(slice_is(spec.context, "{\"cwd\":\"/b\"}"));
	assert_true(slice_equal(spec.retry, how.entry.retry));
	assert_true(slice_is(spec.unique, "v"));
	assert_true(slice_equal(spec.row.spec, how.entry.spec));
	assert_int_equal(spec.expire_ms, 1000);
	assert_int_equal(spec.keep_ms, 0);
	assert_int_equal(spec.timeout_ms, 11);
	assert_int_equal(spec.grace_ms, 12);
	assert_int_equal(spec.crash_limit, 13);
	assert_int_equal(spec.max_attempts, 1);
	assert_true(spec.once && spec.orphans_keep);

	entry.hold = false;
	how.job = fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, how.job, &spec),
		0);
	assert_int_equal(spec.row.state, STATE_SUCCEEDED);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, 99, &spec),
		-ENOENT);
}

UNIT(what_runs_or_ended_or_is_anothers_is_not_edited)
{
	struct fixture *f = *state;
	struct store_edit how = {.uid = 1000, .entry = fixture_entry()};
	struct store_entry worded = fixture_entry();
	struct store_claim *claims;

	how.job = 99;
	edit(f, &how);
	assert_false(how.found);
	how.job = fixture_submit(f, fixture_entry());
	how.uid = 1001;
	edit(f, &how);
	assert_true(how.foreign && !how.edited);
	how.uid = UINT32_MAX;
	worded.lane = 1;
	worded.unique = how.entry.unique = SLICE("w");
	fixture_submit(f, worded);
	edit(f, &how);
	assert_true(how.found && !how.edited);
	assert_int_equal(how.entry.what, STORE_REFUSED_TAKEN);

	how.entry.unique = (struct slice){NULL, 0};
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	edit(f, &how);
	assert_true(how.found && !how.edited);
	assert_int_equal(how.state, STATE_RUNNING);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	edit(f, &how);
	assert_true(how.found && !how.edited);
	assert_int_equal(how.state, STATE_SUCCEEDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_change_of_priority_changes_the_order),
		WITH_STORE(a_change_of_time_moves_it),
		WITH_STORE(what_a_job_is_can_be_read_as_a_whole),
		WITH_STORE(a_change_of_queue_takes_it_to_another_lane),
		WITH_STORE(changes_of_many_go_slice_by_slice_and_each_job_once),
		WITH_STORE(an_edit_replaces_what_a_waiting_job_is),
		WITH_STORE(what_runs_or_ended_or_is_anothers_is_not_edited),
	};

	return cmocka_run_group_tests_name("sqlite_edit", tests, NULL, NULL);
}
