/* The whole supervisor with pools of handlers, whose programs are fakes. */
#include "daemon/base/clock.h"
#include "daemon/supervisor/birth.h"
#include "daemon/supervisor/supervisor.h"
#include "daemon/supervisor/tend.h"
#include "tests/helper/t.h"
#include "tests/unit/supervisor/rig.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct rig rig;
static const char *const no_cgroups[] = {"--no-cgroups", "--workers=1", NULL};
static const char *const with_cgroups[] = {"--workers=1", NULL};

static int set_up(__attribute__((unused)) void **state)
{
	rig_init(&rig);
	/* What a job of another daemon would have. */
	setenv("REEVE_JOB", "17", 1);
	setenv("REEVE_WORKER_SECRET", "feedbeef", 1);
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	rig_fini(&rig);
	return 0;
}

/* One pool: "NAME KIND MIN MAX READY_MS PRELOAD" and the word for the fake. It
 * serves handler h. */
static void pool(const char *text, const char *word)
{
	char pools[512];

	snprintf(pools, sizeof(pools), "%s h %s %s", text,
		 getenv("REEVE_FAKE_ROLE"), word);
	setenv("FAKE_POOLS", pools, 1);
}

/* The number of the @nth worker that was started in pool p, once it is. */
static int64_t number_of(int nth)
{
	int64_t number = 0;

	for (int i = 1; nth; i++) {
		const char *line = rig_await(&rig, "log",
					     "worker started slot=", i);

		if (!strstr(line, " pool=p"))
			continue;
		nth--;
		assert_int_equal(sscanf(line, "%*d worker=%" SCNd64, &number),
				 1);
	}
	return number;
}

static void order(const char *word, int64_t number)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %" PRId64, word, number);
	rig_order(&rig, text);
}

static pid_t pid_in(const char *line)
{
	return atoi(line);
}

/* Of the line in "fake" that says @what for the @nth time. */
static pid_t writer_of(const char *what, int nth)
{
	char path[128], line[1200];
	pid_t pid = 0;
	FILE *log;

	rig_await(&rig, "fake", what, nth);
	snprintf(path, sizeof(path), "%s/fake", rig.folder);
	log = fopen(path, "r");
	assert_non_null(log);
	while (nth && fgets(line, sizeof(line), log))
		if (strstr(line, what)) {
			pid = pid_in(line);
			nth--;
		}
	fclose(log);
	return pid;
}

UNIT(a_program_is_born_with_what_it_needs_and_nothing_else)
{
	const char *line;
	char text[160];

	pool("p 2 1 1 10000 0", "program");
	rig_start(&rig, no_cgroups);
	line = rig_await(&rig, "fake", " program ", 1);
	assert_non_null(strstr(line, "pool=p "));
	assert_non_null(strstr(line, "slot=0 "));
	assert_non_null(strstr(line, "handlers=h "));
	assert_non_null(strstr(line, "job=- "));
	assert_non_null(strstr(line, "cwd=/ "));
	assert_non_null(strstr(line, "stray=0 "));
	assert_non_null(strstr(line, "out=1 "));
	assert_null(strstr(line, "feedbeef"));
	assert_int_equal(strcspn(strstr(line, "secret=") + 7, " "), 32);
	snprintf(text, sizeof(text), "results=%s/state/results ", rig.folder);
	assert_non_null(strstr(line, text));
	snprintf(text, sizeof(text), "workers=%s/run/worker.sock ", rig.folder);
	assert_non_null(strstr(line, text));
	snprintf(text, sizeof(text), "socket=%s ", rig.socket);
	assert_non_null(strstr(line, text));
	line = rig_await(&rig, "fake", " born ", 2);
	rig_stop(&rig);
}

UNIT(the_broker_is_told_of_the_pools_before_their_workers)
{
	pool("p 2 1 1 10000 0", "program");
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", "living=1", 2);
	assert_non_null(
		strstr(rig_await(&rig, "fake", " text ", 1), "pool= number=0"));
	rig_await(&rig, "fake", " pools ", 1);
	assert_non_null(strstr(rig_await(&rig, "fake", " pool worker=", 2),
			       "pool=p number=1 living=0 value=1"));
	rig_stop(&rig);
}

