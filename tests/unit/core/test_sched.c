#include "daemon/core/sched.h"
#include "tests/helper/t.h"

#define MS INT64_C(1000000)

enum { ROOM = 256, LANES = 4, WORKERS = 4 };

/* Lanes and workers of one pool, all removed by town_fini(). */
struct town {
	struct sched sched;
	struct sched_lane lanes[LANES];
	struct sched_worker workers[WORKERS];
	size_t lane_count, worker_count;
	struct sched_want wants[ROOM];
	size_t want_count;
};

static void town_init(struct town *town, size_t lanes, size_t workers,
		      uint32_t credit)
{
	*town = (struct town){.lane_count = lanes, .worker_count = workers};
	sched_init(&town->sched);
	for (size_t i = 0; i < lanes; i++)
		sched_lane_add(&town->sched, &town->lanes[i], (int32_t)i + 1,
			       0);
	for (size_t i = 0; i < workers; i++) {
		sched_worker_add(&town->sched, &town->workers[i], 0,
				 CREDIT_MAX);
		town->workers[i].credit.jobs = credit;
	}
}

static void town_plan(struct town *town)
{
	town->want_count = sched_plan(&town->sched, town->wants, ROOM);
}

static void town_done(struct town *town)
{
	for (size_t i = 0; i < town->want_count; i++)
		sched_want_done(&town->sched, &town->wants[i]);
	town->want_count = 0;
}

static void town_fini(struct town *town)
{
	town_done(town);
	for (size_t i = 0; i < town->worker_count; i++) {
		bool charged;

		while (sched_worker_lost(&town->sched, &town->workers[i],
					 &charged))
			continue;
		sched_worker_remove(&town->sched, &town->workers[i]);
	}
	for (size_t i = 0; i < town->lane_count; i++)
		sched_lane_remove(&town->sched, &town->lanes[i]);
	sched_fini(&town->sched);
}

static uint32_t wanted(const struct town *town, const struct sched_lane *lane,
		       const struct sched_worker *worker)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < town->want_count; i++) {
		if ((!lane || town->wants[i].lane == lane) &&
		    (!worker || town->wants[i].worker == worker))
			sum += town->wants[i].max;
	}
	return sum;
}

UNIT(nothing_is_wanted_of_empty_lanes)
{
	struct town town;

	town_init(&town, 2, 2, 1);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	town_fini(&town);
}

UNIT(each_idle_worker_gets_one_before_any_gets_two)
{
	struct town town;

	town_init(&town, 1, 4, 64);
	sched_lane_ready(&town.sched, &town.lanes[0], 4);
	town_plan(&town);
	for (int i = 0; i < 4; i++)
		assert_int_equal(wanted(&town, NULL, &town.workers[i]), 1);
	town_fini(&town);
}

UNIT(what_is_left_is_shared_evenly)
{
	struct town town;

	town_init(&town, 1, 4, 64);
	sched_lane_ready(&town.sched, &town.lanes[0], 40);
	town_plan(&town);
	for (int i = 0; i < 4; i++)
		assert_int_equal(wanted(&town, NULL, &town.workers[i]), 10);
	town_fini(&town);
}

UNIT(what_those_with_little_room_leave_goes_to_the_others)
{
	struct town town;

	town_init(&town, 2, 4, 1);
	town.workers[1].credit.jobs = 30;
	sched_lane_ready(&town.sched, &town.lanes[0], 10);
	sched_lane_ready(&town.sched, &town.lanes[1], 10);
	town_plan(&town);
	assert_int_equal(wanted(&town, NULL, NULL), 20);
	assert_int_equal(wanted(&town, NULL, &town.workers[1]), 17);
	town_fini(&town);
}

UNIT(credit_is_the_limit)
{
	struct town town;

	town_init(&town, 1, 2, 3);
	sched_lane_ready(&town.sched, &town.lanes[0], 1000);
	town_plan(&town);
	assert_int_equal(wanted(&town, NULL, &town.workers[0]), 3);
	assert_int_equal(wanted(&town, NULL, &town.workers[1]), 3);
	assert_int_equal(town.lanes[0].asked, 6);
	/* Nobody has room until the batch is through. */
	assert_int_equal(sched_plan(&town.sched, town.wants + 100, 100), 0);
	town_done(&town);
	assert_int_equal(town.lanes[0].asked, 0);
	town_fini(&town);
}

