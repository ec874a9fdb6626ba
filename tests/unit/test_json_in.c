#include "proto/json_in.h"

#include <errno.h>
#include <stdio.h>

#include "tests/helper/t.h"

static int check(const char *text)
{
	struct json_fault fault = {0};
	int r = json_check(slice_of(text), &fault);

	if (r) {
		assert_non_null(fault.message);
		assert_true(fault.offset <= strlen(text));
	}
	return r;
}

/* What is wrong begins at the byte behind the '^' of @marked. */
static void expect_fault(const char *marked, int error)
{
	const char *mark = strchr(marked, '^');
	struct json_fault fault;
	char text[256];

	snprintf(text, sizeof(text), "%.*s%s", (int)(mark - marked), marked,
		 mark + 1);
	assert_int_equal(json_check(slice_of(text), &fault), error);
	assert_int_equal(fault.offset, mark - marked);
}

UNIT(json_is_accepted)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" [ ] ",
		"\t{\r\n} ",
		"0",
		"-0",
		"-1.5e+10",
		"1E400",
		"123456789012345678901234567890",
		"true",
		"false",
		"null",
		"\"\"",
		"\"\\u0000\\uD83D\\uDE00\\n\\/\"",
		"\"\xc3\xa9 \xf0\x9f\x98\x80 \x7f\"",
		"{\"a\":{\"b\":[1,{\"c\":[]},\"x\"]},\"a\":null}",
		"[[[[[]]]],{},[{}]]",
		"\"0123456789abcdef0123456789\"",
	};

	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		assert_int_equal(check(good[i]), 0);
}

UNIT(what_is_not_json_is_refused_where_it_is_wrong)
{
	expect_fault("^", JSON_E_SHORT);
	expect_fault("  ^", JSON_E_SHORT);
	expect_fault("{\"a\":1^", JSON_E_SHORT);
	expect_fault("{\"a^", JSON_E_SHORT);
	expect_fault("{\"a\" ^1}", JSON_E_SYNTAX);
	expect_fault("{^a:1}", JSON_E_SYNTAX);
	expect_fault("{\"a\":1,^}", JSON_E_SYNTAX);
	expect_fault("[1,^]", JSON_E_SYNTAX);
	expect_fault("[^,1]", JSON_E_SYNTAX);
	expect_fault("[1^}", JSON_E_SYNTAX);
	expect_fault("{\"a\":1^]", JSON_E_SYNTAX);
	expect_fault("[1 ^2]", JSON_E_SYNTAX);
	expect_fault("{}^{}", JSON_E_SYNTAX);
	expect_fault("0^1", JSON_E_SYNTAX);
	expect_fault("-^", JSON_E_SHORT);
	expect_fault("[-^]", JSON_E_SYNTAX);
	expect_fault("1.^", JSON_E_SHORT);
	expect_fault("[1.^e3]", JSON_E_SYNTAX);
	expect_fault("[1e^]", JSON_E_SYNTAX);
	expect_fault("^+1", JSON_E_SYNTAX);
	expect_fault("^.5", JSON_E_SYNTAX);
	expect_fault("^NaN", JSON_E_SYNTAX);
	expect_fault("tru^", JSON_E_SHORT);
	expect_fault("n^ope", JSON_E_SYNTAX);
	expect_fault("true^d", JSON_E_SYNTAX);
	expect_fault("\"a^\tb\"", JSON_E_SYNTAX);
	expect_fault("\"\\^x\"", JSON_E_SYNTAX);
	expect_fault("\"\\u^12g4\"", JSON_E_SYNTAX);
	expect_fault("\"^\\ud800\"", JSON_E_SYNTAX);
	expect_fault("\"^\\ud800\\u0041\"", JSON_E_SYNTAX);
	expect_fault("\"^\\udc00\"", JSON_E_SYNTAX);
	expect_fault("\"^\xff\"", JSON_E_SYNTAX);
	expect_fault("\"^\xc0\xaf\"", JSON_E_SYNTAX);
	expect_fault("\"^\xed\xa0\x80\"", JSON_E_SYNTAX);
	expect_fault("\"^\xf4\x90\x80\x80\"", JSON_E_SYNTAX);
	expect_fault("\"12345678^\xc3\"", JSON_E_SYNTAX);
	expect_fault("^\xef\xbb\xbf{}", JSON_E_SYNTAX);
}

