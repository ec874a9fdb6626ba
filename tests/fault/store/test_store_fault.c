/*
 * The n-th call of the disk fails, for every n until nothing does any more:
 * the error is named, nothing of a failed batch happened, the store works
 * again after it was closed and opened, and every acknowledged job is there.
 */

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/store/sqlite_store.h"
#include "tests/fault/store/disk.h"
#include "tests/unit/store/fixture.h"

enum { BATCHES = 6, ENTRIES = 5 };

/* A run of the scenario and what it was told. */
struct run {
	struct fixture f;
	int64_t acked[64]; /* submitted */
	size_t acked_count;
	int64_t ended[64]; /* succeeded */
	size_t ended_count;
	int64_t unknown; /* entries of the batch that failed */
	int error;	 /* the first */
};

static int tell(struct run *run, int error)
{
	if (!error)
		return 0;
	/* Each error is one that store.h names, and says what and where. */
	if (error != STORE_E_IO && error != STORE_E_FULL &&
	    error != STORE_E_CORRUPT && error != -ENOMEM && error != -EBUSY)
		fail_msg("error %d: %s", error, run->f.fault.message);
	if (!strstr(run->f.fault.message, STORE_FILE) && error != -ENOMEM)
		fail_msg("does not name the file: %s", run->f.fault.message);
	if (!run->error)
		run->error = error;
	return error;
}

static int open_store(struct run *run)
{
	struct store_config config = {.directory = run->f.directory};

	run->f.fault.message[0] = '\0';
	if (tell(run, store_open(&run->f.store, &config, &run->f.fault)))
		return -1;
	/* Write back after nearly every batch. */
	run->f.store->checkpoint_pages = 1;
	return 0;
}

/* Submit some, end those that the batch before claimed, cancel, purge. */
static int one_batch(struct run *run, int round, struct store_claim *claims,
		     size_t *claim_count)
{
	struct store_entry entries[ENTRIES];
	struct store_outcome outcomes[ENTRIES];
	struct store_worker worker = {.id = 1};
	struct store_want want = {.worker = 1, .max = 3};
	struct store_batch batch = fixture_batch(&run->f);
	char keys[ENTRIES][16];

	for (int i = 0; i < ENTRIES; i++) {
		entries[i] = fixture_entry();
		snprintf(keys[i], sizeof(keys[i]), "key-%d-%d", round, i);
		entries[i].key = slice_of(keys[i]);
	}
	for (size_t i = 0; i < *claim_count; i++)
		outcomes[i] = (struct store_outcome){
			.job = claims[i].job,
			.token = claims[i].token,
			.kind = STORE_SUCCEEDED,
			.log = SLICE("output"),
		};
	batch.entries = entries;
	batch.entry_count = ENTRIES;
	batch.outcomes = outcomes;
	batch.outcome_count = *claim_count;
	batch.workers = &worker;
	batch.worker_count = 1;
	batch.wants = &want;
	batch.want_count = 1;
	if (tell(run, store_write(run->f.store, &batch, &run->f.fault))) {
		run->unknown += ENTRIES;
		assert_int_equal(batch.claim_count, 0);
		assert_int_equal(batch.ended_count, 0);
		return -1;
	}
	for (int i = 0; i < ENTRIES; i++)
		run->acked[run->acked_count++] = entries[i].id;
	for (size_t i = 0; i < batch.outcome_count; i++)
		run->ended[run->ended_count++] = outcomes[i].job;
	if (batch.claim_count)
		memcpy(claims, batch.claims,
		       batch.claim_count * sizeof(*claims));
	*claim_count = batch.claim_count;
	return 0;
}

static void scenario(struct run *run)
{
	struct store_claim claims[ENTRIES];
	size_t claim_count = 0;

	if (open_store(run))
		return;
	for (int round = 0; round < BATCHES; round++) {
		if (!one_batch(run, round, claims, &claim_count))
			continue;
		/* As the broker does: one that failed is closed. */
		store_close(run->f.store);
		run->f.store = NULL;
		return;
	}
	store_close(run->f.store);
	run->f.store = NULL;
}

