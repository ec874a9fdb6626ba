/*
 * PROTOCOL.md is a document and a test: its examples are decoded with the
 * tables of the daemon, its lists are compared with them. Called with its path.
 */

#include <stdio.h>

#include "proto/calls.h"
#include "proto/calls_jobs.h"
#include "proto/calls_steer.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/spec.h"
#include "tests/helper/t.h"

static char document[256 * 1024];
static struct arena arena;

/* Calls of the block that wait for their answer, in order. */
static const struct schema_method *pending[32];
static size_t pending_count;
static const struct schema_method *shown[256];
static size_t shown_count;

/* Mistakes that the document shows on purpose. */
static bool is_meant_to_fail(struct slice line)
{
	return memmem(line.p, line.n, "\"argv\":[]", 9) != NULL;
}

static void check_specs(const struct schema_method *method,
			struct slice parameters, struct slice line)
{
	struct schema_fault fault = {0};
	struct slice jobs, defaults, job;
	struct json_iter iter;
	struct spec spec, base;
	bool with_defaults = json_find(parameters, "defaults", &defaults);

	if (strcmp(method->name, "Submit") == 0) {
		assert_true(json_find(parameters, "job", &job));
		if (spec_decode(&arena, job, NULL, "job", &spec, &fault) &&
		    !is_meant_to_fail(line))
			fail_msg("%s: %s", fault.path, fault.message);
	}
	if (strcmp(method->name, "SubmitMany"))
		return;
	if (with_defaults)
		assert_int_equal(spec_defaults_decode(&arena, defaults,
						      "defaults", &base,
						      &fault),
				 0);
	assert_true(json_find(parameters, "jobs", &jobs));
	iter = json_enter(jobs);
	while (json_item(&iter, &job)) {
		int r = spec_decode(&arena, job, with_defaults ? &base : NULL,
				    "jobs[]", &spec, &fault);

		assert_int_equal(r != 0, is_meant_to_fail(job));
	}
}

static void check_call(struct slice line, struct slice name)
{
	static char room[1024];
	const struct schema_method *method = NULL;
	struct schema_fault fault = {0};
	struct slice parameters = {0}, oneway;

	assert_int_equal(json_string(&arena, name, &name), 0);
	if (calls_find(name, &method))
		fail_msg("no such method: %.*s", (int)name.n, name.p);
	assert_true(method->built);
	shown[shown_count++] = method;
	assert_true(json_find(line, "parameters", &parameters));
	memset(room, 0, sizeof(room));
	if (!method->in)
		assert_int_equal(json_count(parameters), 0);
	else if (schema_decode(method->in, &arena, parameters, "", room,
			       &fault))
		fail_msg("%s: %s: %s", method->name, fault.path, fault.message);
	check_specs(method, parameters, line);
	if (!json_find(line, "oneway", &oneway))
		pending[pending_count++] = method;
}

static void check_error(struct slice name, struct slice parameters)
{
	const struct schema_type *error;
	struct slice value;

	assert_int_equal(json_string(&arena, name, &name), 0);
	error = calls_error(name);
	if (!error)
		fail_msg("no such error: %.*s", (int)name.n, name.p);
	for (size_t i = 0; i < error->field_count; i++)
		assert_true(
			error->fields[i].optional ||
			json_find(parameters, error->fields[i].name, &value));
	assert_true(json_find(parameters, "message", &value));
}

static void check_reply(struct slice line, struct slice parameters)
{
	const struct schema_method *method;
	struct schema_fault fault = {0};
	struct slice name, value;

	if (json_find(line, "error", &name)) {
		check_error(name, parameters);
		if (pending_count)
			memmove(pending, pending + 1,
				sizeof(*pending) * --pending_count);
		return;
	}
	assert_true(pending_count > 0);
	method = pending[0];
	if (!method->out)
		assert_int_equal(json_count(parameters), 0);
	else if (schema_check(method->out, &arena, parameters, "", &fault))
		fail_msg("reply of %s: %s: %s", method->name, fault.path,
			 fault.message);
	if (!json_find(line, "continues", &value))
		memmove(pending, pending + 1,
			sizeof(*pending) * --pending_count);
}

