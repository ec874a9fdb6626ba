#include "client/form.h"

#include "proto/json_in.h"

/* A member as raw JSON; n 0: it is not there. */
static struct slice member(struct slice object, struct slice key)
{
	struct json_iter iter = json_enter(object);
	struct slice name, value;

	while (json_member(&iter, &name, &value)) {
		if (slice_equal(name, key))
			return value;
	}
	return (struct slice){NULL, 0};
}

static bool is_alike(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || slice_equal(a, b));
}

static bool is_deep(struct slice key)
{
	return slice_is(key, "context") || slice_is(key, "retry");
}

static void put_member(struct json_out *out, struct slice key,
		       struct slice value)
{
	json_out_key_slice(out, key);
	json_out_raw(out, value);
}

/* Members of one level; none of them is looked into. */
static void merge_flat(struct json_out *out, struct slice base,
		       struct slice before, struct slice after)
{
	struct json_iter iter = json_enter(base);
	struct slice key, value;

	json_out_object(out);
	while (json_member(&iter, &key, &value)) {
		struct slice now = member(after, key);

		if (is_alike(member(before, key), now))
			put_member(out, key, value);
		else if (now.n)
			put_member(out, key, now);
	}
	iter = json_enter(after);
	while (json_member(&iter, &key, &value)) {
		if (!member(base, key).n &&
		    !is_alike(member(before, key), value))
			put_member(out, key, value);
	}
	json_out_object_end(out);
}

static void merge_deep(struct json_out *out, struct slice key,
		       struct slice base, struct slice before,
		       struct slice after)
{
	json_out_key_slice(out, key);
	merge_flat(out, base.n ? base : SLICE("{}"),
		   before.n ? before : SLICE("{}"), after);
}

void form_merge(struct json_out *out, struct slice base, struct slice before,
		struct slice after)
{
	struct json_iter iter = json_enter(base);
	struct slice key, value;

	json_out_object(out);
	while (json_member(&iter, &key, &value)) {
		struct slice then = member(before, key);
		struct slice now = member(after, key);

		if (is_alike(then, now))
			put_member(out, key, value);
		else if (now.n && is_deep(key))
			merge_deep(out, key, value, then, now);
		else if (now.n)
			put_member(out, key, now);
	}
	iter = json_enter(after);
	while (json_member(&iter, &key, &value)) {
		struct slice then = member(before, key);

		if (member(base, key).n || is_alike(then, value))
			continue;
		if (is_deep(key))
			merge_deep(out, key, (struct slice){0}, then, value);
		else
			put_member(out, key, value);
	}
	json_out_object_end(out);
}
