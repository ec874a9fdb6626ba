#include "daemon/core/pool.h"
#include "tests/helper/t.h"

#include <limits.h>

#define S INT64_C(1000000000)

static const struct pool_rule rule = {.min = 2, .max = 16, .idle_ns = 60 * S};

static uint32_t look(struct pool_size *size, uint64_t open, uint32_t busy,
		     uint32_t serving, int64_t now_ns)
{
	const struct pool_load load = {open, busy, serving, 0};

	pool_wanted(size, &rule, &load, now_ns);
	return size->wanted;
}

UNIT(a_pool_begins_with_its_minimum)
{
	struct pool_size size = {0};
	const struct pool_load none = {0};

	assert_true(pool_wanted(&size, &rule, &none, S));
	assert_int_equal(size.wanted, 2);
	assert_false(pool_wanted(&size, &rule, &none, 2 * S));
}

UNIT(it_grows_at_once_but_only_by_so_many_at_a_time)
{
	struct pool_size size = {0};

	assert_int_equal(look(&size, 0, 0, 2, S), 2);
	assert_int_equal(look(&size, 1, 2, 2, S), 3);
	assert_int_equal(look(&size, 1000, 2, 2, S), 2 + POOL_BIRTHS_MIN);
	assert_int_equal(look(&size, 1000, 2, 2, S), 2 + POOL_BIRTHS_MIN);
	assert_int_equal(look(&size, 1000, 6, 6, S), 12);
	assert_int_equal(look(&size, UINT64_MAX / 2, 12, 12, S), 16);
	assert_int_equal(look(&size, 1000, 16, 16, S), 16);
}

UNIT(it_shrinks_when_less_was_needed_for_the_idle_time)
{
	struct pool_size size = {0};
	int64_t now_ns = S;

	look(&size, 8, 0, 2, now_ns);
	look(&size, 4, 6, 6, now_ns);
	assert_int_equal(size.wanted, 10);
	/* It is needed again and again, if only for a moment. */
	for (int i = 0; i < 500; i++) {
		now_ns += S;
		look(&size, 0, i % 50 ? 1 : 10, 10, now_ns);
		assert_int_equal(size.wanted, 10);
	}
	for (int i = 0; i < 9; i++) {
		now_ns += S;
		assert_int_equal(look(&size, 0, 3, 10, now_ns), 10);
	}
	for (int i = 0; i < 121; i++)
		look(&size, 0, 3, 10, now_ns += S);
	assert_int_equal(size.wanted, 3);
	for (int i = 0; i < 121; i++)
		look(&size, 0, 0, 3, now_ns += S);
	assert_int_equal(size.wanted, 2);
}

UNIT(nothing_needed_for_a_long_time_is_seen_at_the_next_look)
{
	struct pool_size size = {0};

	look(&size, 4, 6, 6, S);
	assert_int_equal(size.wanted, 10);
	assert_int_equal(look(&size, 0, 1, 10, 1000 * S), 2);
}

UNIT(other_limits_hold_at_once)
{
	struct pool_rule other = rule;
	struct pool_size size = {0};
	const struct pool_load load = {4, 6, 6, 0};

	pool_wanted(&size, &rule, &load, S);
	assert_int_equal(size.wanted, 10);
	other.max = 4;
	assert_true(pool_wanted(&size, &other, &load, S));
	assert_int_equal(size.wanted, 4);
	assert_int_equal(pool_excess(&size, &load), 2);
	other.min = other.max = 7;
	assert_true(pool_wanted(&size, &other, &load, S));
	assert_int_equal(size.wanted, 7);
	assert_int_equal(pool_excess(&size, &load), 0);
}

UNIT(a_pool_may_be_empty_until_it_is_needed)
{
	const struct pool_rule lazy = {.min = 0, .max = 4, .idle_ns = 0};
	struct pool_size size = {0};

	pool_wanted(&size, &lazy, &(struct pool_load){0}, S);
	assert_int_equal(size.wanted, 0);
	pool_wanted(&size, &lazy, &(struct pool_load){.open = 1}, S);
	assert_int_equal(size.wanted, 1);
	pool_wanted(&size, &lazy, &(struct pool_load){.serving = 1}, 2 * S);
	pool_wanted(&size, &lazy, &(struct pool_load){.serving = 1}, 3 * S);
	assert_int_equal(size.wanted, 0);
}

UNIT(a_worn_worker_leaves_only_when_there_is_one_more_than_wanted)
{
	const struct pool_size size = {.wanted = 4};
	struct pool_load load = {.serving = 4, .retiring = 2};

	assert_int_equal(pool_retire_room(&size, &load), 0);
	assert_int_equal(pool_leavers(&size, &load), 0);
	assert_int_equal(pool_excess(&size, &load), 0);
	load.serving = 5;
	assert_int_equal(pool_leavers(&size, &load), 1);
	load.serving = 9;
	assert_int_equal(pool_leavers(&size, &load), 2);
	assert_int_equal(pool_excess(&size, &load), 3);
}

