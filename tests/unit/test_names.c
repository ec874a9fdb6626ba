#include "proto/names.h"
#include "tests/helper/t.h"

UNIT(every_name_reads_back)
{
	enum job_state job_state;
	enum job_cause cause;
	enum event_kind kind;

	for (int i = 0; i < STATE_COUNT; i++) {
		assert_true(state_parse(slice_of(state_name(i)), &job_state));
		assert_int_equal(job_state, i);
	}
	for (int i = 0; i < CAUSE_COUNT; i++) {
		assert_true(cause_parse(slice_of(cause_name(i)), &cause));
		assert_int_equal(cause, i);
	}
	for (int i = 0; i < DURABILITY_COUNT; i++)
		assert_non_null(durability_name(i));
	for (int i = 0; i < EVENT_KIND_COUNT; i++) {
		assert_true(
			event_kind_parse(slice_of(event_kind_name(i)), &kind));
		assert_int_equal(kind, i);
	}
}

UNIT(other_words_are_refused)
{
	enum job_state job_state = STATE_READY;
	enum event_kind kind;
	enum job_cause cause;

	assert_false(state_parse(SLICE("Ready"), &job_state));
	assert_false(state_parse(SLICE("read"), &job_state));
	assert_false(state_parse(SLICE("readyy"), &job_state));
	assert_false(state_parse((struct slice){0}, &job_state));
	assert_int_equal(job_state, STATE_READY);
	assert_false(cause_parse(SLICE("killed"), &cause));
	assert_false(event_kind_parse(SLICE("Lost"), &kind));
}

UNIT(what_has_a_number_is_kept_and_nothing_else)
{
	for (unsigned int i = 0; i < EVENT_KIND_COUNT + 3; i++)
		assert_int_equal(event_kind_is_kept(i), i <= EVENT_REMOVED);
}

UNIT(the_last_three_states_are_ends)
{
	for (int i = 0; i < STATE_COUNT; i++)
		assert_int_equal(state_is_end(i), i >= STATE_SUCCEEDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_reads_back),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(the_last_three_states_are_ends),
		cmocka_unit_test(what_has_a_number_is_kept_and_nothing_else),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
