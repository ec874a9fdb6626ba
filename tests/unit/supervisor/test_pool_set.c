#include "tests/helper/t.h"
#include "daemon/supervisor/pool_set.h"

#include <signal.h>
#include <stdio.h>

#define SECOND INT64_C(1000000000)

static struct pool_set pools;
static char *no_words[] = {NULL};

static int set_up(__attribute__((unused)) void **state)
{
	return pool_set_init(&pools, 2, 1000);
}

static int tear_down(__attribute__((unused)) void **state)
{
	pool_set_fini(&pools);
	return 0;
}

static struct pool_config named(const char *name, int max)
{
	struct pool_config config = {
		.kind = POOL_LINES,
		.run = no_words,
		.handles = no_words,
		.workers_min = 1,
		.workers_max = max,
	};

	snprintf(config.name, sizeof(config.name), "%s", name);
	return config;
}

static void apply(struct pool_config *list, size_t count)
{
	const struct pools_config config = {list, count};

	assert_int_equal(pool_set_apply(&pools, &config, SECOND), 0);
}

static struct pool_worker *born(int number, int slot, pid_t pid)
{
	struct pool *pool = pool_set_get(&pools, number);

	pool->workers[slot] =
		(struct pool_worker){.number = pools.next_number++, .pid = pid};
	return &pool->workers[slot];
}

static void die(int number, int slot)
{
	const struct reap_end end = {0};
	struct pool *pool = pool_set_get(&pools, number);

	pool_died(pool, &pool->workers[slot], &end, 20 * SECOND);
}

UNIT(exec_is_always_there)
{
	assert_string_equal(pool_set_get(&pools, 0)->config.name, "exec");
	assert_int_equal(pool_set_get(&pools, 0)->wanted, 2);
	assert_null(pool_set_get(&pools, 1));
	assert_null(pool_set_get(&pools, -1));
	assert_null(pool_set_get(&pools, POOLS_MAX));
	apply(NULL, 0);
	assert_false(pool_set_get(&pools, 0)->removed);
}

UNIT(pools_are_numbered_in_their_order)
{
	struct pool_config list[] = {named("a", 1), named("b", 2)};

	apply(list, 2);
	assert_string_equal(pool_set_get(&pools, 1)->config.name, "a");
	assert_string_equal(pool_set_get(&pools, 2)->config.name, "b");
	assert_int_equal(pool_set_get(&pools, 2)->size, 4);
}

UNIT(a_worker_is_found_by_pid_number_and_folder)
{
	struct pool_config list[] = {named("a", 1)};
	struct pool_worker *worker;
	struct pool *pool = NULL;

	apply(list, 1);
	worker = born(1, 1, 101);
	memcpy(worker->folder, "1-3e8", 6);
	assert_ptr_equal(pool_set_find(&pools, 101, &pool), worker);
	assert_int_equal(pool->number, 1);
	assert_null(pool_set_find(&pools, 100, &pool));
	assert_null(pool_set_find(&pools, 0, &pool));
	assert_ptr_equal(pool_set_by_number(&pools, 1000, &pool), worker);
	assert_null(pool_set_by_number(&pools, 0, &pool));
	assert_true(pool_set_has_folder(&pools, "1-3e8"));
	assert_false(pool_set_has_folder(&pools, "1-3e9"));
}

UNIT(a_pool_that_says_the_same_stays_as_it_is)
{
	struct pool_config list[] = {named("a", 1), named("b", 2)};

	apply(list, 2);
	apply(list, 2);
	assert_int_equal(pool_set_get(&pools, 1)->generation, 1);
	assert_int_equal(pool_set_get(&pools, 2)->generation, 1);
}

