#include "proto/retry.h"

#include "proto/json_in.h"
#include "tests/helper/t.h"

static int decode(const char *text, struct retry_rule *ret,
		  struct schema_fault *ret_fault)
{
	struct json_fault fault;
	struct arena arena = {0};
	int r;

	assert_int_equal(json_check(slice_of(text), &fault), 0);
	r = retry_rule_decode(&arena, slice_of(text), "job.retry", ret,
			      ret_fault);
	arena_fini(&arena);
	return r;
}

static void refuse(const char *text, int error, const char *path)
{
	struct retry_rule rule = {0};
	struct schema_fault fault = {0};

	assert_int_equal(decode(text, &rule, &fault), error);
	assert_string_equal(fault.path, path);
	assert_true(fault.message[0]);
	assert_int_equal(rule.max_attempts, 0);
}

UNIT(an_empty_rule_has_the_defaults)
{
	struct retry_rule rule;
	struct schema_fault fault;

	assert_int_equal(decode("{}", &rule, &fault), 0);
	assert_int_equal(rule.max_attempts, 3);
	assert_int_equal(rule.backoff_ms, 1000);
	assert_int_equal(rule.backoff_max_ms, 600000);
	assert_true(rule.jitter > 0.19 && rule.jitter < 0.21);
	assert_int_equal(rule.cause_bits, RETRY_CAUSES_DEFAULT);
	assert_int_equal(rule.code_count, 0);
}

UNIT(what_is_given_is_read)
{
	struct retry_rule rule;
	struct schema_fault fault;

	assert_int_equal(decode("{\"max_attempts\":9,\"backoff_ms\":0,"
				"\"backoff_max_ms\":5,\"jitter\":1,"
				"\"causes\":[\"exec\",\"exit\"],"
				"\"exit_codes\":[75,111]}",
				&rule, &fault),
			 0);
	assert_int_equal(rule.max_attempts, 9);
	assert_int_equal(rule.backoff_ms, 0);
	assert_int_equal(rule.backoff_max_ms, 5);
	assert_true(rule.jitter == 1);
	assert_int_equal(rule.cause_bits, 1u << CAUSE_EXEC | 1u << CAUSE_EXIT);
	assert_int_equal(rule.code_count, 2);
	assert_int_equal(rule.codes[0], 75);
	assert_int_equal(rule.codes[1], 111);
}

UNIT(what_can_mean_nothing_is_refused_with_its_field)
{
	refuse("{\"max_attempts\":0}", SCHEMA_E_RANGE,
	       "job.retry.max_attempts");
	refuse("{\"backoff_ms\":-1}", SCHEMA_E_RANGE, "job.retry.backoff_ms");
	refuse("{\"jitter\":1.5}", SCHEMA_E_RANGE, "job.retry.jitter");
	refuse("{\"jitter\":-0.1}", SCHEMA_E_RANGE, "job.retry.jitter");
	refuse("{\"causes\":[\"cancelled\"]}", SCHEMA_E_RANGE,
	       "job.retry.causes");
	refuse("{\"causes\":[\"worker_lost\"]}", SCHEMA_E_RANGE,
	       "job.retry.causes");
	refuse("{\"causes\":[\"weather\"]}", SCHEMA_E_WORD,
	       "job.retry.causes[0]");
	refuse("{\"exit_codes\":[0]}", SCHEMA_E_RANGE, "job.retry.exit_codes");
	refuse("{\"exit_codes\":[256]}", SCHEMA_E_RANGE,
	       "job.retry.exit_codes");
	refuse("{\"tries\":3}", SCHEMA_E_UNKNOWN, "job.retry.tries");
}

static void contradict(const char *text, int error, const char *path)
{
	struct schema_fault fault = {0};
	struct retry_rule rule;

	assert_int_equal(decode(text, &rule, &fault), 0);
	assert_int_equal(retry_rule_check(&rule, "job.retry", &fault), error);
	if (error)
		assert_string_equal(fault.path, path);
}

UNIT(a_rule_says_something_and_one_thing)
{
	contradict("{\"causes\":[]}", SCHEMA_E_RANGE, "job.retry.causes");
	contradict("{\"causes\":[\"exit\",\"exit\"]}", SCHEMA_E_RANGE,
		   "job.retry.causes");
	contradict("{\"causes\":[\"signal\"],\"exit_codes\":[3]}",
		   SCHEMA_E_CONFLICT, "job.retry.exit_codes");
	contradict("{\"backoff_ms\":6,\"backoff_max_ms\":5}", SCHEMA_E_CONFLICT,
		   "job.retry.backoff_ms");
	contradict("{}", 0, NULL);
	contradict("{\"exit_codes\":[3]}", 0, NULL);
	contradict("{\"causes\":[\"exit\",\"exec\"],\"exit_codes\":[3]}", 0,
		   NULL);
	contradict("{\"backoff_ms\":5,\"backoff_max_ms\":5}", 0, NULL);
}

UNIT(a_default_does_not_contradict_what_is_given)
{
	struct retry_rule rule;
	struct schema_fault fault;

	assert_int_equal(decode("{\"backoff_ms\":700000}", &rule, &fault), 0);
	assert_int_equal(rule.backoff_max_ms, 700000);
	assert_int_equal(retry_rule_check(&rule, "", &fault), 0);
	assert_int_equal(decode("{\"backoff_max_ms\":500}", &rule, &fault), 0);
	assert_int_equal(rule.backoff_ms, 500);
	assert_int_equal(retry_rule_check(&rule, "", &fault), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_rule_has_the_defaults),
		cmocka_unit_test(what_is_given_is_read),
		cmocka_unit_test(
			what_can_mean_nothing_is_refused_with_its_field),
		cmocka_unit_test(a_rule_says_something_and_one_thing),
		cmocka_unit_test(a_default_does_not_contradict_what_is_given),
	};

	return cmocka_run_group_tests_name("proto_retry", tests, NULL, NULL);
}
