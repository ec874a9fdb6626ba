#include "daemon/supervisor/orphans.h"
#include "daemon/supervisor/reap.h"
#include "daemon/supervisor/spawn.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t known_pid;

static bool is_known(__attribute__((unused)) void *context, pid_t pid)
{
	return pid == known_pid;
}

static bool is_marked(__attribute__((unused)) void *context,
		      __attribute__((unused)) pid_t pid)
{
	return false;
}

static const struct orphans_ask ask = {NULL, is_known, is_marked};

static pid_t idle(void)
{
	pid_t pid = 0;

	assert_int_equal(spawn_idle(-1, &pid), 0);
	return pid;
}

static void finish(pid_t pid)
{
	struct reap_end end;

	if (reap_signal(pid, SIGKILL) != 0)
		return;
	while (reap_take(pid, &end) == REAP_E_NONE)
		poll(NULL, 0, 1);
}

static pid_t await_end(void)
{
	pid_t pid = 0;

	while (reap_peek(&pid) == REAP_E_NONE)
		poll(NULL, 0, 1);
	return pid;
}

UNIT(a_status_stays_until_it_is_taken_by_pid)
{
	struct reap_end end = {0};
	pid_t pid, seen = 0;

	assert_int_equal(reap_peek(&seen), REAP_E_NONE);
	pid = idle();
	assert_int_equal(reap_peek(&seen), REAP_E_NONE);
	assert_int_equal(reap_take(pid, &end), REAP_E_NONE);
	assert_int_equal(reap_signal(pid, SIGTERM), 0);
	assert_int_equal(await_end(), pid);
	/* A second signal finds it dead, and takes nothing. */
	assert_int_equal(reap_signal(pid, SIGKILL), 0);
	assert_int_equal(reap_peek(&seen), 0);
	assert_int_equal(seen, pid);
	assert_int_equal(reap_take(pid, &end), 0);
	assert_true(WIFSIGNALED(end.status));
	assert_int_equal(WTERMSIG(end.status), SIGTERM);
	assert_true(end.peak_kib >= 0);
	assert_int_equal(reap_peek(&seen), REAP_E_NONE);
}

UNIT(only_a_child_is_ever_signalled)
{
	pid_t pid = idle();

	assert_int_equal(reap_signal(getppid(), 0), -ESRCH);
	assert_int_equal(reap_signal(getpid(), 0), -ESRCH);
	finish(pid);
	/* Its pid may be anybody's by now. */
	assert_int_equal(reap_signal(pid, SIGKILL), -ESRCH);
}

UNIT(the_children_are_listed)
{
	pid_t first = idle(), second = idle(), *list = NULL;
	size_t count = 0;

	assert_int_equal(reap_children(0, &list, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0], first);
	assert_int_equal(list[1], second);
	free(list);
	assert_int_equal(reap_children(getpid(), &list, &count), 0);
	assert_int_equal(count, 2);
	free(list);
	assert_int_equal(reap_children(first, &list, &count), 0);
	assert_int_equal(count, 0);
	free(list);
	finish(first);
	finish(second);
}

UNIT(start_and_session_are_read_behind_any_name)
{
	int64_t ticks;
	pid_t pid;

	assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b"), 0);
	ticks = reap_start_ticks(getpid());
	assert_true(ticks > 0);
	assert_int_equal(reap_session(getpid()), getsid(0));
	pid = idle();
	assert_true(reap_start_ticks(pid) >= ticks);
	finish(pid);
	assert_int_equal(reap_start_ticks(pid), 0);
	assert_int_equal(reap_session(pid), 0);
}

UNIT(who_is_known_or_was_there_before_is_spared)
{
	struct orphans orphans = {0};
	pid_t before, stranger;
	size_t count = 9;

	before = idle();
	known_pid = 0;
	assert_int_equal(orphans_spare(&orphans, &ask), 0);
	/* Its session is ours: what comes now must not be taken for it. */
	orphans.session_count = 0;
	known_pid = idle();
	assert_int_equal(orphans_hunt(&orphans, &ask, false, &count), 0);
	assert_int_equal(count, 0);
	stranger = idle();
	assert_int_equal(orphans_hunt(&orphans, &ask, false, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(await_end(), stranger);
	finish(stranger);
	assert_false(orphans_reaped(&orphans, stranger));
	assert_true(orphans_reaped(&orphans, before));
	finish(before);
	finish(known_pid);
	orphans_fini(&orphans);
}

UNIT(what_a_kept_one_leaves_is_kept_by_its_session)
{
	struct orphans orphans = {0};
	size_t count = 9;
	pid_t kept, *list = NULL;
	int line[2];
	char byte;

	known_pid = 0;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(line), 0);
	kept = fork();
	if (kept == 0) {
		setsid();
		if (fork() == 0 && write(line[1], "", 1) == 1)
			for (;;)
				pause();
		for (;;)
			pause();
	}
	assert_int_equal(read(line[0], &byte, 1), 1);
	assert_int_equal(orphans_spare(&orphans, &ask), 0);
	finish(kept);
	assert_true(orphans_reaped(&orphans, kept));
	/* Its child is ours now, and another stranger came too. */
	assert_int_equal(orphans_hunt(&orphans, &ask, false, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(reap_children(0, &list, &count), 0);
	assert_int_equal(count, 1);
	assert_true(orphans_reaped(&orphans, list[0]));
	finish(list[0]);
	free(list);
	/* With the last kept one the session is forgotten. */
	assert_int_equal(orphans_hunt(&orphans, &ask, false, &count), 0);
	assert_int_equal(orphans.session_count, 0);
	orphans_fini(&orphans);
	close(line[0]);
	close(line[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_stays_until_it_is_taken_by_pid),
		cmocka_unit_test(only_a_child_is_ever_signalled),
		cmocka_unit_test(the_children_are_listed),
		cmocka_unit_test(start_and_session_are_read_behind_any_name),
		cmocka_unit_test(who_is_known_or_was_there_before_is_spared),
		cmocka_unit_test(what_a_kept_one_leaves_is_kept_by_its_session),
	};

	return cmocka_run_group_tests_name("reap", tests, NULL, NULL);
}
