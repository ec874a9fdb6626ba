#include "proto/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/json_in.h"
#include "proto/near.h"

/*
 * One decoding. Nested types are walked by calling check_value() again: that
 * goes as deep as the tables do, never as deep as the input.
 */
struct decoder {
	struct arena *arena;
	struct schema_fault *fault;
	bool deep; /* schema_check(): lists of structs too, unbuilt allowed */
};

/* Where a value stands: "jobs[3].argv" is {{{"", "jobs", 3}, "argv"}}. */
struct place {
	const struct place *up;
	const char *text;  /* of the outermost, from the caller */
	struct slice name; /* or {0} for an item */
	size_t index;
};

static const char *kind_name(enum schema_kind kind)
{
	static const char *const names[] = {
		[SCHEMA_BOOL] = "true or false", [SCHEMA_INT] = "an integer",
		[SCHEMA_FLOAT] = "a number",	 [SCHEMA_STRING] = "a string",
		[SCHEMA_OBJECT] = "an object",	 [SCHEMA_ENUM] = "a word",
		[SCHEMA_STRUCT] = "an object",	 [SCHEMA_LIST] = "a list",
		[SCHEMA_MAP] = "an object",
	};

	return names[kind];
}

static const char *json_kind_name(struct slice value)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",	    [JSON_BOOL] = "true or false",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string",
		[JSON_ARRAY] = "a list",    [JSON_OBJECT] = "an object",
	};

	return names[json_kind(value)];
}

/* Append to the path; what does not fit is cut at a character. */
static void path_add(struct schema_fault *fault, size_t *n, struct slice text)
{
	size_t room = sizeof(fault->path) - 1 - *n;

	if (text.n > room) {
		text.n = room;
		while (text.n && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
			text.n--;
	}
	if (text.n)
		memcpy(fault->path + *n, text.p, text.n);
	*n += text.n;
	fault->path[*n] = 0;
}

static void path_write(struct schema_fault *fault, const struct place *place)
{
	/* As deep as the tables go: a list of structs adds two. */
	const struct place *chain[32];
	char index[24];
	size_t depth = 0, n = 0;

	fault->path[0] = 0;
	for (; place && depth < ARRAY_COUNT(chain); place = place->up)
		chain[depth++] = place;
	while (depth--) {
		place = chain[depth];
		if (place->text) {
			path_add(fault, &n, slice_of(place->text));
		} else if (place->name.p) {
			if (n)
				path_add(fault, &n, SLICE("."));
			path_add(fault, &n, place->name);
		} else {
			snprintf(index, sizeof(index), "[%zu]", place->index);
			path_add(fault, &n, slice_of(index));
		}
	}
}

static int printf_like(4, 5) fail(struct decoder *d, const struct place *place,
				  int error, const char *format, ...)
{
	va_list args;

	path_write(d->fault, place);
	va_start(args, format);
	vsnprintf(d->fault->message, sizeof(d->fault->message), format, args);
	va_end(args);
	return error;
}

static int fail_kind(struct decoder *d, const struct place *place,
		     enum schema_kind kind, struct slice value)
{
	return fail(d, place, SCHEMA_E_KIND, "expected %s, got %s",
		    kind_name(kind), json_kind_name(value));
}

static int check_int(struct decoder *d, const struct schema_field *field,
		     const struct place *place, struct slice value,
		     int64_t *ret)
{
	int64_t n;
	int r = json_int(value, &n);

	if (r == JSON_E_KIND)
		return fail_kind(d, place, SCHEMA_INT, value);
	if (r)
		return fail(d, place, SCHEMA_E_RANGE,
			    "expected an integer of at most 64 bits, without "
			    "fraction or exponent");
	if ((field->min || field->max) && (n < field->min || n > field->max))
		return fail(d, place, SCHEMA_E_RANGE,
			    "%lld is not between %lld and %lld", (long long)n,
			    (long long)field->min, (long long)field->max);
	*ret = n;
	return 0;
}

static int check_float(struct decoder *d, const struct place *place,
		       struct slice value, double *ret)
{
	int r = json_float(value, ret);

	if (r == JSON_E_RANGE)
		return fail(d, place, SCHEMA_E_RANGE,
			    "expected a number that a double can hold");
	return r ? fail_kind(d, place, SCHEMA_FLOAT, value) : 0;
}

static int check_bytes(struct decoder *d, const struct place *place, size_t n,
		       int64_t max)
{
	if (max == 0 || n <= (uint64_t)max)
		return 0;
	return fail(d, place, SCHEMA_E_RANGE,
		    "%zu bytes are more than the limit of %lld", n,
		    (long long)max);
}

static int check_string(struct decoder *d, const struct schema_field *field,
			const struct place *place, struct slice value,
			struct slice *ret)
{
	struct slice text;
	int r = json_string(d->arena, value, &text);

	if (r == JSON_E_KIND)
		return fail_kind(d, place, SCHEMA_STRING, value);
	if (r)
		return r;
	r = check_bytes(d, place, text.n, field->max);
	if (r)
		return r;
	*ret = text;
	return 0;
}

static int fail_word(struct decoder *d, const struct schema_type *type,
		     const struct place *place)
{
	char words[160] = "";
	size_t n = 0;

	for (size_t i = 0; i < type->word_count && n < sizeof(words); i++)
		n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s",
				      i ? ", " : "", type->words[i]);
	return fail(d, place, SCHEMA_E_WORD, "expected one of: %s", words);
}

