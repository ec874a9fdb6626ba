#include "daemon/supervisor/lock.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], path[128];

static int set_up(__attribute__((unused)) void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/reeve-lock-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/lock", folder);
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	unlink(path);
	return rmdir(folder);
}

UNIT(the_second_one_is_told_the_pid_of_the_first)
{
	int first, second = -1, pid = 0;
	struct stat st;

	assert_int_equal(lock_take(path, &first, &pid), 0);
	assert_int_equal(lock_take(path, &second, &pid), LOCK_E_HELD);
	assert_int_equal(pid, getpid());
	assert_int_equal(second, -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(first);
	assert_int_equal(lock_take(path, &second, &pid), 0);
	close(second);
}

UNIT(a_file_that_was_left_behind_prevents_nothing)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600), pid = 0;
	char text[64] = "";

	assert_int_equal(write(fd, "999999999999\nrubbish\n", 21), 21);
	close(fd);
	assert_int_equal(lock_take(path, &fd, &pid), 0);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(atoi(text), getpid());
	assert_null(strstr(text, "rubbish"));
	close(fd);
}

UNIT(a_lock_that_was_removed_or_replaced_is_noticed)
{
	int fd, other, pid;

	assert_int_equal(lock_take(path, &fd, &pid), 0);
	assert_int_equal(lock_check(path, fd), 0);
	unlink(path);
	assert_int_equal(lock_check(path, fd), LOCK_E_GONE);
	other = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(lock_check(path, fd), LOCK_E_GONE);
	assert_int_equal(lock_check("/nothing/here", fd), LOCK_E_GONE);
	close(other);
	close(fd);
}

UNIT(a_pid_that_makes_no_sense_is_not_told)
{
	int first, second, pid = 7;

	assert_int_equal(lock_take(path, &first, &pid), 0);
	assert_int_equal(pwrite(first, "-5 x", 4, 0), 4);
	assert_int_equal(lock_take(path, &second, &pid), LOCK_E_HELD);
	assert_int_equal(pid, 0);
	close(first);
}

UNIT(a_holder_that_ended_is_known_to_be_gone)
{
	pid_t pid = fork();
	siginfo_t end;

	if (pid == 0)
		_exit(0);
	assert_false(lock_holder_gone(0));
	assert_false(lock_holder_gone((int)getpid()));
	assert_int_equal(waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT), 0);
	assert_true(lock_holder_gone((int)pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(lock_holder_gone((int)pid));
}

UNIT(a_symlink_is_not_followed)
{
	int fd, pid = 0;

	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(lock_take(path, &fd, &pid), -ELOOP);
}

UNIT(a_folder_can_be_locked_and_stays_empty)
{
	int first, second;

	assert_int_equal(lock_take_folder(folder, &first), 0);
	assert_int_equal(lock_take_folder(folder, &second), LOCK_E_HELD);
	close(first);
	assert_int_equal(lock_take_folder(folder, &second), 0);
	close(second);
	assert_int_equal(lock_take_folder(path, &second), -ENOENT);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(the_second_one_is_told_the_pid_of_the_first),
		EACH(a_file_that_was_left_behind_prevents_nothing),
		EACH(a_lock_that_was_removed_or_replaced_is_noticed),
		EACH(a_pid_that_makes_no_sense_is_not_told),
		EACH(a_holder_that_ended_is_known_to_be_gone),
		EACH(a_symlink_is_not_followed),
		EACH(a_folder_can_be_locked_and_stays_empty),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
