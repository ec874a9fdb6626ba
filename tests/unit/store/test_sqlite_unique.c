#include "daemon/store/sqlite_extra.h"
#include "tests/unit/store/fixture.h"

static struct store_entry worded(const char *word,
				 enum spec_on_conflict on_conflict)
{
	struct store_entry entry = fixture_entry();

	entry.unique = slice_of(word);
	entry.on_conflict = on_conflict;
	return entry;
}

static struct store_entry keyed(const char *key,
				enum spec_on_conflict on_conflict)
{
	struct store_entry entry = fixture_entry();

	entry.key = slice_of(key);
	entry.on_conflict = on_conflict;
	return entry;
}

static struct store_batch enter(struct fixture *f, struct store_entry *entries,
				size_t count)
{
	struct store_batch batch = fixture_batch(f);

	batch.entries = entries;
	batch.entry_count = count;
	fixture_write(f, &batch);
	fixture_verify(f);
	return batch;
}

UNIT(one_live_job_has_the_word_and_the_next_may_have_it_after)
{
	struct fixture *f = *state;
	struct store_entry first = worded("w", CONFLICT_REJECT);
	struct store_entry next = worded("w", CONFLICT_RETURN_EXISTING);
	struct store_entry other = worded("w", CONFLICT_REJECT);
	struct store_claim *claims;

	other.uid = 1001;
	enter(f, &first, 1);
	enter(f, &next, 1);
	assert_int_equal(next.what, STORE_EXISTING);
	assert_int_equal(next.id, first.id);
	enter(f, &other, 1);
	assert_int_equal(other.what, STORE_NEW);

	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	next.on_conflict = CONFLICT_REJECT;
	enter(f, &next, 1);
	assert_int_equal(next.what, STORE_REFUSED_TAKEN);
	assert_int_equal(next.id, first.id);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	enter(f, &next, 1);
	assert_int_equal(next.what, STORE_NEW);
}

UNIT(a_waiting_job_is_replaced_a_running_one_is_not)
{
	struct fixture *f = *state;
	struct store_entry entry = worded("w", CONFLICT_REPLACE);
	struct store_claim *claims;
	struct store_batch batch;
	int64_t first;

	enter(f, &entry, 1);
	first = entry.id;
	batch = enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_NEW);
	assert_int_equal(entry.replaced, first);
	assert_int_equal(batch.ended_count, 1);
	assert_true(slice_is(batch.ended[0].reason, "replaced by job 2"));
	assert_int_equal(fixture_row(f, first).state, STATE_CANCELLED);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	first = entry.id;
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_REFUSED_TAKEN);
	assert_int_equal(entry.id, first);
	assert_int_equal(entry.replaced, 0);
}

UNIT(a_key_goes_over_from_what_waits_and_from_what_ended)
{
	struct fixture *f = *state;
	struct store_entry entry = keyed("k", CONFLICT_REPLACE);
	struct store_claim *claims;
	int64_t ids[3];

	enter(f, &entry, 1);
	ids[0] = entry.id;
	enter(f, &entry, 1);
	ids[1] = entry.id;
	assert_int_equal(entry.replaced, ids[0]);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_REFUSED_TAKEN);
	assert_true(fixture_finish(f, &claims[0], STORE_SUCCEEDED, CAUSE_NONE));
	enter(f, &entry, 1);
	ids[2] = entry.id;
	assert_int_equal(entry.what, STORE_NEW);
	assert_int_equal(entry.replaced, 0);
	assert_int_equal(fixture_row(f, ids[1]).state, STATE_SUCCEEDED);
	entry.on_conflict = CONFLICT_REJECT;
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_REFUSED_TAKEN);
	assert_int_equal(entry.id, ids[2]);
	/* What lost its key goes without it. */
	assert_int_equal(fixture_steer(f, STORE_REMOVE, ids, 2).changed, 2);
	enter(f, &entry, 1);
	assert_int_equal(entry.id, ids[2]);
}

UNIT(the_same_word_twice_in_a_batch_is_the_first_ones)
{
	struct fixture *f = *state;
	struct store_entry entries[4] = {worded("w", CONFLICT_REJECT),
					 worded("w", CONFLICT_RETURN_EXISTING),
					 worded("w", CONFLICT_REPLACE),
					 worded("w", CONFLICT_REJECT)};

	enter(f, entries, 4);
	assert_int_equal(entries[0].what, STORE_NEW);
	assert_int_equal(entries[1].what, STORE_EXISTING);
	assert_int_equal(entries[1].id, entries[0].id);
	assert_int_equal(entries[2].what, STORE_NEW);
	assert_int_equal(entries[2].replaced, entries[0].id);
	assert_int_equal(entries[3].what, STORE_REFUSED_TAKEN);
	assert_int_equal(entries[3].id, entries[2].id);
}