static bool among(const int64_t *ids, size_t count, int64_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

static void check_after(struct run *run)
{
	int64_t counts[STATE_COUNT] = {0};
	struct store_filter all = {.all = true};
	int64_t next, sum = 0;

	if (open_store(run))
		fail_msg("not usable again: %s", run->f.fault.message);
	fixture_verify(&run->f);
	for (size_t i = 0; i < run->acked_count; i++) {
		struct store_row row = fixture_row(&run->f, run->acked[i]);

		if (among(run->ended, run->ended_count, row.id))
			assert_int_equal(row.state, STATE_SUCCEEDED);
	}
	assert_int_equal(store_count(fixture_reader(&run->f), &run->f.arena,
				     &all, 0, counts, &next),
			 0);
	for (int i = 0; i < STATE_COUNT; i++)
		sum += counts[i];
	/* Of the batch whose COMMIT failed all or nothing is there. */
	if (sum != (int64_t)run->acked_count &&
	    sum != (int64_t)run->acked_count + ENTRIES)
		fail_msg("%d jobs, %d acknowledged", (int)sum,
			 (int)run->acked_count);
	fixture_submit(&run->f, fixture_entry());
	fixture_verify(&run->f);
}

/* A new store, as bytes: making one waits for the real disk. */
static char *fresh;
static size_t fresh_n;

static void read_fresh(void)
{
	void *made;
	struct fixture *f;
	char path[128];
	FILE *file;

	assert_int_equal(fixture_new(&made), 0);
	f = made;
	store_close(f->store);
	f->store = NULL;
	snprintf(path, sizeof(path), "%s/" STORE_FILE, f->directory);
	file = fopen(path, "r");
	assert_non_null(file);
	fresh = malloc(1 << 20);
	assert_non_null(fresh);
	fresh_n = fread(fresh, 1, 1 << 20, file);
	fclose(file);
	fixture_free(&made);
}

static void begin(struct run *run)
{
	char path[128];
	FILE *file;

	memset(run, 0, sizeof(*run));
	fixture_prepare(&run->f);
	if (!fresh)
		read_fresh();
	snprintf(path, sizeof(path), "%s/" STORE_FILE, run->f.directory);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(fresh, 1, fresh_n, file), fresh_n);
	fclose(file);
}

/* Fail call after call of some kinds; how many runs it took. */
static int sweep(int calls, int code, bool for_ever, int *ret_errors)
{
	int64_t nth = 0, seen;

	*ret_errors = 0;
	do {
		struct run run;

		begin(&run);
		disk_fail(calls, ++nth, code, for_ever);
		scenario(&run);
		seen = disk_heal();
		*ret_errors += run.error != 0;
		check_after(&run);
		fixture_end(&run.f);
	} while (seen >= nth);
	return (int)nth;
}

UNIT(a_failed_write_is_named_and_loses_nothing)
{
	int errors;

	assert_true(sweep(DISK_WRITE, SQLITE_IOERR_WRITE, false, &errors) > 30);
	assert_true(errors > 20);
	sweep(DISK_WRITE, SQLITE_IOERR_WRITE, true, &errors);
	assert_true(errors > 20);
}

UNIT(a_full_disk_is_named_and_loses_nothing)
{
	int errors;

	sweep(DISK_WRITE | DISK_TRUNCATE, SQLITE_FULL, false, &errors);
	assert_true(errors > 10);
	sweep(DISK_WRITE | DISK_TRUNCATE, SQLITE_FULL, true, &errors);
	assert_true(errors > 10);
}

UNIT(a_failed_sync_is_named_and_loses_nothing)
{
	int errors;

	assert_true(sweep(DISK_SYNC, SQLITE_IOERR_FSYNC, false, &errors) > 8);
	assert_true(errors > 8);
	sweep(DISK_SYNC, SQLITE_IOERR_FSYNC, true, &errors);
	assert_true(errors > 8);
}

UNIT(a_failed_read_is_named_and_loses_nothing)
{
	int errors;

	sweep(DISK_READ, SQLITE_IOERR_READ, false, &errors);
	assert_true(errors > 2);
	sweep(DISK_READ, SQLITE_IOERR_READ, true, &errors);
	assert_true(errors > 2);
}

