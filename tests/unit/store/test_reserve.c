#include "daemon/store/reserve.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

enum { BYTES = 1 << 20 };

UNIT(it_holds_real_blocks_gives_them_up_and_takes_them_again)
{
	char folder[] = "/tmp/reeve-reserve-XXXXXX";
	struct reserve reserve;
	struct stat status;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(reserve_init(&reserve, folder, BYTES), 0);
	assert_true(reserve.held);
	assert_int_equal(stat(reserve.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(status.st_blocks * 512 >= BYTES);

	assert_true(reserve_release(&reserve));
	assert_int_equal(access(reserve.path, F_OK), -1);
	assert_false(reserve_release(&reserve));
	assert_true(reserve_make(&reserve, NOW));
	assert_int_equal(access(reserve.path, F_OK), 0);
	reserve_fini(&reserve);
	folder_remove(folder);
}

UNIT(it_is_not_tried_again_at_once)
{
	struct reserve reserve;

	/* No such folder: as good as a full disk. */
	assert_int_equal(reserve_init(&reserve, "/nonexistent", BYTES), 0);
	assert_false(reserve.held);
	assert_false(reserve_make(&reserve, NOW));
	assert_int_equal(reserve.tried_ms, NOW);
	assert_false(reserve_make(&reserve, NOW + 199));
	assert_int_equal(reserve.tried_ms, NOW);
	assert_false(reserve_make(&reserve, NOW + 200));
	assert_int_equal(reserve.tried_ms, NOW + 200);
	/* The clock was set back by an hour. */
	assert_false(reserve_make(&reserve, NOW - 3600000));
	assert_int_equal(reserve.tried_ms, NOW - 3600000);
	reserve_fini(&reserve);
}

UNIT(none_is_wanted_counts_as_held)
{
	struct reserve reserve;

	assert_int_equal(reserve_init(&reserve, "/nonexistent", 0), 0);
	assert_true(reserve_make(&reserve, NOW));
	assert_false(reserve_release(&reserve));
	reserve_fini(&reserve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			it_holds_real_blocks_gives_them_up_and_takes_them_again),
		cmocka_unit_test(it_is_not_tried_again_at_once),
		cmocka_unit_test(none_is_wanted_counts_as_held),
	};

	return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
