#include "daemon/broker/entry.h"
#include "tests/unit/broker/stage.h"

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "proto/limits.h"

/* A call that is on its own: enough for a submission. */
static struct call make_call(struct stage *stage)
{
	return (struct call){
		.broker = &stage->broker,
		.uid = 1000,
		.gid = 1001,
	};
}

static int add(struct call *call, const char *job, struct entry_fault *fault)
{
	*fault = (struct entry_fault){0};
	return entry_add(call, slice_of(job), NULL, "job", 3, fault);
}

UNIT(a_spec_becomes_an_entry_that_owns_its_bytes)
{
	char job[] = "{\"argv\":[\"a\"],\"name\":\"n\",\"key\":\"k\","
		     "\"tags\":{\"x\":\"y\"},\"group\":4,\"hold\":true,"
		     "\"crash_limit\":2,\"context\":{\"cwd\":\"/\"}}";
	const struct store_entry *entry;
	struct entry_fault fault;
	struct stage stage;
	struct call call;
	struct batch *batch;

	stage_begin(&stage);
	call = make_call(&stage);
	batch = stage.broker.gathering;
	assert_int_equal(add(&call, job, &fault), 0);
	memset(job, 'X', sizeof(job) - 1);
	assert_int_equal(batch->store.entry_count, 1);
	entry = &batch->store.entries[0];
	assert_true(slice_is(entry->spec, "{\"argv\":[\"a\"]}"));
	assert_true(slice_is(entry->name, "n"));
	assert_true(slice_is(entry->key, "k"));
	assert_true(slice_is(entry->tags, "{\"x\":\"y\"}"));
	assert_int_equal(entry->uid, 1000);
	assert_int_equal(entry->gid, 1001);
	assert_int_equal(entry->group, 4);
	assert_int_equal(entry->unit, 3);
	assert_int_equal(entry->crash_limit, 2);
	assert_int_equal(entry->max_attempts, 1);
	assert_true(entry->hold);
	assert_true(slice_is(batch->store.contexts[entry->context].text,
			     "{\"cwd\":\"/\"}"));
	assert_true(slice_is(batch->store.lanes[entry->lane].queue, "default"));
	assert_true(batch->queued_bytes > sizeof(job));
	arena_fini(&call.arena);
	stage_start(&stage);
	stage_end(&stage);
}

UNIT(a_delay_is_counted_from_now)
{
	struct entry_fault fault;
	struct stage stage;
	struct call call;
	int64_t before_ms = clock_wall_ms();
	const struct store_entry *entries;

	stage_begin(&stage);
	call = make_call(&stage);
	assert_int_equal(
		add(&call, "{\"argv\":[\"a\"],\"delay_ms\":5000}", &fault), 0);
	assert_int_equal(
		add(&call, "{\"argv\":[\"a\"],\"run_at_ms\":17}", &fault), 0);
	assert_int_equal(
		add(&call, "{\"argv\":[\"a\"],\"delay_ms\":0}", &fault), 0);
	entries = stage.broker.gathering->store.entries;
	assert_in_range(entries[0].run_at_ms, before_ms + 5000,
			clock_wall_ms() + 5000);
	assert_int_equal(entries[1].run_at_ms, 17);
	assert_int_equal(entries[2].run_at_ms, 0);
	arena_fini(&call.arena);
	stage_start(&stage);
	stage_end(&stage);
}

UNIT(what_is_refused_leaves_the_batch_as_it_was)
{
	struct entry_fault fault;
	struct stage stage;
	struct call call;

	stage_begin(&stage);
	call = make_call(&stage);
	assert_int_equal(add(&call, "{\"argv\":[]}", &fault), ENTRY_E_REFUSED);
	assert_string_equal(fault.error,
			    "org.varlink.service.InvalidParameter");
	assert_string_equal(fault.where.path, "job.argv");
	assert_int_equal(add(&call, "{\"handler\":\"h\"}", &fault),
			 ENTRY_E_REFUSED);
	assert_string_equal(fault.error, "org.reeve.jobs.NoSuchHandler");
	assert_true(slice_is(fault.handler, "h"));
	assert_string_equal(fault.where.path, "job.handler");
	assert_true(batch_empty(stage.broker.gathering));
	arena_fini(&call.arena);
	stage_start(&stage);
	stage_end(&stage);
}

UNIT(queues_without_live_jobs_make_room_for_new_ones)
{
	struct entry_fault fault;
	struct stage stage;
	struct call call;

	stage_begin(&stage);
	call = make_call(&stage);
	stage.broker.lanes.count = LIMIT_LANES;
	assert_int_equal(
		add(&call, "{\"argv\":[\"a\"],\"queue\":\"new\"}", &fault),
		ENTRY_E_REFUSED);
	assert_string_equal(fault.where.path, "job.queue");
	stage.broker.lanes.count = 0;
	arena_fini(&call.arena);
	stage_start(&stage);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_becomes_an_entry_that_owns_its_bytes),
		cmocka_unit_test(a_delay_is_counted_from_now),
		cmocka_unit_test(what_is_refused_leaves_the_batch_as_it_was),
		cmocka_unit_test(
			queues_without_live_jobs_make_room_for_new_ones),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
