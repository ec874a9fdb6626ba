#include "daemon/broker/methods.h"
#include "tests/helper/t.h"

#include <stdio.h>

#include "proto/calls.h"

static size_t member_bytes(enum schema_kind kind)
{
	switch (kind) {
	case SCHEMA_BOOL:
		return sizeof(bool);
	case SCHEMA_ENUM:
		return sizeof(int);
	case SCHEMA_INT:
		return sizeof(int64_t);
	case SCHEMA_FLOAT:
		return sizeof(double);
	case SCHEMA_STRING:
	case SCHEMA_OBJECT:
	case SCHEMA_STRUCT:
	case SCHEMA_LIST:
	case SCHEMA_MAP:
		break;
	}
	return sizeof(struct slice);
}

static void check_params(const struct call_method *method,
			 const struct schema_method *schema)
{
	for (size_t i = 0; schema->in && i < schema->in->field_count; i++) {
		const struct schema_field *field = &schema->in->fields[i];

		if (field->offset == SCHEMA_UNBUILT)
			continue;
		if (field->offset + member_bytes(field->kind) >
		    method->params_bytes)
			fail_msg("%s: %s lies outside of its struct",
				 method->name, field->name);
	}
}

UNIT(what_the_interfaces_call_built_has_a_row_and_nothing_else)
{
	for (size_t i = 0; calls_interfaces[i]; i++) {
		const struct schema_interface *of = calls_interfaces[i];

		for (size_t j = 0; j < of->method_count; j++) {
			const struct schema_method *schema = &of->methods[j];
			const struct call_method *method;
			char name[128];

			snprintf(name, sizeof(name), "%s.%s", of->name,
				 schema->name);
			method = methods_find(slice_of(name));
			if (schema->built != (method != NULL))
				fail_msg("%s: built %d, row %d", name,
					 schema->built, method != NULL);
			if (method)
				check_params(method, schema);
		}
	}
}

UNIT(names_are_whole_or_not_found)
{
	assert_non_null(methods_find(SLICE("org.reeve.jobs.Submit")));
	assert_null(methods_find(SLICE("org.reeve.jobs.Submi")));
	assert_null(methods_find(SLICE("org.reeve.jobs.Submitt")));
	assert_null(methods_find(SLICE("org.reeve.jobs.submit")));
	assert_null(methods_find(SLICE("Submit")));
	assert_null(methods_find((struct slice){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_the_interfaces_call_built_has_a_row_and_nothing_else),
		cmocka_unit_test(names_are_whole_or_not_found),
	};

	return cmocka_run_group_tests_name("methods", tests, NULL, NULL);
}
