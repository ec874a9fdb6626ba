/*
 * What we rely on in the kernel: cgroups of version 2. Skipped where there are
 * none, or where this user may not make one.
 */
#include "daemon/supervisor/cgroup_find.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char path[CGROUP_PATH_BYTES + 64];
static int folder = -1;

static int set_up(__attribute__((unused)) void **state)
{
	static char text[65536], mount[CGROUP_PATH_BYTES],
		own[CGROUP_PATH_BYTES];

	folder = -1;
	if (cgroup_find_read("/proc/self/mounts", text, sizeof(text)) < 0 ||
	    !cgroup_find_mount(text, mount) ||
	    cgroup_find_read("/proc/self/cgroup", text, sizeof(text)) < 0 ||
	    !cgroup_find_own(text, own)) {
		print_message("skipped: no cgroup2 on this machine\n");
		return 0;
	}
	snprintf(path, sizeof(path), "%.2000s%.2000s/reeve-assume-%d", mount,
		 own, (int)getpid());
	if (mkdir(path, 0700) < 0) {
		print_message("skipped: cannot make %s: %s\n", path,
			      strerror(errno));
		return 0;
	}
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	if (folder < 0)
		return 0;
	close(folder);
	while (rmdir(path) < 0 && errno == EBUSY)
		poll(NULL, 0, 1);
	return 0;
}

#define NEEDS_FOLDER()                                                         \
	do {                                                                   \
		if (folder < 0)                                                \
			skip();                                                \
	} while (0)

static pid_t born_inside(void)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)folder,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	return pid;
}

static void kill_all(void)
{
	int fd = openat(folder, "cgroup.kill", O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1", 1), 1);
	close(fd);
}

static bool says(const char *file, const char *what)
{
	char text[256] = "";
	int fd = openat(folder, file, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	return strstr(text, what) != NULL;
}

static void ends_by_kill(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

UNIT(a_child_is_born_in_the_cgroup_it_is_meant_for)
{
	char number[16];
	pid_t pid;

	NEEDS_FOLDER();
	pid = born_inside();
	snprintf(number, sizeof(number), "%d\n", (int)pid);
	assert_true(says("cgroup.procs", number));
	assert_true(says("cgroup.events", "populated 1"));
	kill_all();
	ends_by_kill(pid);
}

UNIT(what_is_born_in_a_killed_cgroup_is_dead_at_once)
{
	pid_t pid;

	NEEDS_FOLDER();
	kill_all();
	/* Why no job is ever started in a cgroup that was killed before. */
	pid = born_inside();
	if (waitpid(pid, NULL, WNOHANG) == 0) {
		struct pollfd poller = {
			.fd = (int)syscall(SYS_pidfd_open, pid, 0),
			.events = POLLIN,
		};
		int ended = poll(&poller, 1, 200);

		close(poller.fd);
		if (ended == 0) {
			print_message("this kernel lets it live\n");
			kill(pid, SIGKILL);
		}
		ends_by_kill(pid);
	}
}

UNIT(the_end_of_the_last_process_is_an_event)
{
	struct pollfd poller = {.events = POLLPRI};
	char text[256];
	pid_t pid;

	NEEDS_FOLDER();
	pid = born_inside();
	poller.fd = openat(folder, "cgroup.events", O_RDONLY);
	assert_true(read(poller.fd, text, sizeof(text)) > 0);
	kill_all();
	assert_int_equal(poll(&poller, 1, 10000), 1);
	while (!says("cgroup.events", "populated 0"))
		poll(NULL, 0, 1);
	close(poller.fd);
	ends_by_kill(pid);
}

UNIT(what_is_empty_but_for_a_zombie_can_be_removed)
{
	pid_t pid;

	NEEDS_FOLDER();
	pid = born_inside();
	kill_all();
	while (!says("cgroup.events", "populated 0"))
		poll(NULL, 0, 1);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	ends_by_kill(pid);
}

UNIT(a_folder_can_be_locked_and_marked)
{
	char value[4];
	int other;

	NEEDS_FOLDER();
	other = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(fsetxattr(folder, "user.reeve.kept", "1", 1, 0), 0);
	assert_int_equal(fgetxattr(other, "user.reeve.kept", value, 4), 1);
	close(other);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(a_child_is_born_in_the_cgroup_it_is_meant_for),
		EACH(what_is_born_in_a_killed_cgroup_is_dead_at_once),
		EACH(the_end_of_the_last_process_is_an_event),
		EACH(what_is_empty_but_for_a_zombie_can_be_removed),
		EACH(a_folder_can_be_locked_and_marked),
	};

	return cmocka_run_group_tests_name("assume_cgroup", tests, NULL, NULL);
}
