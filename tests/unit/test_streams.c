#include "proto/streams.h"

#include "tests/helper/t.h"

#include <fcntl.h>
#include <unistd.h>

static int kept[3];

static int put_away(void **state)
{
	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		if (kept[fd] < 0)
			return -1;
	}
	return 0;
}

static int put_back(void **state)
{
	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(kept[fd], fd) < 0)
			return -1;
		close(kept[fd]);
	}
	return 0;
}

UNIT(what_is_closed_is_held_and_what_is_open_stays)
{
	int pipe_fds[2], first;

	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(dup2(pipe_fds[1], 2), 2);
	close(0);
	close(1);
	assert_int_equal(streams_keep(), 0);
	first = open("/dev/null", O_RDONLY);
	assert_true(first > 2);
	assert_int_equal(write(1, "x", 1), -1);
	assert_int_equal(write(2, "x", 1), 1);
	close(first);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

UNIT(a_descriptor_goes_above_the_three)
{
	int fd, above;

	close(1);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(fd, 1);
	above = streams_above(fd);
	assert_true(above > 2);
	assert_int_equal(fcntl(above, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(1, F_GETFD), -1);
	assert_int_equal(streams_above(above), above);
	assert_int_equal(streams_above(-1), -1);
	close(above);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_closed_is_held_and_what_is_open_stays, put_away,
			put_back),
		cmocka_unit_test_setup_teardown(
			a_descriptor_goes_above_the_three, put_away, put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
