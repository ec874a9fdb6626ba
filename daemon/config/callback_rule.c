#include "daemon/config/callback_rule.h"

#include "daemon/base/quantity.h"
#include "proto/json_in.h"
#include "proto/near.h"
#include "proto/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Who is called: exactly one of the first four. */
enum key { EXEC, SH, CALL, HTTP, ON, ARGS, QUEUE, NAME, TIMEOUT, KEYS };

static const char *const keys[KEYS] = {
	[EXEC] = "exec",   [SH] = "sh",	    [CALL] = "call",
	[HTTP] = "http",   [ON] = "on",	    [ARGS] = "args",
	[QUEUE] = "queue", [NAME] = "name", [TIMEOUT] = "timeout",
};

static const char *const ends[CALLBACK_WHEN_COUNT] = {
	[CALLBACK_SUCCESS] = "succeeded",
	[CALLBACK_FAILURE] = "failed",
	[CALLBACK_DONE] = "done",
};

struct rule {
	struct slice of[KEYS]; /* n 0: it is not there */
	struct arena arena;
	const char *here;
	struct json_out *out;
	struct callback_rule_fault *fault;
};

static int bad(const struct rule *rule, const char *path, const char *format,
	       ...) printf_like(3, 4);

static int bad(const struct rule *rule, const char *path, const char *format,
	       ...)
{
	va_list args;

	snprintf(rule->fault->path, sizeof(rule->fault->path), "%s", path);
	va_start(args, format);
	vsnprintf(rule->fault->message, sizeof(rule->fault->message), format,
		  args);
	va_end(args);
	return CALLBACK_RULE_E_BAD;
}

/* The nearest of some words; NULL: none is near. */
static const char *nearest(struct slice typed, const char *const *words,
			   size_t count)
{
	size_t least = NEAR_BYTES_MAX;
	const char *best = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = near_distance(typed, slice_of(words[i]));

		if (distance < least && near_enough(distance, typed.n)) {
			least = distance;
			best = words[i];
		}
	}
	return best;
}

static int unknown_key(const struct rule *rule, struct slice key)
{
	const char *near = nearest(key, keys, KEYS);
	char path[64];
	int n = key.n < 40 ? (int)key.n : 40;

	snprintf(path, sizeof(path), "%.*s", (int)key.n, key.p);
	if (near)
		return bad(rule, path, "unknown key '%.*s': did you mean '%s'?",
			   n, key.p, near);
	return bad(rule, path,
		   "unknown key '%.*s': a callback has on, exec, sh, call, "
		   "args, http, queue, name, timeout",
		   n, key.p);
}

static int read_keys(struct rule *rule, struct slice item)
{
	struct json_iter iter = json_enter(item);
	struct slice key, value;

	while (json_member(&iter, &key, &value)) {
		size_t i = 0;

		while (i < KEYS && !slice_is(key, keys[i]))
			i++;
		if (i == KEYS)
			return unknown_key(rule, key);
		rule->of[i] = value;
	}
	return 0;
}

/* Texts, and what a file writes without quotes as if it were none. */
static int text_of(struct rule *rule, struct slice value, const char *path,
		   struct slice *ret)
{
	switch (json_kind(value)) {
	case JSON_STRING:
		return json_string(&rule->arena, value, ret) < 0 ? -ENOMEM : 0;
	case JSON_NUMBER:
	case JSON_BOOL:
		*ret = value;
		return 0;
	case JSON_NULL:
		return bad(rule, path, "'%s' has no value", path);
	case JSON_ARRAY:
	case JSON_OBJECT:
	default:
		return bad(rule, path, "'%s' is a text", path);
	}
}

