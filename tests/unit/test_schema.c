#include "proto/schema.h"

#include "tests/helper/t.h"

struct inner {
	uint64_t has;
	int64_t n;
};

struct outer {
	uint64_t has;
	bool flag;
	int64_t count;
	double share;
	struct slice name;
	struct slice args;
	int colour;
	struct slice inner;
	struct slice words;
	struct slice inners;
	struct slice limits;
};

static const char *const colours[] = {"red", "green"};
static const struct schema_type colour = {.words = colours, .word_count = 2};

static const struct schema_field inner_fields[] = {
	{.name = "n", .kind = SCHEMA_INT, .offset = offsetof(struct inner, n)},
	{.name = "later",
	 .kind = SCHEMA_INT,
	 .optional = true,
	 .offset = SCHEMA_UNBUILT},
};
static const struct schema_type inner_type = {
	.name = "Inner",
	.fields = inner_fields,
	.field_count = ARRAY_COUNT(inner_fields),
};

#define FIELD(member) .optional = true, .offset = offsetof(struct outer, member)
static const struct schema_field outer_fields[] = {
	{.name = "flag", .kind = SCHEMA_BOOL, FIELD(flag)},
	{.name = "count",
	 .kind = SCHEMA_INT,
	 .min = -1,
	 .max = 10,
	 FIELD(count)},
	{.name = "share", .kind = SCHEMA_FLOAT, FIELD(share)},
	{.name = "name",
	 .kind = SCHEMA_STRING,
	 .max = 5,
	 .offset = offsetof(struct outer, name)},
	{.name = "args", .kind = SCHEMA_OBJECT, .max = 20, FIELD(args)},
	{.name = "colour", .kind = SCHEMA_ENUM, .type = &colour, FIELD(colour)},
	{.name = "inner",
	 .kind = SCHEMA_STRUCT,
	 .type = &inner_type,
	 FIELD(inner)},
	{.name = "words",
	 .kind = SCHEMA_LIST,
	 .item = SCHEMA_STRING,
	 .max = 3,
	 FIELD(words)},
	{.name = "inners",
	 .kind = SCHEMA_LIST,
	 .item = SCHEMA_STRUCT,
	 .type = &inner_type,
	 FIELD(inners)},
	{.name = "limits",
	 .kind = SCHEMA_MAP,
	 .item = SCHEMA_INT,
	 FIELD(limits)},
	{.name = "unbuilt",
	 .kind = SCHEMA_INT,
	 .optional = true,
	 .offset = SCHEMA_UNBUILT},
};
static const struct schema_type outer_type = {
	.name = "Outer",
	.fields = outer_fields,
	.field_count = ARRAY_COUNT(outer_fields),
};

static void refuse(const char *text, int error, const char *path)
{
	struct arena arena = {0};
	struct schema_fault fault = {0};
	struct outer outer = {0};

	assert_int_equal(schema_decode(&outer_type, &arena, slice_of(text), "",
				       &outer, &fault),
			 error);
	assert_string_equal(fault.path, path);
	assert_true(fault.message[0]);
	assert_int_equal(outer.has, 0);
	arena_fini(&arena);
}

UNIT(a_struct_is_filled)
{
	struct arena arena = {0};
	struct schema_fault fault;
	struct outer outer = {.count = 9};
	struct inner inner = {0};

	assert_int_equal(
		schema_decode(&outer_type, &arena,
			      SLICE("{\"n\\u0061me\":\"a\\nb\",\"share\":0.5,"
				    "\"flag\":true,\"args\":{\"x\":[1]},"
				    "\"colour\":\"green\",\"inner\":{\"n\":4},"
				    "\"words\":[\"a\",\"b\"],\"count\":null,"
				    "\"limits\":{\"a\":1},\"inners\":[{}]}"),
			      "", &outer, &fault),
		0);
	assert_true(slice_is(outer.name, "a\nb"));
	assert_true(outer.share == 0.5);
	assert_true(outer.flag);
	assert_true(slice_is(outer.args, "{\"x\":[1]}"));
	assert_int_equal(outer.colour, 1);
	assert_true(slice_is(outer.words, "[\"a\",\"b\"]"));
	assert_true(slice_is(outer.limits, "{\"a\":1}"));
	assert_int_equal(outer.count, 9);
	assert_int_equal(outer.has, 0x3fd);
	assert_int_equal(schema_decode(&inner_type, &arena, outer.inner,
				       "inner", &inner, &fault),
			 0);
	assert_int_equal(inner.n, 4);
	assert_int_equal(schema_decode(&inner_type, &arena, SLICE("{}"),
				       "inners[0]", &inner, &fault),
			 SCHEMA_E_MISSING);
	assert_string_equal(fault.path, "inners[0].n");
	arena_fini(&arena);
}

UNIT(what_is_not_in_the_table_is_refused_with_its_path)
{
	refuse("{\"name\":\"x\",\"colur\":\"red\"}", SCHEMA_E_UNKNOWN, "colur");
	refuse("{\"name\":\"x\",\"\":1}", SCHEMA_E_UNKNOWN, "");
	refuse("{\"flag\":true}", SCHEMA_E_MISSING, "name");
	refuse("{\"name\":null}", SCHEMA_E_MISSING, "name");
	refuse("{\"name\":\"x\",\"name\":\"x\"}", SCHEMA_E_DUPLICATE, "name");
	refuse("{\"name\":\"x\",\"n\\u0061me\":null}", SCHEMA_E_DUPLICATE,
	       "n\\u0061me");
	refuse("{\"unbuilt\":1}", SCHEMA_E_UNBUILT, "unbuilt");
	refuse("{\"inner\":{\"n\":1,\"later\":2}}", SCHEMA_E_UNBUILT,
	       "inner.later");
	refuse("{\"inner\":{\"m\":1}}", SCHEMA_E_UNKNOWN, "inner.m");
	refuse("{\"inner\":{}}", SCHEMA_E_MISSING, "inner.n");
	refuse("[]", SCHEMA_E_KIND, "");
}

