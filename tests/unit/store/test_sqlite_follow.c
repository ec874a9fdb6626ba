#include "daemon/store/sqlite_follow.h"

#include "tests/unit/store/followed.h"

static void owes_one(struct fixture *f, int64_t id, enum job_state state)
{
	int64_t ids[8];

	assert_int_equal(fixture_row(f, id).state, state);
	assert_int_equal(followers(f, id, ids), 1);
	assert_int_equal(asked.job, id);
	assert_int_equal(asked.state, state);
	assert_string_equal(asked.callbacks, "own");
	fixture_verify(f);
}

UNIT(an_end_and_its_callback_are_one_transaction)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, with_callback()), ids[8];
	struct store_claim *claims;
	struct store_outcome outcome;
	struct store_batch batch;
	struct store_row row;

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	outcome = (struct store_outcome){
		.job = id, .token = claims[0].token, .kind = STORE_SUCCEEDED};
	batch = fixture_batch(f);
	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.event_count, 2);
	assert_int_equal(batch.changed_lane_count, 2);
	for (size_t i = 0; i < 2; i++) {
		if (slice_is(batch.changed_lanes[i].queue, "callbacks"))
			assert_int_equal(
				batch.changed_lanes[i].counts[STATE_READY], 1);
	}
	owes_one(f, id, STATE_SUCCEEDED);
	assert_int_equal(asked.gid, 1000);
	assert_int_equal(followers(f, id, ids), 1);
	row = fixture_row(f, ids[0]);
	assert_int_equal(row.follows, id);
	assert_int_equal(row.state, STATE_READY);
	assert_true(slice_is(row.queue, "callbacks"));
	assert_true(slice_is(row.name, "own"));
	row = fixture_row(f, id);
	assert_int_equal(row.callback_count, 1);
	assert_int_equal(row.callbacks[0], ids[0]);
	/* It is a job like any other, and the next one does not ask again. */
	fixture_reopen(f);
	assert_int_equal(followers(f, id, ids), 1);
	assert_int_equal(asked.calls, 1);
}

UNIT(a_retry_is_no_end_and_the_last_one_is_one)
{
	struct fixture *f = *state;
	struct store_entry entry = with_callback();
	struct store_claim *claims;
	int64_t id;

	entry.max_attempts = 3;
	entry.retry = SLICE("{\"max_attempts\":3,\"backoff_ms\":0}");
	id = fixture_submit(f, entry);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(asked.calls, 0);
		assert_int_equal(fixture_claim(f, 1, &claims), 1);
		assert_true(fixture_finish(f, claims, STORE_FAILED_ATTEMPT,
					   CAUSE_EXIT));
	}
	assert_int_equal(asked.calls, 1);
	owes_one(f, id, STATE_FAILED);
}

UNIT(whatever_ends_a_job_is_an_end)
{
	struct fixture *f = *state;
	struct store_entry entry = with_callback();
	struct store_claim *claims;
	struct store_batch batch;
	int64_t id = fixture_submit(f, entry);

	fixture_steer(f, STORE_CANCEL, &id, 1);
	owes_one(f, id, STATE_CANCELLED);

	id = fixture_submit(f, entry);
	fixture_steer(f, STORE_STRAND, &id, 1);
	owes_one(f, id, STATE_FAILED);

	entry.expire_ms = 1000;
	id = fixture_submit(f, entry);
	f->now_ms += 2000;
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	owes_one(f, id, STATE_CANCELLED);

	entry = with_callback();
	entry.descriptors = entry.once = true;
	id = fixture_submit(f, entry);
	batch = fixture_batch(f);
	batch.strand = SLICE("{\"message\":\"gone\"}");
	fixture_write(f, &batch);
	owes_one(f, id, STATE_FAILED);

	entry = with_callback();
	entry.unique = SLICE("w");
	id = fixture_submit(f, entry);
	entry.on_conflict = CONFLICT_REPLACE;
	fixture_submit(f, entry);
	owes_one(f, id, STATE_CANCELLED);

	/* The one that took its place is lost once too often. */
	entry = with_callback();
	entry.crash_limit = 1;
	entry.priority = 9;
	id = fixture_submit(f, entry);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	assert_int_equal(claims[0].job, id);
	assert_true(fixture_finish(f, claims, STORE_LOST, CAUSE_WORKER_LOST));
	owes_one(f, id, STATE_FAILED);
	assert_int_equal(asked.calls, 6);
}

UNIT(a_running_job_that_is_cancelled_owes_when_it_has_ended)
{
	struct fixture *f = *state;
	struct store_claim *claims;
	int64_t id = fixture_submit(f, with_callback());

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	fixture_steer(f, STORE_CANCEL, &id, 1);
	assert_int_equal(asked.calls, 0);
	assert_true(fixture_finish(f, claims, STORE_FAILED_ATTEMPT,
				   CAUSE_CANCELLED));
	owes_one(f, id, STATE_CANCELLED);
}

