#include "daemon/base/clock.h"
#include "daemon/supervisor/state.h"
#include "daemon/supervisor/supervisor.h"
#include "tests/helper/t.h"
#include "tests/unit/supervisor/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not as late as what is waited with, on whatever machine. */
#define SOON_NS (10 * INT64_C(1000000000))

static struct rig rig;
static const char *const no_cgroups[] = {"--no-cgroups", "--workers=2", NULL};
static const char *const with_cgroups[] = {"--workers=2", NULL};

static int set_up(__attribute__((unused)) void **state)
{
	rig_init(&rig);
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	rig_fini(&rig);
	return 0;
}

static int64_t worker_number(int nth)
{
	const char *rest = rig_await(&rig, "log", "worker started slot=", nth);
	int64_t number = 0;

	assert_int_equal(sscanf(rest, "%*d worker=%" SCNd64, &number), 1);
	return number;
}

/* The @nth worker that was started, once it can take signals. */
static pid_t worker_up(int nth)
{
	pid_t pid = rig_worker_pid(&rig, nth);
	char text[32];

	snprintf(text, sizeof(text), "%d born", (int)pid);
	rig_await(&rig, "fake", text, 1);
	return pid;
}

UNIT(a_new_broker_is_told_of_every_worker)
{
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", "announced", 1);
	/* Each worker notes its own birth, which the first broker is told. */
	rig_await(&rig, "fake", "born", 4);
	rig_order(&rig, "crash");
	rig_await(&rig, "log", "broker died signal=11", 1);
	rig_await(&rig, "fake", "announced", 2);
	/* And the second is told again. */
	assert_int_equal(rig_count(&rig, "fake", "born"), 6);
	assert_int_equal(rig_count(&rig, "log", "worker started"), 2);
	rig_stop(&rig);
}

UNIT(a_role_gets_no_descriptor_that_is_not_meant_for_it)
{
	rig_start(&rig, no_cgroups);
	worker_up(1);
	worker_up(2);
	assert_int_equal(rig_count(&rig, "fake", "leak"), 0);
	rig_stop(&rig);
}

UNIT(a_broker_that_dies_is_replaced_soon)
{
	int64_t begin_ns;

	rig_start(&rig, no_cgroups);
	begin_ns = clock_mono_ns();
	rig_order(&rig, "crash");
	rig_await(&rig, "log", "serving socket", 2);
	assert_true(clock_mono_ns() - begin_ns < SOON_NS);
	rig_stop(&rig);
}

UNIT(a_broker_that_does_not_turn_is_replaced)
{
	rig_start(&rig, no_cgroups);
	rig_order(&rig, "silent");
	rig_await(&rig, "log", "broker is ended", 1);
	rig_await(&rig, "log", "serving socket", 2);
	assert_int_equal(rig_count(&rig, "log", "worker died"), 0);
	rig_stop(&rig);
}

UNIT(a_worker_that_dies_is_replaced_and_its_end_is_told)
{
	int64_t begin_ns;

	rig_start(&rig, no_cgroups);
	begin_ns = clock_mono_ns();
	kill(rig_worker_pid(&rig, 1), SIGKILL);
	rig_worker_pid(&rig, 3);
	assert_true(clock_mono_ns() - begin_ns < SOON_NS);
	rig_await(&rig, "fake", "died", 1);
	assert_non_null(strstr(rig_await(&rig, "fake", "died", 1), "status=9"));
	assert_true(worker_number(3) > worker_number(2));
	rig_stop(&rig);
}

UNIT(the_broker_can_have_a_worker_killed)
{
	char order[64];
	pid_t pid;

	rig_start(&rig, no_cgroups);
	pid = rig_worker_pid(&rig, 2);
	snprintf(order, sizeof(order), "kill %" PRId64, worker_number(2));
	rig_order(&rig, order);
	rig_gone(pid);
	rig_await(&rig, "log", "worker died slot=1", 1);
	rig_stop(&rig);
}

UNIT(workers_that_exit_at_once_are_held_back)
{
	int started;

	setenv("FAKE_WORKER_EXIT", "1", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "log", "pool degraded", 1);
	rig_await(&rig, "fake", "degraded=1", 1);
	/* The first two, at most two replacements, and then one by one. */
	started = rig_count(&rig, "log", "worker started");
	assert_in_range(started, 3, 4);
	rig_await(&rig, "log", "pool degraded", 2);
	assert_int_equal(rig_count(&rig, "log", "worker started"), started + 1);
	rig_stop(&rig);
}

