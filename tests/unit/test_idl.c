/*
 * The interface files and the C tables say the same: names, order, types and
 * optionality, both ways. A small parser of the Varlink grammar reads the text
 * and walks the tables beside it.
 */

#include <ctype.h>
#include <stdio.h>

#include "proto/calls.h"
#include "proto/calls_admin.h"
#include "proto/calls_consume.h"
#include "proto/calls_jobs.h"
#include "proto/calls_queues.h"
#include "proto/calls_service.h"
#include "proto/calls_steer.h"
#include "proto/filter.h"
#include "proto/spec.h"
#include "proto/types_jobs.h"
#include "tests/helper/t.h"

struct idl {
	const char *p;
	const struct schema_interface *interface;
	char token[128];
	char where[256]; /* what is being compared, for the message */
};

#define same(idl, fact)                                                        \
	do {                                                                   \
		if (!(fact))                                                   \
			fail_msg("%s at '%s': %s", (idl)->where, (idl)->token, \
				 #fact);                                       \
	} while (0)

/* The next token: a name, "->", "[]", "[string]", or one character. */
static const char *next(struct idl *idl)
{
	static const char *const marks[] = {"->", "[]", "[string]"};
	size_t n = 0;

	for (;;) {
		idl->p += strspn(idl->p, " \t\n");
		if (*idl->p != '#')
			break;
		idl->p += strcspn(idl->p, "\n");
	}
	while (isalnum((unsigned char)idl->p[n]) || idl->p[n] == '_' ||
	       idl->p[n] == '.')
		n++;
	for (size_t i = 0; n == 0 && i < ARRAY_COUNT(marks); i++) {
		if (strncmp(idl->p, marks[i], strlen(marks[i])) == 0)
			n = strlen(marks[i]);
	}
	if (n == 0 && *idl->p)
		n = 1;
	assert_true(n < sizeof(idl->token));
	memcpy(idl->token, idl->p, n);
	idl->token[n] = 0;
	idl->p += n;
	return idl->token;
}

static bool take(struct idl *idl, const char *token)
{
	const char *before = idl->p;

	if (strcmp(next(idl), token) == 0)
		return true;
	idl->p = before;
	return false;
}

static void expect(struct idl *idl, const char *token)
{
	same(idl, take(idl, token));
}

/* Is it a list of words, or of fields? */
static bool words_follow(const struct idl *idl)
{
	struct idl look = *idl;

	next(&look);
	next(&look);
	return strcmp(next(&look), ":") != 0;
}

static void words(struct idl *idl, const struct schema_type *type)
{
	size_t i = 0;

	expect(idl, "(");
	do {
		same(idl, i < type->word_count);
		expect(idl, type->words[i++]);
	} while (take(idl, ","));
	expect(idl, ")");
	same(idl, i == type->word_count);
}

/* The type of a field or item: basic, named, or words in place. */
static void simple(struct idl *idl, enum schema_kind kind,
		   const struct schema_type *type)
{
	static const char *const basic[] = {
		[SCHEMA_BOOL] = "bool",	    [SCHEMA_INT] = "int",
		[SCHEMA_FLOAT] = "float",   [SCHEMA_STRING] = "string",
		[SCHEMA_OBJECT] = "object",
	};

	if (kind <= SCHEMA_OBJECT) {
		expect(idl, basic[kind]);
		return;
	}
	same(idl, kind == SCHEMA_ENUM || kind == SCHEMA_STRUCT);
	same(idl, type != NULL);
	same(idl, (kind == SCHEMA_ENUM) == (type->words != NULL));
	if (type->name) {
		bool known = false;

		expect(idl, type->name);
		for (size_t i = 0; i < idl->interface->type_count; i++)
			known |= idl->interface->types[i] == type;
		same(idl, known);
	} else {
		words(idl, type);
	}
}

static void field(struct idl *idl, const struct schema_field *field)
{
	snprintf(idl->where, sizeof(idl->where), "%.80s field %s",
		 idl->interface->name, field->name);
	expect(idl, field->name);
	expect(idl, ":");
	same(idl, take(idl, "?") == field->optional);
	if (field->kind == SCHEMA_LIST)
		expect(idl, "[]");
	else if (field->kind == SCHEMA_MAP)
		expect(idl, "[string]");
	else {
		simple(idl, field->kind, field->type);
		return;
	}
	simple(idl, field->item, field->type);
}

/* @type NULL: no fields. */
static void fields(struct idl *idl, const struct schema_type *type)
{
	size_t count = type ? type->field_count : 0;

	same(idl, count <= 64);
	expect(idl, "(");
	for (size_t i = 0; i < count; i++) {
		field(idl, &type->fields[i]);
		if (i + 1 < count)
			expect(idl, ",");
	}
	expect(idl, ")");
}

static void compare(const struct schema_interface *interface)
{
	struct idl idl = {.p = interface->text, .interface = interface};
	size_t type = 0, method = 0, error = 0;

	expect(&idl, "interface");
	expect(&idl, interface->name);
	while (next(&idl)[0]) {
		snprintf(idl.where, sizeof(idl.where), "%.80s",
			 interface->name);
		if (strcmp(idl.token, "type") == 0) {
			const struct schema_type *t = interface->types[type++];

			same(&idl, type <= interface->type_count);
			expect(&idl, t->name);
			if (words_follow(&idl))
				words(&idl, t);
			else
				fields(&idl, t);
		} else if (strcmp(idl.token, "method") == 0) {
			const struct schema_method *m =
				&interface->methods[method++];

			same(&idl, method <= interface->method_count);
			assert_string_equal(m->interface, interface->name);
			expect(&idl, m->name);
			fields(&idl, m->in);
			expect(&idl, "->");
			fields(&idl, m->out);
		} else {
			const struct schema_type *e =
				interface->errors[error++];

			assert_string_equal(idl.token, "error");
			same(&idl, error <= interface->error_count);
			expect(&idl, e->name);
			fields(&idl, e);
		}
	}
	assert_int_equal(type, interface->type_count);
	assert_int_equal(method, interface->method_count);
	assert_int_equal(error, interface->error_count);
}

UNIT(files_and_tables_say_the_same)
{
	for (size_t i = 0; calls_interfaces[i]; i++) {
		/* Its types are beyond what tables can say, on purpose. */
		if (strstr(calls_interfaces[i]->name, "certification"))
			continue;
		compare(calls_interfaces[i]);
	}
}

UNIT(bits_of_has_are_the_order_of_the_file)
{
	static const char *const names[] = {
#define SPEC_NAME(name) #name,
		SPEC_FIELDS(SPEC_NAME)};

	assert_int_equal(spec_type.field_count, SPEC_FIELD_COUNT);
	for (size_t i = 0; i < SPEC_FIELD_COUNT; i++)
		assert_string_equal(spec_type.fields[i].name, names[i]);
	assert_int_equal(context_type.field_count, CONTEXT_limits + 1);
	assert_int_equal(filter_type.field_count, CALL_FILTER_follows + 1);
}

/* Parameters of built methods that are still refused by name. */
static bool is_later(const struct schema_field *field)
{
	static const char *const names[] = {"weight", "concurrency", "rate"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strcmp(field->name, names[i]) == 0)
			return true;
	}
	return false;
}

