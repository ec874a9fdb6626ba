#include "daemon/broker/lane.h"
#include "tests/helper/t.h"

#include <stdio.h>

#include "proto/limits.h"

UNIT(a_queue_and_a_handler_name_one_lane)
{
	struct lanes lanes;
	struct sched sched;
	struct lane *a, *b;

	sched_init(&sched);
	lanes_init(&lanes, &sched);
	assert_null(lane_find(&lanes, SLICE("q"), SLICE("exec")));
	assert_int_equal(lane_get(&lanes, SLICE("q"), SLICE("exec"), 0, &a), 0);
	assert_int_equal(lane_get(&lanes, SLICE("q"), SLICE("exec"), 0, &b), 0);
	assert_ptr_equal(a, b);
	assert_ptr_equal(lane_find(&lanes, SLICE("q"), SLICE("exec")), a);
	assert_true(slice_is(a->queue, "q") && slice_is(a->handler, "exec"));
	assert_int_equal(lanes.count, 1);
	lanes_fini(&lanes);
	sched_fini(&sched);
}

UNIT(the_border_between_queue_and_handler_counts)
{
	struct lanes lanes;
	struct sched sched;
	struct lane *a, *b;

	sched_init(&sched);
	lanes_init(&lanes, &sched);
	assert_int_equal(lane_get(&lanes, SLICE("ab"), SLICE("c"), 0, &a), 0);
	assert_int_equal(lane_get(&lanes, SLICE("a"), SLICE("bc"), 0, &b), 0);
	assert_ptr_not_equal(a, b);
	lanes_fini(&lanes);
	sched_fini(&sched);
}

UNIT(a_name_that_is_too_long_is_not_found)
{
	char text[LIMIT_NAME_BYTES + 1];
	struct lanes lanes;
	struct sched sched;

	memset(text, 'x', sizeof(text));
	sched_init(&sched);
	lanes_init(&lanes, &sched);
	assert_null(lane_find(&lanes, (struct slice){text, sizeof(text)},
			      SLICE("exec")));
	lanes_fini(&lanes);
	sched_fini(&sched);
}

UNIT(lanes_have_a_limit)
{
	struct lanes lanes;
	struct sched sched;
	struct lane *lane;
	char name[32];

	sched_init(&sched);
	lanes_init(&lanes, &sched);
	for (int i = 0; i < LIMIT_LANES; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		assert_int_equal(lane_get(&lanes, slice_of(name), SLICE("exec"),
					  0, &lane),
				 0);
	}
	assert_int_equal(
		lane_get(&lanes, SLICE("one more"), SLICE("exec"), 0, &lane),
		LANE_E_TOO_MANY);
	assert_int_equal(lane_get(&lanes, SLICE("q0"), SLICE("exec"), 0, &lane),
			 0);
	lanes_fini(&lanes);
	sched_fini(&sched);
}

UNIT(the_scheduler_hears_of_what_is_ready)
{
	const int64_t counts[STATE_COUNT] = {
		[STATE_READY] = 3, [STATE_HELD] = 2};
	struct sched_want want;
	struct sched_worker worker;
	struct lanes lanes;
	struct sched sched;
	struct lane *lane;

	sched_init(&sched);
	lanes_init(&lanes, &sched);
	assert_int_equal(lane_get(&lanes, SLICE("q"), SLICE("exec"), 0, &lane),
			 0);
	lane_counts(&lanes, lane, counts);
	assert_int_equal(lane->counts[STATE_HELD], 2);
	sched_worker_add(&sched, &worker, 0, 1);
	assert_int_equal(sched_plan(&sched, &want, 1), 1);
	assert_ptr_equal(want.lane, &lane->sched);
	sched_want_done(&sched, &want);
	sched_worker_remove(&sched, &worker);
	lanes_fini(&lanes);
	sched_fini(&sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_and_a_handler_name_one_lane),
		cmocka_unit_test(the_border_between_queue_and_handler_counts),
		cmocka_unit_test(a_name_that_is_too_long_is_not_found),
		cmocka_unit_test(lanes_have_a_limit),
		cmocka_unit_test(the_scheduler_hears_of_what_is_ready),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
