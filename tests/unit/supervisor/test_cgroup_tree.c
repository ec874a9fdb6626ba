/* On a machine without cgroup2, or without the right to use it: skipped. */
#include "daemon/base/clock.h"
#include "daemon/supervisor/cgroup_folder.h"
#include "daemon/supervisor/cgroup_tree.h"
#include "daemon/supervisor/reap.h"
#include "daemon/supervisor/spawn.h"
#include "tests/helper/t.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct config config;
static struct cgroup_tree tree;

static int set_up(__attribute__((unused)) void **state)
{
	config.cgroups = true;
	snprintf(config.state_dir, CONFIG_PATH_BYTES, "/nowhere/%d",
		 (int)getpid());
	cgroup_tree_open(&tree, &config);
	if (!tree.on)
		print_message("skipped: %s\n", tree.reason);
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	cgroup_tree_close(&tree);
	return 0;
}

#define NEEDS_TREE()                                                           \
	do {                                                                   \
		if (!tree.on)                                                  \
			skip();                                                \
	} while (0)

/* A child that was just born may not have closed the lock's copy yet. */
static int settled(const char *name)
{
	int64_t end_ns = clock_mono_ns() + 60 * INT64_C(1000000000);
	int r;

	while (((r = cgroup_folder_remove(tree.job, name)) == CGROUP_E_BUSY ||
		r == CGROUP_E_OWNED) &&
	       clock_mono_ns() < end_ns)
		poll(NULL, 0, 1);
	return r;
}

static void until_removed(const char *name)
{
	assert_int_equal(settled(name), 0);
}

static void reap(pid_t pid)
{
	struct reap_end end;

	while (reap_take(pid, &end) == REAP_E_NONE)
		poll(NULL, 0, 1);
}

static bool nobody(__attribute__((unused)) void *context,
		   __attribute__((unused)) const char *name)
{
	return false;
}

UNIT(switched_off_it_says_so)
{
	struct cgroup_tree none;

	config.cgroups = false;
	cgroup_tree_open(&none, &config);
	assert_false(none.on);
	assert_non_null(strstr(none.reason, "--no-cgroups"));
	cgroup_tree_close(&none);
}

UNIT(a_folder_is_found_by_what_runs_in_it)
{
	char name[32] = "";
	pid_t pid;
	int fd;

	NEEDS_TREE();
	assert_int_equal(cgroup_folder_make(tree.job, "7-abc", &fd), 0);
	assert_int_equal(spawn_idle(fd, &pid), 0);
	assert_true(cgroup_tree_folder_of(&tree, (int)pid, name));
	assert_string_equal(name, "7-abc");
	assert_false(cgroup_tree_folder_of(&tree, (int)getpid(), name));
	close(fd);
	until_removed("7-abc");
	reap(pid);
}

UNIT(a_folder_whose_owner_lives_is_not_touched)
{
	size_t soon, later;
	pid_t pid;
	int fd;

	NEEDS_TREE();
	assert_int_equal(cgroup_folder_make(tree.job, "1-a", &fd), 0);
	/* The child holds the lock by its copy of the descriptor. */
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	close(fd);
	assert_int_equal(cgroup_folder_remove(tree.job, "1-a"), CGROUP_E_OWNED);
	assert_int_equal(reap_signal(pid, SIGKILL), 0);
	reap(pid);
	assert_int_equal(cgroup_folder_remove(tree.job, "1-a"), 0);
	assert_int_equal(
		cgroup_folder_sweep(tree.job, nobody, NULL, &soon, &later), 0);
	assert_int_equal(soon + later, 0);
}

UNIT(what_is_to_be_kept_lives_until_it_ends_by_itself)
{
	pid_t pid;
	int fd;

	NEEDS_TREE();
	assert_int_equal(cgroup_folder_make(tree.job, "2-a", &fd), 0);
	assert_int_equal(spawn_idle(fd, &pid), 0);
	close(fd);
	assert_false(cgroup_folder_is_kept(tree.job, "2-a"));
	assert_int_equal(cgroup_folder_keep(tree.job, "2-a"), 0);
	assert_true(cgroup_folder_is_kept(tree.job, "2-a"));
	assert_int_equal(settled("2-a"), CGROUP_E_KEPT);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(reap_signal(pid, SIGKILL), 0);
	reap(pid);
	until_removed("2-a");
}

UNIT(what_a_job_made_below_goes_too)
{
	char path[CONFIG_PATH_BYTES + 64];
	pid_t pid;
	int fd, below;

	NEEDS_TREE();
	assert_int_equal(cgroup_folder_make(tree.job, "3-a", &fd), 0);
	snprintf(path, sizeof(path), "%s/job/3-a/x", tree.path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/job/3-a/y", tree.path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/job/3-a/y/z", tree.path);
	assert_int_equal(mkdir(path, 0700), 0);
	below = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(spawn_idle(below, &pid), 0);
	close(below);
	close(fd);
	assert_false(cgroup_folder_empty(tree.job, "3-a"));
	until_removed("3-a");
	reap(pid);
	assert_true(cgroup_folder_empty(tree.job, "3-a"));
}

UNIT(the_last_one_out_removes_it_all)
{
	char path[CONFIG_PATH_BYTES];

	NEEDS_TREE();
	memcpy(path, tree.path, sizeof(path));
	assert_int_equal(access(path, F_OK), 0);
	cgroup_tree_close(&tree);
	if (tree.named)
		assert_int_equal(access(path, F_OK), -1);
}

UNIT(what_a_daemon_of_another_folder_left_is_tidied_away)
{
	static struct config other;
	static struct cgroup_tree second;
	char left[CONFIG_PATH_BYTES], served[CONFIG_PATH_BYTES];

	NEEDS_TREE();
	if (!tree.named)
		skip();
	/* One that lives, one that left an empty folder. */
	memcpy(served, tree.path, sizeof(served));
	snprintf(left, sizeof(left), "%.*sreeve-%u-0000test",
		 (int)(strrchr(served, '/') + 1 - served), served,
		 (unsigned)geteuid());
	assert_int_equal(mkdir(left, 0755), 0);
	other.cgroups = true;
	snprintf(other.state_dir, CONFIG_PATH_BYTES, "/nowhere/else/%d",
		 (int)getpid());
	cgroup_tree_open(&second, &other);
	assert_true(second.on);
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(served, F_OK), 0);
	cgroup_tree_close(&second);
}

UNIT(a_sweep_ends_what_nobody_owns)
{
	size_t soon = 1, later = 0;
	pid_t pid;
	int fd;

	NEEDS_TREE();
	assert_int_equal(cgroup_folder_make(tree.job, "4-a", &fd), 0);
	assert_int_equal(spawn_idle(fd, &pid), 0);
	close(fd);
	while (soon || later) {
		assert_int_equal(cgroup_folder_sweep(tree.job, nobody, NULL,
						     &soon, &later),
				 0);
		poll(NULL, 0, 1);
	}
	reap(pid);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(switched_off_it_says_so),
		EACH(a_folder_is_found_by_what_runs_in_it),
		EACH(a_folder_whose_owner_lives_is_not_touched),
		EACH(what_is_to_be_kept_lives_until_it_ends_by_itself),
		EACH(what_a_job_made_below_goes_too),
		EACH(the_last_one_out_removes_it_all),
		EACH(what_a_daemon_of_another_folder_left_is_tidied_away),
		EACH(a_sweep_ends_what_nobody_owns),
	};

	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests_name("cgroup_tree", tests, NULL, NULL);
}
