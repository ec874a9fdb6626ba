#include "proto/certification.h"

#include <stdio.h>

#include "proto/json_in.h"
#include "proto/table.h"

#define REPLIES 10
#define NUMBER 3.141592653589793
#define STRUCT_TEXT                                                            \
	"{\"bool\":false,\"int\":2,\"float\":"                                 \
	"3.141592653589793,\"string\":\"a lot of string\"}"
#define MAP_TEXT "{\"foo\":\"Foo\",\"bar\":\"Bar\"}"
#define SET_TEXT "{\"one\":{},\"two\":{},\"three\":{}}"
#define MYTYPE_TEXT                                                            \
	"{\"object\":{\"method\":\"org.varlink.certification.Test09\","        \
	"\"parameters\":{\"map\":" MAP_TEXT "}},\"enum\":\"two\","             \
	"\"struct\":{\"first\":1,\"second\":\"2\"},"                           \
	"\"array\":[\"one\",\"two\",\"three\"],\"dictionary\":" MAP_TEXT       \
	",\"stringset\":" SET_TEXT ",\"nullable\":null,"                       \
	"\"nullable_array_struct\":null,\"interface\":{\"foo\":[null,"         \
	"{\"Foo\":\"foo\",\"Bar\":\"bar\"},null,"                              \
	"{\"one\":\"foo\",\"two\":\"bar\"}],"                                  \
	"\"anon\":{\"foo\":true,\"bar\":false}}}"
#define REPLIES_TEXT                                                           \
	"[\"Reply number 1\",\"Reply number 2\",\"Reply number 3\","           \
	"\"Reply number 4\",\"Reply number 5\",\"Reply number 6\","            \
	"\"Reply number 7\",\"Reply number 8\",\"Reply number 9\","            \
	"\"Reply number 10\"]"

#define AT(member) offsetof(struct call_certification, member)
#define FIELD(name_, kind_, ...)                                               \
	{                                                                      \
		.name = name_, .kind = SCHEMA_##kind_, __VA_ARGS__             \
	}
/* Nested types are taken as objects and compared as a whole: sets and lists of
 * nullable maps are more than field tables can say, and only used here. */
#define CLIENT FIELD("client_id", STRING, .offset = AT(client_id))

/* The methods, in the file's order. */
enum test { START, T01, T02, T03, T04, T05, T06, T07, T08, T09, T10, T11, END };

static const struct schema_field in02_fields[] = {
	CLIENT,
	FIELD("bool", BOOL, .offset = AT(boolean)),
};
static const struct schema_field in03_fields[] = {
	CLIENT,
	FIELD("int", INT, .offset = AT(integer)),
};
static const struct schema_field in04_fields[] = {
	CLIENT,
	FIELD("float", FLOAT, .offset = AT(number)),
};
static const struct schema_field in05_fields[] = {
	CLIENT,
	FIELD("string", STRING, .offset = AT(string)),
};
static const struct schema_field in06_fields[] = {
	CLIENT,
	FIELD("bool", BOOL, .offset = AT(boolean)),
	FIELD("int", INT, .offset = AT(integer)),
	FIELD("float", FLOAT, .offset = AT(number)),
	FIELD("string", STRING, .offset = AT(string)),
};
static const struct schema_field in07_fields[] = {
	CLIENT,
	FIELD("struct", OBJECT, .offset = AT(structure)),
};
static const struct schema_field in08_fields[] = {
	CLIENT,
	FIELD("map", OBJECT, .offset = AT(map)),
};
static const struct schema_field in09_fields[] = {
	CLIENT,
	FIELD("set", OBJECT, .offset = AT(set)),
};
static const struct schema_field in10_fields[] = {
	CLIENT,
	FIELD("mytype", OBJECT, .offset = AT(mytype)),
};
static const struct schema_field in11_fields[] = {
	CLIENT,
	FIELD("last_more_replies", LIST, .item = SCHEMA_STRING,
	      .offset = AT(last_more_replies)),
};
static const struct schema_field client_fields[] = {CLIENT};
static const struct schema_type client_type = FIELDS_TYPE(NULL, client_fields);
static const struct schema_type in02_type = FIELDS_TYPE(NULL, in02_fields);
static const struct schema_type in03_type = FIELDS_TYPE(NULL, in03_fields);
static const struct schema_type in04_type = FIELDS_TYPE(NULL, in04_fields);
static const struct schema_type in05_type = FIELDS_TYPE(NULL, in05_fields);
static const struct schema_type in06_type = FIELDS_TYPE(NULL, in06_fields);
static const struct schema_type in07_type = FIELDS_TYPE(NULL, in07_fields);
static const struct schema_type in08_type = FIELDS_TYPE(NULL, in08_fields);
static const struct schema_type in09_type = FIELDS_TYPE(NULL, in09_fields);
static const struct schema_type in10_type = FIELDS_TYPE(NULL, in10_fields);
static const struct schema_type in11_type = FIELDS_TYPE(NULL, in11_fields);

