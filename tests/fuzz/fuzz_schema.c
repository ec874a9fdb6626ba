/*
 * Field tables: any object against the parameters, the reply and the errors of
 * every method, and against Spec, its defaults, Context and Filter. What is
 * decoded passes the deep check too, unless an item of a list of structs is
 * wrong, which decoding leaves to its caller.
 */

#include "proto/calls.h"
#include "proto/filter.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/spec.h"
#include "tests/fuzz/fuzz.h"

static struct arena arena;
static max_align_t room[128];

static void check_fault(int r, const struct schema_fault *fault)
{
	if (r <= 0)
		return;
	require(memchr(fault->path, 0, sizeof(fault->path)) != NULL);
	require(memchr(fault->message, 0, sizeof(fault->message)) != NULL);
	require(fault->message[0]);
	require(json_utf8(slice_of(fault->path)));
}

/* Does it hold something that decoding leaves to its caller? */
static bool is_left(const struct schema_type *type)
{
	for (size_t i = 0; i < type->field_count; i++) {
		if (type->fields[i].item == SCHEMA_STRUCT ||
		    type->fields[i].raw)
			return true;
	}
	return false;
}

static void try(const struct schema_type *type, struct slice object)
{
	struct schema_fault fault = {0};
	int decoded, checked;

	if (!type)
		return;
	decoded = schema_decode(type, &arena, object, "a", room, &fault);
	check_fault(decoded, &fault);
	checked = schema_check(type, &arena, object, "a", &fault);
	check_fault(checked, &fault);
	require(checked != SCHEMA_E_UNBUILT);
	if (decoded == 0 && !is_left(type))
		require(checked == 0);
	/* Unbuilt fields of what is left are not seen by either. */
	if (checked == 0)
		require(decoded == 0 || decoded == SCHEMA_E_UNBUILT);
}

static void try_spec(struct slice object)
{
	struct schema_fault fault = {0};
	struct spec base, spec;
	int r;

	r = spec_decode(&arena, object, NULL, "job", &spec, &fault);
	check_fault(r, &fault);
	r = spec_defaults_decode(&arena, object, "defaults", &base, &fault);
	check_fault(r, &fault);
	if (r)
		return;
	r = spec_decode(&arena, SLICE("{\"argv\":[\"a\"]}"), &base, "job",
			&spec, &fault);
	check_fault(r, &fault);
	if (r == 0)
		require(!SPEC_HAS(&spec, shell) && spec.queue.n > 0);
}

static void try_all(struct slice object)
{
	for (size_t i = 0; calls_interfaces[i]; i++) {
		const struct schema_interface *interface = calls_interfaces[i];

		for (size_t j = 0; j < interface->method_count; j++) {
			try(interface->methods[j].in, object);
			try(interface->methods[j].out, object);
		}
		for (size_t j = 0; j < interface->error_count; j++)
			try(interface->errors[j], object);
	}
	try(&call_envelope_type, object);
	try(&filter_type, object);
	try(&context_type, object);
	try_spec(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const inner[] = {"parameters", "job", "context"};
	struct slice object = {(const char *)data, size};
	struct json_fault fault;

	if (size > FUZZ_BYTES_MAX || json_check(object, &fault))
		return 0;
	object = json_trim(object);
	try_all(object);
	/* A whole call: what is inside is worth as much. */
	for (size_t i = 0; i < ARRAY_COUNT(inner); i++) {
		if (!json_find(object, inner[i], &object))
			break;
		try_all(object);
	}
	arena_reset(&arena);
	return 0;
}
