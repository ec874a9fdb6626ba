#include "daemon/broker/callback.h"
#include "tests/helper/t.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/broker/state.h"
#include "proto/json_in.h"
#include "proto/retry.h"

#define OWN(lists) "{" lists "}"
#define NOTE "{\"argv\":[\"note\"]}"

static struct arena arena;

static int fresh(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static struct store_row ended(enum job_state state)
{
	return (struct store_row){
		.id = 17,
		.state = state,
		.cause = state == STATE_SUCCEEDED ? CAUSE_NONE : CAUSE_EXIT,
		.exit_code = state == STATE_SUCCEEDED ? 0 : 3,
		.queue = SLICE("mail"),
		.handler = SLICE("exec"),
		.name = SLICE("a \"b\""),
		.attempt = 2,
		.uid = 1000,
	};
}

static struct store_follow follow_of(const struct store_row *job,
				     const char *callbacks)
{
	return (struct store_follow){
		.arena = &arena,
		.now_ms = 5000,
		.job = job,
		.gid = 1001,
		.callbacks = slice_of(callbacks),
	};
}

/* A member of an object of members, by its names. */
static struct slice at(struct slice object, const char *name)
{
	struct slice value;
	struct json_fault fault;

	assert_int_equal(json_check(object, &fault), 0);
	if (!json_find(object, name, &value))
		fail_msg("no %s in %.*s", name, (int)object.n, object.p);
	return value;
}

UNIT(a_success_and_a_failure_have_lists_of_their_own_and_one_in_common)
{
	static const char lists[] = OWN("\"on_success\":[{\"shell\":\"s\"}],"
					"\"on_failure\":[{\"shell\":\"f\"}],"
					"\"on_done\":[{\"shell\":\"d\"}]");
	static const struct {
		enum job_state state;
		const char *first;
	} ends[] = {{STATE_SUCCEEDED, "\"s\""},
		    {STATE_FAILED, "\"f\""},
		    {STATE_CANCELLED, "\"f\""}};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		struct store_row job = ended(ends[i].state);
		struct store_follow follow = follow_of(&job, lists);

		assert_int_equal(callback_follow(&follow), 0);
		assert_int_equal(follow.count, 2);
		assert_true(slice_is(at(follow.list[0].entry.spec, "shell"),
				     ends[i].first));
		assert_true(slice_is(at(follow.list[1].entry.spec, "shell"),
				     "\"d\""));
	}
}

UNIT(a_command_reads_the_record_and_has_it_in_short)
{
	struct store_row job = ended(STATE_FAILED);
	struct store_follow follow = follow_of(&job,
					       OWN("\"on_done\":[" NOTE "]"));
	const struct store_follower *one;
	struct slice text, record;

	assert_int_equal(callback_follow(&follow), 0);
	one = &follow.list[0];
	assert_true(slice_is(one->queue, "callbacks"));
	assert_true(slice_is(one->handler, "exec"));
	assert_true(one->inherits);
	assert_int_equal(one->entry.uid, 1000);
	assert_int_equal(one->entry.gid, 1001);
	assert_int_equal(one->entry.timeout_ms, 30000);
	assert_int_equal(one->entry.max_attempts, 5);
	assert_int_equal(one->entry.crash_limit, 5);
	assert_int_equal(one->entry.keep_ms, -1);
	assert_int_equal(one->entry.run_at_ms, 0);
	assert_true(slice_is(at(one->entry.retry, "max_attempts"), "5"));
	assert_true(slice_is(at(one->entry.spec, "argv"), "[\"note\"]"));
	assert_true(slice_is(
		at(one->entry.spec, "of"),
		"{\"job\":17,\"state\":\"failed\",\"cause\":\"exit\","
		"\"exit_code\":3,\"name\":\"a \\\"b\\\"\",\"queue\":\"mail\","
		"\"attempt\":2}"));
	text = at(one->entry.spec, "stdin");
	assert_int_equal(json_string(&arena, text, &record), 0);
	assert_int_equal(record.p[record.n - 1], '\n');
	record.n--;
	assert_null(memchr(record.p, '\n', record.n));
	assert_true(slice_is(at(record, "id"), "17"));
	assert_true(slice_is(at(record, "name"), "\"a \\\"b\\\"\""));
}

