#include "tests/helper/t.h"
#include "client/flight.h"

/* Ends are told by watches, which need a daemon: tests/client does those. */

static void end(struct flight *flight, size_t i)
{
	flight->items[i].ended = true;
	flight->running--;
}

UNIT(room_is_bounded_by_what_runs)
{
	struct flight flight;

	assert_int_equal(flight_init(&flight, NULL, 2), 0);
	assert_int_equal(flight_room(&flight), 2);
	assert_int_equal(flight_add(&flight, 1, "a"), 0);
	assert_int_equal(flight_add(&flight, 2, "b"), 0);
	assert_int_equal(flight_room(&flight), 0);
	end(&flight, 1);
	assert_int_equal(flight_room(&flight), 1);
	flight_fini(&flight);
}

UNIT(the_order_is_that_of_submission)
{
	struct flight flight;

	assert_int_equal(flight_init(&flight, NULL, 3), 0);
	for (int64_t id = 1; id <= 3; id++)
		assert_int_equal(flight_add(&flight, id, "x"), 0);
	end(&flight, 1);
	assert_null(flight_first(&flight));
	end(&flight, 0);
	assert_int_equal(flight_first(&flight)->id, 1);
	flight_drop(&flight, flight_first(&flight));
	assert_int_equal(flight_first(&flight)->id, 2);
	flight_drop(&flight, flight_first(&flight));
	assert_null(flight_first(&flight));
	flight_fini(&flight);
}

UNIT(a_slow_first_one_does_not_stop_the_others)
{
	struct flight flight;

	assert_int_equal(flight_init(&flight, NULL, 2), 0);
	assert_int_equal(flight_add(&flight, 1, "slow"), 0);
	for (int64_t id = 2; id < 100000; id++) {
		struct flight_item *last;

		assert_true(flight_room(&flight) > 0);
		assert_int_equal(flight_add(&flight, id, "fast"), 0);
		last = &flight.items[flight.count - 1];
		last->ended = true;
		flight.running--;
		flight_drop(&flight, last);
	}
	assert_int_equal(flight.kept, 1);
	assert_string_equal(flight.items[0].text, "slow");
	flight_fini(&flight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_is_bounded_by_what_runs),
		cmocka_unit_test(the_order_is_that_of_submission),
		cmocka_unit_test(a_slow_first_one_does_not_stop_the_others),
	};

	return cmocka_run_group_tests_name("client flight", tests, NULL, NULL);
}
