#include "daemon/store/sqlite_event.h"

#include "tests/helper/t.h"

static struct event_walk walk_of(const char *bytes, size_t n)
{
	return (struct event_walk){.left = {bytes, n}};
}

UNIT(what_is_packed_comes_out_again)
{
	static const struct event events[] = {
		{EVENT_SUBMITTED, CAUSE_NONE, 1, 0, 1, 0},
		{EVENT_SUBMITTED, CAUSE_NONE, 2, 0, 127, INT64_C(1) << 52},
		{EVENT_STARTED, CAUSE_NONE, 1, 1, 128, 3},
		{EVENT_FAILED, CAUSE_EXEC, INT64_C(1) << 52, UINT32_MAX,
		 INT32_MAX, 2},
		{EVENT_REMOVED, CAUSE_EXPIRED, 3, 300, 10000, 0},
	};
	struct event_pack pack = {0};
	struct event_walk walk;
	struct event event;

	for (size_t i = 0; i < ARRAY_COUNT(events); i++)
		assert_int_equal(event_pack_add(&pack, &events[i]), 0);
	assert_int_equal(pack.count, ARRAY_COUNT(events));
	walk = walk_of((const char *)pack.p, pack.n);
	for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
		assert_true(event_unpack(&walk, &event));
		assert_int_equal(event.kind, events[i].kind);
		assert_int_equal(event.cause, events[i].cause);
		assert_int_equal(event.job, events[i].job);
		assert_int_equal(event.attempt, events[i].attempt);
		assert_int_equal(event.lane, events[i].lane);
		assert_int_equal(event.group, events[i].group);
	}
	assert_false(event_unpack(&walk, &event));
	event_pack_fini(&pack);
}

UNIT(an_event_of_a_neighbour_takes_six_bytes)
{
	struct event_pack pack = {0};

	for (int64_t job = 1; job <= 1000; job++)
		assert_int_equal(
			event_pack_add(&pack, &(struct event){.job = job,
							      .lane = 3,
							      .group = 7}),
			0);
	assert_int_equal(pack.n, 6000);
	event_pack_clear(&pack);
	assert_int_equal(pack.n, 0);
	assert_int_equal(pack.count, 0);
	assert_int_equal(pack.last_job, 0);
	assert_int_equal(pack.last_group, 0);
	event_pack_fini(&pack);
}

UNIT(what_is_cut_off_or_out_of_range_is_no_event)
{
	static const char *const broken[] = {
		"\x00\x00\x02\x01\x01",	    /* no group */
		"\x00\x00\x82\x80\x80\x80", /* a number without an end */
		"\x07\x00\x02\x01\x01\x00", /* not a kind that is kept */
		"\xff\x00\x02\x01\x01\x00", /* no such kind */
		"\x00\x7f\x02\x01\x01\x00", /* no such cause */
		("\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01"
		 "\x01\x00"),
		"\x00\x00\x02\x80\x80\x80\x80\x10\x01\x00", /* attempt */
		"\x00\x00\x02\x01\x80\x80\x80\x80\x08\x00", /* lane */
	};
	static const size_t lengths[] = {5, 6, 6, 6, 6, 16, 10, 10};

	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		struct event_walk walk = walk_of(broken[i], lengths[i]);
		struct event event;

		assert_false(event_unpack(&walk, &event));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_out_again),
		cmocka_unit_test(an_event_of_a_neighbour_takes_six_bytes),
		cmocka_unit_test(what_is_cut_off_or_out_of_range_is_no_event),
	};

	return cmocka_run_group_tests_name("sqlite_event", tests, NULL, NULL);
}