UNIT(a_pool_that_changed_is_made_anew_with_its_workers)
{
	struct pool_config list[] = {named("a", 1), named("b", 2)};
	struct pool *pool;

	apply(list, 2);
	born(2, 0, 101);
	list[1].workers_min = 3;
	list[1].workers_max = 3;
	apply(list, 2);
	pool = pool_set_get(&pools, 2);
	assert_int_equal(pool->generation, 2);
	assert_int_equal(pool->wanted, 3);
	assert_int_equal(pool->size, 6);
	assert_int_equal(pool->workers[0].pid, 101);
	assert_int_equal(pool_set_get(&pools, 1)->generation, 1);
}

UNIT(a_removed_pool_keeps_its_number_until_its_last_worker_died)
{
	struct pool_config list[] = {named("a", 1), named("b", 2)};
	struct pool_config next[] = {named("b", 2), named("c", 1)};
	int64_t wake_ns;

	apply(list, 2);
	born(1, 0, 101);
	apply(next, 2);
	assert_true(pool_set_get(&pools, 1)->removed);
	assert_int_equal(
		pool_next_slot(pool_set_get(&pools, 1), SECOND, &wake_ns), -1);
	assert_string_equal(pool_set_get(&pools, 2)->config.name, "b");
	assert_int_equal(pool_set_get(&pools, 2)->generation, 1);
	assert_string_equal(pool_set_get(&pools, 3)->config.name, "c");
	pool_set_tidy(&pools);
	assert_non_null(pool_set_get(&pools, 1));
	die(1, 0);
	pool_set_tidy(&pools);
	assert_null(pool_set_get(&pools, 1));
}

UNIT(a_pool_that_comes_back_serves_again)
{
	struct pool_config list[] = {named("a", 1)};
	int64_t wake_ns;

	apply(list, 1);
	born(1, 0, 101);
	apply(NULL, 0);
	apply(list, 1);
	assert_false(pool_set_get(&pools, 1)->removed);
	assert_int_equal(pool_set_get(&pools, 1)->generation, 2);
	die(1, 0);
	assert_int_equal(
		pool_next_slot(pool_set_get(&pools, 1), 20 * SECOND, &wake_ns),
		0);
}

UNIT(too_many_pools_change_nothing)
{
	struct pool_config list[POOLS_MAX];
	const struct pools_config config = {list, POOLS_MAX};

	for (int i = 0; i < POOLS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		list[i] = named(name, 1);
	}
	apply(list, 1);
	list[0].workers_max = 9;
	assert_int_equal(pool_set_apply(&pools, &config, SECOND),
			 POOL_SET_E_FULL);
	assert_int_equal(pool_set_get(&pools, 1)->max, 1);
	assert_null(pool_set_get(&pools, 2));
}

UNIT(living_counts_workers_and_templates)
{
	struct pool_config list[] = {named("a", 1)};
	int ends[2];

	apply(list, 1);
	assert_int_equal(pool_set_living(&pools), 0);
	born(0, 0, 101);
	born(1, 0, 102);
	assert_int_equal(template_pair(ends), 0);
	template_started(&pool_set_get(&pools, 1)->next, 0x7fffff00, ends[0],
			 SECOND);
	assert_int_equal(pool_set_living(&pools), 3);
	template_end(&pool_set_get(&pools, 1)->next, SECOND);
	assert_int_equal(pool_set_living(&pools), 3);
	template_died(&pool_set_get(&pools, 1)->next);
	assert_int_equal(pool_set_living(&pools), 2);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(exec_is_always_there),
		EACH(pools_are_numbered_in_their_order),
		EACH(a_worker_is_found_by_pid_number_and_folder),
		EACH(a_pool_that_says_the_same_stays_as_it_is),
		EACH(a_pool_that_changed_is_made_anew_with_its_workers),
		EACH(a_removed_pool_keeps_its_number_until_its_last_worker_died),
		EACH(a_pool_that_comes_back_serves_again),
		EACH(too_many_pools_change_nothing),
		EACH(living_counts_workers_and_templates),
	};

	return cmocka_run_group_tests_name("pool_set", tests, NULL, NULL);
}
