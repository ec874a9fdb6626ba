#include "client/patience.h"
#include "tests/helper/t.h"

UNIT(it_tries_until_the_time_is_over)
{
	struct patience patience = {0};
	int64_t pause_ms;

	assert_true(patience_broken(&patience, 100, 5000, &pause_ms));
	assert_int_equal(pause_ms, 0);
	assert_true(patience_broken(&patience, 200, 5000, &pause_ms));
	assert_true(pause_ms > 0);
	assert_true(patience_broken(&patience, 5099, 5000, &pause_ms));
	assert_false(patience_broken(&patience, 5100, 5000, &pause_ms));
}

UNIT(without_patience_there_is_no_second_try)
{
	struct patience patience = {0};
	int64_t pause_ms;

	assert_false(patience_broken(&patience, 100, 0, &pause_ms));
}

UNIT(what_held_or_brought_something_begins_anew)
{
	struct patience patience = {0};
	int64_t pause_ms;

	assert_true(patience_broken(&patience, 100, 5000, &pause_ms));
	patience_opened(&patience, 200);
	assert_true(patience_broken(&patience, 9000, 5000, &pause_ms));
	assert_int_equal(patience.until_ms, 14000);
	patience_progress(&patience);
	assert_true(patience_broken(&patience, 99000, 5000, &pause_ms));
}

UNIT(what_opens_and_ends_at_once_does_not_go_on_for_ever)
{
	struct patience patience = {0};
	int64_t now_ms = 0, pause_ms, rounds = 0;

	patience_opened(&patience, ++now_ms);
	while (patience_broken(&patience, now_ms, 5000, &pause_ms)) {
		now_ms += pause_ms;
		patience_opened(&patience, ++now_ms);
		assert_true(++rounds < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tries_until_the_time_is_over),
		cmocka_unit_test(without_patience_there_is_no_second_try),
		cmocka_unit_test(what_held_or_brought_something_begins_anew),
		cmocka_unit_test(
			what_opens_and_ends_at_once_does_not_go_on_for_ever),
	};

	return cmocka_run_group_tests_name("client patience", tests, NULL,
					   NULL);
}
