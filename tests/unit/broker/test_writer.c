#include "daemon/broker/writer.h"
#include <limits.h>
#include <time.h>

#include "tests/fake/fake_store.h"
#include "tests/helper/t.h"

static struct event_base *base;
static struct writer writer;
static struct store *store;
static struct batch batches[2];
static int finished;
static struct batch *last, *send_next;

static void on_finished(void *owner, struct batch *batch)
{
	assert_ptr_equal(owner, &batches);
	finished++;
	last = batch;
	if (send_next)
		writer_send(&writer, TAKE(send_next));
	else
		event_base_loopbreak(base);
}

static int set_up(void **state)
{
	(void)state;
	finished = 0;
	last = send_next = NULL;
	base = event_base_new();
	store = fake_store_new();
	for (int i = 0; i < 2; i++) {
		batch_init(&batches[i]);
		batch_reset(&batches[i], (uint64_t)i + 1);
	}
	return writer_start(&writer, base, store, on_finished, &batches);
}

static int tear_down(void **state)
{
	(void)state;
	fake_store_hold(store, false, false);
	writer_stop(&writer);
	batch_fini(&batches[0]);
	batch_fini(&batches[1]);
	fake_store_free(store);
	event_base_free(base);
	return 0;
}

static void open_group_in(struct batch *batch)
{
	size_t i;

	assert_int_equal(batch_add_group(batch, &i), 0);
	batch->store.groups[i].kind = STORE_GROUP_OPEN;
}

UNIT(a_batch_comes_back_in_the_loop)
{
	open_group_in(&batches[0]);
	assert_true(writer_idle(&writer));
	writer_send(&writer, &batches[0]);
	assert_false(writer_idle(&writer));
	event_base_dispatch(base);
	assert_true(writer_idle(&writer));
	assert_int_equal(finished, 1);
	assert_ptr_equal(last, &batches[0]);
	assert_int_equal(last->result, 0);
	assert_int_equal(last->store.groups[0].id, 1);
	assert_true(last->store.now_ms > 0);
}

UNIT(the_next_may_be_sent_when_one_is_through)
{
	open_group_in(&batches[0]);
	open_group_in(&batches[1]);
	send_next = &batches[1];
	writer_send(&writer, &batches[0]);
	event_base_dispatch(base);
	assert_int_equal(finished, 2);
	assert_ptr_equal(last, &batches[1]);
	assert_int_equal(last->store.groups[0].id, 2);
}

UNIT(a_failure_is_told_with_its_reason)
{
	open_group_in(&batches[0]);
	fake_store_fail(store, STORE_E_FULL, 1);
	writer_send(&writer, &batches[0]);
	event_base_dispatch(base);
	assert_int_equal(last->result, STORE_E_FULL);
	assert_true(last->fault.message[0]);
}

UNIT(to_stop_waits_for_what_is_out)
{
	open_group_in(&batches[0]);
	writer_send(&writer, &batches[0]);
	writer_stop(&writer);
	assert_int_equal(finished, 1);
	assert_int_equal(store->group_count, 1);
	/* Nothing can be sent any more. */
}

UNIT(the_loop_may_commit_by_itself_between_the_threads_batches)
{
	open_group_in(&batches[0]);
	writer_send(&writer, &batches[0]);
	event_base_dispatch(base);
	open_group_in(&batches[1]);
	writer_here(&writer, &batches[1]);
	assert_int_equal(finished, 2);
	assert_int_equal(store->group_count, 2);
	batch_reset(&batches[0], 3);
	open_group_in(&batches[0]);
	writer_send(&writer, &batches[0]);
	event_base_dispatch(base);
	assert_int_equal(store->group_count, 3);
	assert_true(writer.slow_ns > 0);
}

UNIT(the_loop_may_ask_before_it_hears_of_it)
{
	struct timespec pause = {.tv_nsec = 100000};

	open_group_in(&batches[0]);
	writer_look(&writer);
	assert_int_equal(finished, 0);
	writer_send(&writer, &batches[0]);
	while (!finished) {
		writer_look(&writer);
		nanosleep(&pause, NULL);
	}
	assert_true(writer_idle(&writer));
	/* What the thread tells later is no second batch. */
	open_group_in(&batches[1]);
	writer_send(&writer, &batches[1]);
	event_base_dispatch(base);
	assert_int_equal(finished, 2);
	assert_ptr_equal(last, &batches[1]);
}

UNIT(a_thread_with_nothing_to_do_makes_the_log_longer)
{
	struct timespec pause = {.tv_nsec = 100000};

	/* The loop commits, the thread sleeps: it is told. */
	atomic_store(&store->log_steps, 5);
	open_group_in(&batches[0]);
	writer_here(&writer, &batches[0]);
	while (store_log_short(store))
		nanosleep(&pause, NULL);
	/* Also after a batch of its own. */
	atomic_store(&store->log_steps, 5);
	open_group_in(&batches[1]);
	writer_send(&writer, &batches[1]);
	event_base_dispatch(base);
	assert_int_equal(finished, 2);
	while (store_log_short(store))
		nanosleep(&pause, NULL);
}

UNIT(a_batch_waits_for_one_step_of_the_log_at_most)
{
	atomic_store(&store->log_steps, INT_MAX);
	open_group_in(&batches[0]);
	writer_here(&writer, &batches[0]);
	open_group_in(&batches[1]);
	writer_send(&writer, &batches[1]);
	event_base_dispatch(base);
	assert_int_equal(finished, 2);
	assert_true(store_log_short(store));
	/* It stops as well: see tear_down(). */
}

UNIT(nothing_is_missed_between_waiting_awake_and_asleep)
{
	/* Around the moment at which the thread gives up and goes to sleep. */
	for (long i = 0; i < 400; i++) {
		struct timespec pause = {.tv_nsec = i % 80 * 1000};

		batch_reset(&batches[0], (uint64_t)i + 3);
		nanosleep(&pause, NULL);
		writer_send(&writer, &batches[0]);
		event_base_dispatch(base);
	}
	assert_int_equal(finished, 400);
	assert_int_equal(store->writes, 400);
}

#define WRITER_TEST(name)                                                      \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WRITER_TEST(a_batch_comes_back_in_the_loop),
		WRITER_TEST(the_next_may_be_sent_when_one_is_through),
		WRITER_TEST(a_failure_is_told_with_its_reason),
		WRITER_TEST(to_stop_waits_for_what_is_out),
		WRITER_TEST(
			the_loop_may_commit_by_itself_between_the_threads_batches),
		WRITER_TEST(the_loop_may_ask_before_it_hears_of_it),
		WRITER_TEST(a_thread_with_nothing_to_do_makes_the_log_longer),
		WRITER_TEST(a_batch_waits_for_one_step_of_the_log_at_most),
		WRITER_TEST(nothing_is_missed_between_waiting_awake_and_asleep),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
