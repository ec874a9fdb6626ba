#include "daemon/supervisor/cgroup_find.h"
#include "tests/helper/t.h"

#include <errno.h>

static char path[CGROUP_PATH_BYTES];

UNIT(a_hybrid_machine_has_it_beside_the_old_ones)
{
	assert_true(cgroup_find_mount(
		"tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
		"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
		"cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
		path));
	assert_string_equal(path, "/sys/fs/cgroup/unified");
}

UNIT(a_path_with_a_blank_is_read_as_it_is)
{
	assert_true(cgroup_find_mount("none /a\\040b\\134c cgroup2 rw 0 0\n",
				      path));
	assert_string_equal(path, "/a b\\c");
}

UNIT(a_machine_without_it_is_seen)
{
	assert_false(cgroup_find_mount("", path));
	assert_false(cgroup_find_mount("cgroup2\n", path));
	assert_false(cgroup_find_mount("x /cgroup2 tmpfs rw 0 0", path));
	assert_false(cgroup_find_mount("a b cgroup rw 0 0\n\n\n", path));
}

UNIT(our_own_cgroup_is_on_the_line_of_version_2)
{
	assert_true(
		cgroup_find_own("9:name=systemd:/x\n0::/user.slice/a\n", path));
	assert_string_equal(path, "/user.slice/a");
	assert_true(cgroup_find_own("0::/\n", path));
	assert_string_equal(path, "");
	assert_false(cgroup_find_own("1:cpu:/\n", path));
	assert_false(cgroup_find_own("", path));
}

UNIT(the_name_is_stable_and_differs_by_folder_and_user)
{
	char a[32], b[32];

	cgroup_find_name("/s", 0, a);
	cgroup_find_name("/s", 0, b);
	assert_string_equal(a, b);
	assert_memory_equal(a, "reeve-0-", 8);
	cgroup_find_name("/t", 0, b);
	assert_string_not_equal(a, b);
	cgroup_find_name("/s", 4294967295U, b);
	assert_memory_equal(b, "reeve-4294967295-", 17);
}

UNIT(a_file_is_read_as_text)
{
	char small[4];

	assert_int_equal(
		cgroup_find_read("/proc/self/comm", path, sizeof(path)), 0);
	assert_true(strlen(path) > 0);
	assert_int_equal(
		cgroup_find_read("/proc/self/comm", small, sizeof(small)), 0);
	assert_int_equal(strlen(small), 3);
	assert_int_equal(cgroup_find_read("/proc/nothing", path, sizeof(path)),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hybrid_machine_has_it_beside_the_old_ones),
		cmocka_unit_test(a_path_with_a_blank_is_read_as_it_is),
		cmocka_unit_test(a_machine_without_it_is_seen),
		cmocka_unit_test(our_own_cgroup_is_on_the_line_of_version_2),
		cmocka_unit_test(
			the_name_is_stable_and_differs_by_folder_and_user),
		cmocka_unit_test(a_file_is_read_as_text),
	};

	return cmocka_run_group_tests_name("cgroup_find", tests, NULL, NULL);
}
