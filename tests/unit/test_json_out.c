#include "proto/json_out.h"

#include <math.h>

#include "proto/json_in.h"
#include "tests/helper/t.h"

static void expect(struct json_out *out, const char *text)
{
	struct json_fault fault;
	struct slice got = json_out_slice(out);

	assert_true(json_out_ok(out));
	assert_int_equal(json_check(got, &fault), 0);
	assert_int_equal(got.n, strlen(text));
	assert_memory_equal(got.p, text, got.n);
	json_out_fini(out);
}

UNIT(commas_come_by_themselves)
{
	struct json_out out = {0};

	json_out_object(&out);
	json_out_key(&out, "a");
	json_out_array(&out);
	json_out_int(&out, 1);
	json_out_array(&out);
	json_out_array_end(&out);
	json_out_object(&out);
	json_out_object_end(&out);
	json_out_null(&out);
	json_out_array_end(&out);
	json_out_member_bool(&out, "b", true);
	json_out_member_text(&out, "c", "x");
	json_out_member_raw(&out, "d", SLICE("{\"e\":\n1}"));
	json_out_key_slice(&out, SLICE("\"f\""));
	json_out_object(&out);
	json_out_member_int(&out, "g", -5);
	json_out_object_end(&out);
	json_out_object_end(&out);
	expect(&out, "{\"a\":[1,[],{},null],\"b\":true,\"c\":\"x\","
		     "\"d\":{\"e\": 1},\"\\\"f\\\"\":{\"g\":-5}}");
}

UNIT(integers_to_the_edge)
{
	struct json_out out = {0};

	json_out_array(&out);
	json_out_int(&out, INT64_MIN);
	json_out_int(&out, INT64_MAX);
	json_out_int(&out, 0);
	json_out_array_end(&out);
	expect(&out, "[-9223372036854775808,9223372036854775807,0]");
}

UNIT(floats_are_short_and_read_back)
{
	static const double values[] = {0.1, 1.0 / 3, 1e300, 5e-324, -2.5, 4};
	struct json_out out = {0};

	json_out_array(&out);
	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		json_out_float(&out, values[i]);
	json_out_float(&out, (double)NAN);
	json_out_float(&out, (double)INFINITY);
	json_out_array_end(&out);
	expect(&out, "[0.1,0.3333333333333333,1e+300,4.94065645841247e-324,"
		     "-2.5,4,null,null]");
}

UNIT(strings_are_always_valid)
{
	struct json_out out = {0};

	json_out_string(&out, SLICE("a\"\\\b\f\n\r\t\x01\x1f/\0 caf\xc3\xa9"
				    "\xf0\x9f\x98\x80\x7f"));
	expect(&out, "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\\u0000 caf"
		     "\xc3\xa9\xf0\x9f\x98\x80\x7f\"");
	json_out_string(&out, SLICE("a\xff\xc3(\xed\xa0\x80"));
	expect(&out, "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"
		     "\xef\xbf\xbd\"");
}

UNIT(bytes_go_as_text_when_they_can)
{
	struct json_out out = {0};

	json_out_object(&out);
	json_out_member_bytes(&out, "a", SLICE("text"));
	json_out_member_bytes(&out, "b", SLICE("\xff"));
	json_out_member_bytes(&out, "c", SLICE("\xff\xfe"));
	json_out_member_bytes(&out, "d", SLICE("\xff\xfe\xfd"));
	json_out_member_bytes(&out, "e", SLICE(""));
	json_out_object_end(&out);
	expect(&out, "{\"a\":\"text\",\"b64\":\"/w==\",\"c64\":\"//4=\","
		     "\"d64\":\"//79\",\"e\":\"\"}");
}

UNIT(messages_stand_one_behind_the_other)
{
	struct json_out out = {0};

	for (int i = 0; i < 2; i++) {
		json_out_object(&out);
		json_out_object_end(&out);
		json_out_byte(&out, '\n');
	}
	assert_true(slice_is(json_out_slice(&out), "{}\n{}\n"));
	json_out_reset(&out);
	assert_int_equal(json_out_slice(&out).n, 0);
	json_out_fini(&out);
}

UNIT(memory_that_runs_out_is_remembered)
{
	static const char byte = 'x';
	struct json_out out = {0};

	json_out_array(&out);
	json_out_base64(&out, (struct slice){&byte, SIZE_MAX / 2});
	assert_false(json_out_ok(&out));
	json_out_int(&out, 1);
	json_out_array_end(&out);
	assert_false(json_out_ok(&out));
	assert_true(slice_is(json_out_slice(&out), "["));
	json_out_fini(&out);
}

UNIT(utf8_is_told_from_other_bytes)
{
	assert_true(json_utf8(SLICE("")));
	assert_true(json_utf8(SLICE("0123456789 caf\xc3\xa9 0123456789")));
	assert_false(json_utf8(SLICE("0123456789\xff")));
	assert_false(json_utf8(SLICE("01234567\xc3")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_come_by_themselves),
		cmocka_unit_test(integers_to_the_edge),
		cmocka_unit_test(floats_are_short_and_read_back),
		cmocka_unit_test(strings_are_always_valid),
		cmocka_unit_test(bytes_go_as_text_when_they_can),
		cmocka_unit_test(messages_stand_one_behind_the_other),
		cmocka_unit_test(memory_that_runs_out_is_remembered),
		cmocka_unit_test(utf8_is_told_from_other_bytes),
	};

	return cmocka_run_group_tests_name("json_out", tests, NULL, NULL);
}
