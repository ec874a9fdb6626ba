#include "daemon/worker/results.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], inside[80];
static struct results results;

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/reeve-results.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(inside, sizeof(inside), "%s/results", folder);
	results_init(&results, folder);
	return mkdir(inside, 0700);
}

static int teardown(void **state)
{
	(void)state;
	results_fini(&results);
	/* Fails where a test, or the spool, left something behind. */
	return rmdir(inside) || rmdir(folder);
}

static void add(int64_t token, const char *line)
{
	const struct result head = {.job = token + 1, .token = token};

	assert_int_equal(results_add(&results, &head, slice_of(line)), 0);
}

static const char *path_of(int64_t token)
{
	static char path[112];

	snprintf(path, sizeof(path), "%s/%d", inside, (int)token);
	return path;
}

static void expect_file(int64_t token, const char *line)
{
	char text[64] = {0};
	int fd = open(path_of(token), O_RDONLY);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(read(fd, text, sizeof(text) - 1), strlen(line));
	close(fd);
	assert_string_equal(text, line);
}

UNIT(results_wait_in_order_until_they_are_settled)
{
	add(91, "{}\n");
	add(92, "{}\n");
	results_settled(&results, 90);
	assert_int_equal(results.count, 2);
	results_settled(&results, 91);
	assert_int_equal(results.count, 1);
	assert_int_equal(TAILQ_FIRST(&results.list)->token, 92);
}

UNIT(what_is_spooled_is_on_disk_whole_until_it_is_settled)
{
	add(91, "{\"done\":1}\n");
	add(92, "{\"done\":2}\n");
	assert_int_equal(results_spool(&results), 0);
	assert_int_equal(results.spooled_count, 2);
	expect_file(91, "{\"done\":1}\n");
	expect_file(92, "{\"done\":2}\n");
	add(93, "{\"done\":3}\n");
	assert_int_equal(results_spool(&results), 0);
	expect_file(93, "{\"done\":3}\n");
	results_settled(&results, 92);
	assert_int_equal(access(path_of(92), F_OK), -1);
	/* The broker may have imported it already. */
	unlink(path_of(91));
	results_settled(&results, 91);
	results_settled(&results, 93);
	assert_int_equal(results.spooled_count, 0);
}

UNIT(what_cannot_be_spooled_counts_as_not_spooled)
{
	char moved[80];

	snprintf(moved, sizeof(moved), "%s/away", folder);
	add(91, "{\"done\":1}\n");
	assert_int_equal(rename(inside, moved), 0);
	assert_int_equal(results_spool(&results), -ENOENT);
	assert_int_equal(results.spooled_count, 0);
	assert_int_equal(rename(moved, inside), 0);
	/* In the way of its name: what was begun is removed again. */
	assert_int_equal(mkdir(path_of(91), 0700), 0);
	assert_int_equal(results_spool(&results), -EISDIR);
	assert_int_equal(rmdir(path_of(91)), 0);
	assert_int_equal(results_spool(&results), 0);
	results_settled(&results, 91);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(results_wait_in_order_until_they_are_settled),
		CASE(what_is_spooled_is_on_disk_whole_until_it_is_settled),
		CASE(what_cannot_be_spooled_counts_as_not_spooled),
	};

	return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