static int check_enum(struct decoder *d, const struct schema_type *type,
		      const struct place *place, struct slice value, int *ret)
{
	struct slice raw;

	if (json_kind(value) != JSON_STRING)
		return fail_kind(d, place, SCHEMA_ENUM, value);
	raw = (struct slice){value.p + 1, value.n - 2};
	for (size_t i = 0; i < type->word_count; i++) {
		if (json_key_is(raw, type->words[i])) {
			*ret = (int)i;
			return 0;
		}
	}
	return fail_word(d, type, place);
}

static int check_struct(struct decoder *d, const struct schema_type *type,
			const struct place *place, struct slice value,
			void *ret);

/* An item of a list or a value of a map. */
static int check_item(struct decoder *d, const struct schema_field *field,
		      const struct place *place, struct slice value)
{
	static const struct schema_field any = {0};
	static const struct schema_field ids = {.min = 1,
						.max = (INT64_C(1) << 53) - 1};
	int64_t n;
	double x;
	bool b;
	int word;

	switch (field->item) {
	case SCHEMA_BOOL:
		if (json_bool(value, &b))
			break;
		return 0;
	case SCHEMA_INT:
		return check_int(d, field->min ? &ids : &any, place, value, &n);
	case SCHEMA_FLOAT:
		return check_float(d, place, value, &x);
	case SCHEMA_STRING:
		/* Checked text: the quote is all there is to see. */
		if (json_kind(value) != JSON_STRING)
			break;
		return 0;
	case SCHEMA_ENUM:
		return check_enum(d, field->type, place, value, &word);
	case SCHEMA_STRUCT:
		if (d->deep)
			return check_struct(d, field->type, place, value, NULL);
		if (json_kind(value) != JSON_OBJECT)
			break;
		return 0;
	case SCHEMA_OBJECT:
		if (json_kind(value) != JSON_OBJECT)
			break;
		return 0;
	case SCHEMA_LIST:
	case SCHEMA_MAP:
		require(!"no list of lists in the interface files");
	}
	return fail_kind(d, place, field->item, value);
}

static int check_list(struct decoder *d, const struct schema_field *field,
		      const struct place *place, struct slice value)
{
	struct json_iter iter = json_enter(value);
	struct place item_place = {.up = place};
	struct slice item;
	int r;

	if (json_kind(value) != JSON_ARRAY)
		return fail_kind(d, place, SCHEMA_LIST, value);
	for (; json_item(&iter, &item); item_place.index++) {
		if (field->max && item_place.index >= (uint64_t)field->max)
			return fail(d, place, SCHEMA_E_RANGE,
				    "more than %lld items",
				    (long long)field->max);
		r = check_item(d, field, &item_place, item);
		if (r)
			return r;
	}
	return 0;
}

static int check_map(struct decoder *d, const struct schema_field *field,
		     const struct place *place, struct slice value)
{
	struct json_iter iter = json_enter(value);
	struct place item_place = {.up = place};
	struct slice item;
	size_t count = 0;
	int r;

	if (json_kind(value) != JSON_OBJECT)
		return fail_kind(d, place, SCHEMA_MAP, value);
	while (json_member(&iter, &item_place.name, &item)) {
		if (field->max && count++ >= (uint64_t)field->max)
			return fail(d, place, SCHEMA_E_RANGE,
				    "more than %lld members",
				    (long long)field->max);
		r = check_item(d, field, &item_place, item);
		if (r)
			return r;
	}
	return 0;
}

/* @at: the member of the decoded struct; NULL to look only. */
static int check_value(struct decoder *d, const struct schema_field *field,
		       const struct place *place, struct slice value, void *at)
{
	union {
		bool b;
		int word;
		int64_t n;
		double x;
		struct slice text;
	} seen;
	size_t bytes = sizeof(struct slice);
	int r = 0;

	seen.text = value;
	switch (field->kind) {
	case SCHEMA_BOOL:
		bytes = sizeof(bool);
		if (json_bool(value, &seen.b))
			return fail_kind(d, place, SCHEMA_BOOL, value);
		break;
	case SCHEMA_INT:
		bytes = sizeof(int64_t);
		r = check_int(d, field, place, value, &seen.n);
		break;
	case SCHEMA_FLOAT:
		bytes = sizeof(double);
		r = check_float(d, place, value, &seen.x);
		break;
	case SCHEMA_STRING:
		r = check_string(d, field, place, value, &seen.text);
		break;
	case SCHEMA_ENUM:
		bytes = sizeof(int);
		r = check_enum(d, field->type, place, value, &seen.word);
		break;
	case SCHEMA_OBJECT:
		if (!field->any && json_kind(value) != JSON_OBJECT)
			return fail_kind(d, place, SCHEMA_OBJECT, value);
		r = check_bytes(d, place, value.n, field->max);
		break;
	case SCHEMA_STRUCT:
		if (!field->raw || d->deep)
			r = check_struct(d, field->type, place, value, NULL);
		else if (json_kind(value) != JSON_OBJECT)
			return fail_kind(d, place, SCHEMA_STRUCT, value);
		break;
	case SCHEMA_LIST:
		r = check_list(d, field, place, value);
		break;
	case SCHEMA_MAP:
		r = check_map(d, field, place, value);
		break;
	}
	if (r == 0 && at)
		memcpy(at, &seen, bytes);
	return r;
}

