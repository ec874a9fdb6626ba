#include "daemon/supervisor/pool_reason.h"
#include "daemon/supervisor/preload.h"
#include "daemon/supervisor/template.h"
#include "tests/helper/t.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static struct pool pool;
static int64_t wake_ns;
static pid_t next_pid;

static struct pool_config config = {
	.name = "thumb",
	.kind = POOL_PLUGIN,
	.workers_min = 1,
	.workers_max = 4,
	.ready_ms = 10000,
};

static int set_up(__attribute__((unused)) void **state)
{
	/* No process of ours has such a number: no signal reaches anybody. */
	next_pid = 0x7ffffff0;
	return pool_init(&pool, 1, &config);
}

static int tear_down(__attribute__((unused)) void **state)
{
	pool_fini(&pool);
	return 0;
}

/* As birth_template() does it, without a process: the template's end. */
static int started(int64_t now_ns)
{
	int ends[2];

	assert_int_equal(template_pair(ends), 0);
	template_started(&pool.next, next_pid++, ends[0], now_ns);
	return ends[1];
}

static void say(int fd, enum template_op op, int64_t worker, pid_t pid)
{
	const struct template_message message = {
		.op = op,
		.worker = worker,
		.pid = pid,
	};

	assert_int_equal(write(fd, &message, sizeof(message)), sizeof(message));
}

static int hear(struct template *template, int64_t now_ns)
{
	struct template_message message;

	return template_receive(template, &message, now_ns);
}

/* One that serves. */
static int serving(int64_t now_ns)
{
	int fd = started(now_ns);

	say(fd, TEMPLATE_READY, 0, 0);
	assert_int_equal(hear(&pool.next, now_ns), 0);
	preload_ready(&pool, now_ns);
	assert_int_equal(pool.template.state, TEMPLATE_SERVING);
	return fd;
}

static void ask(int64_t worker, int64_t now_ns)
{
	const struct template_message message = {
		.op = TEMPLATE_FORK,
		.worker = worker,
	};

	assert_int_equal(template_fork(&pool.template, &message, now_ns), 0);
}

UNIT(no_worker_is_born_before_the_template_is_ready)
{
	int fd;

	assert_true(preload_wants(&pool, SECOND, &wake_ns));
	fd = started(SECOND);
	assert_false(preload_wants(&pool, SECOND, &wake_ns));
	assert_int_equal(pool_next_slot(&pool, SECOND, &wake_ns), -1);
	say(fd, TEMPLATE_READY, 0, 0);
	assert_int_equal(hear(&pool.next, SECOND), 0);
	preload_ready(&pool, SECOND);
	assert_int_equal(pool_next_slot(&pool, SECOND, &wake_ns), 0);
	close(fd);
}

UNIT(a_fork_before_ready_is_nonsense)
{
	int fd = started(SECOND);

	say(fd, TEMPLATE_FORKED, 5, 77);
	assert_int_equal(hear(&pool.next, SECOND), TEMPLATE_E_END);
	assert_int_equal(hear(&pool.next, SECOND), TEMPLATE_E_EMPTY);
	close(fd);
}

UNIT(an_answer_that_nobody_asked_for_is_nonsense)
{
	int fd = serving(SECOND);

	ask(5, SECOND);
	say(fd, TEMPLATE_FORKED, 5, 77);
	say(fd, TEMPLATE_FORKED, 6, 78);
	assert_int_equal(hear(&pool.template, SECOND), 0);
	assert_int_equal(hear(&pool.template, SECOND), TEMPLATE_E_END);
	close(fd);
}

UNIT(a_packet_of_another_size_is_nonsense)
{
	int fd = started(SECOND);

	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(hear(&pool.next, SECOND), TEMPLATE_E_END);
	close(fd);
}

UNIT(a_template_that_is_asked_owes_until_it_answers)
{
	struct template_message message;
	int fd = serving(SECOND);

	ask(5, 2 * SECOND);
	ask(6, 3 * SECOND);
	assert_true(template_owes(&pool.template));
	assert_int_equal(read(fd, &message, sizeof(message)), sizeof(message));
	assert_int_equal(message.worker, 5);
	assert_int_equal(template_deadline_ns(&pool.template, 0),
			 2 * SECOND + TEMPLATE_ANSWER_NS);
	say(fd, TEMPLATE_FORKED, 5, 77);
	assert_int_equal(hear(&pool.template, 4 * SECOND), 0);
	assert_true(template_owes(&pool.template));
	say(fd, TEMPLATE_FAILED, 6, 0);
	assert_int_equal(hear(&pool.template, 5 * SECOND), 0);
	assert_false(template_owes(&pool.template));
	assert_int_equal(template_deadline_ns(&pool.template, 0), 0);
	close(fd);
}