#define ROW(name_, in_)                                                        \
	{                                                                      \
		"org.varlink.certification", name_, in_, NULL, true            \
	}
static const struct schema_method methods[] = {
	[START] = ROW("Start", NULL),	   [T01] = ROW("Test01", &client_type),
	[T02] = ROW("Test02", &in02_type), [T03] = ROW("Test03", &in03_type),
	[T04] = ROW("Test04", &in04_type), [T05] = ROW("Test05", &in05_type),
	[T06] = ROW("Test06", &in06_type), [T07] = ROW("Test07", &in07_type),
	[T08] = ROW("Test08", &in08_type), [T09] = ROW("Test09", &in09_type),
	[T10] = ROW("Test10", &in10_type), [T11] = ROW("Test11", &in11_type),
	[END] = ROW("End", &client_type),
};

static const struct schema_field wrong_fields[] = {
	OUT_REQ(wants, OBJECT),
	OUT_REQ(got, OBJECT),
};
static const struct schema_type client_error_type = {.name = "ClientIdError"};
static const struct schema_type wrong_error_type =
	FIELDS_TYPE("CertificationError", wrong_fields);
static const struct schema_type *const errors[] = {
	&client_error_type,
	&wrong_error_type,
};

const struct schema_interface calls_certification = {
	.name = "org.varlink.certification",
	.text = idl_org_varlink_certification,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),
};

static bool same(struct arena *arena, struct slice want, struct slice got);

static bool same_members(struct arena *arena, struct slice want,
			 struct slice got)
{
	struct json_iter iter = json_enter(want);
	struct slice key, value, other;
	size_t wanted = 0, present = 0;
	char name[64];

	while (json_member(&iter, &key, &value)) {
		if (json_kind(value) == JSON_NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)key.n, key.p);
		if (!json_find(got, name, &other) || !same(arena, value, other))
			return false;
		wanted++;
	}
	iter = json_enter(got);
	while (json_member(&iter, &key, &value))
		present += json_kind(value) != JSON_NULL;
	return present == wanted;
}

static bool same_items(struct arena *arena, struct slice want, struct slice got)
{
	struct json_iter wants = json_enter(want), gots = json_enter(got);
	struct slice one, other;

	if (json_count(want) != json_count(got))
		return false;
	while (json_item(&wants, &one)) {
		if (!json_item(&gots, &other) || !same(arena, one, other))
			return false;
	}
	return true;
}

/*
 * Do both texts say the same? In objects order means nothing and null is
 * absent. Goes as deep as what is wanted, which is a constant of ours.
 */
static bool same(struct arena *arena, struct slice want, struct slice got)
{
	struct slice text, other;
	double x, y;

	if (json_kind(want) != json_kind(got))
		return false;
	switch (json_kind(want)) {
	case JSON_OBJECT:
		return same_members(arena, want, got);
	case JSON_ARRAY:
		return same_items(arena, want, got);
	case JSON_STRING:
		return json_string(arena, want, &text) == 0 &&
		       json_string(arena, got, &other) == 0 &&
		       slice_equal(text, other);
	case JSON_NUMBER:
		return json_float(want, &x) == 0 && json_float(got, &y) == 0 &&
		       x == y;
	case JSON_NULL:
	case JSON_BOOL:
		break;
	}
	return slice_equal(want, got);
}

static bool same_text(const char *want, struct slice got)
{
	struct arena arena = {0};
	bool yes = same(&arena, slice_of(want), got);

	arena_fini(&arena);
	return yes;
}

