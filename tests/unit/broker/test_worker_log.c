#include "daemon/broker/worker_log.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/base/log.h"

#define S INT64_C(1000000000)

static struct worker worker = {.id = 8, .pool_name = "img"};
static int heard = -1, saved = -1;

static int set_up(__attribute__((unused)) void **state)
{
	heard = memfd_create("heard", 0);
	saved = dup(STDERR_FILENO);
	worker.log = (struct bucket){0};
	log_init("broker", LOG_INFO);
	return dup2(heard, STDERR_FILENO) >= 0 ? 0 : -1;
}

static int tear_down(__attribute__((unused)) void **state)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(heard);
	return 0;
}

static void say(const char *level, int64_t now_ns)
{
	char line[96];

	snprintf(line, sizeof(line),
		 "{\"log\":\"hello\",\"level\":\"%s\",\"job\":17}", level);
	worker_log_say(&worker, slice_of(line), SLICE("\"hello\""), LOG_INFO,
		       now_ns);
}

/* How often it stands in what was logged. */
static int count(const char *part)
{
	static char text[1 << 16];
	ssize_t n = pread(heard, text, sizeof(text) - 1, 0);
	int found = 0;

	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *at = text; (at = strstr(at, part)); at++)
		found++;
	return found;
}

UNIT(what_it_says_is_logged_with_its_level_and_job)
{
	say("error", S);
	say("warning", S);
	say("what", S);
	assert_int_equal(count("error broker hello pool=img worker=8 job=17"),
			 1);
	assert_int_equal(count("warning broker hello"), 1);
	assert_int_equal(count("info broker hello"), 1);
}

UNIT(what_is_too_much_is_left_out_and_counted)
{
	for (int i = 0; i < BUCKET_BURST + 30; i++)
		say("info", S);
	worker_log_tick(&worker, S);
	assert_int_equal(count("hello"), BUCKET_BURST);
	assert_int_equal(count("left out"), 0);
	worker_log_tick(&worker, 2 * S);
	worker_log_tick(&worker, 2 * S);
	assert_int_equal(count("lines are left out count=30 pool=img"), 1);
	assert_int_equal(count("left out"), 1);
	/* Before the next word, too. */
	for (int i = 0; i < BUCKET_BURST; i++)
		say("info", 3 * S);
	say("info", 4 * S);
	assert_int_equal(count("left out"), 2);
}

UNIT(what_is_not_logged_keeps_nothing_else_away)
{
	for (int i = 0; i < 2 * BUCKET_BURST; i++)
		say("debug", S);
	say("info", S);
	assert_int_equal(count("hello"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_it_says_is_logged_with_its_level_and_job, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_too_much_is_left_out_and_counted, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_not_logged_keeps_nothing_else_away, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("worker_log", tests, NULL, NULL);
}
