#include "daemon/store/sqlite_pack.h"

#include "tests/helper/t.h"

/* The same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of every size, and of both signs. */
static int64_t some_number(uint64_t *state)
{
	uint64_t size = next_random(state) % 70;

	if (size >= 64)
		return 0;
	return (int64_t)(next_random(state) >> size);
}

UNIT(what_is_packed_comes_out_again)
{
	uint64_t seed = 4711;

	for (int round = 0; round < 20000; round++) {
		int64_t fields[REST_OF_DONE], again[REST_OF_DONE];
		unsigned char packed[REST_BYTES_MAX];
		size_t count = (size_t)(next_random(&seed) % REST_OF_DONE) + 1;
		struct slice slice;

		for (size_t i = 0; i < count; i++)
			fields[i] = some_number(&seed);
		slice = rest_pack(fields, count, packed);
		assert_in_range(slice.n, 0, count * 10);
		memset(again, 0xff, sizeof(again));
		assert_true(rest_unpack(slice, again, REST_OF_DONE));
		assert_memory_equal(again, fields, count * sizeof(*fields));
		for (size_t i = count; i < REST_OF_DONE; i++)
			assert_int_equal(again[i], 0);
	}
}

UNIT(the_least_and_the_largest_have_room)
{
	int64_t fields[REST_OF_DONE], again[REST_OF_DONE];
	unsigned char packed[REST_BYTES_MAX];
	struct slice slice;

	for (size_t i = 0; i < REST_OF_DONE; i++)
		fields[i] = i % 2 ? INT64_MIN : INT64_MAX;
	slice = rest_pack(fields, REST_OF_DONE, packed);
	assert_int_equal(slice.n, REST_BYTES_MAX);
	assert_true(rest_unpack(slice, again, REST_OF_DONE));
	assert_memory_equal(again, fields, sizeof(fields));
}

UNIT(zeros_at_the_end_take_nothing)
{
	int64_t fields[REST_OF_DONE] = {5, 0, -1};
	unsigned char packed[REST_BYTES_MAX];

	assert_int_equal(rest_pack(fields, REST_OF_DONE, packed).n, 3);
	assert_memory_equal(packed, "\x0a\x00\x01", 3);
	memset(fields, 0, sizeof(fields));
	assert_int_equal(rest_pack(fields, REST_OF_DONE, packed).n, 0);
	assert_true(rest_unpack((struct slice){NULL, 0}, fields, REST_OF_DONE));
	assert_int_equal(fields[REST_OF_DONE - 1], 0);
}

UNIT(what_is_cut_or_too_long_is_damaged)
{
	const struct {
		struct slice packed;
		size_t count;
		bool whole;
	} cases[] = {
		{SLICE("\x02\x04"), 2, true},
		{SLICE("\x02\x04"), 1, false},
		{SLICE("\x80"), 2, false},
		{SLICE("\x02\x80\x80"), 2, false},
		{SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, true},
		{SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1,
		 false},
		/* The tenth byte has one bit of the number. */
		{SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 1, false},
	};
	int64_t fields[2];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (rest_unpack(cases[i].packed, fields, cases[i].count) !=
		    cases[i].whole)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_out_again),
		cmocka_unit_test(the_least_and_the_largest_have_room),
		cmocka_unit_test(zeros_at_the_end_take_nothing),
		cmocka_unit_test(what_is_cut_or_too_long_is_damaged),
	};

	return cmocka_run_group_tests_name("sqlite_pack", tests, NULL, NULL);
}
