/* Calls whose replies are held against the tables of the interfaces. */

#include <stdio.h>

#include "proto/calls.h"
#include "proto/json_in.h"
#include "tests/unit/broker/stage.h"

static bool declares(const struct schema_type *type, struct slice key)
{
	for (size_t i = 0; i < type->field_count; i++) {
		if (json_key_is(key, type->fields[i].name))
			return true;
	}
	return false;
}

/* Every error may have a message and a hint beyond its own fields. */
static void without_texts(const struct schema_type *type, struct slice from,
			  struct json_out *out)
{
	struct json_iter iter = json_enter(from);
	struct slice key, value;

	json_out_object(out);
	while (json_member(&iter, &key, &value)) {
		if (!declares(type, key) &&
		    (json_key_is(key, "message") || json_key_is(key, "hint")))
			continue;
		json_out_key_slice(out, key);
		json_out_raw(out, value);
	}
	json_out_object_end(out);
}

static void follows(const struct schema_type *type, struct slice parameters,
		    const char *line)
{
	struct schema_fault fault = {0};
	struct arena arena = {0};

	if (schema_check(type, &arena, parameters, "parameters", &fault))
		fail_msg("%s: %s in %s", fault.path, fault.message, line);
	arena_fini(&arena);
}

static void check_error(struct slice name, struct slice parameters,
			const char *line)
{
	struct json_out out = {0};
	struct arena arena = {0};
	const struct schema_type *type;
	struct slice text;

	assert_int_equal(json_string(&arena, name, &text), 0);
	type = calls_error(text);
	if (!type)
		fail_msg("an error that no interface has: %s", line);
	without_texts(type, parameters, &out);
	follows(type, json_out_slice(&out), line);
	json_out_fini(&out);
	arena_fini(&arena);
}

const char *stage_checked(const char *method, const char *line)
{
	const struct schema_method *schema;
	struct slice text = slice_of(line), error, parameters;
	struct json_fault fault;

	assert_non_null(line);
	assert_int_equal(json_check(text, &fault), 0);
	assert_true(json_find(text, "parameters", &parameters));
	if (json_find(text, "error", &error)) {
		check_error(error, parameters, line);
	} else {
		assert_int_equal(calls_find(slice_of(method), &schema), 0);
		if (schema->out)
			follows(schema->out, parameters, line);
	}
	return line;
}

const char *stage_call(struct stage *stage, int fd, const char *method,
		       const char *params)
{
	char *text = calloc(1, strlen(method) + strlen(params) + 64);
	const char *line;

	if (!text)
		abort();
	sprintf(text, "{\"method\":\"%s\",\"parameters\":%s}", method, params);
	stage_send(fd, text);
	line = stage_read(stage, fd);
	free(text);
	return stage_checked(method, line);
}