UNIT(a_nul_is_no_white_space)
{
	struct json_fault fault;

	assert_int_equal(json_check(SLICE("{}\0"), &fault), JSON_E_SYNTAX);
	assert_int_equal(json_check(SLICE("\"\0\""), &fault), JSON_E_SYNTAX);
	assert_int_equal(json_check(SLICE("\"\\\0\""), &fault), JSON_E_SYNTAX);
}

UNIT(depth_is_limited_and_costs_nothing)
{
	size_t n = 100000;
	char *text = malloc(n);
	struct json_fault fault;

	assert_non_null(text);
	memset(text, '[', n);
	assert_int_equal(json_check((struct slice){text, n}, &fault),
			 JSON_E_DEPTH);
	assert_int_equal(fault.offset, JSON_DEPTH_MAX);

	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(
		json_check((struct slice){text, JSON_DEPTH_MAX * 2}, &fault),
		0);
	free(text);
}

UNIT(a_million_keys_are_walked_in_one_pass)
{
	size_t n = 0, count = 1000000;
	char *text = malloc(count * 16);
	struct json_fault fault;
	struct slice value;

	assert_non_null(text);
	text[n++] = '{';
	for (size_t i = 0; i < count; i++)
		n += (size_t)sprintf(text + n, "%s\"k%zu\":%zu", i ? "," : "",
				     i, i % 10);
	text[n++] = '}';
	assert_int_equal(json_check((struct slice){text, n}, &fault), 0);
	assert_int_equal(json_count((struct slice){text, n}), count);
	assert_true(json_find((struct slice){text, n}, "k999999", &value));
	assert_true(slice_is(value, "9"));
	free(text);
}

UNIT(members_and_items_come_in_order)
{
	struct slice object = SLICE(
		"{ \"a\" : [1, \"]\" ,{}] ,\"\\\"\":\"x\\\\\","
		"\"c\":{\"d\":null}}");
	struct json_iter iter = json_enter(object), inner;
	struct slice key, value, item;

	assert_int_equal(json_count(object), 3);
	assert_true(json_member(&iter, &key, &value));
	assert_true(slice_is(key, "a"));
	assert_true(slice_is(value, "[1, \"]\" ,{}]"));
	assert_int_equal(json_count(value), 3);
	inner = json_enter(value);
	assert_true(json_item(&inner, &item));
	assert_true(slice_is(item, "1"));
	assert_true(json_item(&inner, &item));
	assert_true(slice_is(item, "\"]\""));
	assert_true(json_item(&inner, &item));
	assert_int_equal(json_kind(item), JSON_OBJECT);
	assert_int_equal(json_count(item), 0);
	assert_false(json_item(&inner, &item));

	assert_true(json_member(&iter, &key, &value));
	assert_true(slice_is(key, "\\\""));
	assert_true(slice_is(value, "\"x\\\\\""));
	assert_true(json_member(&iter, &key, &value));
	assert_true(json_find(value, "d", &item));
	assert_int_equal(json_kind(item), JSON_NULL);
	assert_false(json_find(value, "e", &item));
	assert_false(json_member(&iter, &key, &value));
}