UNIT(a_template_that_reads_nothing_is_asked_later)
{
	const struct template_message message = {.op = TEMPLATE_FORK,
						 .worker = 1};
	int fd = serving(SECOND), r = 0;

	for (int i = 0; !r && i < 100000; i++)
		r = template_fork(&pool.template, &message, SECOND);
	assert_int_equal(r, TEMPLATE_E_FULL);
	close(fd);
	assert_int_equal(template_fork(&pool.template, &message, SECOND),
			 TEMPLATE_E_END);
}

UNIT(a_preload_that_always_fails_makes_few_processes)
{
	int64_t now_ns = SECOND;
	int count = 0;

	for (; now_ns < 61 * SECOND; now_ns += SECOND / 100) {
		if (preload_wants(&pool, now_ns, &wake_ns)) {
			close(started(now_ns));
			count++;
		} else if (pool.next.state != TEMPLATE_NONE) {
			preload_died(&pool, &pool.next, 111 << 8, now_ns);
		}
	}
	assert_in_range(count, 3, 9);
	assert_true(pool_degraded(&pool, now_ns));
	assert_string_equal(pool.reason,
			    "template exited with status 111 at preload");
}

UNIT(a_long_preload_that_fails_is_a_failure_too)
{
	close(started(SECOND));
	preload_died(&pool, &pool.next, 256, 60 * SECOND);
	close(started(60 * SECOND));
	preload_died(&pool, &pool.next, 256, 119 * SECOND);
	assert_int_equal(pool.preload.deaths, 2);
	assert_int_equal(pool.preload_ns, 120 * SECOND);
}

UNIT(a_preload_that_takes_too_long_is_ended)
{
	int fd = started(SECOND);

	preload_check(&pool, 2 * SECOND, &wake_ns);
	assert_int_equal(wake_ns, 11 * SECOND);
	preload_check(&pool, 11 * SECOND, &wake_ns);
	assert_true(pool.next.killed);
	assert_string_equal(pool.reason, "preload took too long (ready: 10 s)");
	preload_died(&pool, &pool.next, SIGKILL, 11 * SECOND);
	/* The signal was ours: that says nothing. */
	assert_string_equal(pool.reason, "preload took too long (ready: 10 s)");
	close(fd);
}

UNIT(a_template_that_does_not_answer_is_ended)
{
	int fd = serving(SECOND);

	ask(5, 2 * SECOND);
	preload_check(&pool, 3 * SECOND, &wake_ns);
	assert_int_equal(wake_ns, 2 * SECOND + TEMPLATE_ANSWER_NS);
	preload_check(&pool, wake_ns, &wake_ns);
	assert_true(pool.template.killed);
	/* Nobody is born of it any more. */
	assert_int_equal(pool_next_slot(&pool, 13 * SECOND, &wake_ns), -1);
	close(fd);
}

UNIT(a_template_that_served_is_replaced_at_once)
{
	int fd = serving(SECOND);

	pool.template.useful = true;
	preload_died(&pool, &pool.template, SIGSEGV, 2 * SECOND);
	assert_true(preload_wants(&pool, 2 * SECOND, &wake_ns));
	close(fd);
	fd = serving(2 * SECOND);
	/* It is the same pool: nobody needs to be recycled. */
	assert_int_equal(pool.generation, 1);
	close(fd);
}

