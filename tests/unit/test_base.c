#include "proto/base.h"
#include "tests/helper/t.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT(slices_compare_by_their_bytes)
{
	assert_true(slice_is(SLICE("abc"), "abc"));
	assert_false(slice_is(SLICE("abc"), "ab"));
	assert_true(slice_equal(slice_of(NULL), SLICE("")));
	assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
}

UNIT(take_gives_away_and_leaves_nothing)
{
	char *mine = strdup("x");
	char *yours = TAKE(mine);

	assert_null(mine);
	assert_string_equal(yours, "x");
	free(yours);
}

UNIT(a_fact_that_does_not_hold_ends_the_process_by_name)
{
	char text[256] = "";
	int status, ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], 2);
		require(1 + 1 == 3);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "does not hold: 1 + 1 == 3"));
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare_by_their_bytes),
		cmocka_unit_test(take_gives_away_and_leaves_nothing),
		cmocka_unit_test(
			a_fact_that_does_not_hold_ends_the_process_by_name),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