static void check_line(struct slice line)
{
	struct json_fault fault;
	struct slice name, parameters;

	if (json_check(line, &fault))
		fail_msg("%s at %zu: %.*s", fault.message, fault.offset,
			 (int)line.n, line.p);
	assert_int_equal(json_kind(line), JSON_OBJECT);
	if (json_find(line, "method", &name))
		check_call(line, name);
	else if (json_find(line, "parameters", &parameters))
		check_reply(line, parameters);
}

UNIT(every_example_is_what_the_tables_say)
{
	const char *p = document;
	size_t lines = 0;

	while ((p = strstr(p, "\n```json\n"))) {
		p += strlen("\n```json\n");
		pending_count = 0;
		while (strncmp(p, "```", 3) != 0) {
			const char *end = strchr(p, '\n');

			check_line((struct slice){p, (size_t)(end - p)});
			p = end + 1;
			lines++;
		}
		if (pending_count)
			fail_msg("%s has no answer", pending[0]->name);
		arena_reset(&arena);
	}
	assert_true(lines > 50);
	arena_fini(&arena);
}

UNIT(every_method_has_an_example_or_is_listed_as_not_built)
{
	const char *section = strstr(document, "\n## 8.");
	char row[128], word[128];

	assert_non_null(section);
	for (size_t i = 0; calls_interfaces[i]; i++) {
		const struct schema_interface *interface = calls_interfaces[i];

		if (strstr(interface->name, "certification"))
			continue;
		for (size_t j = 0; j < interface->method_count; j++) {
			const struct schema_method *method =
				&interface->methods[j];
			const char *found, *end;
			bool listed, example = false;

			snprintf(row, sizeof(row), "| `%s` |", interface->name);
			snprintf(word, sizeof(word), "`%s`", method->name);
			found = strstr(section, row);
			end = found ? strchr(found, '\n') : NULL;
			listed = found && memmem(found, (size_t)(end - found),
						 word, strlen(word));
			for (size_t k = 0; k < shown_count; k++)
				example |= shown[k] == method;
			if (listed == method->built || example != method->built)
				fail_msg("%s.%s", interface->name,
					 method->name);
		}
	}
}

UNIT(fields_that_are_not_built_are_listed)
{
	const char *list = strstr(document, "\nFields of `Spec` that are ref");
	const char *end;
	char word[64];

	assert_non_null(list);
	end = strchr(list + 1, '\n');
	assert_non_null(end);
	for (size_t i = 0; i < spec_type.field_count; i++) {
		const struct schema_field *field = &spec_type.fields[i];

		snprintf(word, sizeof(word), "`%s`", field->name);
		if ((memmem(list, (size_t)(end - list), word, strlen(word)) !=
		     NULL) != (field->offset == SCHEMA_UNBUILT))
			fail_msg("%s", field->name);
	}
}

UNIT(the_table_of_limits_is_that_of_the_code)
{
	static const struct {
		const char *name;
		long long value;
	} limits[] = {
#define LIMIT_ROW(name_, text_, value_) {text_, value_},
		LIMITS(LIMIT_ROW)};
	const char *section = strstr(document, "\n## 5.");
	const char *end = strstr(document, "\n## 6.");
	size_t rows = 0;

	assert_true(section && end);
	for (const char *p = section; (p = strstr(p, "\n| `")) && p < end; p++)
		rows++;
	assert_int_equal(rows, ARRAY_COUNT(limits));
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
		char row[128];

		snprintf(row, sizeof(row), "\n| `%s` | %lld |", limits[i].name,
			 limits[i].value);
		if (!memmem(section, (size_t)(end - section), row, strlen(row)))
			fail_msg("no row:%s", row);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_is_what_the_tables_say),
		cmocka_unit_test(
			every_method_has_an_example_or_is_listed_as_not_built),
		cmocka_unit_test(fields_that_are_not_built_are_listed),
		cmocka_unit_test(the_table_of_limits_is_that_of_the_code),
	};
	FILE *file = argc > 1 ? fopen(argv[1], "re") : NULL;

	if (!file || fread(document, 1, sizeof(document) - 1, file) == 0)
		return 2;
	fclose(file);
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