UNIT(a_pool_made_anew_changes_when_the_new_template_is_ready)
{
	int old = serving(SECOND), new;
	pid_t old_pid = pool.template.pid;

	preload_renew(&pool);
	assert_int_equal(pool.generation, 1);
	assert_true(preload_wants(&pool, 2 * SECOND, &wake_ns));
	new = started(2 * SECOND);
	/* Until then workers come from the old one. */
	assert_int_equal(pool_next_slot(&pool, 2 * SECOND, &wake_ns), 0);
	ask(5, 2 * SECOND);
	say(new, TEMPLATE_READY, 0, 0);
	assert_int_equal(hear(&pool.next, 3 * SECOND), 0);
	preload_ready(&pool, 3 * SECOND);
	assert_int_equal(pool.generation, 2);
	assert_int_equal(pool.old.pid, old_pid);
	/* It owes a fork. */
	preload_check(&pool, 3 * SECOND, &wake_ns);
	assert_int_equal(pool.old.state, TEMPLATE_SERVING);
	say(old, TEMPLATE_FORKED, 5, 77);
	assert_int_equal(hear(&pool.old, 4 * SECOND), 0);
	preload_check(&pool, 4 * SECOND, &wake_ns);
	assert_int_equal(pool.old.state, TEMPLATE_ENDING);
	preload_check(&pool, 4 * SECOND, &wake_ns);
	assert_int_equal(wake_ns, 4 * SECOND + TEMPLATE_ENDING_NS);
	preload_died(&pool, preload_find(&pool, old_pid), 0, 5 * SECOND);
	assert_int_equal(pool.preload.deaths, 0);
	assert_int_equal(pool.old.state, TEMPLATE_NONE);
	close(old);
	close(new);
}

UNIT(a_new_template_that_fails_leaves_the_old_one_in_use)
{
	int old = serving(SECOND);

	preload_renew(&pool);
	close(started(2 * SECOND));
	pool_explain(&pool, "preload failed: KeyError: 'x'");
	pool.next.explained = true;
	preload_died(&pool, &pool.next, 111 << 8, 2 * SECOND);
	assert_int_equal(pool.generation, 1);
	assert_string_equal(pool.reason, "preload failed: KeyError: 'x'");
	assert_int_equal(pool_next_slot(&pool, 2 * SECOND, &wake_ns), 0);
	assert_true(preload_wants(&pool, 2 * SECOND, &wake_ns));
	close(old);
}

UNIT(a_template_that_loads_yesterdays_code_is_started_again)
{
	int fd = started(SECOND);

	preload_renew(&pool);
	assert_true(pool.next.killed);
	preload_died(&pool, &pool.next, SIGKILL, 2 * SECOND);
	assert_true(preload_wants(&pool, 2 * SECOND, &wake_ns));
	assert_string_equal(pool.reason, "");
	close(fd);
}

UNIT(a_removed_pool_has_no_template)
{
	int fd = serving(SECOND);
	char byte;

	pool.removed = true;
	preload_end(&pool, 2 * SECOND);
	assert_int_equal(pool.template.state, TEMPLATE_ENDING);
	assert_int_equal(read(fd, &byte, 1), 0);
	preload_died(&pool, &pool.template, 0, 3 * SECOND);
	assert_false(preload_wants(&pool, 3 * SECOND, &wake_ns));
	close(fd);
}

UNIT(a_new_template_does_not_explain_away_why_workers_fail)
{
	pool.backoff.deaths = 2;
	pool_explain(&pool, "worker exited");
	close(serving(SECOND));
	assert_string_equal(pool.reason, "worker exited");
	assert_true(pool_degraded(&pool, SECOND));
}

UNIT(a_pool_without_preload_is_made_anew_at_once)
{
	pool.config.kind = POOL_LINES;
	preload_renew(&pool);
	assert_int_equal(pool.generation, 2);
	assert_false(preload_wants(&pool, SECOND, &wake_ns));
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(no_worker_is_born_before_the_template_is_ready),
		EACH(a_fork_before_ready_is_nonsense),
		EACH(an_answer_that_nobody_asked_for_is_nonsense),
		EACH(a_packet_of_another_size_is_nonsense),
		EACH(a_template_that_is_asked_owes_until_it_answers),
		EACH(a_template_that_reads_nothing_is_asked_later),
		EACH(a_preload_that_always_fails_makes_few_processes),
		EACH(a_long_preload_that_fails_is_a_failure_too),
		EACH(a_preload_that_takes_too_long_is_ended),
		EACH(a_template_that_does_not_answer_is_ended),
		EACH(a_template_that_served_is_replaced_at_once),
		EACH(a_pool_made_anew_changes_when_the_new_template_is_ready),
		EACH(a_new_template_that_fails_leaves_the_old_one_in_use),
		EACH(a_template_that_loads_yesterdays_code_is_started_again),
		EACH(a_removed_pool_has_no_template),
		EACH(a_new_template_does_not_explain_away_why_workers_fail),
		EACH(a_pool_without_preload_is_made_anew_at_once),
	};

	return cmocka_run_group_tests_name("preload", tests, NULL, NULL);
}
