#include "client/job.h"
#include "client/pool.h"
#include "tests/helper/t.h"

static struct reeve_pool pool;

static void open_pool(size_t most, bool ordered)
{
	memset(&pool, 0, sizeof(pool));
	assert_int_equal(pool_slots_init(&pool, most, ordered), 0);
}

static uint32_t put(int64_t id)
{
	uint32_t slot = pool_take(&pool);

	assert_int_not_equal(slot, POOL_NONE);
	pool.slots[slot].id = id;
	pool.slots[slot].state = POOL_WAITING;
	pool_ids_add(&pool, slot);
	return slot;
}

static void end(uint32_t slot)
{
	pool_ids_remove(&pool, slot);
	pool_end(&pool, slot, NULL);
}

UNIT(there_are_no_more_slots_than_were_asked_for)
{
	open_pool(2, false);
	put(1);
	put(2);
	assert_int_equal(pool_take(&pool), POOL_NONE);
	assert_int_equal(pool.left, 2);
	end(pool_find(&pool, 1));
	assert_int_equal(pool_take(&pool), POOL_NONE);
	pool_release(&pool, pool_first(&pool));
	assert_int_not_equal(pool_take(&pool), POOL_NONE);
	pool_slots_fini(&pool);
}

UNIT(ends_are_handed_out_as_they_come)
{
	open_pool(4, false);
	for (int64_t id = 1; id <= 3; id++)
		put(id);
	assert_int_equal(pool_first(&pool), POOL_NONE);
	end(pool_find(&pool, 3));
	end(pool_find(&pool, 1));
	assert_int_equal(pool.slots[pool_first(&pool)].id, 3);
	pool_release(&pool, pool_first(&pool));
	assert_int_equal(pool.slots[pool_first(&pool)].id, 1);
	pool_release(&pool, pool_first(&pool));
	assert_int_equal(pool_first(&pool), POOL_NONE);
	end(pool_find(&pool, 2));
	assert_int_equal(pool.slots[pool_first(&pool)].id, 2);
	pool_slots_fini(&pool);
}

UNIT(or_in_the_order_in_which_they_were_put)
{
	open_pool(3, true);
	for (int64_t round = 0; round < 5; round++) {
		for (int64_t id = 1; id <= 3; id++)
			put(round * 10 + id);
		end(pool_find(&pool, round * 10 + 3));
		end(pool_find(&pool, round * 10 + 2));
		assert_int_equal(pool_first(&pool), POOL_NONE);
		end(pool_find(&pool, round * 10 + 1));
		for (int64_t id = 1; id <= 3; id++) {
			assert_int_equal(pool.slots[pool_first(&pool)].id,
					 round * 10 + id);
			pool_release(&pool, pool_first(&pool));
		}
	}
	assert_int_equal(pool.left, 0);
	pool_slots_fini(&pool);
}

/* A small generator, so that every run is the same. */
static uint32_t next_random(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

UNIT(ids_are_found_whatever_comes_and_goes)
{
	enum { IDS = 2000 };
	static bool there[IDS];

	open_pool(IDS, false);
	memset(there, 0, sizeof(there));
	for (int i = 0; i < 100000; i++) {
		int64_t id = next_random() % IDS;
		/* Some share a bucket, some its neighbours. */
		int64_t key = id % 2 ? id + 1 : (id + 1) << 13;
		uint32_t slot = pool_find(&pool, key);

		assert_int_equal(slot != POOL_NONE, there[id]);
		if (there[id]) {
			end(slot);
			pool_release(&pool, pool_first(&pool));
		} else {
			put(key);
		}
		there[id] = !there[id];
	}
	pool_slots_fini(&pool);
}

UNIT(ends_that_came_too_early_have_a_place_of_their_own)
{
	uint32_t early;

	open_pool(1, false);
	put(1);
	for (int i = 0; i < POOL_EARLY; i++)
		early = pool_early(&pool);
	assert_int_equal(pool_early(&pool), POOL_NONE);
	assert_int_equal(pool.early, POOL_EARLY);
	pool_early_drop(&pool, early);
	assert_int_equal(pool_early(&pool), early);
	assert_int_equal(pool.left, 1);
	pool_slots_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_no_more_slots_than_were_asked_for),
		cmocka_unit_test(ends_are_handed_out_as_they_come),
		cmocka_unit_test(or_in_the_order_in_which_they_were_put),
		cmocka_unit_test(ids_are_found_whatever_comes_and_goes),
		cmocka_unit_test(
			ends_that_came_too_early_have_a_place_of_their_own),
	};

	return cmocka_run_group_tests_name("client pool ids", tests, NULL,
					   NULL);
}