UNIT(a_typing_error_is_answered_with_the_name)
{
	struct arena arena = {0};
	struct schema_fault fault = {0};
	struct outer outer = {0};

	assert_int_equal(schema_decode(&outer_type, &arena,
				       SLICE("{\"colur\":\"red\"}"), "", &outer,
				       &fault),
			 SCHEMA_E_UNKNOWN);
	assert_non_null(strstr(fault.message, "did you mean colour?"));
	assert_int_equal(schema_decode(&outer_type, &arena,
				       SLICE("{\"stripes\":1}"), "", &outer,
				       &fault),
			 SCHEMA_E_UNKNOWN);
	assert_null(strstr(fault.message, "mean"));
	arena_fini(&arena);
}

UNIT(another_type_is_refused)
{
	refuse("{\"name\":1}", SCHEMA_E_KIND, "name");
	refuse("{\"flag\":\"true\"}", SCHEMA_E_KIND, "flag");
	refuse("{\"count\":\"1\"}", SCHEMA_E_KIND, "count");
	refuse("{\"share\":true}", SCHEMA_E_KIND, "share");
	refuse("{\"args\":[]}", SCHEMA_E_KIND, "args");
	refuse("{\"colour\":1}", SCHEMA_E_KIND, "colour");
	refuse("{\"inner\":1}", SCHEMA_E_KIND, "inner");
	refuse("{\"words\":{}}", SCHEMA_E_KIND, "words");
	refuse("{\"words\":[\"a\",1]}", SCHEMA_E_KIND, "words[1]");
	refuse("{\"words\":[null]}", SCHEMA_E_KIND, "words[0]");
	refuse("{\"inners\":[{},1]}", SCHEMA_E_KIND, "inners[1]");
	refuse("{\"limits\":[]}", SCHEMA_E_KIND, "limits");
	refuse("{\"limits\":{\"a\":1,\"b\":\"x\"}}", SCHEMA_E_KIND, "limits.b");
}

UNIT(bounds_hold)
{
	refuse("{\"count\":11}", SCHEMA_E_RANGE, "count");
	refuse("{\"count\":-2}", SCHEMA_E_RANGE, "count");
	refuse("{\"count\":1.5}", SCHEMA_E_RANGE, "count");
	refuse("{\"share\":1e999}", SCHEMA_E_RANGE, "share");
	refuse("{\"name\":\"123456\"}", SCHEMA_E_RANGE, "name");
	refuse("{\"args\":{\"x\":\"0123456789abcdef\"}}", SCHEMA_E_RANGE,
	       "args");
	refuse("{\"words\":[\"a\",\"b\",\"c\",\"d\"]}", SCHEMA_E_RANGE,
	       "words");
	refuse("{\"colour\":\"blue\"}", SCHEMA_E_WORD, "colour");
}

UNIT(a_long_path_is_cut)
{
	char text[400] = "{\"";
	struct arena arena = {0};
	struct schema_fault fault;
	struct outer outer = {0};

	memset(text + 2, 'x', 300);
	strcpy(text + 302, "\":1}");
	assert_int_equal(schema_decode(&outer_type, &arena, slice_of(text),
				       "jobs[3]", &outer, &fault),
			 SCHEMA_E_UNKNOWN);
	assert_int_equal(strlen(fault.path), sizeof(fault.path) - 1);
	assert_memory_equal(fault.path, "jobs[3].xxx", 11);
	arena_fini(&arena);
}

UNIT(absent_parameters_are_empty_ones)
{
	static const struct schema_type none = {0};
	struct arena arena = {0};
	struct schema_fault fault;
	struct inner inner = {.has = 5};

	assert_int_equal(schema_decode(&none, &arena, (struct slice){0}, "",
				       &inner, &fault),
			 0);
	assert_int_equal(inner.has, 0);
	assert_int_equal(
		schema_decode(&none, &arena, SLICE("null"), "", &inner, &fault),
		0);
	arena_fini(&arena);
}

UNIT(a_check_goes_all_the_way_down)
{
	struct arena arena = {0};
	struct schema_fault fault;

	assert_int_equal(schema_check(&outer_type, &arena,
				      SLICE("{\"name\":\"x\",\"unbuilt\":1,"
					    "\"inners\":[{\"n\":1}]}"),
				      "", &fault),
			 0);
	assert_int_equal(schema_check(&outer_type, &arena,
				      SLICE("{\"inners\":[{\"n\":1},"
					    "{\"n\":\"x\"}]}"),
				      "", &fault),
			 SCHEMA_E_KIND);
	assert_string_equal(fault.path, "inners[1].n");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_struct_is_filled),
		cmocka_unit_test(
			what_is_not_in_the_table_is_refused_with_its_path),
		cmocka_unit_test(a_typing_error_is_answered_with_the_name),
		cmocka_unit_test(another_type_is_refused),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(a_long_path_is_cut),
		cmocka_unit_test(absent_parameters_are_empty_ones),
		cmocka_unit_test(a_check_goes_all_the_way_down),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