UNIT(workers_wear_by_jobs_age_and_memory_each_a_little_earlier)
{
	const struct pool_rule worn = {.max = 1,
				       .retire_jobs = 1000,
				       .retire_age_ns = 3600 * S,
				       .retire_kib = 100000,
				       .jitter = 0.1};
	int64_t first = INT64_MAX, last = 0;

	assert_int_equal(pool_worn(&rule, INT64_MAX, INT64_MAX, INT64_MAX, 1),
			 POOL_FRESH);
	for (uint64_t seed = 1; seed < 1000; seed++) {
		int64_t jobs = 0;

		while (pool_worn(&worn, jobs, 0, 0, seed) == POOL_FRESH)
			jobs++;
		assert_in_range(jobs, 900, 1000);
		first = jobs < first ? jobs : first;
		last = jobs > last ? jobs : last;
	}
	assert_true(first < 910 && last > 990);
	assert_int_equal(pool_worn(&worn, 1000, 0, 0, 7), POOL_WORN_JOBS);
	assert_int_equal(pool_worn(&worn, 0, 3600 * S, 0, 7), POOL_WORN_AGE);
	assert_int_equal(pool_worn(&worn, 0, 0, 100000, 7), POOL_WORN_MEMORY);
	assert_int_equal(pool_worn(&worn, 800, 3000 * S, 80000, 7), POOL_FRESH);
}

/* ---- A whole pool, with a clock of its own ---- */

enum { SLOTS = 64, BIRTH_TICKS = 7 };

struct model {
	struct pool_size size;
	struct pool_rule rule;
	int born[SLOTS]; /* ticks until it is ready; 0: serves; -1: none */
	bool old[SLOTS]; /* of those that are to be replaced */
	bool asked[SLOTS];
	int births, fewest;
};

static struct pool_load load_of(const struct model *model)
{
	struct pool_load load = {.open = 3};

	for (int i = 0; i < SLOTS; i++) {
		load.serving += model->born[i] == 0;
		load.retiring += model->born[i] == 0 && model->asked[i];
	}
	load.busy = load.serving;
	return load;
}

/* What the supervisor does: as many as wanted, and those that go. */
static void give_birth(struct model *model)
{
	uint32_t target = model->size.wanted, alive = 0;

	for (int i = 0; i < SLOTS; i++) {
		alive += model->born[i] >= 0;
		target += model->born[i] >= 0 && model->asked[i];
		if (model->born[i] > 0)
			model->born[i]--;
	}
	for (int i = 0; i < SLOTS && alive < target; i++) {
		if (model->born[i] >= 0)
			continue;
		model->born[i] = BIRTH_TICKS + i % 3;
		model->old[i] = model->asked[i] = false;
		model->births++;
		alive++;
	}
}

static void one_tick(struct model *model, int64_t now_ns)
{
	struct pool_load load = load_of(model);
	uint32_t room, leavers;

	pool_wanted(&model->size, &model->rule, &load, now_ns);
	room = pool_retire_room(&model->size, &load);
	for (int i = 0; i < SLOTS && room; i++) {
		if (model->born[i] || !model->old[i] || model->asked[i])
			continue;
		model->asked[i] = true;
		room--;
	}
	load = load_of(model);
	leavers = pool_leavers(&model->size, &load);
	for (int i = 0; i < SLOTS && leavers; i++) {
		if (model->born[i] || !model->asked[i])
			continue;
		model->born[i] = -1;
		model->asked[i] = false;
		leavers--;
	}
	give_birth(model);
	load = load_of(model);
	if ((int)load.serving < model->fewest)
		model->fewest = (int)load.serving;
}

UNIT(a_whole_recycle_under_load_never_has_fewer_ready_than_wanted)
{
	struct model model = {.rule = {.min = 8, .max = 8, .idle_ns = S},
			      .fewest = INT_MAX};
	int64_t now_ns = S;
	int left = 8;

	for (int i = 0; i < SLOTS; i++)
		model.born[i] = i < 8 ? 0 : -1;
	for (int i = 0; i < 8; i++)
		model.old[i] = true;
	for (int tick = 0; tick < 200 && left; tick++) {
		one_tick(&model, now_ns += S);
		left = 0;
		for (int i = 0; i < SLOTS; i++)
			left += model.born[i] >= 0 && model.old[i];
	}
	assert_int_equal(left, 0);
	assert_int_equal(model.births, 8);
	assert_int_equal(model.fewest, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_begins_with_its_minimum),
		cmocka_unit_test(
			it_grows_at_once_but_only_by_so_many_at_a_time),
		cmocka_unit_test(
			it_shrinks_when_less_was_needed_for_the_idle_time),
		cmocka_unit_test(
			nothing_needed_for_a_long_time_is_seen_at_the_next_look),
		cmocka_unit_test(other_limits_hold_at_once),
		cmocka_unit_test(a_pool_may_be_empty_until_it_is_needed),
		cmocka_unit_test(
			a_worn_worker_leaves_only_when_there_is_one_more_than_wanted),
		cmocka_unit_test(
			workers_wear_by_jobs_age_and_memory_each_a_little_earlier),
		cmocka_unit_test(
			a_whole_recycle_under_load_never_has_fewer_ready_than_wanted),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