UNIT(integers_are_64_bits_without_fraction)
{
	int64_t n = 7;

	assert_int_equal(json_int(SLICE("9223372036854775807"), &n), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(json_int(SLICE("-9223372036854775808"), &n), 0);
	assert_true(n == INT64_MIN);
	assert_int_equal(json_int(SLICE("-0"), &n), 0);
	assert_int_equal(n, 0);
	n = 7;
	assert_int_equal(json_int(SLICE("9223372036854775808"), &n),
			 JSON_E_RANGE);
	assert_int_equal(json_int(SLICE("-9223372036854775809"), &n),
			 JSON_E_RANGE);
	assert_int_equal(json_int(SLICE("1.0"), &n), JSON_E_RANGE);
	assert_int_equal(json_int(SLICE("1e3"), &n), JSON_E_RANGE);
	assert_int_equal(json_int(SLICE("\"1\""), &n), JSON_E_KIND);
	assert_int_equal(n, 7);
}

UNIT(floats_and_bools)
{
	char digits[200];
	double x;
	bool b;

	assert_int_equal(json_float(SLICE("-12.5e-1"), &x), 0);
	assert_true(x == -1.25);
	assert_int_equal(json_float(SLICE("1e999"), &x), JSON_E_RANGE);
	assert_int_equal(json_float(SLICE("true"), &x), JSON_E_KIND);
	memset(digits, '1', sizeof(digits));
	assert_int_equal(json_float((struct slice){digits, sizeof(digits)}, &x),
			 JSON_E_RANGE);
	assert_int_equal(json_bool(SLICE("true"), &b), 0);
	assert_true(b);
	assert_int_equal(json_bool(SLICE("0"), &b), JSON_E_KIND);
}

UNIT(strings_are_decoded_only_when_they_must_be)
{
	struct arena arena = {0};
	struct slice plain = SLICE("\"caf\xc3\xa9\"");
	struct slice text;

	assert_int_equal(json_string(&arena, plain, &text), 0);
	assert_ptr_equal(text.p, plain.p + 1);
	assert_int_equal(arena.used_bytes, 0);
	assert_int_equal(json_string(&arena,
				     SLICE("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t"
					   "\\u00e9\\u20ac\\ud83d\\ude00z\""),
				     &text),
			 0);
	assert_true(slice_is(text, "a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac"
				   "\xf0\x9f\x98\x80z"));
	assert_int_equal(json_string(&arena, SLICE("\"\\u0000\""), &text), 0);
	assert_int_equal(text.n, 1);
	assert_int_equal(text.p[0], 0);
	assert_int_equal(json_string(&arena, SLICE("12"), &text), JSON_E_KIND);
	arena_fini(&arena);
}

UNIT(a_key_with_escapes_is_the_same_key)
{
	assert_true(json_key_is(SLICE("id"), "id"));
	assert_true(json_key_is(SLICE("\\u0069d"), "id"));
	assert_true(json_key_is(SLICE("\\u0069\\u0064"), "id"));
	assert_false(json_key_is(SLICE("ids"), "id"));
	assert_false(json_key_is(SLICE("i"), "id"));
	assert_false(json_key_is(SLICE("\\u0169d"), "id"));
	assert_false(json_key_is(SLICE("id\\u0000"), "id"));
	assert_false(json_key_is(SLICE(""), "id"));
}

UNIT(base64_is_read_strictly)
{
	static const char *const bad[] = {
		"A",	"AA",	"AAA",	"A===", "====",	 "AA=A",
		"AB==", "AAB=", "AA A", "AA-_", "AAAA\n"};
	struct arena arena = {0};
	struct slice bytes;

	assert_int_equal(json_base64(&arena, SLICE(""), &bytes), 0);
	assert_int_equal(bytes.n, 0);
	assert_int_equal(json_base64(&arena, SLICE("Zg=="), &bytes), 0);
	assert_true(slice_is(bytes, "f"));
	assert_int_equal(json_base64(&arena, SLICE("Zm8="), &bytes), 0);
	assert_true(slice_is(bytes, "fo"));
	assert_int_equal(json_base64(&arena, SLICE("Zm9vYmFy"), &bytes), 0);
	assert_true(slice_is(bytes, "foobar"));
	assert_int_equal(json_base64(&arena, SLICE("//79/A=="), &bytes), 0);
	assert_true(slice_is(bytes, "\xff\xfe\xfd\xfc"));
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(json_base64(&arena, slice_of(bad[i]), &bytes),
				 JSON_E_SYNTAX);
	arena_fini(&arena);
}

UNIT(text_that_was_not_checked_reads_nothing_beyond_its_end)
{
	static const char *const bad[] = {"{\"a\"", "{\"a", "{\"a\":", "[[",
					  "{,,}",   "[}",   "{\"\\",   "[,]"};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		size_t n = strlen(bad[i]);
		char *copy = malloc(n);
		struct slice value;

		assert_non_null(copy);
		memcpy(copy, bad[i], n);
		assert_true(json_count((struct slice){copy, n}) < 3);
		(void)json_find((struct slice){copy, n}, "a", &value);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_accepted),
		cmocka_unit_test(what_is_not_json_is_refused_where_it_is_wrong),
		cmocka_unit_test(a_nul_is_no_white_space),
		cmocka_unit_test(depth_is_limited_and_costs_nothing),
		cmocka_unit_test(a_million_keys_are_walked_in_one_pass),
		cmocka_unit_test(members_and_items_come_in_order),
		cmocka_unit_test(integers_are_64_bits_without_fraction),
		cmocka_unit_test(floats_and_bools),
		cmocka_unit_test(strings_are_decoded_only_when_they_must_be),
		cmocka_unit_test(a_key_with_escapes_is_the_same_key),
		cmocka_unit_test(base64_is_read_strictly),
		cmocka_unit_test(
			text_that_was_not_checked_reads_nothing_beyond_its_end),
	};

	return cmocka_run_group_tests_name("json_in", tests, NULL, NULL);
}