UNIT(lanes_take_turns)
{
	struct town town;
	uint32_t total[LANES] = {0};

	town_init(&town, 4, 1, 1);
	for (int i = 0; i < 4; i++)
		sched_lane_ready(&town.sched, &town.lanes[i], i ? 100 : 100000);
	for (int round = 0; round < 40; round++) {
		town_plan(&town);
		for (int i = 0; i < 4; i++)
			total[i] += wanted(&town, &town.lanes[i], NULL);
		town_done(&town);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(total[i], 10);
	town_fini(&town);
}

UNIT(a_worker_with_room_gets_of_every_lane)
{
	struct town town;

	town_init(&town, 4, 1, 8);
	for (int i = 0; i < 4; i++)
		sched_lane_ready(&town.sched, &town.lanes[i], 100);
	town_plan(&town);
	for (int i = 0; i < 4; i++)
		assert_int_equal(wanted(&town, &town.lanes[i], NULL), 2);
	town_fini(&town);
}

UNIT(only_jobs_that_could_exist_are_asked_for)
{
	struct town town;

	town_init(&town, 2, 4, 64);
	sched_lane_ready(&town.sched, &town.lanes[0], 2);
	sched_lane_incoming(&town.sched, &town.lanes[0], 3);
	sched_lane_incoming(&town.sched, &town.lanes[1], 1);
	town_plan(&town);
	assert_int_equal(wanted(&town, &town.lanes[0], NULL), 5);
	assert_int_equal(wanted(&town, &town.lanes[1], NULL), 1);
	assert_int_equal(town.lanes[0].incoming, 0);
	/* The next batch: what is asked for already is not asked twice. */
	sched_lane_ready(&town.sched, &town.lanes[0], 5);
	assert_int_equal(sched_plan(&town.sched, town.wants + 100, 100), 0);
	town_fini(&town);
}

UNIT(incoming_that_nobody_could_take_is_not_kept)
{
	struct town town;

	town_init(&town, 1, 0, 1);
	sched_lane_incoming(&town.sched, &town.lanes[0], 7);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	assert_int_equal(town.lanes[0].incoming, 0);
	assert_false(town.lanes[0].linked);
	town_fini(&town);
}

UNIT(a_paused_lane_waits_and_comes_back)
{
	struct town town;

	town_init(&town, 1, 1, 1);
	sched_lane_pause(&town.sched, &town.lanes[0], true);
	sched_lane_ready(&town.sched, &town.lanes[0], 3);
	sched_lane_incoming(&town.sched, &town.lanes[0], 1);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	assert_int_equal(town.lanes[0].incoming, 0);
	sched_lane_pause(&town.sched, &town.lanes[0], false);
	town_plan(&town);
	assert_int_equal(wanted(&town, NULL, NULL), 1);
	town_fini(&town);
}

UNIT(draining_and_leaving_give_nothing_new)
{
	struct town town;

	town_init(&town, 1, 2, 4);
	sched_lane_ready(&town.sched, &town.lanes[0], 100);
	sched_worker_leave(&town.sched, &town.workers[1]);
	town_plan(&town);
	assert_int_equal(wanted(&town, NULL, &town.workers[0]), 4);
	assert_int_equal(wanted(&town, NULL, &town.workers[1]), 0);
	town_done(&town);
	town.sched.draining = true;
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	town_fini(&town);
}

UNIT(pools_do_not_mix)
{
	struct town town;
	struct sched_worker other;

	town_init(&town, 1, 1, 1);
	sched_worker_add(&town.sched, &other, 5, 1);
	sched_lane_ready(&town.sched, &town.lanes[0], 10);
	town_plan(&town);
	assert_int_equal(wanted(&town, NULL, &other), 0);
	assert_int_equal(wanted(&town, NULL, NULL), 1);
	sched_worker_remove(&town.sched, &other);
	town_fini(&town);
}

UNIT(a_plan_keeps_within_its_room)
{
	struct town town;
	struct sched_want two[3];

	town_init(&town, 4, 4, 8);
	for (int i = 0; i < 4; i++)
		sched_lane_ready(&town.sched, &town.lanes[i], 10);
	two[2].max = 77;
	assert_int_equal(sched_plan(&town.sched, two, 2), 2);
	assert_int_equal(two[2].max, 77);
	sched_want_done(&town.sched, &two[0]);
	sched_want_done(&town.sched, &two[1]);
	town_fini(&town);
}

UNIT(jobs_are_found_ended_and_make_room)
{
	struct town town;
	struct sched_job jobs[2] = {{.id = 1, .token = 11},
				    {.id = 2, .token = 12}};

	town_init(&town, 1, 1, 2);
	sched_lane_ready(&town.sched, &town.lanes[0], 10);
	sched_give(&town.sched, &town.workers[0], &jobs[0], 0);
	sched_give(&town.sched, &town.workers[0], &jobs[1], 0);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	assert_ptr_equal(sched_find(&town.workers[0], 12), &jobs[1]);
	assert_null(sched_find(&town.workers[0], 13));
	sched_end(&town.sched, &town.workers[0], &jobs[0], MS, MS);
	assert_int_equal(town.workers[0].credit.jobs, 3);
	assert_null(sched_find(&town.workers[0], 11));
	town_plan(&town);
	assert_int_equal(wanted(&town, NULL, NULL), 2);
	town_fini(&town);
}

UNIT(of_a_lost_worker_only_the_first_job_is_charged)
{
	struct town town;
	struct sched_job jobs[4];
	bool charged;

	town_init(&town, 1, 1, 4);
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct sched_job){.id = i + 1, .token = i + 1};
		sched_give(&town.sched, &town.workers[0], &jobs[i], 0);
	}
	sched_end(&town.sched, &town.workers[0], &jobs[0], 0, 0);
	for (int i = 1; i < 4; i++) {
		assert_ptr_equal(sched_worker_lost(&town.sched,
						   &town.workers[0], &charged),
				 &jobs[i]);
		assert_int_equal(charged, i == 1);
	}
	assert_null(sched_worker_lost(&town.sched, &town.workers[0], &charged));
	sched_lane_ready(&town.sched, &town.lanes[0], 10);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	town_fini(&town);
}

