#include "daemon/broker/job_json.h"
#include "tests/helper/t.h"

#include "proto/json_in.h"
#include "proto/types_jobs.h"

static void check(const struct schema_type *type, struct json_out *out)
{
	struct slice text = json_out_slice(out);
	struct schema_fault fault = {0};
	struct json_fault syntax = {0};
	struct arena arena = {0};

	assert_true(json_out_ok(out));
	assert_int_equal(json_check(text, &syntax), 0);
	if (schema_check(type, &arena, text, "reply", &fault))
		fail_msg("%s: %s in %.*s", fault.path, fault.message,
			 (int)text.n, text.p);
	arena_fini(&arena);
}

static struct store_row least(enum job_state state)
{
	return (struct store_row){
		.id = 1,
		.state = state,
		.queue = SLICE("default"),
		.handler = SLICE("exec"),
		.exit_code = -1,
		.created_ms = 1,
	};
}

static bool has(struct json_out *out, const char *name)
{
	struct slice value;

	return json_find(json_out_slice(out), name, &value);
}

UNIT(a_job_with_least_follows_the_interface_in_every_state)
{
	for (int s = 0; s < STATE_COUNT; s++) {
		struct store_row row = least((enum job_state)s);
		struct json_out out = {0};

		job_json(&out, &row, true);
		check(&job_type, &out);
		assert_false(has(&out, "exit_code"));
		assert_false(has(&out, "group"));
		assert_false(has(&out, "spec"));
		assert_int_equal(has(&out, "cause"), s == STATE_SUCCEEDED);
		json_out_fini(&out);
	}
}

UNIT(a_job_with_everything_follows_the_interface)
{
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		struct store_row row = least(STATE_FAILED);
		struct json_out out = {0};

		row.cause = (enum job_cause)cause;
		row.name = SLICE("n\"\n\xff");
		row.key = SLICE("k");
		row.tags = SLICE("{\"a\":\n\"b\"}");
		row.spec = SLICE("{\"argv\":[\"true\"]}");
		row.attempt = 3;
		row.crashes = 2;
		row.group = 9;
		row.run_at_ms = row.started_ms = row.finished_ms = 5;
		row.exit_code = 0;
		row.signal = 9;
		row.core = row.cancel_asked = true;
		row.failure = SLICE("{\"message\":\"why\"}");
		row.result = SLICE("{\"x\":1}");
		row.cpu_us = row.peak_kib = 7;
		job_json(&out, &row, true);
		check(&job_type, &out);
		assert_true(has(&out, "spec") && has(&out, "tags"));
		assert_true(has(&out, "exit_code") && has(&out, "failure"));
		assert_null(memchr(out.p, '\n', out.n));
		json_out_fini(&out);
	}
}

UNIT(the_reason_of_a_cancel_is_told_as_its_failure)
{
	struct store_row row = least(STATE_CANCELLED);
	struct json_out out = {0};
	struct slice failure;

	row.cause = CAUSE_CANCELLED;
	row.reason = SLICE("not \"needed\"");
	job_json(&out, &row, false);
	check(&job_type, &out);
	assert_true(json_find(json_out_slice(&out), "failure", &failure));
	assert_true(slice_is(failure, "{\"message\":\"not \\\"needed\\\"\"}"));
	json_out_fini(&out);
}

UNIT(the_worker_is_named_only_while_it_runs)
{
	struct store_row row = least(STATE_RUNNING);
	struct json_out out = {0};

	row.worker_pid = 71;
	row.attempt = 1;
	job_json(&out, &row, false);
	check(&job_type, &out);
	assert_true(has(&out, "worker_pid"));
	json_out_reset(&out);
	row.state = STATE_READY;
	job_json(&out, &row, false);
	assert_false(has(&out, "worker_pid"));
	json_out_fini(&out);
}

UNIT(a_group_follows_the_interface)
{
	struct store_group group = {
		.id = 4,
		.name = SLICE("g"),
		.total = 10,
		.counts = {[STATE_READY] = 2, [STATE_SUCCEEDED] = 3},
	};
	struct json_out out = {0};
	struct slice value;
	bool complete;

	job_json_group(&out, &group, 0);
	check(&job_group_type, &out);
	assert_int_equal(job_json_pending(&group), 2);
	json_out_reset(&out);
	group.closed = true;
	group.counts[STATE_READY] = 0;
	job_json_group(&out, &group, 0);
	check(&job_group_type, &out);
	assert_true(json_find(json_out_slice(&out), "complete", &value));
	assert_int_equal(json_bool(value, &complete), 0);
	assert_true(complete);
	json_out_fini(&out);
}

static double group_progress(const struct store_group *group, double advanced)
{
	struct json_out out = {0};
	double progress = -1;
	struct slice value;

	job_json_group(&out, group, advanced);
	check(&job_group_type, &out);
	if (json_find(json_out_slice(&out), "progress", &value))
		assert_int_equal(json_float(value, &progress), 0);
	json_out_fini(&out);
	return progress;
}

UNIT(the_progress_of_a_group_is_that_of_its_jobs)
{
	struct store_group group = {.id = 4, .name = SLICE("")};

	assert_true(group_progress(&group, 0) == -1);
	group.counts[STATE_READY] = 1;
	group.counts[STATE_RUNNING] = 2;
	group.counts[STATE_FAILED] = 1;
	assert_true(group_progress(&group, 0) == 0.25);
	assert_true(group_progress(&group, 1.5) == 0.625);
	/* What is said is newer, or older, than the counts. */
	assert_true(group_progress(&group, 3) == 0.75);
	group.total = 8;
	assert_true(group_progress(&group, 0) == 0.125);
	group.closed = true;
	assert_true(group_progress(&group, 0) == 0.25);
	group.counts[STATE_SUCCEEDED] = 2;
	group.total = 0;
	assert_true(group_progress(&group, 0) == 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_job_with_least_follows_the_interface_in_every_state),
		cmocka_unit_test(a_job_with_everything_follows_the_interface),
		cmocka_unit_test(the_reason_of_a_cancel_is_told_as_its_failure),
		cmocka_unit_test(the_worker_is_named_only_while_it_runs),
		cmocka_unit_test(a_group_follows_the_interface),
		cmocka_unit_test(the_progress_of_a_group_is_that_of_its_jobs),
	};

	return cmocka_run_group_tests_name("job_json", tests, NULL, NULL);
}