static int read_end(struct rule *rule, struct slice value, const char *path,
		    unsigned *whens)
{
	struct slice word;
	const char *near;
	int r = text_of(rule, value, path, &word);

	if (r)
		return r;
	for (size_t i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		if (slice_is(word, ends[i])) {
			*whens |= 1u << i;
			return 0;
		}
	}
	near = nearest(word, ends, CALLBACK_WHEN_COUNT);
	return bad(rule, path,
		   "on '%.*s': it is one or more of succeeded, failed, done%s%s"
		   "%s",
		   word.n < 40 ? (int)word.n : 40, word.p,
		   near ? "; did you mean " : "", near ? near : "",
		   near ? "?" : "");
}

static int read_on(struct rule *rule, bool has_on, unsigned *whens)
{
	struct json_iter iter;
	struct slice item;
	char path[24];
	int r = 0;

	*whens = 0;
	if (!has_on)
		return rule->of[ON].n ? bad(rule, "on",
					    "the key above says when: leave "
					    "'on' out")
				      : 0;
	if (!rule->of[ON].n)
		return bad(rule, "", "say when: on: [failed]");
	if (json_kind(rule->of[ON]) != JSON_ARRAY)
		return read_end(rule, rule->of[ON], "on", whens);
	iter = json_enter(rule->of[ON]);
	for (int i = 0; r == 0 && json_item(&iter, &item); i++) {
		snprintf(path, sizeof(path), "on[%d]", i);
		r = read_end(rule, item, path, whens);
	}
	if (r == 0 && !*whens)
		r = bad(rule, "on", "say when: on: [failed]");
	return r;
}

/* A path that begins with a dot is seen from the folder of the file. */
static int write_program(struct rule *rule, struct slice word)
{
	bool dots = (word.n > 2 && memcmp(word.p, "./", 2) == 0) ||
		    (word.n > 3 && memcmp(word.p, "../", 3) == 0);
	char *path;

	if (!dots) {
		json_out_string(rule->out, word);
		return 0;
	}
	if (word.p[1] == '/')
		word = (struct slice){word.p + 2, word.n - 2};
	if (asprintf(&path, "%s/%.*s", rule->here, (int)word.n, word.p) < 0)
		return -ENOMEM;
	json_out_string(rule->out, slice_of(path));
	free(path);
	return 0;
}

static int write_exec(struct rule *rule)
{
	bool list = json_kind(rule->of[EXEC]) == JSON_ARRAY;
	struct json_iter iter = json_enter(rule->of[EXEC]);
	struct slice item = rule->of[EXEC], word;
	char path[24] = "exec";
	int r = 0, i = 0;

	if (list && json_count(rule->of[EXEC]) == 0)
		return bad(rule, "exec", "'exec' names no command");
	json_out_key(rule->out, "argv");
	json_out_array(rule->out);
	while (r == 0 && (list ? json_item(&iter, &item) : i == 0)) {
		if (list)
			snprintf(path, sizeof(path), "exec[%d]", i);
		r = text_of(rule, item, path, &word);
		if (r == 0 && !list && memchr(word.p, ' ', word.n))
			r = bad(rule, "exec",
				"no shell takes it apart: write a list, exec: "
				"[./alert.sh, me], or sh: for a line of the "
				"shell");
		if (r == 0 && i++ == 0)
			r = write_program(rule, word);
		else if (r == 0)
			json_out_string(rule->out, word);
	}
	json_out_array_end(rule->out);
	return r;
}

static int write_http(struct rule *rule)
{
	struct slice value, url;
	int r;

	if (json_kind(rule->of[HTTP]) != JSON_OBJECT ||
	    !json_find(rule->of[HTTP], "url", &value))
		return bad(rule, "http",
			   "'http' needs a url, like {url: "
			   "\"https://example.org/hook\"}");
	r = text_of(rule, value, "http.url", &url);
	if (r)
		return r;
	if (!(url.n > 7 && memcmp(url.p, "http://", 7) == 0) &&
	    !(url.n > 8 && memcmp(url.p, "https://", 8) == 0))
		return bad(rule, "http.url",
			   "'%.*s' begins with neither http:// nor https://",
			   url.n < 60 ? (int)url.n : 60, url.p);
	json_out_member_text(rule->out, "handler", "http");
	json_out_member_raw(rule->out, "args", rule->of[HTTP]);
	return 0;
}