UNIT(whatever_else_fails_is_named_and_loses_nothing)
{
	int errors;

	sweep(DISK_OPEN, SQLITE_CANTOPEN, false, &errors);
	assert_true(errors > 0);
	sweep(DISK_OPEN, SQLITE_CANTOPEN, true, &errors);
	sweep(DISK_LOCK, SQLITE_IOERR_LOCK, false, &errors);
	assert_true(errors > 0);
	sweep(DISK_SHARED, SQLITE_IOERR_SHMMAP, false, &errors);
	assert_true(errors > 0);
	sweep(DISK_DELETE, SQLITE_IOERR_DELETE, false, &errors);
	sweep(DISK_TRUNCATE, SQLITE_IOERR_TRUNCATE, false, &errors);
}

UNIT(a_file_that_cannot_be_made_is_made_the_next_time)
{
	static const int codes[] = {SQLITE_IOERR_WRITE, SQLITE_FULL};

	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		int64_t nth = 0, seen;

		do {
			struct run run = {.error = 0};

			fixture_prepare(&run.f);
			disk_fail(DISK_ALL, nth += 3, codes[i], false);
			if (!open_store(&run))
				store_close(run.f.store);
			seen = disk_heal();
			run.f.store = NULL;
			check_after(&run);
			fixture_end(&run.f);
		} while (seen >= nth);
		assert_true(nth > 10);
	}
}

UNIT(after_a_failed_sync_the_handle_is_good_for_nothing)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_batch batch = fixture_batch(f);

	batch.entries = &entry;
	batch.entry_count = 1;
	disk_fail(DISK_SYNC, 1, SQLITE_IOERR_FSYNC, false);
	assert_int_equal(store_write(f->store, &batch, &f->fault), STORE_E_IO);
	disk_heal();
	/* The disk is well again, but nobody knows what it kept. */
	assert_int_equal(store_write(f->store, &batch, &f->fault), STORE_E_IO);
	assert_non_null(strstr(f->fault.message, "closed and opened"));
	fixture_reopen(f);
	fixture_write(f, &batch);
	fixture_verify(f);
}

/* The next checkpoint would succeed and drop the log: the only good copy. */
UNIT(a_failed_sync_of_a_checkpoint_is_not_tried_again)
{
	struct fixture *f = *state;
	struct store_entry entry = fixture_entry();
	struct store_batch batch = fixture_batch(f);
	int64_t id = fixture_submit(f, entry);

	f->store->checkpoint_pages = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	/* The first sync is that of the log, the second of the database. */
	disk_fail(DISK_SYNC, 2, SQLITE_IOERR_FSYNC, false);
	assert_int_equal(store_write(f->store, &batch, &f->fault), STORE_E_IO);
	disk_heal();
	assert_int_equal(store_write(f->store, &batch, &f->fault), STORE_E_IO);
	fixture_reopen(f);
	assert_int_equal(fixture_row(f, id).id, id);
	fixture_verify(f);
}

UNIT(what_a_failed_batch_said_is_forgotten)
{
	struct fixture *f = *state;
	struct store_context context = {.text = SLICE("{\"cwd\":\"/\"}")};
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_entry entry = fixture_entry();
	struct store_want want = {.worker = 1, .max = 1};
	struct store_worker worker = {.id = 1};
	struct store_batch batch = fixture_batch(f);
	struct counters before = f->store->next;
	size_t lanes = f->store->lanes.count;

	entry.context = 0;
	entry.key = SLICE("a");
	batch.groups = &op;
	batch.group_count = 1;
	batch.contexts = &context;
	batch.context_count = 1;
	batch.entries = &entry;
	batch.entry_count = 1;
	batch.wants = &want;
	batch.want_count = 1;
	batch.workers = &worker;
	batch.worker_count = 1;
	disk_fail(DISK_WRITE, 1, SQLITE_FULL, true);
	assert_int_equal(store_write(f->store, &batch, &f->fault),
			 STORE_E_FULL);
	disk_heal();
	assert_memory_equal(&f->store->next, &before, sizeof(before));
	assert_int_equal(f->store->lanes.count, lanes);
	assert_int_equal(context.id, 0);
	assert_int_equal(want.got, 0);
	assert_int_equal(batch.claim_count, 0);
	assert_int_equal(batch.event_count, 0);
	/* Space is back: the very same batch goes through. */
	fixture_write(f, &batch);
	assert_int_equal(entry.what, STORE_NEW);
	assert_int_equal(batch.claim_count, 1);
	assert_true(context.id > 0);
	fixture_verify(f);
}

