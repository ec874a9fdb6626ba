#include "client/reeve.h"
#include "proto/base.h"
#include "tests/helper/t.h"

static int code(enum reeve_state state, enum reeve_cause cause,
		int64_t exit_code, int64_t number)
{
	struct reeve_job job = {
		.state = state,
		.cause = cause,
		.exit_code = exit_code,
		.signal = number,
		.failure_type = "",
	};

	return reeve_job_exit(&job);
}

UNIT(every_end_has_the_code_of_the_manual)
{
	static const struct {
		enum reeve_cause cause;
		int64_t exit_code, number;
		int code;
	} ends[] = {
		{REEVE_CAUSE_EXIT, 1, 0, 1},
		{REEVE_CAUSE_EXIT, 119, 0, 119},
		{REEVE_CAUSE_EXIT, 124, 0, 124},
		{REEVE_CAUSE_SIGNAL, -1, 9, 137},
		{REEVE_CAUSE_SIGNAL, -1, 15, 143},
		{REEVE_CAUSE_TIMEOUT, -1, 15, 124},
		{REEVE_CAUSE_MEMORY, -1, 9, 137},
		{REEVE_CAUSE_MEMORY, -1, 0, 137},
		{REEVE_CAUSE_DEPENDENCY, -1, 0, 123},
		{REEVE_CAUSE_WORKER_LOST, -1, 0, 122},
		{REEVE_CAUSE_HOST_LOST, -1, 0, 122},
		{REEVE_CAUSE_EXPIRED, -1, 0, 121},
		{REEVE_CAUSE_HANDLER, -1, 0, 1},
		{REEVE_CAUSE_REJECTED, -1, 0, 125},
		{REEVE_CAUSE_OTHER, -1, 0, 125},
	};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		assert_int_equal(code(REEVE_FAILED, ends[i].cause,
				      ends[i].exit_code, ends[i].number),
				 ends[i].code);
	assert_int_equal(code(REEVE_SUCCEEDED, REEVE_CAUSE_NONE, 0, 0), 0);
	assert_int_equal(code(REEVE_CANCELLED, REEVE_CAUSE_CANCELLED, -1, 15),
			 121);
}

UNIT(a_failed_start_says_missing_or_not_executable)
{
	struct reeve_job job = {
		.state = REEVE_FAILED,
		.cause = REEVE_CAUSE_EXEC,
		.exit_code = -1,
		.failure_type = "ENOENT",
	};

	assert_int_equal(reeve_job_exit(&job), 127);
	job.failure_type = "EACCES";
	assert_int_equal(reeve_job_exit(&job), 126);
}

UNIT(a_failure_is_never_zero)
{
	assert_int_equal(code(REEVE_FAILED, REEVE_CAUSE_EXIT, 0, 0), 1);
	assert_int_equal(code(REEVE_FAILED, REEVE_CAUSE_EXIT, 256, 0), 1);
	assert_int_equal(code(REEVE_FAILED, REEVE_CAUSE_SIGNAL, -1, 0), 125);
	assert_int_equal(code(REEVE_FAILED, REEVE_CAUSE_SIGNAL, -1, 999), 125);
	assert_int_equal(code(REEVE_RUNNING, REEVE_CAUSE_NONE, -1, 0), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_has_the_code_of_the_manual),
		cmocka_unit_test(a_failed_start_says_missing_or_not_executable),
		cmocka_unit_test(a_failure_is_never_zero),
	};

	return cmocka_run_group_tests_name("client outcome", tests, NULL, NULL);
}
