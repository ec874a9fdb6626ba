/*
 * Reader and writer: what the check accepts is walked, decoded and written
 * again; the new text is accepted too and writing it once more changes nothing.
 * What it refuses may be walked all the same, without reading beyond its end.
 */

#include "proto/json_in.h"
#include "proto/json_out.h"
#include "tests/fuzz/fuzz.h"

struct walk {
	struct arena arena;
	struct json_iter iters[JSON_DEPTH_MAX + 1];
	bool objects[JSON_DEPTH_MAX + 1];
	size_t depth;
};

static void scalar(struct walk *walk, struct slice value, struct json_out *out)
{
	struct slice text;
	int64_t n;
	double x;
	bool b = false;

	switch (json_kind(value)) {
	case JSON_STRING:
		require(json_string(&walk->arena, value, &text) == 0);
		require(json_utf8(text));
		json_out_string(out, text);
		break;
	case JSON_BOOL:
		require(json_bool(value, &b) == 0);
		json_out_bool(out, b);
		break;
	case JSON_NULL:
		json_out_null(out);
		break;
	case JSON_NUMBER:
		if (json_int(value, &n) == 0)
			json_out_int(out, n);
		else if (json_float(value, &x) == 0)
			/* -0.0 is written -0, which reads as the integer 0. */
			json_out_float(out, x == 0 ? 0 : x);
		else
			json_out_raw(out, value);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		require(!"no scalar");
	}
}

static void put(struct walk *walk, struct slice value, struct json_out *out)
{
	enum json_kind kind = json_kind(value);

	if (kind != JSON_ARRAY && kind != JSON_OBJECT) {
		scalar(walk, value, out);
		return;
	}
	require(walk->depth < JSON_DEPTH_MAX);
	walk->iters[++walk->depth] = json_enter(value);
	walk->objects[walk->depth] = kind == JSON_OBJECT;
	if (kind == JSON_OBJECT)
		json_out_object(out);
	else
		json_out_array(out);
}

static void rewrite(struct slice text, struct json_out *out)
{
	struct walk walk = {0};

	put(&walk, json_trim(text), out);
	while (walk.depth) {
		struct json_iter *iter = &walk.iters[walk.depth];
		struct slice key, value;

		if (!walk.objects[walk.depth]) {
			if (json_item(iter, &value)) {
				put(&walk, value, out);
			} else {
				json_out_array_end(out);
				walk.depth--;
			}
			continue;
		}
		if (!json_member(iter, &key, &value)) {
			json_out_object_end(out);
			walk.depth--;
			continue;
		}
		/* With its quotes a key is a string. */
		key = (struct slice){key.p - 1, key.n + 2};
		require(json_string(&walk.arena, key, &key) == 0);
		json_out_key_slice(out, key);
		put(&walk, value, out);
	}
	require(json_out_ok(out));
	arena_fini(&walk.arena);
}

/* Text that nobody checked: nonsense may come out, and nothing worse. */
static void poke(struct slice text)
{
	struct arena arena = {0};
	struct slice value = json_trim(text), found;
	int64_t n;
	double x;

	(void)json_count(value);
	(void)json_find(value, "a", &found);
	if (json_string(&arena, value, &found) == 0)
		require(found.n <= value.n);
	if (json_base64(&arena, value, &found) == 0)
		require(found.n <= value.n);
	if (json_int(value, &n) == 0)
		require(json_kind(value) == JSON_NUMBER);
	if (json_float(value, &x) == 0)
		require(json_kind(value) == JSON_NUMBER);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct json_out once = {0}, twice = {0};
	struct json_fault fault = {SIZE_MAX, NULL};

	if (size > FUZZ_BYTES_MAX)
		return 0;
	poke(text);
	json_out_string(&once, text);
	require(json_check(json_out_slice(&once), &fault) == 0);
	json_out_reset(&once);

	if (json_check(text, &fault)) {
		require(fault.offset <= size && fault.message);
	} else {
		rewrite(text, &once);
		require(json_check(json_out_slice(&once), &fault) == 0);
		rewrite(json_out_slice(&once), &twice);
		require(slice_equal(json_out_slice(&once),
				    json_out_slice(&twice)));
		require(!memchr(once.p, '\n', once.n));
	}
	json_out_fini(&once);
	json_out_fini(&twice);
	return 0;
}