static bool right(enum test test, const struct call_certification *params,
		  bool more, bool oneway)
{
	if (more != (test == T10) || oneway != (test == T11))
		return false;
	switch (test) {
	case START:
	case T01:
	case END:
		return true;
	case T02:
		return params->boolean;
	case T03:
		return params->integer == 1;
	case T04:
		return params->number == 1.0;
	case T05:
		return slice_is(params->string, "ping");
	case T06:
		return !params->boolean && params->integer == 2 &&
		       params->number == NUMBER &&
		       slice_is(params->string, "a lot of string");
	case T07:
		return same_text(STRUCT_TEXT, params->structure);
	case T08:
		return same_text(MAP_TEXT, params->map);
	case T09:
		return same_text(SET_TEXT, params->set);
	case T10:
		return same_text(MYTYPE_TEXT, params->mytype);
	case T11:
		return same_text(REPLIES_TEXT, params->last_more_replies);
	}
	return false;
}

static struct certification_client *
find_client(struct certification *certification, struct slice id)
{
	for (size_t i = 0; i < CERTIFICATION_CLIENTS_MAX; i++) {
		struct certification_client *client =
			&certification->clients[i];
		char text[24];

		snprintf(text, sizeof(text), "%lld", (long long)client->id);
		if (client->id && slice_is(id, text))
			return client;
	}
	return NULL;
}

int certification_check(struct certification *certification,
			const struct schema_method *method,
			const struct call_certification *params, bool more,
			bool oneway, unsigned *ret_replies)
{
	enum test test = (enum test)(method - methods);
	struct certification_client *client;

	require(method >= methods && test <= END);
	*ret_replies = test == T10 ? REPLIES : 1;
	if (!right(test, params, more, oneway))
		return CERTIFICATION_E_WRONG;
	if (test == START) {
		int64_t id = ++certification->last_id;

		certification->clients[id % CERTIFICATION_CLIENTS_MAX] =
			(struct certification_client){id, T01};
		return 0;
	}
	client = find_client(certification, params->client_id);
	if (!client)
		return CERTIFICATION_E_CLIENT;
	if (client->next != test)
		return CERTIFICATION_E_WRONG;
	client->next++;
	if (test == END)
		*client = (struct certification_client){0};
	return 0;
}

static void write_values(struct json_out *out)
{
	json_out_member_bool(out, "bool", false);
	json_out_member_int(out, "int", 2);
	json_out_key(out, "float");
	json_out_float(out, NUMBER);
	json_out_member_text(out, "string", "a lot of string");
}

void certification_write(const struct certification *certification,
			 const struct schema_method *method, unsigned index,
			 struct json_out *out)
{
	char text[32];

	switch ((enum test)(method - methods)) {
	case START:
		snprintf(text, sizeof(text), "%lld",
			 (long long)certification->last_id);
		json_out_member_text(out, "client_id", text);
		break;
	case T01:
		json_out_member_bool(out, "bool", true);
		break;
	case T02:
		json_out_member_int(out, "int", 1);
		break;
	case T03:
		json_out_key(out, "float");
		json_out_float(out, 1.0);
		break;
	case T04:
		json_out_member_text(out, "string", "ping");
		break;
	case T05:
		write_values(out);
		break;
	case T06:
		json_out_key(out, "struct");
		json_out_object(out);
		write_values(out);
		json_out_object_end(out);
		break;
	case T07:
		json_out_member_raw(out, "map", SLICE(MAP_TEXT));
		break;
	case T08:
		json_out_member_raw(out, "set", SLICE(SET_TEXT));
		break;
	case T09:
		json_out_member_raw(out, "mytype", SLICE(MYTYPE_TEXT));
		break;
	case T10:
		snprintf(text, sizeof(text), "Reply number %u", index + 1);
		json_out_member_text(out, "string", text);
		break;
	case T11:
		break;
	case END:
		json_out_member_bool(out, "all_ok", true);
		break;
	}
}

void certification_write_wrong(const struct schema_method *method,
			       struct json_out *out)
{
	json_out_key(out, "wants");
	json_out_object(out);
	json_out_member_text(out, "method", method->name);
	json_out_object_end(out);
	json_out_key(out, "got");
	json_out_object(out);
	json_out_object_end(out);
}
