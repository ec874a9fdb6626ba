#include "daemon/config/config.h"
#include "tests/helper/t.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config;
static struct config_fault fault;
static char base[64];

static int make_base(__attribute__((unused)) void **state)
{
	snprintf(base, sizeof(base), "/tmp/reeve-unit-XXXXXX");
	assert_non_null(mkdtemp(base));
	snprintf(config.state_dir, CONFIG_PATH_BYTES, "%s/a/b/state", base);
	snprintf(config.runtime_dir, CONFIG_PATH_BYTES, "%s/run", base);
	return 0;
}

static int remove_one(const char *path,
		      __attribute__((unused)) const struct stat *st,
		      __attribute__((unused)) int type,
		      __attribute__((unused)) struct FTW *at)
{
	return remove(path);
}

static int remove_base(__attribute__((unused)) void **state)
{
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

UNIT(the_folders_are_made_and_are_only_ours)
{
	char path[CONFIG_PATH_BYTES + 16];
	struct stat st;

	assert_int_equal(config_directories(&config, &fault), 0);
	assert_int_equal(config_directories(&config, &fault), 0);
	snprintf(path, sizeof(path), "%s/results", config.state_dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/output", config.state_dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(stat(config.runtime_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

UNIT(a_folder_open_to_others_is_refused)
{
	assert_int_equal(mkdir(config.runtime_dir, 0755), 0);
	assert_int_equal(chmod(config.runtime_dir, 0755), 0);
	assert_int_equal(config_directories(&config, &fault),
			 CONFIG_E_DIRECTORY);
	assert_non_null(strstr(fault.message, "0755"));
}

UNIT(a_symlink_is_refused)
{
	assert_int_equal(symlink("/tmp", config.runtime_dir), 0);
	assert_int_equal(config_directories(&config, &fault),
			 CONFIG_E_DIRECTORY);
	assert_non_null(strstr(fault.message, "symlink"));
}

UNIT(a_folder_of_somebody_else_is_refused)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(config.runtime_dir, 0700), 0);
	assert_int_equal(chown(config.runtime_dir, 20001, 20001), 0);
	assert_int_equal(config_directories(&config, &fault),
			 CONFIG_E_DIRECTORY);
	assert_non_null(strstr(fault.message, "20001"));
}

UNIT(a_file_system_that_does_not_fit_is_named)
{
	/* Of the unfit ones, proc is on every machine, and has one 0700. */
	snprintf(config.state_dir, CONFIG_PATH_BYTES, "/proc/self/map_files");
	assert_int_equal(config_directories(&config, &fault),
			 CONFIG_E_DIRECTORY);
	assert_non_null(strstr(fault.message, "on a proc file system"));
}

UNIT(a_folder_that_cannot_be_made_is_named)
{
	snprintf(config.state_dir, CONFIG_PATH_BYTES, "/proc/nothing/here");
	assert_int_equal(config_directories(&config, &fault),
			 CONFIG_E_DIRECTORY);
	assert_non_null(strstr(fault.message, "/proc/nothing/here"));
	assert_non_null(strstr(fault.message, "cannot be made"));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)
	const struct CMUnitTest tests[] = {
		EACH(the_folders_are_made_and_are_only_ours),
		EACH(a_folder_open_to_others_is_refused),
		EACH(a_symlink_is_refused),
		EACH(a_folder_of_somebody_else_is_refused),
		EACH(a_file_system_that_does_not_fit_is_named),
		EACH(a_folder_that_cannot_be_made_is_named),
	};

	return cmocka_run_group_tests_name("config_directory", tests, NULL,
					   NULL);
}
