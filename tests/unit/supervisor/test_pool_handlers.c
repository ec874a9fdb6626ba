/* Pools that serve handlers: who is born when, with a clock of our own. */
#include "daemon/supervisor/pool.h"
#include "daemon/supervisor/pool_message.h"
#include "daemon/supervisor/pool_reason.h"
#include "tests/helper/t.h"

#include <stdio.h>

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)
/* As pool.c has it: how long a filter lives until others follow. */
#ifdef REEVE_TEST_HOOKS
#define FILTER_NS SECOND
#else
#define FILTER_NS (10 * SECOND)
#endif

static struct pool pool;
static int64_t number;

static struct pool_config config = {
	.name = "thumb",
	.kind = POOL_WORKER,
	.workers_min = 2,
	.workers_max = 4,
	.ready_ms = 10000,
};

static int set_up(__attribute__((unused)) void **state)
{
	number = 1000;
	return pool_init(&pool, 3, &config);
}

static int tear_down(__attribute__((unused)) void **state)
{
	pool_fini(&pool);
	return 0;
}

static void born(int slot, int64_t now_ns)
{
	pool.workers[slot] = (struct pool_worker){
		.number = number++,
		.pid = 100 + slot,
		.born_ns = now_ns,
		.generation = pool.generation,
	};
}

static void end(int slot, int status, int64_t now_ns)
{
	const struct reap_end end = {.status = status};

	pool_died(&pool, &pool.workers[slot], &end, now_ns);
}

static int fill(int64_t now_ns)
{
	int64_t wake_ns;
	int n = 0, slot;

	while ((slot = pool_next_slot(&pool, now_ns, &wake_ns)) >= 0) {
		born(slot, now_ns);
		n++;
	}
	return n;
}

static void all_ready(void)
{
	for (int slot = 0; slot < pool.size; slot++)
		if (pool.workers[slot].number)
			pool_ready(&pool, &pool.workers[slot]);
}

/* As it is after a good start. */
static void settle(int64_t now_ns)
{
	while (fill(now_ns))
		all_ready();
}

UNIT(one_goes_ahead_until_it_is_ready)
{
	assert_int_equal(fill(SECOND), 1);
	assert_int_equal(fill(2 * SECOND), 0);
	pool_ready(&pool, &pool.workers[0]);
	assert_int_equal(fill(2 * SECOND), 1);
	assert_int_equal(fill(2 * SECOND), 0);
}

UNIT(as_many_are_born_as_are_wanted_within_the_bounds)
{
	settle(SECOND);
	pool_scale(&pool, 3);
	assert_int_equal(fill(2 * SECOND), 1);
	pool_scale(&pool, 100);
	assert_int_equal(pool.wanted, 4);
	assert_int_equal(fill(3 * SECOND), 1);
	pool_scale(&pool, 0);
	assert_int_equal(pool.wanted, 2);
	assert_int_equal(fill(4 * SECOND), 0);
}

UNIT(a_retiring_worker_is_replaced_before_it_goes_and_not_after)
{
	settle(SECOND);
	pool_retire(&pool, &pool.workers[0], false);
	assert_int_equal(fill(2 * SECOND), 1);
	assert_int_not_equal(pool.workers[2].number, 0);
	end(0, 0, 3 * SECOND);
	assert_int_equal(fill(3 * SECOND), 0);
	/* And its slot serves again. */
	pool_retire(&pool, &pool.workers[1], false);
	assert_int_equal(fill(4 * SECOND), 1);
	assert_int_not_equal(pool.workers[0].number, 0);
}

UNIT(all_can_be_replaced_at_once)
{
	pool_scale(&pool, 4);
	settle(SECOND);
	for (int slot = 0; slot < 4; slot++)
		pool_retire(&pool, &pool.workers[slot], false);
	assert_int_equal(fill(2 * SECOND), 4);
	assert_int_equal(fill(2 * SECOND), 0);
}