UNIT(a_job_that_is_tried_again_by_hand_owes_again)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, with_callback()), ids[8];

	for (size_t i = 1; i <= 2; i++) {
		fixture_steer(f, STORE_CANCEL, &id, 1);
		assert_int_equal(followers(f, id, ids), i);
		fixture_steer(f, STORE_RETRY, &id, 1);
	}
	fixture_verify(f);
}

/* All of it in the batch of the end itself. */
UNIT(what_happens_to_a_job_after_its_end_takes_nothing_back)
{
	struct fixture *f = *state;
	struct store_entry entries[2] = {with_callback(), with_callback()};
	struct store_steer steers[2];
	struct store_batch batch;
	int64_t ids[8], first = 1, second = 2;

	for (int i = 0; i < 2; i++)
		assert_int_equal(fixture_submit(f, entries[i]), i + 1);
	for (int i = 0; i < 2; i++)
		steers[i] = (struct store_steer){
			.kind = STORE_CANCEL,
			.filter = {.all = true},
			.uid = UINT32_MAX,
			.max = 10,
		};
	steers[1].kind = STORE_REMOVE;
	steers[1].filter = (struct store_filter){.ids = &first, .id_count = 1};
	batch = fixture_batch(f);
	batch.steers = steers;
	batch.steer_count = 2;
	fixture_write(f, &batch);
	assert_int_equal(steers[1].changed, 1);
	assert_int_equal(followers(f, first, ids), 1);
	assert_int_equal(followers(f, second, ids), 1);
	fixture_verify(f);
}

static void set_queue(struct fixture *f, struct store_queue queue)
{
	struct store_batch batch = fixture_batch(f);

	batch.queues = &queue;
	batch.queue_count = 1;
	fixture_write(f, &batch);
	fixture_verify(f);
}

UNIT(queues_and_rules_have_callbacks_of_what_is_none_itself)
{
	struct fixture *f = *state;
	int64_t id, ids[8];

	set_queue(f, (struct store_queue){.name = SLICE("default"),
					  .callbacks = SLICE("queue")});
	set_queue(f, (struct store_queue){.name = SLICE("callbacks"),
					  .callbacks = SLICE("never")});
	fixture_reopen(f);
	id = fixture_submit(f, fixture_entry());
	cancel_with(f, id, "all");
	assert_string_equal(asked.callbacks, "");
	assert_string_equal(asked.of_queue, "queue");
	assert_string_equal(asked.rules, "all");
	assert_int_equal(followers(f, id, ids), 2);
	/* What follows is followed by nothing. */
	cancel_with(f, ids[0], "all");
	cancel_with(f, ids[1], "all");
	assert_int_equal(asked.calls, 1);

	/* But by its own. */
	asked.nested = true;
	id = fixture_submit(f, with_callback());
	cancel_with(f, id, "");
	assert_int_equal(followers(f, id, ids), 2);
	asked.nested = false;
	cancel_with(f, ids[0], "all");
	assert_string_equal(asked.callbacks, "nested");
	assert_string_equal(asked.of_queue, "");
	assert_string_equal(asked.rules, "");
	assert_int_equal(asked.job, ids[0]);

	set_queue(f, (struct store_queue){.name = SLICE("default")});
	asked.calls = 0;
	cancel_with(f, fixture_submit(f, fixture_entry()), "");
	assert_int_equal(asked.calls, 0);
}

UNIT(a_callback_has_the_context_of_its_job_or_its_own_or_none)
{
	struct fixture *f = *state;
	struct store_context context = {.text = SLICE("{\"cwd\":\"/\"}")};
	struct store_entry entries[3];
	struct store_batch batch = fixture_batch(f);
	struct store_spec spec;
	int64_t ids[8];

	for (int i = 0; i < 3; i++) {
		entries[i] = with_callback();
		entries[i].context = 0;
	}
	batch.contexts = &context;
	batch.context_count = 1;
	batch.entries = entries;
	batch.entry_count = 3;
	fixture_write(f, &batch);
	for (int i = 0; i < 3; i++) {
		static const char *const wanted[] = {"{\"cwd\":\"/\"}",
						     "{\"cwd\":\"/tmp\"}", ""};

		asked.inherits = i == 0;
		asked.context = i == 1 ? "{\"cwd\":\"/tmp\"}" : NULL;
		cancel_with(f, entries[i].id, "");
		assert_int_equal(followers(f, entries[i].id, ids), 1);
		assert_int_equal(store_get_spec(fixture_reader(f), &f->arena,
						ids[0], &spec),
				 0);
		assert_true(slice_is(spec.context, wanted[i]));
		/* Who was followed goes, the context stays. */
		fixture_steer(f, STORE_REMOVE, &entries[i].id, 1);
		fixture_verify(f);
		assert_int_equal(fixture_row(f, ids[0]).follows, entries[i].id);
	}
}