static int with_reserve(void **state)
{
	struct fixture *f;
	struct store_config config = {.reserve_bytes = 1 << 20};

	assert_int_equal(fixture_new(state), 0);
	f = *state;
	store_close(f->store);
	config.directory = f->directory;
	return store_open(&f->store, &config, &f->fault);
}

UNIT(on_a_full_disk_new_jobs_are_refused_but_cancel_still_works)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());
	struct store_entry entry = fixture_entry();
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.all = true},
				    .uid = UINT32_MAX,
				    .max = 10};
	struct store_batch batch = fixture_batch(f);
	struct store_batch cancel = fixture_batch(f);
	char path[128];

	snprintf(path, sizeof(path), "%s/reserve", f->directory);
	assert_int_equal(access(path, F_OK), 0);
	batch.entries = &entry;
	batch.entry_count = 1;
	disk_fail(DISK_WRITE, 1, SQLITE_FULL, false);
	assert_int_equal(store_write(f->store, &batch, &f->fault),
			 STORE_E_FULL);
	assert_int_equal(access(path, F_OK), -1);
	/* Still full, as far as the reserve is concerned: no new job. */
	batch.now_ms = f->now_ms;
	f->store->reserve.tried_ms = f->now_ms;
	assert_int_equal(store_write(f->store, &batch, &f->fault),
			 STORE_E_FULL);
	assert_non_null(strstr(f->fault.message, "new jobs are refused"));
	/* But what makes room goes through. */
	cancel.now_ms = f->now_ms;
	cancel.steers = &steer;
	cancel.steer_count = 1;
	fixture_write(f, &cancel);
	assert_int_equal(steer.changed, 1);
	assert_int_equal(fixture_row(f, id).state, STATE_CANCELLED);
	/* Space is back: the reserve first, then jobs. */
	batch.now_ms = f->now_ms + 1000;
	fixture_write(f, &batch);
	assert_int_equal(access(path, F_OK), 0);
	fixture_verify(f);
}

UNIT(a_cancel_that_meets_the_full_disk_gets_the_reserve_at_once)
{
	struct fixture *f = *state;
	int64_t id = fixture_submit(f, fixture_entry());

	disk_fail(DISK_WRITE, 1, SQLITE_FULL, false);
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &id, 1).changed, 1);
	disk_heal();
	assert_int_equal(fixture_row(f, id).state, STATE_CANCELLED);
	assert_false(f->store->reserve.held);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_write_is_named_and_loses_nothing),
		cmocka_unit_test(a_full_disk_is_named_and_loses_nothing),
		cmocka_unit_test(a_failed_sync_is_named_and_loses_nothing),
		cmocka_unit_test(a_failed_read_is_named_and_loses_nothing),
		cmocka_unit_test(
			whatever_else_fails_is_named_and_loses_nothing),
		cmocka_unit_test(
			a_file_that_cannot_be_made_is_made_the_next_time),
		WITH_STORE(after_a_failed_sync_the_handle_is_good_for_nothing),
		WITH_STORE(a_failed_sync_of_a_checkpoint_is_not_tried_again),
		WITH_STORE(what_a_failed_batch_said_is_forgotten),
		cmocka_unit_test_setup_teardown(
			on_a_full_disk_new_jobs_are_refused_but_cancel_still_works,
			with_reserve, fixture_free),
		cmocka_unit_test_setup_teardown(
			a_cancel_that_meets_the_full_disk_gets_the_reserve_at_once,
			with_reserve, fixture_free),
	};

	disk_register();
	return cmocka_run_group_tests_name("store_fault", tests, NULL, NULL);
}