UNIT(a_worker_that_retires_for_good_is_not_replaced)
{
	pool_scale(&pool, 4);
	settle(SECOND);
	pool_retire(&pool, &pool.workers[1], true);
	assert_int_equal(pool.wanted, 3);
	assert_int_equal(fill(2 * SECOND), 0);
	/* Told of twice it is the same. */
	pool_scale(&pool, 3);
	end(1, 0, 3 * SECOND);
	assert_int_equal(fill(3 * SECOND), 0);
	/* But never below the least. */
	pool_retire(&pool, &pool.workers[0], true);
	pool_retire(&pool, &pool.workers[2], true);
	assert_int_equal(pool.wanted, 2);
	assert_int_equal(fill(4 * SECOND), 1);
}

UNIT(a_retired_worker_that_crashes_is_no_failed_birth)
{
	settle(SECOND);
	pool_retire(&pool, &pool.workers[0], false);
	end(0, 9, 2 * SECOND);
	assert_int_equal(pool.backoff.deaths, 0);
	assert_int_equal(fill(2 * SECOND), 1);
}

UNIT(a_worker_that_the_broker_ended_at_its_work_is_replaced_at_once)
{
	settle(SECOND);
	for (int i = 0; i < 5; i++) {
		pool.workers[0].ordered = true;
		end(0, 9, (2 + i) * SECOND);
		assert_int_equal(fill((2 + i) * SECOND), 1);
		pool_ready(&pool, &pool.workers[0]);
	}
}

UNIT(one_that_was_refused_and_ended_is_a_failed_birth)
{
	fill(SECOND);
	pool.workers[0].ordered = true;
	end(0, 9, SECOND + 1);
	assert_int_equal(pool.backoff.deaths, 1);
}

/* How many processes are made in a minute if each ends @takes_ns after its
 * birth. A worker of a filter is ready before anybody knows that. */
static int made_in_a_minute(int64_t takes_ns, int each)
{
	int64_t now_ns = SECOND;
	int made = 0;

	for (; now_ns < 61 * SECOND; now_ns += SECOND / 1000) {
		made += each * fill(now_ns);
		if (config.kind == POOL_LINES)
			all_ready();
		for (int slot = 0; slot < pool.size; slot++)
			if (pool.workers[slot].number &&
			    now_ns - pool.workers[slot].born_ns >= takes_ns)
				end(slot, POOL_EXIT_BIRTH << 8, now_ns);
	}
	assert_true(pool_degraded(&pool, now_ns));
	return made;
}

UNIT(an_initializer_that_always_fails_makes_few_processes)
{
	static const int64_t takes_ms[] = {1, 100, 900, 1500, 9000};
	static const struct {
		enum pool_kind kind;
		bool preload;
		int each;
	} kinds[] = {{POOL_WORKER, false, 1},
		     {POOL_LINES, false, 2},
		     {POOL_WORKER, true, 2},
		     {POOL_PLUGIN, false, 2}};
	const struct pool_config before = config;

	for (size_t i = 0; i < ARRAY_COUNT(takes_ms) * 8; i++) {
		for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
			/* By then all would follow. */
			if (kinds[k].kind == POOL_LINES &&
			    takes_ms[i / 8] * MS >= FILTER_NS)
				continue;
			tear_down(NULL);
			config.kind = kinds[k].kind;
			config.preload = kinds[k].preload;
			config.workers_min = config.workers_max = 1 +
								  (int)(i % 8);
			set_up(NULL);
			pool.template.state = TEMPLATE_SERVING;
			assert_in_range(made_in_a_minute(takes_ms[i / 8] * MS,
							 kinds[k].each),
					3, 9 - pool_forks(&pool));
		}
	}
	config = before;
}

UNIT(a_filter_goes_ahead_until_it_did_something_or_lived)
{
	int64_t wake_ns;

	pool.config.kind = POOL_LINES;
	assert_int_equal(fill(SECOND), 1);
	all_ready();
	assert_int_equal(pool_next_slot(&pool, SECOND + MS, &wake_ns), -1);
	assert_int_equal(wake_ns, SECOND + FILTER_NS);
	assert_int_equal(fill(SECOND + FILTER_NS), 1);
	/* What was good is no proof when it is gone. */
	pool_scale(&pool, 3);
	end(0, POOL_EXIT_BIRTH << 8, SECOND + FILTER_NS + MS);
	all_ready();
	assert_int_equal(fill(SECOND + FILTER_NS + MS), 0);
	pool.workers[1].useful = true;
	assert_int_equal(fill(SECOND + FILTER_NS + MS), 2);
}