UNIT(a_handler_has_it_among_its_arguments_and_no_context)
{
	struct store_row job = ended(STATE_SUCCEEDED);
	struct store_follow follow = follow_of(
		&job, OWN("\"on_done\":[{\"handler\":\"h\",\"args\":{\"a\":[1],"
			  "\"j\\u006fb\":2,\"\\\"\":3}},{\"handler\":\"h\"}]"));
	struct slice args;

	job.result = SLICE("{\"r\":1}");
	assert_int_equal(callback_follow(&follow), 0);
	assert_int_equal(follow.count, 2);
	assert_false(follow.list[0].inherits);
	args = at(follow.list[0].entry.spec, "args");
	assert_int_equal(json_count(args), 3);
	assert_true(slice_is(at(args, "a"), "[1]"));
	assert_true(slice_is(at(at(args, "job"), "result"), "{\"r\":1}"));
	assert_int_equal(json_count(at(follow.list[1].entry.spec, "args")), 1);
}

UNIT(a_large_result_is_left_out_and_said_to_be)
{
	size_t n = 2 * CALLBACK_RECORD_BYTES;
	char *text = malloc(n);
	struct store_row job = ended(STATE_SUCCEEDED);
	struct store_follow follow =
		follow_of(&job, OWN("\"on_done\":[{\"handler\":\"h\"}]"));
	struct slice args, value;

	memset(text, 'x', n);
	text[0] = text[n - 1] = '"';
	job.result = (struct slice){text, n};
	assert_int_equal(callback_follow(&follow), 0);
	args = at(at(follow.list[0].entry.spec, "args"), "job");
	assert_false(json_find(args, "result", &value));
	assert_true(slice_is(at(args, "result_omitted"), "true"));
	assert_true(slice_is(at(args, "id"), "17"));
	free(text);
}

UNIT(what_it_says_itself_stands)
{
	struct store_row job = ended(STATE_SUCCEEDED);
	struct store_follow follow = follow_of(
		&job,
		OWN("\"on_done\":[{\"shell\":\"a\",\"queue\":\"q\",\"name\":"
		    "\"n\",\"tags\":{\"t\":\"u\"},\"priority\":-3,"
		    "\"delay_ms\":7,\"timeout_ms\":0,\"grace_ms\":1,"
		    "\"expire_ms\":9,\"keep_ms\":0,\"crash_limit\":2,"
		    "\"orphans\":\"keep\",\"retry\":{\"max_attempts\":1},"
		    "\"context\":{\"cwd\":\"/\"},\"on_failure\":[" NOTE "]}]"));
	const struct store_entry *entry;

	assert_int_equal(callback_follow(&follow), 0);
	entry = &follow.list[0].entry;
	assert_true(slice_is(follow.list[0].queue, "q"));
	assert_true(slice_is(entry->name, "n"));
	assert_true(slice_is(entry->tags, "{\"t\":\"u\"}"));
	assert_int_equal(entry->priority, -3);
	assert_int_equal(entry->run_at_ms, 5007);
	assert_int_equal(entry->timeout_ms, 0);
	assert_int_equal(entry->grace_ms, 1);
	assert_int_equal(entry->expire_ms, 9);
	assert_int_equal(entry->keep_ms, 0);
	assert_int_equal(entry->crash_limit, 2);
	assert_true(entry->orphans_keep);
	assert_int_equal(entry->max_attempts, 1);
	assert_true(slice_is(follow.list[0].context, "{\"cwd\":\"/\"}"));
	assert_false(follow.list[0].inherits);
	assert_true(slice_is(entry->callbacks, "{\"on_failure\":[" NOTE "]}"));
}

UNIT(queues_and_rules_are_whose_they_are_and_leave_others_environment_alone)
{
	struct store_row job = ended(STATE_SUCCEEDED);
	struct store_follow follow = follow_of(&job, "");

	follow.of_queue = SLICE("{\"uid\":7,\"gid\":8,\"on_done\":[" NOTE "]}");
	follow.rules = SLICE("{\"on_success\":[" NOTE "],\"on_failure\":[" NOTE
			     "]}");
	job.uid = geteuid();
	assert_int_equal(callback_follow(&follow), 0);
	assert_int_equal(follow.count, 2);
	assert_int_equal(follow.list[0].entry.uid, 7);
	assert_int_equal(follow.list[0].entry.gid, 8);
	assert_false(follow.list[0].inherits);
	assert_int_equal(follow.list[1].entry.uid, geteuid());
	assert_true(follow.list[1].inherits);
	job.uid = geteuid() + 1;
	assert_int_equal(callback_follow(&follow), 0);
	assert_false(follow.list[follow.count - 1].inherits);
}

