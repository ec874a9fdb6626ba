/*
 * The power fails at any sync, and of what was not synced each write is kept,
 * lost or torn: what was acknowledged is there, a batch is whole or not there,
 * and the invariants hold. With less than synchronous = FULL the same test
 * must find losses: else it proves nothing.
 */

#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_store.h"
#include "tests/fault/store/disk.h"
#include "tests/fault/store/history.h"

enum { CRASHES = 100, CRASHES_SOAK = 5000, ROUNDS_MAX = 60 };

static struct history history;

static bool open_store(struct history *h, const char *pragma)
{
	struct store_config config = {.directory = h->f.directory};

	if (store_open(&h->f.store, &config, &h->f.fault))
		return false;
	h->f.store->checkpoint_pages = 40;
	if (pragma)
		assert_int_equal(sqlite3_exec(h->f.store->sql.db, pragma, NULL,
					      NULL, NULL),
				 SQLITE_OK);
	return true;
}

/* Two lives and two crashes; how many acknowledged jobs were lost, and how
 * many writes the crashes harmed. */
static int crash(unsigned int seed, const char *pragma, int *ret_harmed)
{
	struct history *h = &history;
	int lost = 0;

	memset(h, 0, sizeof(*h));
	h->seed = seed;
	fixture_prepare(&h->f);
	assert_true(open_store(h, NULL));
	store_close(h->f.store);
	for (int life = 0; life < 2; life++) {
		disk_watch(1 + rand_r(&h->seed) % 80);
		if (!open_store(h, pragma))
			break;
		for (int i = 0; i < ROUNDS_MAX && history_step(h); i++)
			;
		disk_cut();
		store_close(h->f.store);
		h->f.store = NULL;
		*ret_harmed += disk_restore(seed);
		if (!open_store(h, NULL)) {
			lost++;
			break;
		}
		if (!pragma)
			fixture_verify(&h->f);
		lost += history_lost(h);
		/* What the crash left running is nobody's any more here. */
		h->claim_count = 0;
		store_close(h->f.reader);
		store_close(h->f.store);
		h->f.reader = h->f.store = NULL;
		if (lost)
			break;
	}
	disk_cut();
	disk_restore(seed);
	fixture_end(&h->f);
	return lost;
}

UNIT(a_power_cut_loses_nothing_that_was_acknowledged)
{
	int crashes = fixture_count(CRASHES, CRASHES_SOAK);
	int harmed = 0;

	for (unsigned int seed = 1; seed <= (unsigned int)crashes; seed++) {
		int lost = crash(seed, NULL, &harmed);

		if (lost)
			fail_msg("seed %u: %d lost", seed, lost);
	}
	print_message("%d power cuts twice, %d writes harmed\n", crashes,
		      harmed);
	assert_true(harmed > crashes);
}

UNIT(with_fewer_syncs_the_same_test_finds_losses)
{
	static const char *const weaker[] = {"PRAGMA synchronous = OFF",
					     "PRAGMA synchronous = NORMAL"};

	for (size_t i = 0; i < ARRAY_COUNT(weaker); i++) {
		int lost = 0, harmed = 0;

		for (unsigned int seed = 1; seed <= 5; seed++)
			lost += crash(seed, weaker[i], &harmed);
		assert_true(lost > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_power_cut_loses_nothing_that_was_acknowledged),
		cmocka_unit_test(with_fewer_syncs_the_same_test_finds_losses),
	};

	disk_register();
	return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