UNIT(a_pool_that_proved_and_then_fails_is_held_back_too)
{
	int64_t wake_ns;

	settle(SECOND);
	end(0, 256, 2 * SECOND);
	assert_int_equal(fill(2 * SECOND), 1);
	end(0, 256, 3 * SECOND);
	assert_int_equal(pool_next_slot(&pool, 3 * SECOND, &wake_ns), -1);
	assert_int_equal(wake_ns, 4 * SECOND);
	/* The other one still serves. */
	assert_false(pool_degraded(&pool, 3 * SECOND));
	end(1, 256, 3 * SECOND);
	assert_true(pool_degraded(&pool, 3 * SECOND));
	assert_int_equal(fill(4 * SECOND), 1);
	/* Until one lives and works the others wait. */
	assert_int_equal(fill(6 * SECOND), 0);
	assert_true(pool_degraded(&pool, 6 * SECOND));
	pool_ready(&pool, &pool.workers[0]);
	assert_false(pool_degraded(&pool, 6 * SECOND));
	assert_int_equal(fill(6 * SECOND), 1);
}

UNIT(a_worker_that_is_not_ready_in_time_is_ended_once)
{
	int64_t wake_ns;

	fill(SECOND);
	/* As long as nobody listens it cannot say so. */
	assert_null(pool_next_late(&pool, 0, 100 * SECOND, &wake_ns));
	assert_int_equal(wake_ns, 0);
	assert_null(pool_next_late(&pool, 95 * SECOND, 100 * SECOND, &wake_ns));
	assert_int_equal(wake_ns, 105 * SECOND);
	assert_ptr_equal(
		pool_next_late(&pool, 95 * SECOND, 105 * SECOND, &wake_ns),
		&pool.workers[0]);
	assert_null(pool_next_late(&pool, 95 * SECOND, 105 * SECOND, &wake_ns));
	end(0, 9, 105 * SECOND);
	assert_int_equal(pool.backoff.deaths, 1);
	assert_non_null(strstr(pool.reason, "not ready in time (ready: 10 s)"));
}

UNIT(a_ready_worker_is_never_late)
{
	int64_t wake_ns;

	settle(SECOND);
	assert_null(pool_next_late(&pool, SECOND, 100 * SECOND, &wake_ns));
	assert_int_equal(wake_ns, 0);
}

UNIT(the_reason_is_told_while_births_fail)
{
	struct channel_message message;

	fill(SECOND);
	end(0, 7 << 8, SECOND);
	fill(SECOND);
	end(0, 7 << 8, SECOND + 1);
	pool_state_message(&pool, SECOND + 1, &message);
	assert_int_equal(message.kind, CHANNEL_POOL);
	assert_int_equal(message.pool_number, 3);
	assert_string_equal(message.pool, "thumb");
	assert_int_equal(message.pool_degraded, 1);
	assert_int_equal(message.pool_retry_ns, 2 * SECOND + 1);
	assert_string_equal(message.reason,
			    "worker exited with status 7 before it was ready");
	fill(2 * SECOND + 1);
	pool_ready(&pool, &pool.workers[0]);
	pool_state_message(&pool, 2 * SECOND + 1, &message);
	assert_int_equal(message.pool_degraded, 0);
	assert_string_equal(message.reason, "");
	assert_int_equal(message.pool_workers, 1);
}

UNIT(a_filter_that_does_not_begin_is_a_failed_birth_however_late)
{
	pool.config.kind = POOL_LINES;
	settle(SECOND);
	end(0, POOL_EXIT_BIRTH << 8, 100 * SECOND);
	assert_int_equal(pool.backoff.deaths, 1);
	assert_string_equal(pool.reason,
			    "the filter ended before it read anything");
	fill(100 * SECOND);
	all_ready();
	end(0, POOL_EXIT_BIRTH << 8, 200 * SECOND);
	assert_int_equal(pool.backoff.deaths, 2);
}

