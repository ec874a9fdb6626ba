#include "daemon/store/sqlite_spec.h"

#include <errno.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

static struct store_entry odd_entry(void)
{
	struct store_entry entry = fixture_entry();

	entry.context = 0;
	entry.uid = 12;
	entry.gid = 13;
	entry.timeout_ms = 1500;
	entry.grace_ms = 2500;
	entry.expire_ms = 86400000;
	entry.keep_ms = 777;
	entry.crash_limit = 4;
	entry.max_attempts = 1;
	entry.orphans_keep = true;
	entry.unique = SLICE("word");
	return entry;
}

static int64_t submit_odd(struct fixture *f)
{
	struct store_context context = {.text = SLICE("{\"cwd\":\"/\"}")};
	struct store_entry entry = odd_entry();
	struct store_batch batch = fixture_batch(f);

	batch.contexts = &context;
	batch.context_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(f, &batch);
	return entry.id;
}

/* As it was submitted, whatever became of it. */
static void expect_odd(struct fixture *f, int64_t id, int64_t expire_ms)
{
	struct store_spec spec;

	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, id, &spec), 0);
	assert_int_equal(spec.timeout_ms, 1500);
	assert_int_equal(spec.grace_ms, 2500);
	assert_int_equal(spec.expire_ms, expire_ms);
	assert_int_equal(spec.keep_ms, 777);
	assert_int_equal(spec.crash_limit, 4);
	assert_int_equal(spec.max_attempts, 1);
	assert_true(spec.orphans_keep);
	assert_false(spec.once);
	assert_true(slice_is(spec.context, "{\"cwd\":\"/\"}"));
	assert_true(slice_is(spec.unique, "word"));
	assert_int_equal(spec.retry.n, 0);
}

UNIT(a_job_says_what_it_was_submitted_with_in_each_of_its_lives)
{
	struct fixture *f = *state;
	int64_t id = submit_odd(f);
	struct store_claim *claims;

	expect_odd(f, id, 86400000);
	assert_int_equal(fixture_claim(f, 1, &claims), 1);
	expect_odd(f, id, 86400000);
	assert_true(
		fixture_finish(f, claims, STORE_FAILED_ATTEMPT, CAUSE_EXIT));
	assert_int_equal(fixture_row(f, id).state, STATE_FAILED);
	expect_odd(f, id, 0);
	/* Raised by the retry, and still told as they were. */
	assert_int_equal(fixture_steer(f, STORE_RETRY, &id, 1).changed, 1);
	expect_odd(f, id, 0);
	fixture_verify(f);
}

UNIT(a_job_that_has_nothing_of_its_own_says_so)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_spec spec;

	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, id, &spec), 0);
	assert_int_equal(spec.keep_ms, -1);
	assert_int_equal(spec.context.n, 0);
	assert_int_equal(spec.expire_ms, 0);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, id + 1, &spec),
		-ENOENT);
}

UNIT(what_is_gone_is_damage_to_who_was_told_that_it_is_there)
{
	struct fixture *f = *state;
	struct store_spec spec = {0};

	f->store->sql.fault = &f->fault;
	assert_int_equal(spec_read(&f->store->sql, &f->arena, 99, &spec),
			 STORE_E_CORRUPT);
	f->store->sql.fault = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			a_job_says_what_it_was_submitted_with_in_each_of_its_lives),
		WITH_STORE(a_job_that_has_nothing_of_its_own_says_so),
		WITH_STORE(
			what_is_gone_is_damage_to_who_was_told_that_it_is_there),
	};

	return cmocka_run_group_tests_name("sqlite_spec", tests, NULL, NULL);
}