static int write_text(struct rule *rule, enum key key, const char *member)
{
	struct slice text;
	int r = text_of(rule, rule->of[key], keys[key], &text);

	if (r == 0)
		json_out_member_string(rule->out, member, text);
	return r;
}

static int write_call(struct rule *rule)
{
	int r = write_text(rule, CALL, "handler");

	if (r || !rule->of[ARGS].n)
		return r;
	if (json_kind(rule->of[ARGS]) != JSON_OBJECT)
		return bad(rule, "args", "'args' is a section, like {to: me}");
	json_out_member_raw(rule->out, "args", rule->of[ARGS]);
	return 0;
}

static int write_timeout(struct rule *rule)
{
	struct slice text;
	char copy[32];
	int64_t ms;
	int r = text_of(rule, rule->of[TIMEOUT], "timeout", &text);

	if (r)
		return r;
	snprintf(copy, sizeof(copy), "%.*s", (int)text.n, text.p);
	if (!quantity_duration_ms(copy, &ms) || ms > DURATION_MAX_MS)
		return bad(rule, "timeout",
			   "timeout '%s': give a time, like 30s", copy);
	json_out_member_int(rule->out, "timeout_ms", ms);
	return 0;
}

/* Which of the four; KEYS: not exactly one. */
static enum key whom(const struct rule *rule)
{
	enum key found = KEYS;

	for (int key = EXEC; key <= HTTP; key++) {
		if (!rule->of[key].n)
			continue;
		if (found != KEYS)
			return KEYS;
		found = (enum key)key;
	}
	return found;
}

static int write_spec(struct rule *rule)
{
	enum key key = whom(rule);
	int r;

	if (key == KEYS)
		return bad(rule, "",
			   "a callback has one of exec, sh, call and http");
	if (key != CALL && rule->of[ARGS].n)
		return bad(rule, "args", "'args' is for call");
	r = key == EXEC	  ? write_exec(rule)
	    : key == SH	  ? write_text(rule, SH, "shell")
	    : key == CALL ? write_call(rule)
			  : write_http(rule);
	if (r == 0 && rule->of[QUEUE].n)
		r = write_text(rule, QUEUE, "queue");
	if (r == 0 && rule->of[NAME].n)
		r = write_text(rule, NAME, "name");
	if (r == 0 && rule->of[TIMEOUT].n)
		r = write_timeout(rule);
	return r;
}

/* As deep as it would be checked when somebody submitted it. */
static int check(struct rule *rule, struct slice object)
{
	struct schema_fault fault;
	struct spec spec;
	int r = callback_decode(&rule->arena, object, "", &spec, &fault);

	if (r <= 0)
		return r;
	return bad(rule, "", "%s%s%s", fault.path, fault.path[0] ? ": " : "",
		   fault.message);
}

int callback_rule(struct slice item, bool has_on, const char *here,
		  struct json_out *out, unsigned *ret_whens,
		  struct callback_rule_fault *ret_fault)
{
	struct json_out spec = {0};
	struct rule rule = {.here = here, .out = &spec, .fault = ret_fault};
	int r;

	if (json_kind(item) != JSON_OBJECT)
		return bad(&rule, "",
			   "a callback is a section, like {on: [failed], exec: "
			   "[./alert.sh]}");
	r = read_keys(&rule, item);
	if (r == 0)
		r = read_on(&rule, has_on, ret_whens);
	json_out_object(&spec);
	if (r == 0)
		r = write_spec(&rule);
	json_out_object_end(&spec);
	if (r == 0 && !json_out_ok(&spec))
		r = -ENOMEM;
	if (r == 0)
		r = check(&rule, json_out_slice(&spec));
	if (r == 0)
		json_out_raw(out, json_out_slice(&spec));
	json_out_fini(&spec);
	arena_fini(&rule.arena);
	return r;
}
