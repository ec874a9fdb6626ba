#include "daemon/broker/entry.h"
#include "tests/unit/broker/stage.h"

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/config/defaults_text.h"
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

static const struct job_defaults of_all = {
	.timeout_ms = -1,
	.grace_ms = 77,
	.crash_limit = -1,
	.priority = 5,
	.expire_ms = 9000,
	.orphans_keep = true,
	.max_attempts = 3,
	.backoff_ms = 10,
	.backoff_max_ms = 20,
	.jitter = 0.5,
	.cause_bits = 1u << CAUSE_EXIT | 1u << CAUSE_EXEC,
};

/* What all get, and of the queue mail.in other priorities and no retry. */
static void configure(struct stage *stage)
{
	struct job_defaults list[] = {of_all, of_all};
	struct defaults_config from = {list, ARRAY_COUNT(list)}, config;
	struct json_out out = {0};

	strcpy(list[1].queue, "mail.in");
	list[1].timeout_ms = 60;
	list[1].priority = -4;
	list[1].max_attempts = 1;
	defaults_text_write(&out, &from);
	assert_int_equal(defaults_text_read(json_out_slice(&out), &config), 0);
	assert_int_equal(defaults_take(&stage->broker.defaults, &config), 0);
	assert_null(config.list);
	json_out_fini(&out);
}

UNIT(what_a_spec_leaves_open_comes_from_its_queue_else_from_all)
{
	const struct store_entry *entries;
	struct entry_fault fault;
	struct stage stage;
	struct call call;

	stage_begin(&stage);
	configure(&stage);
	stage.config.timeout_ms = 1234;
	stage.config.crash_limit = 6;
	call = make_call(&stage);
	assert_int_equal(add(&call, "{\"argv\":[\"a\"]}", &fault), 0);
	assert_int_equal(
		add(&call, "{\"argv\":[\"a\"],\"queue\":\"mail.in\"}", &fault),
		0);
	entries = stage.broker.gathering->store.entries;
	assert_int_equal(entries[0].timeout_ms, 1234);
	assert_int_equal(entries[0].grace_ms, 77);
	assert_int_equal(entries[0].crash_limit, 6);
	assert_int_equal(entries[0].priority, 5);
	assert_int_equal(entries[0].expire_ms, 9000);
	assert_true(entries[0].orphans_keep);
	assert_int_equal(entries[0].max_attempts, 3);
	assert_true(slice_is(entries[0].retry,
			     "{\"max_attempts\":3,\"backoff_ms\":10,"
			     "\"backoff_max_ms\":20,\"jitter\":0.5,"
			     "\"causes\":[\"exit\",\"exec\"]}"));
	assert_int_equal(entries[1].timeout_ms, 60);
	assert_int_equal(entries[1].grace_ms, 77);
	assert_int_equal(entries[1].priority, -4);
	assert_int_equal(entries[1].max_attempts, 1);
	assert_int_equal(entries[1].retry.n, 0);
	arena_fini(&call.arena);
	stage_start(&stage);
	stage_end(&stage);
}

UNIT(what_a_spec_says_outdoes_every_default)
{
	const struct store_entry *entry;
	struct entry_fault fault;
	struct stage stage;
	struct call call;

	stage_begin(&stage);
	configure(&stage);
	call = make_call(&stage);
	assert_int_equal(
		add(&call,
		    "{\"argv\":[\"a\"],\"queue\":\"mail.in\",\"priority\":0,"
		    "\"timeout_ms\":0,\"grace_ms\":1,\"crash_limit\":9,"
		    "\"expire_ms\":0,\"orphans\":\"kill\","
		    "\"retry\":{\"max_attempts\":2}}",
		    &fault),
		0);
	/* What is started once is not tried again. */
	assert_int_equal(add(&call, "{\"argv\":[\"a\"],\"once\":true}", &fault),
			 0);
	entry = &stage.broker.gathering->store.entries[0];
	assert_int_equal(entry->priority, 0);
	assert_int_equal(entry->timeout_ms, 0);
	assert_int_equal(entry->grace_ms, 1);
	assert_int_equal(entry->crash_limit, 9);
	assert_int_equal(entry->expire_ms, 0);
	assert_false(entry->orphans_keep);
	assert_int_equal(entry->max_attempts, 2);
	assert_int_equal(entry[1].max_attempts, 1);
	assert_int_equal(entry[1].retry.n, 0);
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
			what_a_spec_leaves_open_comes_from_its_queue_else_from_all),
		cmocka_unit_test(what_a_spec_says_outdoes_every_default),
		cmocka_unit_test(
			queues_without_live_jobs_make_room_for_new_ones),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
