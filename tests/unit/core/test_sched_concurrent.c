/* The scheduler's picture of workers that run all that they have. */
#include "tests/helper/t.h"
#include "daemon/core/sched.h"

#define MS INT64_C(1000000)

enum { JOBS = 3 };

/* One lane, one worker that takes a thousand, and jobs for it. */
struct town {
	struct sched sched;
	struct sched_lane lane;
	struct sched_worker worker;
	struct sched_job jobs[JOBS];
};

static void town_init(struct town *town)
{
	*town = (struct town){0};
	sched_init(&town->sched);
	sched_lane_add(&town->sched, &town->lane, 1, 0);
	sched_worker_add(&town->sched, &town->worker, 0, CREDIT_MAX);
	sched_worker_concurrent(&town->worker, 1000);
}

static void town_give(struct town *town)
{
	for (int i = 0; i < JOBS; i++) {
		town->jobs[i] = (struct sched_job){.id = i + 1, .token = i + 1};
		sched_give(&town->sched, &town->worker, &town->jobs[i], 0);
	}
}

static uint32_t town_wanted(struct town *town)
{
	struct sched_want wants[4];
	size_t count = sched_plan(&town->sched, wants, 4);
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += wants[i].max;
		sched_want_done(&town->sched, &wants[i]);
	}
	return sum;
}

static void town_fini(struct town *town)
{
	bool charged;

	while (sched_worker_lost(&town->sched, &town->worker, &charged))
		continue;
	sched_worker_remove(&town->sched, &town->worker);
	sched_lane_remove(&town->sched, &town->lane);
	sched_fini(&town->sched);
}

UNIT(all_that_a_lost_one_had_is_charged)
{
	struct town town;
	bool charged;

	town_init(&town);
	town_give(&town);
	for (int i = 0; i < JOBS; i++) {
		assert_ptr_equal(
			sched_worker_lost(&town.sched, &town.worker, &charged),
			&town.jobs[i]);
		assert_true(charged);
	}
	town_fini(&town);
}

UNIT(it_gets_as_many_as_it_takes_at_once)
{
	struct town town;

	town_init(&town);
	sched_lane_ready(&town.sched, &town.lane, 5000);
	assert_int_equal(town_wanted(&town), 1000);
	town_give(&town);
	assert_int_equal(town_wanted(&town), 1000 - JOBS);
	town_fini(&town);
}

UNIT(long_jobs_take_nothing_from_the_others)
{
	struct sched_recalled found[8];
	struct town town;
	int64_t next;

	town_init(&town);
	town_give(&town);
	assert_int_equal(sched_recall(&town.sched, 60000 * MS, found, 8, &next),
			 0);
	assert_int_equal(next, INT64_MAX);
	sched_end(&town.sched, &town.worker, &town.jobs[1], 60000 * MS, 0);
	sched_lane_ready(&town.sched, &town.lane, 5000);
	assert_int_equal(town_wanted(&town), 1000 - JOBS + 1);
	town_fini(&town);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_a_lost_one_had_is_charged),
		cmocka_unit_test(it_gets_as_many_as_it_takes_at_once),
		cmocka_unit_test(long_jobs_take_nothing_from_the_others),
	};

	return cmocka_run_group_tests_name("sched_concurrent", tests, NULL,
					   NULL);
}
