#include "proto/certification.h"

#include <stdio.h>

#include "proto/json_in.h"
#include "tests/helper/t.h"

static struct certification certification;
static struct json_out reply;

/* One call; the members of its last reply are in `reply`. */
static int call(const char *name, const char *parameters, bool more,
		bool oneway, unsigned *ret_replies)
{
	struct call_certification params = {0};
	const struct schema_method *method;
	struct schema_fault fault;
	struct arena arena = {0};
	char full[64];
	int r;

	snprintf(full, sizeof(full), "org.varlink.certification.%s", name);
	assert_int_equal(calls_find(slice_of(full), &method), 0);
	if (method->in)
		assert_int_equal(schema_decode(method->in, &arena,
					       slice_of(parameters), "",
					       &params, &fault),
				 0);
	r = certification_check(&certification, method, &params, more, oneway,
				ret_replies);
	json_out_reset(&reply);
	if (r == 0)
		certification_write(&certification, method, *ret_replies - 1,
				    &reply);
	else
		certification_write_wrong(method, &reply);
	arena_fini(&arena);
	return r;
}

/* What a client does: give back what it got. */
static void pass(const char *name, bool more, bool oneway)
{
	struct slice got = json_out_slice(&reply);
	char parameters[1024];
	unsigned replies;

	snprintf(parameters, sizeof(parameters), "{\"client_id\":\"1\"%s%.*s}",
		 got.n ? "," : "", (int)got.n, got.p ? got.p : "");
	assert_int_equal(call(name, parameters, more, oneway, &replies), 0);
	assert_int_equal(replies, more ? 10 : 1);
}

UNIT(the_whole_round_passes)
{
	char name[16];
	unsigned replies;

	assert_int_equal(call("Start", "{}", false, false, &replies), 0);
	assert_true(slice_is(json_out_slice(&reply), "\"client_id\":\"1\""));
	json_out_reset(&reply);
	for (int i = 1; i <= 10; i++) {
		snprintf(name, sizeof(name), "Test%02d", i);
		pass(name, i == 10, false);
	}
	assert_true(slice_is(json_out_slice(&reply),
			     "\"string\":\"Reply number 10\""));
	json_out_reset(&reply);
	json_out_key(&reply, "last_more_replies");
	json_out_array(&reply);
	for (int i = 1; i <= 10; i++) {
		snprintf(name, sizeof(name), "Reply number %d", i);
		json_out_string(&reply, slice_of(name));
	}
	json_out_array_end(&reply);
	pass("Test11", false, true);
	pass("End", false, false);
	assert_true(slice_is(json_out_slice(&reply), "\"all_ok\":true"));
	assert_int_equal(
		call("Test01", "{\"client_id\":\"1\"}", false, false, &replies),
		CERTIFICATION_E_CLIENT);
	json_out_fini(&reply);
}

UNIT(what_is_wrong_is_told)
{
	unsigned replies;

	assert_int_equal(call("Start", "{}", false, false, &replies), 0);
	assert_int_equal(
		call("Test01", "{\"client_id\":\"9\"}", false, false, &replies),
		CERTIFICATION_E_CLIENT);
	assert_int_equal(call("Test02", "{\"client_id\":\"2\",\"bool\":true}",
			      false, false, &replies),
			 CERTIFICATION_E_WRONG);
	assert_int_equal(
		call("Test01", "{\"client_id\":\"2\"}", true, false, &replies),
		CERTIFICATION_E_WRONG);
	assert_int_equal(
		call("Test01", "{\"client_id\":\"2\"}", false, false, &replies),
		0);
	assert_int_equal(call("Test02", "{\"client_id\":\"2\",\"bool\":false}",
			      false, false, &replies),
			 CERTIFICATION_E_WRONG);
	assert_int_equal(call("Test08",
			      "{\"client_id\":\"2\",\"map\":{\"foo\":\"Foo\"}}",
			      false, false, &replies),
			 CERTIFICATION_E_WRONG);
	json_out_fini(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_round_passes),
		cmocka_unit_test(what_is_wrong_is_told),
	};

	return cmocka_run_group_tests_name("certification", tests, NULL, NULL);
}