UNIT(the_others_follow_when_the_first_one_is_ready)
{
	pool("p 2 3 3 10000 0", "program");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", " program ", 3);
	rig_await(&rig, "fake", "pool=p number=1 living=3", 1);
	rig_stop(&rig);
}

UNIT(a_program_that_exits_at_once_degrades_its_pool_only)
{
	pool("p 2 2 2 10000 0", "program");
	setenv("FAKE_PROGRAM_EXIT", "6", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake",
		  "reason=worker exited with status 6 before it was ready", 1);
	assert_in_range(rig_count(&rig, "fake", " program "), 2, 6);
	assert_int_equal(rig_count(&rig, "fake",
				   "degraded=1 cgroup= host=0 "
				   "pool=exec"),
			 0);
	rig_stop(&rig);
}

UNIT(a_program_that_is_not_there_is_the_reason)
{
	setenv("FAKE_POOLS", "p 2 1 1 10000 0 h /nowhere/at/all", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "log",
		  "cannot start '/nowhere/at/all': No such file or directory",
		  1);
	rig_await(&rig, "fake",
		  "reason=cannot start '/nowhere/at/all': No such file or "
		  "directory",
		  1);
	rig_stop(&rig);
}

UNIT(a_worker_that_says_nothing_is_ended)
{
	pool("p 2 1 1 200 0", "program");
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "log", "worker was not ready in time, ended pool=p", 1);
	rig_await(&rig, "log", "signal=9 pool=p", 1);
	/* After that of exec and the first one: whether they get as far as to
	 * say something is up to the machine. */
	rig_worker_pid(&rig, 3);
	rig_stop(&rig);
}

UNIT(a_worker_that_retires_is_replaced_first)
{
	pid_t pid;

	pool("p 2 1 1 10000 0", "program");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	pid = writer_of(" program ", 1);
	order("retire", number_of(1));
	rig_await(&rig, "fake", " program ", 2);
	assert_int_equal(kill(pid, 0), 0);
	assert_non_null(
		strstr(rig_await(&rig, "fake", " program ", 2), "slot=1 "));
	kill(pid, SIGKILL);
	rig_await(&rig, "fake", "pool=p number=1 living=1", 2);
	assert_int_equal(rig_count(&rig, "fake", " program "), 2);
	rig_stop(&rig);
}

UNIT(the_broker_says_how_many_and_ends_some)
{
	pool("p 2 1 3 10000 0", "program");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", " program ", 1);
	rig_order(&rig, "scale 1 3");
	rig_await(&rig, "fake", "pool=p number=1 living=3", 1);
	rig_await(&rig, "fake", " program ", 3);
	order("shrink", number_of(2));
	order("term", number_of(2));
	rig_await(&rig, "log", "signal=15 pool=p", 1);
	rig_await(&rig, "fake", "pool=p number=1 living=2", 1);
	/* The one that is ended at its work is replaced at once. */
	order("term", number_of(1));
	rig_await(&rig, "fake", " program ", 4);
	rig_stop(&rig);
}

UNIT(lines_are_served_by_our_own_role)
{
	const char *line;

	pool("p 3 1 1 10000 0", "filter");
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", "pool=p number=1 living=1", 1);
	/* The fake worker of exec, and that of the pool. */
	line = rig_await(&rig, "fake", " born ", 4);
	assert_non_null(line);
	rig_stop(&rig);
}