UNIT(jobs_behind_a_long_one_are_asked_back_once_newest_first)
{
	struct town town;
	struct sched_job jobs[3];
	struct sched_recalled found[8];
	int64_t next;

	town_init(&town, 1, 1, 10);
	for (int i = 0; i < 3; i++) {
		jobs[i] = (struct sched_job){.id = i + 1, .token = i + 1};
		sched_give(&town.sched, &town.workers[0], &jobs[i], i * MS);
	}
	assert_int_equal(sched_recall(&town.sched, 50 * MS, found, 8, &next),
			 0);
	assert_int_equal(next, SCHED_RECALL_NS);
	/* Room for one: the newest that has waited long enough. */
	assert_int_equal(sched_recall(&town.sched, 101 * MS, found, 8, &next),
			 1);
	assert_ptr_equal(found[0].job, &jobs[1]);
	assert_int_equal(next, 102 * MS);
	assert_int_equal(sched_recall(&town.sched, 102 * MS, found, 8, &next),
			 1);
	assert_ptr_equal(found[0].job, &jobs[2]);
	assert_int_equal(sched_recall(&town.sched, 500 * MS, found, 8, &next),
			 0);
	assert_int_equal(next, INT64_MAX);

	/* They do not come back to it while the long one runs. */
	sched_end(&town.sched, &town.workers[0], &jobs[1], -1, 103 * MS);
	sched_end(&town.sched, &town.workers[0], &jobs[2], -1, 103 * MS);
	sched_lane_ready(&town.sched, &town.lanes[0], 2);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	town_fini(&town);
}

UNIT(a_new_first_job_has_its_own_time)
{
	struct town town;
	struct sched_job jobs[3];
	struct sched_recalled found[8];
	int64_t next;

	town_init(&town, 1, 1, 10);
	for (int i = 0; i < 3; i++) {
		jobs[i] = (struct sched_job){.id = i + 1, .token = i + 1};
		sched_give(&town.sched, &town.workers[0], &jobs[i], 0);
	}
	/* The middle one was cancelled: the first is still the first. */
	sched_end(&town.sched, &town.workers[0], &jobs[1], -1, 50 * MS);
	assert_int_equal(sched_recall(&town.sched, 60 * MS, found, 8, &next),
			 0);
	assert_int_equal(next, 100 * MS);
	sched_end(&town.sched, &town.workers[0], &jobs[0], 90 * MS, 90 * MS);
	sched_give(&town.sched, &town.workers[0], &jobs[1], 90 * MS);
	assert_int_equal(sched_recall(&town.sched, 189 * MS, found, 8, &next),
			 0);
	assert_int_equal(next, 190 * MS);
	assert_int_equal(sched_recall(&town.sched, 190 * MS, found, 8, &next),
			 1);
	assert_ptr_equal(found[0].job, &jobs[1]);
	town_fini(&town);
}

UNIT(the_credit_of_a_long_runner_shrinks_before_anything_queues)
{
	struct town town;
	struct sched_job job = {.id = 1, .token = 1};
	struct sched_recalled found[1];
	int64_t next;

	town_init(&town, 1, 1, 10);
	sched_give(&town.sched, &town.workers[0], &job, 0);
	assert_int_equal(sched_recall(&town.sched, 0, found, 1, &next), 0);
	assert_int_equal(next, SCHED_RECALL_NS);
	assert_int_equal(sched_recall(&town.sched, next, found, 1, &next), 0);
	assert_int_equal(town.workers[0].credit.jobs, 1);
	assert_int_equal(next, INT64_MAX);
	town_fini(&town);
}

