#include "client/field.h"

#include "client/text.h"
#include "proto/json_in.h"

int64_t field_int(struct slice object, const char *name)
{
	struct slice value;
	int64_t n = 0;

	if (!json_find(object, name, &value) || json_int(value, &n) != 0)
		return 0;
	return n;
}

bool field_bool(struct slice object, const char *name)
{
	struct slice value;
	bool on = false;

	return json_find(object, name, &value) && json_bool(value, &on) == 0 &&
	       on;
}

const char *field_text(struct arena *arena, struct slice object,
		       const char *name)
{
	struct slice value, text, copy;
	char *clean;

	if (!json_find(object, name, &value) ||
	    json_string(arena, value, &text) != 0 ||
	    arena_copy(arena, text, &copy) != 0)
		return "";
	clean = arena_alloc(arena, copy.n + 1);
	if (!clean)
		return "";
	memcpy(clean, copy.p, copy.n);
	text_clean(clean);
	return clean;
}

struct slice field_list(struct slice object, const char *name)
{
	struct slice value;

	if (!json_find(object, name, &value) || json_kind(value) != JSON_ARRAY)
		return SLICE("[]");
	return value;
}

struct slice field_object(struct slice object, const char *name)
{
	struct slice value;

	if (!json_find(object, name, &value) || json_kind(value) != JSON_OBJECT)
		return SLICE("{}");
	return value;
}
