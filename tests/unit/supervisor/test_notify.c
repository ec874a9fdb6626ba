#include "daemon/supervisor/notify.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static char path[64];
static int receiver;

static int set_up(__attribute__((unused)) void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(path, sizeof(path), "/tmp/reeve-notify-%d", (int)getpid());
	memcpy(address.sun_path, path, sizeof(path));
	unlink(path);
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(
		bind(receiver, (struct sockaddr *)&address, sizeof(address)),
		0);
	clearenv();
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	close(receiver);
	unlink(path);
	return 0;
}

UNIT(the_manager_gets_the_lines_in_one_datagram)
{
	struct notify notify;
	char text[64] = "";

	setenv("NOTIFY_SOCKET", path, 1);
	notify_init(&notify);
	notify_send(&notify, "READY=1\nSTATUS=serving");
	assert_int_equal(read(receiver, text, sizeof(text)), 22);
	assert_string_equal(text, "READY=1\nSTATUS=serving");
	notify_fini(&notify);
	assert_null(getenv("NOTIFY_SOCKET"));
}

UNIT(an_abstract_name_works_too)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct notify notify;
	char name[32], text[16];
	socklen_t n;
	int fd;

	n = (socklen_t)snprintf(name, sizeof(name), "@reeve-unit-%d",
				(int)getpid());
	memcpy(address.sun_path + 1, name + 1, n - 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	n += offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_init(&notify);
	notify_send(&notify, "WATCHDOG=1");
	assert_int_equal(read(fd, text, sizeof(text)), 10);
	notify_fini(&notify);
	close(fd);
}

UNIT(without_a_manager_nothing_happens)
{
	struct notify notify;

	notify_init(&notify);
	assert_int_equal(notify.fd, -1);
	notify_send(&notify, "READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_init(&notify);
	assert_int_equal(notify.fd, -1);
	notify_fini(&notify);
}

UNIT(the_watchdog_is_only_ours_if_it_names_us)
{
	struct notify notify;
	char pid[16];

	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	notify_init(&notify);
	assert_int_equal(notify.watchdog_ns, 400000000);
	notify_fini(&notify);
	assert_null(getenv("WATCHDOG_USEC"));

	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_init(&notify);
	assert_int_equal(notify.watchdog_ns, 0);
	notify_fini(&notify);
}

UNIT(a_manager_that_went_away_is_no_trouble)
{
	struct notify notify;

	setenv("NOTIFY_SOCKET", path, 1);
	notify_init(&notify);
	unlink(path);
	notify_send(&notify, "READY=1");
	notify_fini(&notify);
	notify_fini(&notify);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(the_manager_gets_the_lines_in_one_datagram),
		EACH(an_abstract_name_works_too),
		EACH(without_a_manager_nothing_happens),
		EACH(the_watchdog_is_only_ours_if_it_names_us),
		EACH(a_manager_that_went_away_is_no_trouble),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