/* What is decoded must have somewhere to go, within its struct. */
static void check_offsets(const struct schema_type *type, bool built)
{
	for (size_t i = 0; type && i < type->field_count; i++)
		assert_int_equal(type->fields[i].offset != SCHEMA_UNBUILT,
				 built && !is_later(&type->fields[i]));
}

UNIT(built_methods_decode_every_parameter_and_others_none)
{
	for (size_t i = 0; calls_interfaces[i]; i++) {
		const struct schema_interface *interface = calls_interfaces[i];

		for (size_t j = 0; j < interface->method_count; j++)
			check_offsets(interface->methods[j].in,
				      interface->methods[j].built);
	}
}

UNIT(methods_and_errors_are_found_by_name)
{
	const struct schema_method *method;

	assert_int_equal(calls_find(SLICE("org.reeve.jobs.Submit"), &method),
			 0);
	assert_string_equal(method->name, "Submit");
	assert_true(method->built);
	assert_int_equal(calls_find(SLICE("org.reeve.jobs.Import"), &method),
			 0);
	assert_false(method->built);
	assert_int_equal(calls_find(SLICE("org.reeve.jobs.submit"), &method),
			 CALLS_E_NO_METHOD);
	assert_int_equal(calls_find(SLICE("org.reeve.jobs."), &method),
			 CALLS_E_NO_METHOD);
	assert_int_equal(calls_find(SLICE("org.reeve.job.Submit"), &method),
			 CALLS_E_NO_INTERFACE);
	assert_int_equal(calls_find(SLICE("Submit"), &method),
			 CALLS_E_NO_INTERFACE);
	assert_int_equal(calls_find(SLICE(""), &method), CALLS_E_NO_INTERFACE);
	assert_int_equal(
		calls_find(SLICE("org.varlink.service.GetInfo"), &method), 0);
	assert_non_null(calls_error(SLICE("org.reeve.jobs.NoSuchJob")));
	assert_non_null(
		calls_error(SLICE("org.varlink.service.InvalidParameter")));
	assert_null(calls_error(SLICE("org.reeve.jobs.Nothing")));
	assert_null(calls_error(SLICE("Nothing")));
}