static inline bool is_name(struct slice key, const char *name)
{
	size_t i = 0;

	while (i < key.n && name[i] && name[i] == key.p[i])
		i++;
	return i == key.n && name[i] == 0;
}

/*
 * Most clients write members in the order of the interface file: look there
 * first, then round the table.
 */
static size_t find_field(const struct schema_type *type, struct slice key,
			 size_t expected)
{
	bool plain = !memchr(key.p, '\\', key.n);

	for (size_t i = 0; i < type->field_count; i++) {
		size_t at = expected + i;
		const char *name;

		if (at >= type->field_count)
			at -= type->field_count;
		name = type->fields[at].name;
		if (!plain) {
			if (json_key_is(key, name))
				return at;
		} else if (is_name(key, name)) {
			return at;
		}
	}
	return type->field_count;
}

static int fail_unknown(struct decoder *d, const struct schema_type *type,
			const struct place *place)
{
	size_t best = NEAR_BYTES_MAX, best_at = 0;

	for (size_t i = 0; i < type->field_count; i++) {
		size_t distance = near_distance(place->name,
						slice_of(type->fields[i].name));

		if (distance < best) {
			best = distance;
			best_at = i;
		}
	}
	if (!near_enough(best, place->name.n))
		return fail(d, place, SCHEMA_E_UNKNOWN,
			    "there is no such field");
	return fail(d, place, SCHEMA_E_UNKNOWN,
		    "there is no such field, did you mean %s?",
		    type->fields[best_at].name);
}

static int check_missing(struct decoder *d, const struct schema_type *type,
			 const struct place *place, uint64_t has)
{
	for (size_t i = 0; i < type->field_count; i++) {
		const struct schema_field *field = &type->fields[i];
		struct place at = {.up = place};

		if (field->optional || has >> i & 1)
			continue;
		at.name = slice_of(field->name);
		return fail(d, &at, SCHEMA_E_MISSING,
			    "%s is required and absent",
			    kind_name(field->kind));
	}
	return 0;
}

static int check_struct(struct decoder *d, const struct schema_type *type,
			const struct place *place, struct slice value,
			void *ret)
{
	struct json_iter iter = json_enter(value);
	struct place at = {.up = place};
	uint64_t has = 0, seen = 0;
	struct slice item;
	size_t expected = 0;
	int r;

	if (json_kind(value) != JSON_OBJECT)
		return fail_kind(d, place, SCHEMA_STRUCT, value);
	while (json_member(&iter, &at.name, &item)) {
		size_t i = find_field(type, at.name, expected);
		const struct schema_field *field;
		bool built;

		if (i == type->field_count)
			return fail_unknown(d, type, &at);
		field = &type->fields[i];
		if (seen >> i & 1)
			return fail(d, &at, SCHEMA_E_DUPLICATE, "given twice");
		seen |= UINT64_C(1) << i;
		expected = i + 1;
		if (json_kind(item) == JSON_NULL)
			continue;
		built = field->offset != SCHEMA_UNBUILT;
		if (!built && !d->deep)
			return fail(d, &at, SCHEMA_E_UNBUILT,
				    "this version cannot do that yet");
		r = check_value(d, field, &at, item,
				ret && built ? (char *)ret + field->offset
					     : NULL);
		if (r)
			return r;
		has |= UINT64_C(1) << i;
	}
	r = check_missing(d, type, place, has);
	if (r == 0 && ret)
		memcpy(ret, &has, sizeof(has));
	return r;
}

int schema_decode(const struct schema_type *type, struct arena *arena,
		  struct slice object, const char *path, void *ret,
		  struct schema_fault *ret_fault)
{
	struct decoder d = {.arena = arena, .fault = ret_fault};
	struct place place = {.text = path};

	require(type->field_count <= 64);
	if (json_kind(object) == JSON_NULL)
		object = SLICE("{}");
	return check_struct(&d, type, &place, object, ret);
}

int schema_check(const struct schema_type *type, struct arena *arena,
		 struct slice object, const char *path,
		 struct schema_fault *ret_fault)
{
	struct decoder d = {.arena = arena, .fault = ret_fault, .deep = true};
	struct place place = {.text = path};

	require(type->field_count <= 64);
	if (json_kind(object) == JSON_NULL)
		object = SLICE("{}");
	return check_struct(&d, type, &place, object, NULL);
}
