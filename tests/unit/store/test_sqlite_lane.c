#include "daemon/store/sqlite_lane.h"

#include <stdio.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

UNIT(a_lane_is_one_queue_and_one_handler)
{
	struct fixture *f = *state;
	struct lanes *lanes = &f->store->lanes;
	struct lane *a, *b, *c;

	assert_int_equal(sqlite_lanes_intern(lanes, &f->store->sql, SLICE("ab"),
					     SLICE("c"), &a),
			 0);
	assert_int_equal(sqlite_lanes_intern(lanes, &f->store->sql, SLICE("a"),
					     SLICE("bc"), &b),
			 0);
	assert_int_equal(sqlite_lanes_intern(lanes, &f->store->sql, SLICE("ab"),
					     SLICE("c"), &c),
			 0);
	assert_ptr_equal(a, c);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(sqlite_lanes_by_id(lanes, b->id), b);
	assert_null(sqlite_lanes_by_id(lanes, 0));
	assert_null(sqlite_lanes_by_id(lanes, 3));
	assert_null(sqlite_lanes_find(lanes, SLICE("abc"), SLICE("")));
}

UNIT(what_was_rolled_back_is_forgotten)
{
	struct fixture *f = *state;
	struct lanes *lanes = &f->store->lanes;
	struct store_batch batch = fixture_batch(f);
	struct lane *lane, *fresh;

	fixture_write(f, &batch);
	lane = sqlite_lanes_find(lanes, SLICE("default"), SLICE("exec"));
	assert_non_null(lane);
	sqlite_lane_add(lanes, lane, STATE_READY, 3);
	assert_int_equal(sqlite_lane_ready(lane), 3);
	assert_int_equal(sql_do(&f->store->sql, SQL_BEGIN, NULL, 0), 0);
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "queue-%d", i);
		assert_int_equal(sqlite_lanes_intern(lanes, &f->store->sql,
						     slice_of(name),
						     SLICE("exec"), &fresh),
				 0);
	}
	assert_int_equal(sql_do(&f->store->sql, SQL_ROLLBACK, NULL, 0), 0);
	sqlite_lanes_rollback(lanes);
	assert_int_equal(sqlite_lane_ready(lane), 0);
	assert_int_equal(lanes->count, 4);
	assert_null(sqlite_lanes_find(lanes, SLICE("queue-7"), SLICE("exec")));
	assert_ptr_equal(
		sqlite_lanes_find(lanes, SLICE("default"), SLICE("exec")),
		lane);
	fixture_submit(f, fixture_entry());
	fixture_verify(f);
}

UNIT(lanes_are_known_again_after_a_restart)
{
	struct fixture *f = *state;
	struct lane *lane;

	fixture_submit(f, fixture_entry());
	fixture_reopen(f);
	lane = sqlite_lanes_find(&f->store->lanes, SLICE("default"),
				 SLICE("exec"));
	assert_non_null(lane);
	assert_int_equal(sqlite_lane_ready(lane), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_lane_is_one_queue_and_one_handler),
		WITH_STORE(what_was_rolled_back_is_forgotten),
		WITH_STORE(lanes_are_known_again_after_a_restart),
	};

	return cmocka_run_group_tests_name("sqlite_lane", tests, NULL, NULL);
}
