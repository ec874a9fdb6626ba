#include "daemon/store/tally.h"

#include "tests/helper/t.h"

UNIT(each_id_has_one_entry)
{
	struct tally tally = {0};
	struct tally_entry *entry;

	assert_null(tally_find(&tally, 7));
	assert_int_equal(tally_at(&tally, 7, &entry), 0);
	entry->add[2] += 5;
	assert_int_equal(tally_at(&tally, 7, &entry), 0);
	assert_int_equal(entry->add[2], 5);
	assert_int_equal(tally.count, 1);
	tally_fini(&tally);
}

UNIT(it_grows_and_is_emptied_and_used_again)
{
	struct tally tally = {0};
	struct tally_entry *entry;

	for (int round = 0; round < 3; round++) {
		for (int64_t id = 1; id <= 1000; id++) {
			assert_int_equal(tally_at(&tally, id * 4096, &entry),
					 0);
			assert_int_equal(entry->add[0], 0);
			entry->add[0] = id;
		}
		assert_int_equal(tally.count, 1000);
		for (int64_t id = 1; id <= 1000; id++)
			assert_int_equal(tally_find(&tally, id * 4096)->add[0],
					 id);
		assert_null(tally_find(&tally, 5));
		tally_clear(&tally);
		assert_null(tally_find(&tally, 4096));
	}
	tally_fini(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_id_has_one_entry),
		cmocka_unit_test(it_grows_and_is_emptied_and_used_again),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
