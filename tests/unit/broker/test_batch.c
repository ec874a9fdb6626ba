#include "daemon/broker/batch.h"

#include "daemon/broker/call.h"
#include "tests/helper/t.h"

static struct lanes lanes;
static struct sched sched;
static struct batch batch;

static int set_up(void **state)
{
	(void)state;
	sched_init(&sched);
	lanes_init(&lanes, &sched);
	batch_init(&batch);
	batch_reset(&batch, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	batch_fini(&batch);
	lanes_fini(&lanes);
	sched_fini(&sched);
	return 0;
}

UNIT(a_lane_is_named_once_a_batch)
{
	struct lane *a, *b;
	uint32_t i;

	assert_int_equal(lane_get(&lanes, SLICE("a"), SLICE("x"), 0, &a), 0);
	assert_int_equal(lane_get(&lanes, SLICE("b"), SLICE("x"), 0, &b), 0);
	assert_int_equal(batch_lane(&batch, a, &i), 0);
	assert_int_equal(i, 0);
	assert_int_equal(batch_lane(&batch, b, &i), 0);
	assert_int_equal(i, 1);
	assert_int_equal(batch_lane(&batch, a, &i), 0);
	assert_int_equal(i, 0);
	assert_int_equal(batch.store.lane_count, 2);
	assert_true(slice_is(batch.store.lanes[1].queue, "b"));
	/* The next round knows nothing of it. */
	batch_reset(&batch, 2);
	assert_int_equal(batch_lane(&batch, b, &i), 0);
	assert_int_equal(i, 0);
}

UNIT(the_same_context_again_is_not_copied)
{
	char text[] = "{\"cwd\":\"/\"}";
	uint32_t i;

	assert_int_equal(batch_context(&batch, slice_of(text), &i), 0);
	assert_int_equal(i, 0);
	assert_int_equal(batch_context(&batch, SLICE("{\"cwd\":\"/\"}"), &i),
			 0);
	assert_int_equal(i, 0);
	assert_int_equal(batch_context(&batch, SLICE("{}"), &i), 0);
	assert_int_equal(i, 1);
	/* It is ours. */
	text[2] = 'X';
	assert_true(slice_is(batch.store.contexts[0].text, "{\"cwd\":\"/\"}"));
}

UNIT(it_grows_and_forgets_and_its_elements_begin_as_zero)
{
	size_t i;

	for (size_t n = 0; n < 10000; n++) {
		assert_int_equal(batch_add_entry(&batch, &i), 0);
		assert_int_equal(i, n);
		assert_int_equal(batch.store.entries[i].context, UINT32_MAX);
		batch.store.entries[i].id = 1;
		assert_int_equal(batch_add_outcome(&batch, (int64_t)n, &i), 0);
		assert_int_equal(batch.store.outcomes[i].exit_code, -1);
		batch.store.outcomes[i].job = 1;
	}
	assert_int_equal(batch.outcome_workers[9999], 9999);
	batch_reset(&batch, 2);
	assert_true(batch_empty(&batch));
	assert_int_equal(batch_add_entry(&batch, &i), 0);
	assert_int_equal(batch.store.entries[i].id, 0);
	assert_int_equal(batch_add_outcome(&batch, 0, &i), 0);
	assert_int_equal(batch.store.outcomes[i].job, 0);
}

UNIT(each_kind_of_work_makes_it_leave)
{
	size_t i;

	assert_true(batch_empty(&batch));
	assert_int_equal(batch_add_worker(&batch, &i), 0);
	assert_true(batch_empty(&batch)); /* a row alone can wait */
	assert_int_equal(batch_add_steer(&batch, &i), 0);
	assert_false(batch_empty(&batch));
	batch_reset(&batch, 2);
	assert_int_equal(batch_add_group(&batch, &i), 0);
	assert_false(batch_empty(&batch));
	batch_reset(&batch, 3);
	assert_int_equal(batch_add_gone(&batch, 7), 0);
	assert_int_equal(batch.store.gone_workers[0], 7);
	assert_false(batch_empty(&batch));
	batch_reset(&batch, 4);
	batch.store.promote_max = 1;
	assert_false(batch_empty(&batch));
	batch_reset(&batch, 5);
	batch.store.purge_max = 1;
	assert_false(batch_empty(&batch));
	batch_reset(&batch, 6);
	assert_true(batch_empty(&batch));
}

UNIT(claims_are_planned_last_and_can_be_taken_back)
{
	const int64_t counts[STATE_COUNT] = {[STATE_READY] = 3};
	struct sched_worker worker;
	struct lane *lane;

	assert_int_equal(lane_get(&lanes, SLICE("q"), SLICE("x"), 0, &lane), 0);
	lane_counts(&lanes, lane, counts);
	sched_worker_add(&sched, &worker, 0, 4);
	assert_int_equal(batch_plan(&batch, &sched, 1), 0);
	assert_int_equal(batch.store.want_count, 1);
	assert_int_equal(batch.store.wants[0].max, 1);
	assert_true(slice_is(batch.store.lanes[batch.store.wants[0].lane].queue,
			     "q"));
	sched_want_done(&sched, &batch.plan[0]);
	batch_forget_wants(&batch);
	assert_int_equal(batch.store.want_count, 0);
	assert_int_equal(worker.asked, 0);
	sched_worker_remove(&sched, &worker);
}

UNIT(without_workers_nothing_is_wanted)
{
	const int64_t counts[STATE_COUNT] = {[STATE_READY] = 3};
	struct lane *lane;

	assert_int_equal(lane_get(&lanes, SLICE("q"), SLICE("x"), 0, &lane), 0);
	lane_counts(&lanes, lane, counts);
	assert_int_equal(batch_plan(&batch, &sched, 0), 0);
	assert_true(batch_empty(&batch));
}

UNIT(outcomes_of_busy_workers_wait_for_company)
{
	struct call call;
	size_t i;

	assert_int_equal(batch_waits(&batch), 0);
	assert_int_equal(batch_add_outcome(&batch, 1, &i), 0);
	batch_patient(&batch, 1000);
	assert_int_equal(batch_waits(&batch), 1000 + BATCH_PATIENCE_NS);
	/* The first of them sets the time. */
	assert_int_equal(batch_add_outcome(&batch, 1, &i), 0);
	batch_patient(&batch, 900000);
	assert_int_equal(batch_waits(&batch), 1000 + BATCH_PATIENCE_NS);
	/* Somebody waits for an answer: all leave. */
	TAILQ_INSERT_TAIL(&batch.calls, &call, batch_link);
	assert_int_equal(batch_waits(&batch), 0);
	TAILQ_REMOVE(&batch.calls, &call, batch_link);
	assert_true(batch_waits(&batch) > 0);
	batch.store.promote_max = 1;
	assert_int_equal(batch_waits(&batch), 0);
	batch.store.promote_max = 0;
	/* An outcome whose worker has nothing left to do. */
	assert_int_equal(batch_add_outcome(&batch, 2, &i), 0);
	assert_int_equal(batch_waits(&batch), 0);
	batch_reset(&batch, 2);
	assert_int_equal(batch_waits(&batch), 0);
}

#define BATCH_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCH_TEST(a_lane_is_named_once_a_batch),
		BATCH_TEST(the_same_context_again_is_not_copied),
		BATCH_TEST(it_grows_and_forgets_and_its_elements_begin_as_zero),
		BATCH_TEST(each_kind_of_work_makes_it_leave),
		BATCH_TEST(claims_are_planned_last_and_can_be_taken_back),
		BATCH_TEST(without_workers_nothing_is_wanted),
		BATCH_TEST(outcomes_of_busy_workers_wait_for_company),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
