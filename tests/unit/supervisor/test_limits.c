#include "daemon/supervisor/limits.h"
#include "tests/helper/t.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child: a hard limit does not come back. Its exit status is the number
 * of the check that failed. */
static int in_child(int (*checks)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(checks());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
	return setrlimit(resource, &(struct rlimit){soft, hard});
}

static int soft_below_hard(void)
{
	struct limits_fault fault = {""};
	struct rlimit now;

	if (limit(RLIMIT_NOFILE, 16, 200))
		return 1;
	if (limits_raise(4, &fault))
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur < 40)
		return 3;
	return now.rlim_cur > 200 || now.rlim_max != 200 ? 4 : 0;
}

static int hard_too_small(void)
{
	struct limits_fault fault = {""};

	if (limit(RLIMIT_NOFILE, 16, 32))
		return 1;
	if (limits_raise(4, &fault) != LIMITS_E_SMALL)
		return 2;
	if (!strstr(fault.message, "open files is 32"))
		return 3;
	if (!strstr(fault.message, "4 workers 52 are needed"))
		return 4;
	return strstr(fault.message, "ulimit -n") ? 0 : 5;
}

static int files_too_small(void)
{
	struct limits_fault fault = {""};

	if (limit(RLIMIT_FSIZE, 4096, 8192))
		return 1;
	if (limits_raise(1, &fault) != LIMITS_E_SMALL)
		return 2;
	return strstr(fault.message, "bytes in a file is 8192") ? 0 : 3;
}

static int enough(void)
{
	struct limits_fault fault = {""};
	struct rlimit now;

	if (limit(RLIMIT_NOFILE, 64, 64) || limits_raise(1, &fault))
		return 1;
	if (getrlimit(RLIMIT_NOFILE, &now))
		return 2;
	return now.rlim_cur == 64 ? 0 : 3;
}

UNIT(a_soft_limit_is_raised_as_far_as_is_needed)
{
	assert_int_equal(in_child(soft_below_hard), 0);
}

UNIT(a_hard_limit_that_is_too_small_is_named_with_what_to_do)
{
	assert_int_equal(in_child(hard_too_small), 0);
	assert_int_equal(in_child(files_too_small), 0);
}

UNIT(a_limit_that_is_enough_stays_as_it_is)
{
	assert_int_equal(in_child(enough), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_soft_limit_is_raised_as_far_as_is_needed),
		cmocka_unit_test(
			a_hard_limit_that_is_too_small_is_named_with_what_to_do),
		cmocka_unit_test(a_limit_that_is_enough_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
