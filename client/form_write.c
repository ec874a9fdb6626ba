#include "client/form.h"

#include "client/field.h"
#include "client/pattern.h"
#include "client/stamp.h"
#include "proto/json_in.h"
#include "proto/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FORM_NUMBER_BYTES 48

struct writer {
	struct json_out *out;
	struct arena arena;
	int result;
};

static void add(struct writer *w, const char *text)
{
	for (; *text; text++)
		json_out_byte(w->out, *text);
}

/* Does the text survive as the rest of a line? */
static bool is_line(const char *text)
{
	const char *at = text;

	if (*text == '"' || *text == ' ' || *text == '\t' ||
	    strcmp(text, "|") == 0)
		return false;
	for (; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c < ' ' || c == 127)
			return false;
	}
	return at == text || (at[-1] != ' ' && at[-1] != '\t');
}

/* ... or as indented lines below it? */
static bool is_block(const char *text)
{
	const char *at = text;

	if (!strchr(text, '\n'))
		return false;
	for (; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
			return false;
	}
	return at[-1] != '\n' && text[0] != '\n';
}

static void add_block(struct writer *w, const char *text)
{
	add(w, "|\n    ");
	for (; *text; text++) {
		json_out_byte(w->out, *text);
		if (*text == '\n')
			add(w, "    ");
	}
}

static void add_json(struct writer *w, const char *text)
{
	struct json_out out = {0};

	json_out_string(&out, slice_of(text));
	json_out_byte(&out, '\0');
	if (json_out_ok(&out))
		add(w, out.p);
	else
		w->result = -ENOMEM;
	json_out_fini(&out);
}

static void line(struct writer *w, const char *name, const char *value)
{
	add(w, name);
	add(w, value[0] ? ": " : ":");
	if (is_line(value))
		add(w, value);
	else if (is_block(value))
		add_block(w, value);
	else
		add_json(w, value);
	add(w, "\n");
}

static void number(struct writer *w, const char *name, int64_t value)
{
	char text[FORM_NUMBER_BYTES];

	snprintf(text, sizeof(text), "%" PRId64, value);
	line(w, name, text);
}

/* Without loss, unlike what duration_format() makes for a table. */
static const char *exact(int64_t ms, char text[FORM_NUMBER_BYTES])
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"d", 86400000},
		     {"h", 3600000},
		     {"m", 60000},
		     {"s", 1000},
		     {"ms", 1}};
	size_t i = 0;

	while (ms % units[i].ms != 0)
		i++;
	if (ms == 0)
		i = 3;
	snprintf(text, FORM_NUMBER_BYTES, "%" PRId64 "%s", ms / units[i].ms,
		 units[i].name);
	return text;
}

/* Also a 0, which is something else than nothing; without the member none. */
static void duration(struct writer *w, const char *name, struct slice spec,
		     const char *member)
{
	char text[FORM_NUMBER_BYTES];
	struct slice value;

	if (json_find(spec, member, &value))
		line(w, name, exact(field_int(spec, member), text));
}

/* A string of the job as it is, unlike field_text(), which cleans it. */
static const char *raw_text(struct writer *w, struct slice value)
{
	struct slice text;

	if (json_string(&w->arena, value, &text) == 0 &&
	    arena_copy(&w->arena, text, &text) == 0)
		return text.p;
	w->result = -ENOMEM;
	return "";
}

static const char *text_of(struct writer *w, struct slice object,
			   const char *name)
{
	struct slice value;

	return json_find(object, name, &value) ? raw_text(w, value) : "";
}

static bool is_call(struct writer *w, struct slice spec)
{
	const char *handler = text_of(w, spec, "handler");

	return handler[0] && strcmp(handler, SPEC_HANDLER_EXEC) != 0;
}

static void write_call(struct writer *w, struct slice spec)
{
	struct slice args = field_object(spec, "args"), copy;

	line(w, "handler", text_of(w, spec, "handler"));
	if (arena_copy(&w->arena, args, &copy) == 0)
		line(w, "args", copy.p);
	else
		w->result = -ENOMEM;
}

static void write_command(struct writer *w, struct slice spec)
{
	struct json_iter iter = json_enter(field_list(spec, "argv"));
	struct json_out words = {0};
	struct slice word;

	if (is_call(w, spec)) {
		write_call(w, spec);
		return;
	}
	if (json_count(field_list(spec, "argv")) == 0) {
		line(w, "sh", text_of(w, spec, "shell"));
		return;
	}
	while (json_item(&iter, &word)) {
		if (words.n > 0)
			json_out_byte(&words, ' ');
		pattern_quote(&words, raw_text(w, word));
	}
	json_out_byte(&words, '\0');
	if (!json_out_ok(&words)) {
		w->result = -ENOMEM;
	} else if (is_line(words.p)) {
		line(w, "command", words.p);
	} else {
		json_out_reset(&words);
		json_out_raw(&words, field_list(spec, "argv"));
		json_out_byte(&words, '\0');
		add(w, "command: ");
		add(w, json_out_ok(&words) ? words.p : "");
		add(w, "\n");
	}
	json_out_fini(&words);
}