UNIT(a_template_forks_its_workers)
{
	const char *line;
	pid_t template;

	pool("p 2 2 2 10000 1", "preload");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	line = rig_await(&rig, "fake", " template ", 1);
	assert_non_null(strstr(line, "worker=- slot=- secret=- "));
	assert_non_null(strstr(line, "stray=1 "));
	rig_await(&rig, "fake", " forked worker=", 2);
	rig_await(&rig, "fake", "pool=p number=1 living=2", 1);
	assert_int_equal(rig_count(&rig, "fake", " template "), 1);
	/* They outlive it. */
	template = writer_of(" template ", 1);
	kill(template, SIGKILL);
	rig_await(&rig, "log", "template ready", 2);
	assert_int_equal(rig_count(&rig, "log", "worker died"), 0);
	kill(writer_of(" forked worker=", 1), SIGKILL);
	rig_await(&rig, "fake", " forked worker=", 3);
	assert_int_equal(rig_count(&rig, "log", "orphans ended"), 0);
	rig_stop(&rig);
	rig_await(&rig, "fake", "template left", 1);
}

UNIT(a_plugin_is_loaded_by_our_own_role)
{
	pool("p 1 1 1 10000 0", "plugin.so");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", " forked worker=", 1);
	rig_stop(&rig);
}

UNIT(a_preload_that_fails_is_the_reason_of_its_pool)
{
	pool("p 2 2 2 10000 1", "preload");
	setenv("FAKE_TEMPLATE", "fail", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", "degraded=1 cgroup= host=0 pool=p", 1);
	rig_await(&rig, "fake", "reason=preload failed: KeyError: 'x'", 2);
	assert_in_range(rig_count(&rig, "fake", " template "), 2, 6);
	rig_stop(&rig);
}

UNIT(a_fork_that_died_before_it_was_announced_is_told_of)
{
	pool("p 2 1 1 10000 1", "preload");
	setenv("FAKE_TEMPLATE", "slow", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", "status=1792", 1);
	rig_await(&rig, "fake",
		  "reason=worker exited with status 7 before it was ready", 1);
	rig_stop(&rig);
}

UNIT(a_fork_of_a_template_that_died_is_ended)
{
	pid_t orphan;

	pool("p 2 1 1 10000 1", "preload");
	setenv("FAKE_TEMPLATE", "crash", 1);
	rig_start(&rig, no_cgroups);
	orphan = atoi(rig_await(&rig, "fake", "grandchild pid=", 1));
	rig_await(&rig, "log", "template died", 1);
	rig_gone(orphan);
	rig_stop(&rig);
}

UNIT(a_fork_that_is_not_announced_is_not_ended_at_once)
{
	pid_t child, worker;

	pool("p 2 1 1 10000 1", "preload");
	setenv("FAKE_TEMPLATE", "mute", 1);
	rig_start(&rig, no_cgroups);
	child = atoi(rig_await(&rig, "fake", "grandchild pid=", 1));
	/* Whose death makes the supervisor look for orphans. */
	worker = rig_worker_pid(&rig, 1);
	kill(worker, SIGKILL);
	rig_worker_pid(&rig, 2);
	assert_int_equal(kill(child, 0), 0);
	/* But when the template did not answer in time. */
	rig_await(&rig, "log", "template did not fork when asked to", 1);
	rig_gone(child);
	rig_stop(&rig);
}

UNIT(a_pool_made_anew_gets_a_new_template_and_the_old_one_leaves)
{
	pool("p 2 1 1 10000 1", "preload");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	rig_await(&rig, "fake", " forked worker=", 1);
	rig_order(&rig, "recycle 1");
	rig_await(&rig, "fake", "pool=p number=1 living=1 value=2", 1);
	rig_await(&rig, "fake", "template left", 1);
	/* Its worker is still there, until the broker has it replaced. */
	assert_int_equal(rig_count(&rig, "fake", " forked worker="), 1);
	order("retire", number_of(1));
	rig_await(&rig, "fake", " forked worker=", 2);
	rig_await(&rig, "log", "template left", 1);
	rig_stop(&rig);
}

UNIT(a_stop_that_kills_leaves_no_process)
{
	pid_t template, worker;

	pool("p 2 1 1 10000 1", "preload");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, no_cgroups);
	template = writer_of(" template ", 1);
	worker = writer_of(" forked worker=", 1);
	rig_order(&rig, "shutdown 2");
	assert_int_equal(rig_exit(rig.pid), 0);
	rig.pid = 0;
	rig_gone(template);
	rig_gone(worker);
}

static bool cgroups_work(void)
{
	if (!rig_count(&rig, "log", "cgroups off"))
		return true;
	print_message("skipped: %s\n",
		      rig_await(&rig, "log", "cgroups off", 1));
	return false;
}

static void kills_all_that_was_forked(const char *kind, const char *word,
				      const char *line)
{
	pid_t worker, orphan;
	char text[64];

	pool(kind, word);
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, with_cgroups);
	if (!cgroups_work()) {
		rig_stop(&rig);
		skip();
	}
	worker = writer_of(line, 1);
	snprintf(text, sizeof(text), "place=/job/0-%" PRIx64, number_of(1));
	rig_await(&rig, "fake", text, 1);
	if (strcmp(word, "program") == 0) {
		kill(worker, SIGUSR1);
		orphan = atoi(rig_await(&rig, "fake", "orphan pid=", 1));
		order("kill", number_of(1));
		rig_gone(orphan);
	} else {
		order("kill", number_of(1));
	}
	rig_gone(worker);
	rig_await(&rig, "fake", line, 2);
	order("shutdown", 2);
	assert_int_equal(rig_exit(rig.pid), 0);
	rig.pid = 0;
}

