#include "daemon/config/defaults_text.h"

#include "proto/json_in.h"
#include "proto/retry.h"
#include "tests/helper/t.h"

#include <stdio.h>

static const struct job_defaults one = {
	.timeout_ms = -1,
	.grace_ms = 5,
	.crash_limit = 4,
	.priority = -7,
	.expire_ms = 60000,
	.orphans_keep = true,
	.max_attempts = 5,
	.backoff_ms = 10,
	.backoff_max_ms = 100,
	.jitter = 0.125,
	.cause_bits = 1u << CAUSE_EXIT | 1u << CAUSE_TIMEOUT,
	.max_length = 12,
	.overflow = 1,
};

static int read_text(const char *text, struct defaults_config *ret)
{
	struct json_fault fault;

	assert_int_equal(json_check(slice_of(text), &fault), 0);
	return defaults_text_read(slice_of(text), ret);
}

/* Of all, and of as many queues as there may be. */
static char *write_most(void)
{
	struct defaults_config from = {
		.list = calloc(1 + DEFAULTS_QUEUES_MAX, sizeof(one)),
		.count = 1 + DEFAULTS_QUEUES_MAX,
	};
	struct json_out out = {0};

	assert_non_null(from.list);
	for (size_t i = 0; i < from.count; i++) {
		from.list[i] = one;
		if (i)
			snprintf(from.list[i].queue, sizeof(one.queue),
				 "q.\"%zu\"", i);
	}
	defaults_text_write(&out, &from);
	json_out_byte(&out, 0);
	assert_true(json_out_ok(&out));
	free(from.list);
	return out.p;
}

UNIT(what_is_written_is_read_the_same)
{
	struct defaults_config to;
	struct job_defaults last;
	char *text = write_most();

	assert_int_equal(read_text(text, &to), 0);
	free(text);
	assert_int_equal(to.count, 1 + DEFAULTS_QUEUES_MAX);
	assert_memory_equal(&to.list[0], &one, sizeof(one));
	last = to.list[DEFAULTS_QUEUES_MAX];
	assert_string_equal(last.queue, "q.\"1000\"");
	assert_int_equal(last.priority, -7);
	assert_int_equal(last.cause_bits, one.cause_bits);
	free(to.list);
}

UNIT(anything_else_is_refused)
{
	static const char *const bad[] = {
		"{}",	 "[]", "[3]", "[{}]", "[{\"orphans_keep\":false}]",
		"\"x\"",
	};
	struct defaults_config to;
	char *text = write_most(), *at;

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(read_text(bad[i], &to), DEFAULTS_TEXT_E_FORM);
	/* The first one is that of all, and the only one without a queue. */
	at = strstr(text, "\"queue\"");
	memcpy(at, "\"quark\"", 7);
	assert_int_equal(read_text(text, &to), DEFAULTS_TEXT_E_FORM);
	memcpy(at, "\"queue\"", 7);
	memcpy(strstr(text, "\"priority\""), "\"prioritY\"", 10);
	assert_int_equal(read_text(text, &to), DEFAULTS_TEXT_E_FORM);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_the_same),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests_name("defaults_text", tests, NULL, NULL);
}