UNIT(a_recall_without_room_says_again)
{
	struct town town;
	struct sched_job jobs[3];
	struct sched_recalled found[1];
	int64_t next;

	town_init(&town, 1, 1, 10);
	for (int i = 0; i < 3; i++) {
		jobs[i] = (struct sched_job){.id = i + 1, .token = i + 1};
		sched_give(&town.sched, &town.workers[0], &jobs[i], 0);
	}
	assert_int_equal(sched_recall(&town.sched, 200 * MS, found, 1, &next),
			 1);
	assert_ptr_equal(found[0].job, &jobs[2]);
	assert_int_equal(next, 200 * MS);
	assert_int_equal(sched_recall(&town.sched, 200 * MS, found, 1, &next),
			 1);
	assert_ptr_equal(found[0].job, &jobs[1]);
	town_fini(&town);
}

/* Ten thousand lanes, sixty-four workers: what is empty costs nothing. */
UNIT(many_lanes_and_workers_are_all_served)
{
	enum { MANY = 10000, HANDS = 64 };
	static struct sched sched;
	static struct sched_lane lanes[MANY];
	static struct sched_worker workers[HANDS];
	static struct sched_want wants[HANDS * CREDIT_MAX];
	size_t served = 0, count;

	sched_init(&sched);
	for (int i = 0; i < MANY; i++) {
		sched_lane_add(&sched, &lanes[i], i, 0);
		sched_lane_ready(&sched, &lanes[i], 1);
	}
	for (int i = 0; i < HANDS; i++) {
		sched_worker_add(&sched, &workers[i], 0, CREDIT_MAX);
		workers[i].credit.jobs = CREDIT_MAX;
	}
	while ((count = sched_plan(&sched, wants, ARRAY_COUNT(wants)))) {
		for (size_t i = 0; i < count; i++) {
			served += wants[i].max;
			sched_lane_ready(&sched, wants[i].lane, 0);
			sched_want_done(&sched, &wants[i]);
		}
	}
	assert_int_equal(served, MANY);
	for (int i = 0; i < HANDS; i++)
		sched_worker_remove(&sched, &workers[i]);
	for (int i = 0; i < MANY; i++)
		sched_lane_remove(&sched, &lanes[i]);
	sched_fini(&sched);
}

UNIT(who_rests_gets_nothing)
{
	struct town town;

	town_init(&town, 1, 2, 2);
	sched_worker_rest(&town.sched, &town.workers[1], true);
	sched_lane_ready(&town.sched, &town.lanes[0], 4);
	town_plan(&town);
	assert_int_equal(town.workers[0].asked, 2);
	assert_int_equal(town.workers[1].asked, 0);
	sched_worker_rest(&town.sched, &town.workers[1], false);
	town_done(&town);
	town_fini(&town);
}

UNIT(a_job_may_begin_before_its_commit_only_when_nothing_waits)
{
	struct town town;
	struct sched_job job = {.id = 1, .token = 1};
	struct sched_worker *worker;

	town_init(&town, 2, 2, 1);
	worker = sched_start(&town.sched, &town.lanes[0]);
	assert_non_null(worker);
	sched_give(&town.sched, worker, &job, 0);
	/* The other one next, and then nobody has room. */
	assert_ptr_not_equal(sched_start(&town.sched, &town.lanes[0]), worker);
	sched_lane_ready(&town.sched, &town.lanes[1], 1);
	assert_null(sched_start(&town.sched, &town.lanes[0]));
	sched_lane_ready(&town.sched, &town.lanes[1], 0);
	sched_lane_pause(&town.sched, &town.lanes[0], true);
	assert_null(sched_start(&town.sched, &town.lanes[0]));
	assert_non_null(sched_start(&town.sched, &town.lanes[1]));
	town.sched.draining = true;
	assert_null(sched_start(&town.sched, &town.lanes[1]));
	town_fini(&town);
}

UNIT(a_busy_worker_with_room_may_begin_one_and_a_leaving_one_not)
{
	struct town town;
	struct sched_job jobs[2] = {{.id = 1, .token = 1},
				    {.id = 2, .token = 2}};

	town_init(&town, 1, 1, 2);
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(sched_start(&town.sched, &town.lanes[0]),
				 &town.workers[0]);
		sched_give(&town.sched, &town.workers[0], &jobs[i], 0);
	}
	assert_null(sched_start(&town.sched, &town.lanes[0]));
	sched_end(&town.sched, &town.workers[0], &jobs[0], 1, 1);
	sched_worker_leave(&town.sched, &town.workers[0]);
	assert_null(sched_start(&town.sched, &town.lanes[0]));
	town_fini(&town);
}

