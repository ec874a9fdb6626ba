#include "proto/arena.h"
#include "tests/helper/t.h"

UNIT(memory_is_zeroed_and_aligned)
{
	struct arena arena = {0};

	for (size_t bytes = 0; bytes < 300; bytes++) {
		unsigned char *p = arena_alloc(&arena, bytes);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, bytes);
	}
	arena_fini(&arena);
}

UNIT(a_copy_is_followed_by_a_nul)
{
	struct arena arena = {0};
	struct slice copy;

	assert_int_equal(arena_copy(&arena, SLICE("abc"), &copy), 0);
	assert_true(slice_is(copy, "abc"));
	assert_int_equal(copy.p[3], 0);
	assert_int_equal(arena_copy(&arena, (struct slice){0}, &copy), 0);
	assert_int_equal(copy.n, 0);
	assert_int_equal(copy.p[0], 0);
	arena_fini(&arena);
}

UNIT(more_than_there_is_is_refused)
{
	struct arena arena = {0};

	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_array(&arena, SIZE_MAX / 4, 8));
	assert_null(arena.blocks);
	arena_fini(&arena);
}

UNIT(reset_keeps_one_small_block_and_no_large_one)
{
	struct arena arena = {0};

	for (int i = 0; i < 1000; i++)
		assert_non_null(arena_alloc(&arena, 1000));
	assert_true(arena.used_bytes >= 1000000);
	arena_reset(&arena);
	assert_int_equal(arena.used_bytes, 0);
	assert_non_null(arena.blocks);

	assert_non_null(arena_alloc(&arena, 1 << 20));
	arena_reset(&arena);
	assert_null(arena.blocks);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(a_copy_is_followed_by_a_nul),
		cmocka_unit_test(more_than_there_is_is_refused),
		cmocka_unit_test(reset_keeps_one_small_block_and_no_large_one),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