UNIT(a_second_daemon_names_the_first)
{
	char text[64];
	pid_t other;
	int status;

	rig_start(&rig, no_cgroups);
	other = rig_launch(&rig, no_cgroups, "other");
	status = rig_exit(other);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SUPERVISOR_EXIT_CALLER);
	snprintf(text, sizeof(text), "another reeved (pid %d) serves",
		 (int)rig.pid);
	assert_int_equal(rig_count(&rig, "other", text), 1);
	/* The first one is as it was. */
	rig_order(&rig, "hello");
	rig_stop(&rig);
}

UNIT(what_a_killed_daemon_left_prevents_nothing)
{
	rig_start(&rig, no_cgroups);
	kill(rig.pid, SIGKILL);
	rig_exit(rig.pid);
	rig.pid = rig_launch(&rig, no_cgroups, "log");
	rig_await(&rig, "log", "serving socket", 2);
	rig_order(&rig, "hello");
	rig_stop(&rig);
}

static pid_t orphan_pid(void)
{
	return atoi(rig_await(&rig, "fake", "orphan pid=", 1));
}

UNIT(an_orphan_of_a_dead_worker_is_ended)
{
	pid_t worker, orphan;

	rig_start(&rig, no_cgroups);
	worker = worker_up(1);
	kill(worker, SIGUSR1);
	orphan = orphan_pid();
	kill(worker, SIGKILL);
	rig_await(&rig, "log", "orphans ended", 1);
	rig_gone(orphan);
	rig_await(&rig, "log", "worker started", 3);
	rig_stop(&rig);
}

UNIT(what_a_worker_keeps_lives_on)
{
	pid_t worker, kept;

	rig_start(&rig, no_cgroups);
	worker = worker_up(1);
	kill(worker, SIGUSR1);
	kept = orphan_pid();
	kill(worker, SIGUSR2);
	rig_await(&rig, "log", "worker left slot=0", 1);
	/* Later deaths do not change it. */
	kill(rig_worker_pid(&rig, 2), SIGKILL);
	rig_await(&rig, "log", "worker started", 4);
	assert_int_equal(kill(kept, 0), 0);
	kill(kept, SIGKILL);
	rig_gone(kept);
	rig_stop(&rig);
}

UNIT(five_thousand_children_die_at_once_and_leave_no_zombie)
{
	int64_t end_ns = clock_mono_ns() + 60 * INT64_C(1000000000);
	char path[64], text[16];
	ssize_t n = 0;
	pid_t worker;
	int fd;

	setenv("FAKE_CHILDREN", "5000", 1);
	rig_start(&rig,
		  (const char *const[]){"--no-cgroups", "--workers=1", NULL});
	worker = worker_up(1);
	kill(worker, SIGWINCH);
	rig_await(&rig, "fake", "children left", 1);
	kill(worker, SIGKILL);
	rig_await(&rig, "log", "orphans ended count=", 1);
	rig_await(&rig, "log", "worker started", 2);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)rig.pid,
		 (int)rig.pid);
	do {
		fd = open(path, O_RDONLY);
		n = read(fd, text, sizeof(text));
		close(fd);
	} while (n >= (ssize_t)sizeof(text) && clock_mono_ns() < end_ns);
	assert_true(n < (ssize_t)sizeof(text));
	rig_order(&rig, "hello");
	rig_stop(&rig);
}

UNIT(a_stop_leaves_the_workers_to_themselves)
{
	rig_start(&rig, no_cgroups);
	kill(rig.pid, SIGHUP);
	rig_await(&rig, "log", "configuration reloaded", 1);
	kill(rig.pid, SIGTERM);
	kill(rig.pid, SIGTERM);
	assert_int_equal(rig_exit(rig.pid), 0);
	rig.pid = 0;
	rig_await(&rig, "log", "stopped", 1);
	assert_int_equal(rig_count(&rig, "log", "worker died"), 0);
	assert_int_equal(access(rig.socket, F_OK), -1);
}

UNIT(a_worker_that_was_stopped_leaves_with_the_others)
{
	pid_t workers[2];

	rig_start(&rig, no_cgroups);
	workers[0] = worker_up(1);
	workers[1] = worker_up(2);
	kill(workers[0], SIGSTOP);
	rig_stop(&rig);
	rig_gone(workers[1]);
	rig_gone(workers[0]);
}

UNIT(the_broker_can_stop_it_all)
{
	pid_t worker, orphan;

	rig_start(&rig, no_cgroups);
	worker = worker_up(1);
	kill(worker, SIGUSR1);
	orphan = orphan_pid();
	rig_order(&rig, "shutdown 2");
	assert_int_equal(rig_exit(rig.pid), 0);
	rig.pid = 0;
	rig_gone(worker);
	rig_gone(orphan);
	assert_int_equal(rig_count(&rig, "log", "worker died"), 2);
}