UNIT(a_lane_that_no_pool_serves_waits_until_it_is_moved_to_one)
{
	struct town town;

	town_init(&town, 1, 2, 4);
	sched_lane_move(&town.sched, &town.lanes[0], SCHED_POOL_NONE);
	sched_lane_ready(&town.sched, &town.lanes[0], 3);
	town_plan(&town);
	assert_int_equal(town.want_count, 0);
	assert_int_equal(town.sched.pools[SCHED_POOL_NONE].open, 3);
	sched_lane_move(&town.sched, &town.lanes[0], 0);
	assert_int_equal(town.sched.pools[SCHED_POOL_NONE].open, 0);
	assert_int_equal(town.sched.pools[0].open, 3);
	town_plan(&town);
	assert_int_equal(town.lanes[0].asked, 3);
	/* Also with wants under way: they count where it is then. */
	sched_lane_move(&town.sched, &town.lanes[0], 5);
	town_done(&town);
	assert_int_equal(town.sched.pools[0].open, 0);
	assert_int_equal(town.sched.pools[5].open, 3);
	town_fini(&town);
}

UNIT(a_pool_knows_how_many_serve_and_how_many_are_busy)
{
	struct town town;
	struct sched_pool *pool = &town.sched.pools[0];
	struct sched_job job = {.id = 1, .token = 1};

	town_init(&town, 1, 3, 4);
	assert_int_equal(pool->serving, 3);
	assert_int_equal(pool->busy, 0);
	sched_lane_ready(&town.sched, &town.lanes[0], 2);
	town_plan(&town);
	assert_int_equal(pool->busy, 2);
	sched_give(&town.sched, &town.workers[0], &job, 1);
	town_done(&town);
	assert_int_equal(pool->busy, 1);
	sched_worker_leave(&town.sched, &town.workers[0]);
	sched_worker_leave(&town.sched, &town.workers[0]);
	assert_int_equal(pool->serving, 2);
	assert_int_equal(pool->busy, 0);
	sched_end(&town.sched, &town.workers[0], &job, 1, 2);
	sched_worker_leave(&town.sched, &town.workers[1]);
	assert_int_equal(pool->serving, 1);
	assert_int_equal(pool->busy, 0);
	town_fini(&town);
	assert_int_equal(pool->serving, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_lane_that_no_pool_serves_waits_until_it_is_moved_to_one),
		cmocka_unit_test(
			a_pool_knows_how_many_serve_and_how_many_are_busy),
		cmocka_unit_test(nothing_is_wanted_of_empty_lanes),
		cmocka_unit_test(each_idle_worker_gets_one_before_any_gets_two),
		cmocka_unit_test(what_is_left_is_shared_evenly),
		cmocka_unit_test(
			what_those_with_little_room_leave_goes_to_the_others),
		cmocka_unit_test(credit_is_the_limit),
		cmocka_unit_test(lanes_take_turns),
		cmocka_unit_test(a_worker_with_room_gets_of_every_lane),
		cmocka_unit_test(only_jobs_that_could_exist_are_asked_for),
		cmocka_unit_test(incoming_that_nobody_could_take_is_not_kept),
		cmocka_unit_test(a_paused_lane_waits_and_comes_back),
		cmocka_unit_test(draining_and_leaving_give_nothing_new),
		cmocka_unit_test(pools_do_not_mix),
		cmocka_unit_test(a_plan_keeps_within_its_room),
		cmocka_unit_test(jobs_are_found_ended_and_make_room),
		cmocka_unit_test(
			of_a_lost_worker_only_the_first_job_is_charged),
		cmocka_unit_test(
			jobs_behind_a_long_one_are_asked_back_once_newest_first),
		cmocka_unit_test(a_new_first_job_has_its_own_time),
		cmocka_unit_test(
			the_credit_of_a_long_runner_shrinks_before_anything_queues),
		cmocka_unit_test(a_recall_without_room_says_again),
		cmocka_unit_test(many_lanes_and_workers_are_all_served),
		cmocka_unit_test(who_rests_gets_nothing),
		cmocka_unit_test(
			a_job_may_begin_before_its_commit_only_when_nothing_waits),
		cmocka_unit_test(
			a_busy_worker_with_room_may_begin_one_and_a_leaving_one_not),
	};

	return cmocka_run_group_tests_name("sched", tests, NULL, NULL);
}
