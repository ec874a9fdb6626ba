/*
 * A million jobs wait; a claim still takes its few from the head of the index,
 * and nobody reads for long. Long to fill: only with REEVE_TEST_SOAK set.
 */

#include <stdio.h>
#include <time.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

enum { SHALLOW = 1000, DEEP = 1000000, BATCH = 10000, CLAIMS = 64 };

static double now_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void fill(struct fixture *f, int count)
{
	struct store_entry *entries = calloc(BATCH, sizeof(*entries));

	assert_non_null(entries);
	while (count > 0) {
		struct store_batch batch = fixture_batch(f);
		int n = count < BATCH ? count : BATCH;

		arena_reset(&f->arena);
		for (int i = 0; i < n; i++)
			entries[i] = fixture_entry();
		batch.entries = entries;
		batch.entry_count = (size_t)n;
		fixture_write(f, &batch);
		count -= n;
	}
	free(entries);
}

/* Processor time of the quickest of some claims. */
static double claim_ms(struct fixture *f)
{
	double best = 1e9;

	for (int i = 0; i < 20; i++) {
		struct store_claim *claims;
		double start = now_ms();

		assert_int_equal(fixture_claim(f, CLAIMS, &claims), CLAIMS);
		if (now_ms() - start < best)
			best = now_ms() - start;
		arena_reset(&f->arena);
	}
	return best;
}

UNIT(a_claim_is_as_quick_before_a_million_as_before_a_thousand)
{
	struct fixture *f = *state;
	struct store_filter filter = {.name = SLICE("none")};
	struct store_row *rows;
	double shallow, deep, start;
	int64_t next;
	size_t count;

	if (!getenv("REEVE_TEST_SOAK"))
		skip();
	fill(f, SHALLOW * 2);
	shallow = claim_ms(f);
	fill(f, DEEP);
	deep = claim_ms(f);
	print_message("claim of %d: %.2f ms before a thousand, %.2f before a "
		      "million\n",
		      CLAIMS, shallow, deep);
	assert_true(deep < 3 * shallow + 0.5);

	start = now_ms();
	assert_int_equal(store_list(fixture_reader(f), &f->arena, &filter, 0,
				    false, false, 1000, &rows, &count, &next),
			 0);
	print_message("a step of a listing: %.1f ms\n", now_ms() - start);
	assert_true(now_ms() - start < 50);
	start = now_ms();
	filter = (struct store_filter){.all = true};
	assert_int_equal(store_list(fixture_reader(f), &f->arena, &filter, 0,
				    true, false, 1000, &rows, &count, &next),
			 0);
	print_message("a page of 1000: %.1f ms\n", now_ms() - start);
	assert_int_equal(count, 1000);
	assert_true(now_ms() - start < 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			a_claim_is_as_quick_before_a_million_as_before_a_thousand),
	};

	return cmocka_run_group_tests_name("store_deep", tests, NULL, NULL);
}