UNIT(a_broker_that_never_served_and_says_why_ends_the_start)
{
	int status;

	setenv("FAKE_BROKER_EXIT", "100", 1);
	rig.pid = rig_launch(&rig, no_cgroups, "log");
	status = rig_exit(rig.pid);
	rig.pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SUPERVISOR_EXIT_CALLER);
}

UNIT(the_sockets_come_back_when_somebody_removes_them)
{
	rig_start(&rig, no_cgroups);
	assert_int_equal(unlink(rig.socket), 0);
	rig_await(&rig, "log", "socket went away, bound anew", 1);
	rig_await(&rig, "log", "serving socket", 2);
	rig_order(&rig, "hello");
	rig_stop(&rig);
}

UNIT(behind_daemon_it_returns_when_it_serves)
{
	char path[128];
	int pid = 0, fd;
	FILE *lock;

	fd = (int)rig_launch(
		&rig, (const char *const[]){"--daemon", "--no-cgroups", NULL},
		"log");
	assert_int_equal(rig_exit(fd), 0);
	rig_order(&rig, "hello");
	snprintf(path, sizeof(path), "%s/state/lock", rig.folder);
	lock = fopen(path, "r");
	assert_non_null(lock);
	assert_int_equal(fscanf(lock, "%d", &pid), 1);
	fclose(lock);
	assert_int_equal(kill(pid, SIGTERM), 0);
	rig_gone(pid);
	assert_int_equal(rig_count(&rig, "state/reeved.log", "stopped"), 1);
	assert_int_equal(rig_count(&rig, "log", "\n"), 0);
}

UNIT(a_daemon_that_cannot_start_says_so)
{
	int status;

	setenv("FAKE_BROKER_EXIT", "100", 1);
	status = rig_exit(rig_launch(
		&rig, (const char *const[]){"--daemon", "--no-cgroups", NULL},
		"log"));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SUPERVISOR_EXIT_CALLER);
	rig_await(&rig, "log", "reeved.log says why", 1);
}

UNIT(each_worker_has_a_cgroup_and_it_goes_with_it)
{
	int64_t end_ns = clock_mono_ns() + 60 * INT64_C(1000000000);
	char path[256], folder[41];
	const char *rest;

	rig_start(&rig, with_cgroups);
	if (rig_count(&rig, "log", "cgroups off")) {
		print_message("skipped: %s\n",
			      rig_await(&rig, "log", "cgroups off", 1));
		rig_stop(&rig);
		skip();
	}
	assert_int_equal(sscanf(rig_await(&rig, "log", "cgroups on path=", 1),
				"%180s", path),
			 1);
	rest = rig_await(&rig, "fake", "cgroup=0-", 1);
	assert_int_equal(sscanf(rest, "%40s", folder), 1);
	snprintf(path + strlen(path), 64, "/job/0-%s", folder);
	assert_int_equal(access(path, F_OK), 0);
	kill(rig_worker_pid(&rig, 1), SIGKILL);
	rig_await(&rig, "log", "worker started", 3);
	while (access(path, F_OK) == 0 && clock_mono_ns() < end_ns)
		poll(NULL, 0, 2);
	assert_int_equal(access(path, F_OK), -1);
	rig_order(&rig, "shutdown 2");
	assert_int_equal(rig_exit(rig.pid), 0);
	rig.pid = 0;
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(a_new_broker_is_told_of_every_worker),
		EACH(a_role_gets_no_descriptor_that_is_not_meant_for_it),
		EACH(a_broker_that_dies_is_replaced_soon),
		EACH(a_broker_that_does_not_turn_is_replaced),
		EACH(a_worker_that_dies_is_replaced_and_its_end_is_told),
		EACH(the_broker_can_have_a_worker_killed),
		EACH(workers_that_exit_at_once_are_held_back),
		EACH(a_second_daemon_names_the_first),
		EACH(what_a_killed_daemon_left_prevents_nothing),
		EACH(an_orphan_of_a_dead_worker_is_ended),
		EACH(what_a_worker_keeps_lives_on),
		EACH(five_thousand_children_die_at_once_and_leave_no_zombie),
		EACH(a_stop_leaves_the_workers_to_themselves),
		EACH(a_worker_that_was_stopped_leaves_with_the_others),
		EACH(the_broker_can_stop_it_all),
		EACH(a_broker_that_never_served_and_says_why_ends_the_start),
		EACH(the_sockets_come_back_when_somebody_removes_them),
		EACH(behind_daemon_it_returns_when_it_serves),
		EACH(a_daemon_that_cannot_start_says_so),
		EACH(each_worker_has_a_cgroup_and_it_goes_with_it),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