/* "k=v" for each member of a map of strings or numbers. */
static void pairs(struct writer *w, const char *name, struct slice map)
{
	struct json_iter iter = json_enter(map);
	struct slice key, value;

	while (json_member(&iter, &key, &value)) {
		struct json_out pair = {0}, quoted = {0};
		const char *text;

		/* A key as it stands is a string without its quotes. */
		json_out_byte(&quoted, '"');
		json_out_append(&quoted, key);
		json_out_byte(&quoted, '"');
		text = raw_text(w, json_out_slice(&quoted));
		json_out_append(&pair, slice_of(text));
		json_out_byte(&pair, '=');
		if (json_kind(value) == JSON_STRING)
			text = raw_text(w, value);
		json_out_append(&pair, json_kind(value) == JSON_STRING
					       ? slice_of(text)
					       : value);
		json_out_byte(&pair, '\0');
		if (json_out_ok(&pair))
			line(w, name, pair.p);
		else
			w->result = -ENOMEM;
		json_out_fini(&quoted);
		json_out_fini(&pair);
	}
}

static void write_list(struct writer *w, const char *name, struct slice list)
{
	struct json_iter iter = json_enter(list);
	struct json_out words = {0};
	struct slice item;

	while (json_item(&iter, &item)) {
		if (words.n > 0)
			json_out_byte(&words, ',');
		json_out_append(&words, json_kind(item) == JSON_STRING
						? slice_of(raw_text(w, item))
						: item);
	}
	json_out_byte(&words, '\0');
	if (!json_out_ok(&words))
		w->result = -ENOMEM;
	else if (words.p[0])
		line(w, name, words.p);
	json_out_fini(&words);
}

static void write_retry(struct writer *w, struct slice rule)
{
	char first[FORM_NUMBER_BYTES], last[FORM_NUMBER_BYTES];
	char both[FORM_NUMBER_BYTES * 2 + 2];
	int64_t attempts = field_int(rule, "max_attempts");
	struct slice value;
	double jitter;

	if (attempts < 1)
		return;
	number(w, "retry", attempts - 1);
	if (attempts == 1)
		return;
	snprintf(both, sizeof(both), "%s..%s",
		 exact(field_int(rule, "backoff_ms"), first),
		 exact(field_int(rule, "backoff_max_ms"), last));
	line(w, "backoff", both);
	if (json_find(rule, "jitter", &value) &&
	    json_float(value, &jitter) == 0) {
		snprintf(both, sizeof(both), "%g%%", jitter * 100);
		line(w, "retry-jitter", both);
	}
	write_list(w, "retry-on", field_list(rule, "causes"));
	write_list(w, "retry-exit", field_list(rule, "exit_codes"));
}

static void write_place(struct writer *w, struct slice context)
{
	struct slice value;
	char mask[16];

	line(w, "cwd", text_of(w, context, "cwd"));
	if (json_find(context, "umask", &value)) {
		snprintf(mask, sizeof(mask), "%03" PRIo64,
			 field_int(context, "umask"));
		line(w, "umask", mask);
	}
	if (field_int(context, "nice"))
		number(w, "nice", field_int(context, "nice"));
	pairs(w, "limit", field_object(context, "limits"));
	if (strcmp(text_of(w, context, "env_mode"), "clean") == 0)
		line(w, "clean-env", "yes");
	pairs(w, "env", field_object(context, "env"));
}

static void write_facts(struct writer *w, struct slice spec, int64_t now_ms)
{
	char stamp[STAMP_BYTES];
	int64_t at_ms = field_int(spec, "run_at_ms");

	line(w, "name", text_of(w, spec, "name"));
	line(w, "queue", text_of(w, spec, "queue"));
	number(w, "priority", field_int(spec, "priority"));
	if (at_ms > now_ms)
		line(w, "at", stamp_local(at_ms, stamp));
	duration(w, "timeout", spec, "timeout_ms");
	duration(w, "grace", spec, "grace_ms");
	duration(w, "expire", spec, "expire_ms");
	duration(w, "keep", spec, "keep_ms");
	write_retry(w, field_object(spec, "retry"));
	if (field_bool(spec, "once"))
		line(w, "once", "yes");
	if (field_int(spec, "crash_limit") > 0)
		number(w, "crash-limit", field_int(spec, "crash_limit"));
	if (strcmp(text_of(w, spec, "orphans"), "keep") == 0)
		line(w, "keep-orphans", "yes");
	if (text_of(w, spec, "unique")[0])
		line(w, "unique", text_of(w, spec, "unique"));
	pairs(w, "tag", field_object(spec, "tags"));
}

int form_write(struct json_out *out, int64_t id, struct slice spec,
	       int64_t now_ms)
{
	struct writer w = {.out = out};
	struct slice value;
	char text[64];

	snprintf(text, sizeof(text), "# Job %" PRId64 ".", id);
	add(&w, text);
	add(&w,
	    " It does not start while this is open.\n"
	    "# Each line is a flag of `reeve submit` and its value; without "
	    "its line, or with\n"
	    "# no value, it is as for a new job. To leave the job as it is, "
	    "change nothing.\n");
	if (json_find(spec, "stdin", &value) ||
	    json_find(spec, "stdin64", &value))
		add(&w, "# Its stdin stays what it is, unless there is a line "
			"stdin-file: FILE\n");
	add(&w, "\n");
	write_command(&w, spec);
	write_facts(&w, spec, now_ms);
	if (!is_call(&w, spec)) {
		add(&w, "\n");
		write_place(&w, field_object(spec, "context"));
	}
	arena_fini(&w.arena);
	return json_out_ok(out) ? w.result : -ENOMEM;
}