UNIT(a_program_lives_in_its_own_cgroup)
{
	kills_all_that_was_forked("p 2 1 1 10000 0", "program", " program ");
}

UNIT(a_forked_worker_is_moved_into_its_cgroup)
{
	kills_all_that_was_forked("p 2 1 1 10000 1", "preload", " place ");
}

UNIT(a_program_outlives_its_supervisor_in_its_cgroup)
{
	pid_t worker;

	pool("p 2 1 1 10000 0", "program");
	setenv("FAKE_READY", "1", 1);
	rig_start(&rig, with_cgroups);
	if (!cgroups_work()) {
		rig_stop(&rig);
		skip();
	}
	worker = writer_of(" program ", 1);
	rig_all_ready(&rig);
	kill(worker, SIGSTOP);
	kill(rig.pid, SIGKILL);
	rig_exit(rig.pid);
	rig.pid = rig_launch(&rig, with_cgroups, "log");
	rig_await(&rig, "log", "serving socket", 2);
	assert_int_equal(kill(worker, SIGCONT), 0);
	rig_await(&rig, "fake", "left alone", 1);
	/* And the pool has a worker of its own again. */
	rig_await(&rig, "fake", " program ", 2);
	order("shutdown", 2);
	assert_int_equal(rig_exit(rig.pid), 0);
	rig.pid = 0;
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(a_program_is_born_with_what_it_needs_and_nothing_else),
		EACH(the_broker_is_told_of_the_pools_before_their_workers),
		EACH(the_others_follow_when_the_first_one_is_ready),
		EACH(a_program_that_exits_at_once_degrades_its_pool_only),
		EACH(a_program_that_is_not_there_is_the_reason),
		EACH(a_worker_that_says_nothing_is_ended),
		EACH(a_worker_that_retires_is_replaced_first),
		EACH(the_broker_says_how_many_and_ends_some),
		EACH(lines_are_served_by_our_own_role),
		EACH(a_template_forks_its_workers),
		EACH(a_plugin_is_loaded_by_our_own_role),
		EACH(a_preload_that_fails_is_the_reason_of_its_pool),
		EACH(a_fork_that_died_before_it_was_announced_is_told_of),
		EACH(a_fork_of_a_template_that_died_is_ended),
		EACH(a_fork_that_is_not_announced_is_not_ended_at_once),
		EACH(a_pool_made_anew_gets_a_new_template_and_the_old_one_leaves),
		EACH(a_stop_that_kills_leaves_no_process),
		EACH(a_program_lives_in_its_own_cgroup),
		EACH(a_forked_worker_is_moved_into_its_cgroup),
		EACH(a_program_outlives_its_supervisor_in_its_cgroup),
	};

	return cmocka_run_group_tests_name("birth", tests, NULL, NULL);
}