UNIT(who_ends_because_the_broker_did_has_not_failed)
{
	settle(SECOND);
	for (int i = 0; i < 5; i++) {
		pool.workers[0].cut_off = true;
		end(0, 1 << 8, 2 * SECOND + i);
		fill(2 * SECOND + i);
		assert_int_not_equal(pool.workers[0].number, 0);
	}
	assert_int_equal(pool.backoff.deaths, 0);
	assert_string_equal(pool.reason, "");
}

UNIT(who_is_refused_leaves_the_reason_as_it_was_said)
{
	fill(SECOND);
	pool_explain(&pool, "worker was refused: no");
	pool.workers[0].refused = true;
	pool.workers[0].said = "something else";
	end(0, 9, SECOND);
	assert_string_equal(pool.reason, "worker was refused: no");
	assert_int_equal(pool.backoff.deaths, 1);
	assert_true(pool_listens(&pool));
	fill(SECOND);
	pool.workers[0].said = "no such thing";
	end(0, 2 << 8, SECOND);
	assert_string_equal(pool.reason, "worker exited with status 2 before "
					 "it was ready: no such thing");
}

UNIT(a_program_that_is_not_there_is_named)
{
	const char *why = "cannot start '/nowhere': No such file or directory";
	char said[128];

	snprintf(said, sizeof(said), "reeved: %s", why);
	fill(SECOND);
	pool.workers[0].said = said;
	end(0, 127 << 8, SECOND);
	assert_string_equal(pool.reason, why);
}

UNIT(a_pool_that_grows_keeps_its_workers)
{
	settle(SECOND);
	assert_int_equal(pool_resize(&pool, 3, 20), 0);
	assert_int_equal(pool.size, 40);
	assert_int_equal(pool.wanted, 3);
	assert_int_equal(pool.workers[1].number, 1001);
	assert_int_equal(pool.workers[39].number, 0);
	/* And one that shrinks has room for all that live. */
	assert_int_equal(pool_resize(&pool, 1, 1), 0);
	assert_int_equal(pool.size, 40);
	assert_int_equal(pool.wanted, 1);
}

UNIT(a_birth_tells_pool_number_and_generation)
{
	struct channel_message message;

	settle(SECOND);
	pool_born_message(&pool, &pool.workers[1], &message);
	assert_int_equal(message.pool_number, 3);
	assert_int_equal(message.value, 1);
	assert_int_equal(message.slot, 1);
	assert_string_equal(message.pool, "thumb");
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(one_goes_ahead_until_it_is_ready),
		EACH(as_many_are_born_as_are_wanted_within_the_bounds),
		EACH(a_retiring_worker_is_replaced_before_it_goes_and_not_after),
		EACH(all_can_be_replaced_at_once),
		EACH(a_worker_that_retires_for_good_is_not_replaced),
		EACH(a_retired_worker_that_crashes_is_no_failed_birth),
		EACH(a_worker_that_the_broker_ended_at_its_work_is_replaced_at_once),
		EACH(one_that_was_refused_and_ended_is_a_failed_birth),
		EACH(an_initializer_that_always_fails_makes_few_processes),
		EACH(a_filter_goes_ahead_until_it_did_something_or_lived),
		EACH(a_pool_that_proved_and_then_fails_is_held_back_too),
		EACH(a_worker_that_is_not_ready_in_time_is_ended_once),
		EACH(a_ready_worker_is_never_late),
		EACH(the_reason_is_told_while_births_fail),
		EACH(a_filter_that_does_not_begin_is_a_failed_birth_however_late),
		EACH(who_ends_because_the_broker_did_has_not_failed),
		EACH(who_is_refused_leaves_the_reason_as_it_was_said),
		EACH(a_program_that_is_not_there_is_named),
		EACH(a_pool_that_grows_keeps_its_workers),
		EACH(a_birth_tells_pool_number_and_generation),
	};

	return cmocka_run_group_tests_name("pool_handlers", tests, NULL, NULL);
}