UNIT(a_refused_unit_takes_no_word_and_replaces_nobody)
{
	struct fixture *f = *state;
	struct store_entry holder = worded("held", CONFLICT_REJECT);
	struct store_entry old = keyed("old", CONFLICT_REJECT);
	struct store_entry unit[4] = {keyed("new", CONFLICT_REJECT),
				      keyed("old", CONFLICT_REPLACE),
				      worded("fresh", CONFLICT_REJECT),
				      worded("held", CONFLICT_REJECT)};
	struct store_entry after[3] = {keyed("new", CONFLICT_REJECT),
				       worded("fresh", CONFLICT_REJECT),
				       keyed("old", CONFLICT_REJECT)};

	enter(f, &holder, 1);
	enter(f, &old, 1);
	for (int i = 0; i < 4; i++)
		unit[i].unit = 1;
	enter(f, unit, 4);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(unit[i].what, STORE_REFUSED_DEPENDS);
		assert_int_equal(unit[i].replaced, 0);
	}
	assert_int_equal(unit[3].what, STORE_REFUSED_TAKEN);
	assert_int_equal(fixture_row(f, old.id).state, STATE_READY);
	enter(f, after, 3);
	assert_int_equal(after[0].what, STORE_NEW);
	assert_int_equal(after[1].what, STORE_NEW);
	assert_int_equal(after[2].what, STORE_REFUSED_TAKEN);
	assert_int_equal(after[2].id, old.id);

	/* And one that has nothing in its way is whole. */
	unit[0].key = SLICE("newer");
	unit[2].unique = SLICE("fresher");
	unit[3].unique = SLICE("free");
	enter(f, unit, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(unit[i].what, STORE_NEW);
	assert_int_equal(unit[1].replaced, old.id);
}

UNIT(what_came_before_a_refused_unit_stays)
{
	struct fixture *f = *state;
	struct store_entry old = keyed("old", CONFLICT_REJECT);
	struct store_entry entries[3] = {fixture_entry(),
					 keyed("old", CONFLICT_REPLACE),
					 keyed("old", CONFLICT_REJECT)};

	enter(f, &old, 1);
	entries[1].unit = entries[2].unit = 1;
	enter(f, entries, 3);
	assert_int_equal(entries[0].what, STORE_NEW);
	assert_int_equal(entries[2].what, STORE_REFUSED_TAKEN);
	assert_int_equal(fixture_row(f, entries[0].id).state, STATE_READY);
}

UNIT(a_unit_that_names_a_word_twice)
{
	struct fixture *f = *state;
	struct store_entry unit[2] = {worded("w", CONFLICT_REJECT),
				      worded("w", CONFLICT_RETURN_EXISTING)};

	unit[0].unit = unit[1].unit = 1;
	enter(f, unit, 2);
	assert_int_equal(unit[0].what, STORE_NEW);
	assert_int_equal(unit[1].what, STORE_EXISTING);
	assert_int_equal(unit[1].id, unit[0].id);
	unit[0].unique = unit[1].unique = SLICE("v");
	unit[1].on_conflict = CONFLICT_REPLACE;
	enter(f, unit, 2);
	assert_int_equal(unit[0].what, STORE_REFUSED_DEPENDS);
	assert_int_equal(unit[1].what, STORE_REFUSED_TAKEN);
}

UNIT(a_word_is_free_when_its_job_is_cancelled_or_expires)
{
	struct fixture *f = *state;
	struct store_entry entry = worded("w", CONFLICT_REJECT);
	struct store_batch batch;

	enter(f, &entry, 1);
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &entry.id, 1).changed,
			 1);
	entry.expire_ms = NOW + 1000 - f->now_ms;
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_NEW);
	f->now_ms = NOW + 1000;
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, 1);
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_NEW);
}

UNIT(a_retried_job_needs_its_word_again)
{
	struct fixture *f = *state;
	struct store_entry entry = worded("w", CONFLICT_REJECT);
	int64_t first, second;

	enter(f, &entry, 1);
	first = entry.id;
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &first, 1).changed, 1);
	enter(f, &entry, 1);
	second = entry.id;
	assert_int_equal(fixture_steer(f, STORE_RETRY, &first, 1).changed, 0);
	assert_int_equal(fixture_row(f, first).state, STATE_CANCELLED);
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &second, 1).changed, 1);
	assert_int_equal(fixture_steer(f, STORE_RETRY, &first, 1).changed, 1);
	enter(f, &entry, 1);
	assert_int_equal(entry.what, STORE_REFUSED_TAKEN);
	assert_int_equal(entry.id, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			one_live_job_has_the_word_and_the_next_may_have_it_after),
		WITH_STORE(a_waiting_job_is_replaced_a_running_one_is_not),
		WITH_STORE(a_key_goes_over_from_what_waits_and_from_what_ended),
		WITH_STORE(the_same_word_twice_in_a_batch_is_the_first_ones),
		WITH_STORE(a_refused_unit_takes_no_word_and_replaces_nobody),
		WITH_STORE(what_came_before_a_refused_unit_stays),
		WITH_STORE(a_unit_that_names_a_word_twice),
		WITH_STORE(a_word_is_free_when_its_job_is_cancelled_or_expires),
		WITH_STORE(a_retried_job_needs_its_word_again),
	};

	return cmocka_run_group_tests_name("sqlite_unique", tests, NULL, NULL);
}
