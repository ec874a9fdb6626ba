#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/pool_message.h"
#include "daemon/supervisor/preload.h"
#include "tests/helper/t.h"

#define SECOND INT64_C(1000000000)

static struct pool pool;
static int64_t number;

static const struct pool_config exec_config = {
	.name = "exec",
	.kind = POOL_COMMAND,
	.workers_min = 3,
	.workers_max = 3,
};

static int set_up(__attribute__((unused)) void **state)
{
	number = 1000;
	return pool_init(&pool, 0, &exec_config);
}

static int tear_down(__attribute__((unused)) void **state)
{
	pool_fini(&pool);
	return 0;
}

/* As pool_start() does it, without a process. */
static void born(int slot, int64_t now_ns)
{
	pool.workers[slot] = (struct pool_worker){
		.number = number++,
		.pid = 100 + slot,
		.born_ns = now_ns,
	};
}

static void die(int slot, int64_t now_ns)
{
	const struct reap_end end = {.status = 256, .cpu_us = 5};
	struct channel_message message;

	pool_died_message(&pool, &pool.workers[slot], &end, &message);
	pool_died(&pool, &pool.workers[slot], &end, now_ns);
	assert_int_equal(message.kind, CHANNEL_DIED);
	assert_int_equal(message.slot, slot);
	assert_int_equal(message.status, 256);
	assert_int_equal(message.cpu_us, 5);
}

/* How many may start at that moment; they live from then on. */
static int fill(int64_t now_ns, int64_t *ret_wake_ns)
{
	int n = 0, slot;

	while ((slot = pool_next_slot(&pool, now_ns, ret_wake_ns)) >= 0) {
		born(slot, now_ns);
		n++;
	}
	return n;
}

UNIT(an_empty_pool_is_filled_at_once)
{
	int64_t wake_ns;

	assert_int_equal(fill(SECOND, &wake_ns), 3);
	assert_int_equal(wake_ns, 0);
}

UNIT(all_killed_together_come_back_at_once)
{
	int64_t wake_ns;

	fill(SECOND, &wake_ns);
	for (int slot = 0; slot < 3; slot++)
		die(slot, 2 * SECOND);
	assert_int_equal(fill(2 * SECOND, &wake_ns), 3);
}

UNIT(replacements_that_die_come_one_by_one_and_later_each_time)
{
	int64_t now_ns = SECOND, wake_ns = 0;
	int started = 0;

	while (now_ns < 61 * SECOND) {
		started += fill(now_ns, &wake_ns);
		for (int slot = 0; slot < 3; slot++)
			if (pool.workers[slot].number)
				die(slot, now_ns + SECOND / 1000);
		now_ns += SECOND / 100;
		if (wake_ns > now_ns)
			now_ns = wake_ns;
	}
	/* Twice all three, then at 1, 3, 7, 15, 31 seconds. */
	assert_in_range(started, 8, 12);
}

UNIT(one_that_lives_lets_the_others_follow)
{
	int64_t wake_ns;

	fill(SECOND, &wake_ns);
	for (int slot = 0; slot < 3; slot++)
		die(slot, SECOND + 1);
	assert_int_equal(fill(SECOND + 2, &wake_ns), 3);
	for (int slot = 0; slot < 3; slot++)
		die(slot, SECOND + 3);
	assert_int_equal(fill(SECOND + 4, &wake_ns), 0);
	assert_int_equal(fill(wake_ns, &wake_ns), 1);
	assert_int_equal(fill(wake_ns - 1, &wake_ns), 0);
	assert_int_equal(fill(wake_ns, &wake_ns), 2);
}

UNIT(one_that_worked_clears_the_account)
{
	int64_t wake_ns;

	fill(SECOND, &wake_ns);
	die(0, SECOND + 1);
	assert_int_equal(fill(SECOND + 2, &wake_ns), 1);
	die(0, SECOND + 3);
	assert_int_equal(fill(SECOND + 4, &wake_ns), 0);
	backoff_worked(&pool.backoff);
	assert_int_equal(fill(SECOND + 5, &wake_ns), 1);
}

UNIT(a_secret_is_only_in_the_message_of_birth)
{
	const struct reap_end end = {0};
	struct channel_message message;

	born(0, SECOND);
	memset(pool.workers[0].secret, 7, CHANNEL_SECRET_BYTES);
	pool_born_message(&pool, &pool.workers[0], &message);
	assert_int_equal(message.kind, CHANNEL_BORN);
	assert_int_equal(message.secret[15], 7);
	assert_string_equal(message.pool, "exec");
	pool_died_message(&pool, &pool.workers[0], &end, &message);
	assert_int_equal(message.secret[15], 0);
}

UNIT(the_state_says_when_it_tries_again)
{
	struct channel_message message;

	pool.backoff.until_ns = 5 * SECOND;
	pool_state_message(&pool, SECOND, &message);
	assert_int_equal(message.pool_workers, 0);
	assert_int_equal(message.pool_degraded, 1);
	assert_int_equal(message.pool_retry_ns, 5 * SECOND);
	pool_state_message(&pool, 6 * SECOND, &message);
	assert_int_equal(message.pool_degraded, 0);
	assert_int_equal(message.pool_retry_ns, 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(an_empty_pool_is_filled_at_once),
		EACH(all_killed_together_come_back_at_once),
		EACH(replacements_that_die_come_one_by_one_and_later_each_time),
		EACH(one_that_lives_lets_the_others_follow),
		EACH(one_that_worked_clears_the_account),
		EACH(a_secret_is_only_in_the_message_of_birth),
		EACH(the_state_says_when_it_tries_again),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