UNIT(a_slice_takes_fewer_jobs_that_owe_callbacks)
{
	struct fixture *f = *state;
	struct store_entry entries[40];
	struct store_filter filters[2] = {{.all = true},
					  {.queue = SLICE("default")}};

	/* By id, and off the index of what is ready. */
	for (size_t i = 0; i < ARRAY_COUNT(filters); i++) {
		struct store_batch batch = fixture_batch(f);
		struct store_steer steer = {.kind = STORE_CANCEL,
					    .filter = filters[i],
					    .uid = UINT32_MAX,
					    .max = 80};
		int64_t changed = 0;
		int slices = 0;

		for (size_t j = 0; j < ARRAY_COUNT(entries); j++)
			entries[j] = j % 2 ? with_callback() : fixture_entry();
		batch.entries = entries;
		batch.entry_count = ARRAY_COUNT(entries);
		fixture_write(f, &batch);
		do {
			batch = fixture_batch(f);
			batch.steers = &steer;
			batch.steer_count = 1;
			fixture_write(f, &batch);
			assert_true(steer.changed <= 20);
			changed += steer.changed;
			steer.after = steer.next;
			slices++;
		} while (steer.next && slices < 10);
		assert_int_equal(slices, i ? 2 : 3);
		assert_int_equal(changed, i ? 40 : 60);
		fixture_verify(f);
	}
}

UNIT(many_ends_with_large_callbacks_are_one_batch_all_the_same)
{
	struct fixture *f = *state;
	struct store_entry entries[20];
	struct store_batch batch = fixture_batch(f);
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.all = true},
				    .uid = UINT32_MAX,
				    .max = 1000};

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
		entries[i] = with_callback();
	batch.entries = entries;
	batch.entry_count = ARRAY_COUNT(entries);
	fixture_write(f, &batch);
	asked.big = true;
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
		int64_t ids[8];
		struct store_row row;

		assert_int_equal(followers(f, entries[i].id, ids), 1);
		row = fixture_row(f, ids[0]);
		assert_int_equal(row.spec.n, 700 * 1024);
		assert_int_equal(row.spec.p[row.spec.n - 1], 'x');
	}
	fixture_verify(f);
}

UNIT(a_callback_is_not_edited_and_a_job_gets_other_callbacks_by_it)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, with_callback()), ids[8];
	struct store_edit edit = {
		.job = id, .uid = UINT32_MAX, .entry = fixture_entry()};
	struct store_batch batch = fixture_batch(f);
	struct store_spec spec;

	edit.entry.callbacks = SLICE("other");
	batch.edits = &edit;
	batch.edit_count = 1;
	fixture_write(f, &batch);
	assert_true(edit.edited && !edit.follows);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, id, &spec), 0);
	assert_true(slice_is(spec.callbacks, "other"));
	cancel_with(f, id, "");
	assert_string_equal(asked.callbacks, "other");
	assert_int_equal(followers(f, id, ids), 1);
	edit.job = ids[0];
	batch = fixture_batch(f);
	batch.edits = &edit;
	batch.edit_count = 1;
	fixture_write(f, &batch);
	assert_true(edit.found && edit.follows && !edit.edited);
	fixture_verify(f);
}

UNIT(whom_it_follows_is_a_filter_among_others)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, with_callback()), ids[8];
	struct store_filter filter = {.follows = id};
	struct store_steer steer = {
		.kind = STORE_CANCEL, .uid = UINT32_MAX, .max = 10};
	struct store_batch batch;
	int64_t counts[STATE_COUNT] = {0}, next;

	cancel_with(f, id, "all");
	assert_int_equal(followers(f, id, ids), 2);
	filter.ids = &ids[1];
	filter.id_count = 1;
	assert_int_equal(store_count(fixture_reader(f), &f->arena, &filter, 0,
				     counts, &next),
			 0);
	assert_int_equal(counts[STATE_READY], 1);
	filter.ids = NULL;
	filter.id_count = 0;
	filter.name = SLICE("all");
	steer.filter = filter;
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 1);
	assert_int_equal(fixture_row(f, ids[1]).state, STATE_CANCELLED);
	assert_int_equal(fixture_row(f, ids[0]).state, STATE_READY);
	steer.filter = (struct store_filter){.follows = ids[0]};
	batch = fixture_batch(f);
	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(steer.changed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOWED(an_end_and_its_callback_are_one_transaction),
		FOLLOWED(a_retry_is_no_end_and_the_last_one_is_one),
		FOLLOWED(whatever_ends_a_job_is_an_end),
		FOLLOWED(
			a_running_job_that_is_cancelled_owes_when_it_has_ended),
		FOLLOWED(a_job_that_is_tried_again_by_hand_owes_again),
		FOLLOWED(
			what_happens_to_a_job_after_its_end_takes_nothing_back),
		FOLLOWED(
			queues_and_rules_have_callbacks_of_what_is_none_itself),
		FOLLOWED(
			a_callback_has_the_context_of_its_job_or_its_own_or_none),
		FOLLOWED(
			many_ends_with_large_callbacks_are_one_batch_all_the_same),
		FOLLOWED(
			a_callback_is_not_edited_and_a_job_gets_other_callbacks_by_it),
		FOLLOWED(a_slice_takes_fewer_jobs_that_owe_callbacks),
		FOLLOWED(whom_it_follows_is_a_filter_among_others),
	};

	return cmocka_run_group_tests_name("sqlite_follow", tests, NULL, NULL);
}
