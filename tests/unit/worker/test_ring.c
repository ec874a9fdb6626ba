#include "daemon/worker/ring.h"
#include "tests/helper/t.h"

#include <stdio.h>

/* What the ring holds, in one piece. */
static size_t join(const struct ring *ring, char *ret)
{
	struct slice parts[2];

	ring_parts(ring, parts);
	for (int i = 0, n = 0; i < 2; i++) {
		if (parts[i].n)
			memcpy(ret + n, parts[i].p, parts[i].n);
		n += (int)parts[i].n;
	}
	return parts[0].n + parts[1].n;
}

UNIT(a_head_has_the_documented_sixteen_bytes)
{
	static const char expected[] = {4, 3, 0, 0, 2, 0, 0, 0,
					8, 7, 6, 5, 4, 3, 2, 1};
	char head[RECORD_HEAD_BYTES];

	record_head(head, RECORD_STDERR, 0x0304, 0x0102030405060708);
	assert_memory_equal(head, expected, sizeof(head));
	assert_int_equal(record_bytes(head), 0x0304);
}

UNIT(an_empty_ring_has_no_memory_and_no_parts)
{
	struct ring ring;
	struct slice parts[2];

	ring_init(&ring, 64);
	ring_parts(&ring, parts);
	assert_null(ring.memory);
	assert_int_equal(parts[0].n + parts[1].n, 0);
	ring_fini(&ring);
}

UNIT(the_oldest_records_make_room_whole)
{
	char bytes[64];
	struct ring ring;

	ring_init(&ring, 64);
	for (int i = 0; i < 100; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%06d", i);
		ring_push(&ring, RECORD_STDOUT, (struct slice){text, 6}, i);
	}
	/* 22 bytes each: two fit. */
	assert_int_equal(join(&ring, bytes), 44);
	assert_int_equal(ring.dropped_bytes, 98 * 6);
	assert_memory_equal(bytes + 16, "000098", 6);
	assert_memory_equal(bytes + 38, "000099", 6);
	assert_int_equal(record_bytes(bytes + 22), 6);
	ring_fini(&ring);
}

UNIT(a_record_that_cannot_fit_counts_as_dropped)
{
	static const char text[100];
	struct ring ring;

	ring_init(&ring, 64);
	ring_push(&ring, RECORD_STDOUT, (struct slice){text, 49}, 0);
	assert_int_equal(ring.dropped_bytes, 49);
	ring_push(&ring, RECORD_STDOUT, (struct slice){text, 48}, 0);
	assert_int_equal(ring.used, 64);
	ring_fini(&ring);
	ring_init(&ring, 0);
	ring_push(&ring, RECORD_STDOUT, SLICE("x"), 0);
	assert_int_equal(ring.dropped_bytes, 1);
	ring_fini(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_has_the_documented_sixteen_bytes),
		cmocka_unit_test(an_empty_ring_has_no_memory_and_no_parts),
		cmocka_unit_test(the_oldest_records_make_room_whole),
		cmocka_unit_test(a_record_that_cannot_fit_counts_as_dropped),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
