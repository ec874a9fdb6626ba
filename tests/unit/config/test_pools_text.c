#include "daemon/config/pools_text.h"

#include "proto/json_in.h"
#include "tests/helper/t.h"

static char thumb[] = "thumb", scale[] = "scale";
static char *handles[] = {thumb, scale, NULL};

/* As the supervisor has it: a hole where a pool was removed. */
static struct pool_config list[] = {
	{.name = "exec", .workers_min = 2, .workers_max = 2},
	{.name = ""},
	{
		.name = "img",
		.kind = POOL_WORKER,
		.handles = handles,
		.workers_min = 1,
		.workers_max = 8,
		.idle_ms = 60000,
		.ping_ms = 10000,
		.retire_jobs = 1000,
		.retire_age_ms = 3600000,
		.retire_kib = 102400,
		.retire_jitter = 0.1,
		.broken = POOL_BROKEN_FAIL,
	},
};

static int read_text(const char *text, struct pools_config *ret)
{
	struct json_fault fault;

	assert_int_equal(json_check(slice_of(text), &fault), 0);
	return pools_text_read(slice_of(text), ret);
}

UNIT(what_is_written_is_read_with_the_same_numbers)
{
	struct pools_config from = {list, ARRAY_COUNT(list)}, to;
	struct json_out out = {0};

	pools_text_write(&out, &from);
	assert_true(json_out_ok(&out));
	json_out_byte(&out, 0);
	assert_int_equal(read_text(out.p, &to), 0);
	assert_int_equal(to.count, 3);
	assert_string_equal(to.list[0].name, "exec");
	assert_null(to.list[0].handles[0]);
	assert_string_equal(to.list[1].name, "");
	assert_string_equal(to.list[2].name, "img");
	assert_string_equal(to.list[2].handles[1], "scale");
	assert_null(to.list[2].handles[2]);
	assert_int_equal(to.list[2].kind, POOL_WORKER);
	assert_int_equal(to.list[2].workers_min, 1);
	assert_int_equal(to.list[2].workers_max, 8);
	assert_int_equal(to.list[2].idle_ms, 60000);
	assert_int_equal(to.list[2].ping_ms, 10000);
	assert_int_equal(to.list[2].retire_jobs, 1000);
	assert_int_equal(to.list[2].retire_age_ms, 3600000);
	assert_int_equal(to.list[2].retire_kib, 102400);
	assert_true(to.list[2].retire_jitter == 0.1);
	assert_int_equal(to.list[2].broken, POOL_BROKEN_FAIL);
	pools_text_free(&to);
	pools_text_free(&to);
	json_out_fini(&out);
}

UNIT(what_is_something_else_is_refused_whole)
{
	static const char *const texts[] = {
		"{}",
		"[1]",
		"[{}]",
		"[{\"number\":64}]",
		"[{\"number\":1,\"name\":\"a\"}]",
	};
	struct pools_config pools;

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		assert_int_equal(read_text(texts[i], &pools),
				 POOLS_TEXT_E_FORM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_with_the_same_numbers),
		cmocka_unit_test(what_is_something_else_is_refused_whole),
	};

	return cmocka_run_group_tests_name("pools_text", tests, NULL, NULL);
}