UNIT(a_group_went_well_when_all_of_it_did)
{
	static const int64_t failed[] = {4, 9};
	struct store_group group = {
		.id = 5, .name = SLICE("g"), .closed = true, .uid = 1000};
	struct store_follow follow = {
		.arena = &arena,
		.group = &group,
		.callbacks = SLICE("{\"uid\":1000,\"gid\":1001,"
				   "\"on_success\":[{\"shell\":\"s\"}],"
				   "\"on_failure\":[{\"handler\":\"h\"},"
				   "{\"shell\":\"f\"}]}"),
	};
	struct slice record;

	group.counts[STATE_SUCCEEDED] = 3;
	assert_int_equal(callback_follow(&follow), 0);
	assert_int_equal(follow.count, 1);
	assert_true(slice_is(at(follow.list[0].entry.spec, "shell"), "\"s\""));
	group.counts[STATE_CANCELLED] = 2;
	follow.failed = failed;
	follow.failed_count = 2;
	follow.count = 0;
	assert_int_equal(callback_follow(&follow), 0);
	assert_int_equal(follow.count, 2);
	assert_int_equal(follow.list[0].entry.uid, 1000);
	assert_int_equal(follow.list[0].entry.gid, 1001);
	assert_false(follow.list[1].inherits);
	record = at(at(follow.list[0].entry.spec, "args"), "group");
	assert_true(slice_is(at(record, "id"), "5"));
	assert_true(slice_is(at(record, "complete"), "true"));
	assert_true(slice_is(at(at(record, "counts"), "succeeded"), "3"));
	assert_true(slice_is(at(record, "first_failed"), "[4,9]"));
	assert_true(slice_is(at(follow.list[1].entry.spec, "of"),
			     "{\"group\":5,\"name\":\"g\",\"succeeded\":3,"
			     "\"failed\":0,\"cancelled\":2}"));
}

/* A later version might be stricter than the one that took it. */
UNIT(what_is_no_callback_any_more_does_not_stop_the_others)
{
	struct store_row job = ended(STATE_SUCCEEDED);
	struct store_follow follow = follow_of(
		&job, OWN("\"on_done\":[{},{\"shell\":\"a\",\"x\":1}," NOTE
			  "],\"on_success\":3"));

	assert_int_equal(callback_follow(&follow), 0);
	assert_int_equal(follow.count, 1);
	assert_true(
		slice_is(at(follow.list[0].entry.spec, "argv"), "[\"note\"]"));
}

UNIT(rules_are_taken_whole_or_not_at_all)
{
	static struct broker broker;
	struct schema_fault fault = {0};
	struct batch batch;

	batch_init(&batch);
	assert_int_equal(callback_batch(&broker, &batch), 0);
	assert_int_equal(batch.store.rules.n, 0);
	assert_int_equal(callback_rules(&broker,
					SLICE(" {\"on_failure\":[" NOTE "]} "),
					&fault),
			 0);
	assert_true(callback_rules(&broker, SLICE("{\"on_done\":[{}]}"),
				   &fault) > 0);
	assert_string_equal(fault.path, "callbacks.on_done[0].argv");
	assert_true(callback_rules(&broker, SLICE("{\"on_done\":["), &fault) >
		    0);
	assert_int_equal(callback_batch(&broker, &batch), 0);
	assert_true(slice_is(batch.store.rules, "{\"on_failure\":[" NOTE "]}"));
	assert_int_equal(callback_rules(&broker, (struct slice){0}, &fault), 0);
	assert_null(broker.callback_rules);
	batch_fini(&batch);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, NULL, fresh)
	const struct CMUnitTest tests[] = {
		CASE(a_success_and_a_failure_have_lists_of_their_own_and_one_in_common),
		CASE(a_command_reads_the_record_and_has_it_in_short),
		CASE(a_handler_has_it_among_its_arguments_and_no_context),
		CASE(a_large_result_is_left_out_and_said_to_be),
		CASE(what_it_says_itself_stands),
		CASE(queues_and_rules_are_whose_they_are_and_leave_others_environment_alone),
		CASE(a_group_went_well_when_all_of_it_did),
		CASE(what_is_no_callback_any_more_does_not_stop_the_others),
		CASE(rules_are_taken_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