static void decode(const char *method, const char *parameters, void *ret)
{
	const struct schema_method *found;
	struct schema_fault fault = {0};
	struct arena arena = {0};

	assert_int_equal(calls_find(slice_of(method), &found), 0);
	assert_int_equal(schema_decode(found->in, &arena, slice_of(parameters),
				       "", ret, &fault),
			 0);
	arena_fini(&arena);
}

UNIT(parameters_arrive_in_their_members)
{
	struct call_wait wait = {.wait_ms = -1};
	struct call_count count = {0};
	struct call_output output = {0};
	struct call_cancel cancel = {0};
	struct call_filter filter = {0};
	struct call_shutdown down = {0};
	struct call_get_interface_description get = {0};
	struct schema_fault fault;
	struct arena arena = {0};

	decode("org.reeve.jobs.Wait", "{\"ids\":[1,2],\"any\":true}", &wait);
	assert_true(CALL_HAS(&wait, WAIT, ids) && wait.any);
	assert_false(CALL_HAS(&wait, WAIT, wait_ms));
	assert_int_equal(wait.wait_ms, -1);
	decode("org.reeve.jobs.Count", "{\"by\":\"group\"}", &count);
	assert_int_equal(count.by, COUNT_BY_GROUP);
	decode("org.reeve.jobs.Output", "{\"id\":3,\"stream\":\"stderr\"}",
	       &output);
	assert_int_equal(output.stream, OUTPUT_STDERR);
	decode("org.reeve.admin.Shutdown", "{\"mode\":\"kill\"}", &down);
	assert_int_equal(down.mode, SHUTDOWN_KILL);
	decode("org.varlink.service.GetInterfaceDescription",
	       "{\"interface\":\"a\"}", &get);
	assert_true(slice_is(get.interface, "a"));
	decode("org.reeve.jobs.Cancel", "{\"filter\":{\"exit_code\":0}}",
	       &cancel);
	assert_int_equal(schema_decode(&filter_type, &arena, cancel.filter,
				       "filter", &filter, &fault),
			 0);
	assert_true(CALL_HAS(&filter, FILTER, exit_code));
	assert_false(CALL_HAS(&filter, FILTER, uid));
	arena_fini(&arena);
}

UNIT(a_job_of_a_reply_is_checked_all_the_way_down)
{
	struct schema_fault fault;
	struct arena arena = {0};

	assert_int_equal(
		schema_check(&job_type, &arena,
			     SLICE("{\"id\":1,\"state\":\"failed\",\"queue\":"
				   "\"q\",\"handler\":\"exec\",\"priority\":0,"
				   "\"attempt\":1,\"max_attempts\":1,"
				   "\"crashes\":0,\"uid\":0,\"created_ms\":1,"
				   "\"attempts\":[{\"number\":\"1\"}]}"),
			     "job", &fault),
		SCHEMA_E_KIND);
	assert_string_equal(fault.path, "job.attempts[0].number");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_tables_say_the_same),
		cmocka_unit_test(bits_of_has_are_the_order_of_the_file),
		cmocka_unit_test(
			built_methods_decode_every_parameter_and_others_none),
		cmocka_unit_test(methods_and_errors_are_found_by_name),
		cmocka_unit_test(parameters_arrive_in_their_members),
		cmocka_unit_test(a_job_of_a_reply_is_checked_all_the_way_down),
	};

	return cmocka_run_group_tests_name("idl", tests, NULL, NULL);
}
