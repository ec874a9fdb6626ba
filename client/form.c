#include "client/form.h"

#include "client/say.h"
#include "client/spec.h"
#include "proto/json_in.h"

#include <stdio.h>

#define FORM_SHOWN 60 /* of a line that is wrong */

struct reader {
	struct tool *tool;
	const char *at, *end;
	int number; /* of the line, from 1 */
	struct arena arena;
	struct job_args job;
	struct arg_list words; /* of the command */
};

/* The next line without its end; false: there is none. */
static bool next_line(struct reader *reader, struct slice *ret)
{
	const char *newline;

	if (reader->at == reader->end)
		return false;
	newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	ret->p = reader->at;
	ret->n = (size_t)((newline ? newline : reader->end) - reader->at);
	reader->at = newline ? newline + 1 : reader->end;
	reader->number++;
	if (ret->n > 0 && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim(struct slice text)
{
	while (text.n > 0 && is_blank(text.p[0])) {
		text.p++;
		text.n--;
	}
	while (text.n > 0 && is_blank(text.p[text.n - 1]))
		text.n--;
	return text;
}

bool form_is_empty(struct slice text)
{
	struct reader reader = {.at = text.p, .end = text.p + text.n};
	struct slice line;

	while (next_line(&reader, &line)) {
		line = trim(line);
		if (line.n > 0 && line.p[0] != '#')
			return false;
	}
	return true;
}

/* The lines below `name: |`, without the blanks in front of the first. */
static int read_block(struct reader *reader, struct slice *ret)
{
	struct json_out block = {0};
	struct slice line;
	size_t indent = 0;
	int result;

	for (;;) {
		const char *before = reader->at;
		int number = reader->number;
		size_t n = 0;

		if (!next_line(reader, &line))
			break;
		while (n < line.n && is_blank(line.p[n]) &&
		       (indent == 0 || n < indent))
			n++;
		if (n == 0 && line.n > 0) {
			reader->at = before;
			reader->number = number;
			break;
		}
		if (indent == 0)
			indent = n;
		if (block.n > 0)
			json_out_byte(&block, '\n');
		json_out_append(&block, (struct slice){line.p + n, line.n - n});
	}
	/* Blank lines below it belong to nobody. */
	while (block.n > 0 && block.p[block.n - 1] == '\n')
		block.n--;
	result = json_out_ok(&block) &&
				 arena_copy(&reader->arena,
					    json_out_slice(&block), ret) == 0
			 ? 0
			 : say_memory(reader->tool);
	json_out_fini(&block);
	return result;
}

static int read_json(struct reader *reader, struct slice value,
		     struct slice *ret)
{
	struct json_fault fault;

	if (json_check(value, &fault) != 0 ||
	    json_kind(json_trim(value)) != JSON_STRING)
		return say_usage(reader->tool,
				 "What begins with \" is a JSON string: "
				 "\"with \\\" and \\n\"",
				 "the value is no JSON string");
	if (json_string(&reader->arena, json_trim(value), ret) < 0)
		return say_memory(reader->tool);
	if (memchr(ret->p, '\0', ret->n))
		return say_usage(reader->tool, "Leave it out",
				 "a value cannot hold a NUL");
	return 0;
}

static int add_word(struct reader *reader, const struct json_out *word)
{
	struct slice copy;

	if (!json_out_ok(word) ||
	    arena_copy(&reader->arena, json_out_slice(word), &copy) != 0 ||
	    !args_add(&reader->words, copy.p))
		return say_memory(reader->tool);
	return 0;
}

/* A list of strings is the words as they are. */
static bool is_list(struct slice value)
{
	struct json_fault fault;
	struct json_iter iter;
	struct slice item;

	if (value.n == 0 || value.p[0] != '[' || json_check(value, &fault) != 0)
		return false;
	iter = json_enter(value);
	while (json_item(&iter, &item)) {
		if (json_kind(item) != JSON_STRING)
			return false;
	}
	return true;
}

static int read_list(struct reader *reader, struct slice value)
{
	struct json_iter iter = json_enter(value);
	struct slice item, word;

	while (json_item(&iter, &item)) {
		int result = read_json(reader, item, &word);

		if (result != 0)
			return result;
		if (arena_copy(&reader->arena, word, &word) != 0 ||
		    !args_add(&reader->words, word.p))
			return say_memory(reader->tool);
	}
	return 0;
}

/*
 * Words as a shell takes them apart, and nothing else of it: quotes and
 * backslashes, no variables, no patterns.
 */
static int read_words(struct reader *reader, struct slice value)
{
	struct json_out word = {0};
	bool inside = false; /* of a word, which may be empty: '' */
	char quote = 0;
	int result = 0;

	for (size_t i = 0; result == 0 && i < value.n; i++) {
		char c = value.p[i];

		if (c == quote) {
			quote = 0;
		} else if (c == '\\' && quote != '\'' && i + 1 < value.n) {
			c = value.p[++i];
			if (quote && c != '"' && c != '\\' && c != '$' &&
			    c != '`')
				json_out_byte(&word, '\\');
			json_out_byte(&word, c);
			inside = true;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			inside = true;
		} else if (!quote && is_blank(c)) {
			if (inside)
				result = add_word(reader, &word);
			json_out_reset(&word);
			inside = false;
		} else {
			json_out_byte(&word, c);
			inside = true;
		}
	}
	if (result == 0 && quote)
		result = say_usage(reader->tool, "Close it",
				   "a %s is not closed",
				   quote == '"' ? "\"" : "'");
	if (result == 0 && inside)
		result = add_word(reader, &word);
	json_out_fini(&word);
	return result;
}

/* What belongs to the job and not to what it does, or to another way in. */
static bool is_fixed(struct slice name)
{
	return slice_is(name, "group") || slice_is(name, "key") ||
	       slice_is(name, "on-conflict") || slice_is(name, "durability") ||
	       slice_is(name, "hold") || slice_is(name, "stdin") ||
	       slice_is(name, "args-file");
}

static bool is_switch(struct slice name)
{
	for (size_t i = 0; i < job_args_table.count; i++) {
		const struct arg_flag *flag = &job_args_table.flags[i];

		if (flag->kind == ARG_ON && slice_is(name, flag->name))
			return true;
	}
	return false;
}

/* As if --name=value had been given to submit. */
static int read_flag(struct reader *reader, struct slice name,
		     struct slice value)
{
	struct arg_bases bases = {
		.tables = &job_args_table,
		.table_count = 1,
		.options = &reader->job,
		.common_table = &(const struct arg_table){0},
	};
	bool on = is_switch(name);
	struct json_out text = {0};
	struct slice copy = {NULL, 0};
	char *flag[2] = {0};
	int count, result;

	if (on && slice_is(value, "no"))
		return 0;
	if (on && !slice_is(value, "yes"))
		return say_usage(reader->tool, "Like: once: yes",
				 "%.*s takes yes or no", (int)name.n, name.p);
	json_out_append(&text, SLICE("--"));
	json_out_append(&text, name);
	if (!on) {
		json_out_byte(&text, '=');
		json_out_append(&text, value);
	}
	if (!json_out_ok(&text) ||
	    arena_copy(&reader->arena, json_out_slice(&text), &copy) != 0)
		result = say_memory(reader->tool);
	else
		result = 0;
	json_out_fini(&text);
	if (result != 0)
		return result;
	flag[0] = (char *)copy.p;
	return args_parse(reader->tool, &bases, false, 1, flag, &count);
}

static int read_entry(struct reader *reader, struct slice line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, value;
	int result = 0;

	if (!colon)
		return say_usage(reader->tool, "Like: priority: 5",
				 "a line is a flag, a colon and its value");
	name = trim((struct slice){line.p, (size_t)(colon - line.p)});
	value = trim((struct slice){colon + 1,
				    line.n - (size_t)(colon + 1 - line.p)});
	if (is_fixed(name))
		return say_usage(reader->tool, "Leave it out",
				 "%.*s cannot be changed", (int)name.n, name.p);
	if (slice_is(value, "|"))
		result = read_block(reader, &value);
	else if (value.n > 0 && value.p[0] == '"' && !slice_is(name, "command"))
		result = read_json(reader, value, &value);
	if (result != 0 || value.n == 0)
		return result;
	if (!slice_is(name, "command"))
		return read_flag(reader, name, value);
	return is_list(value) ? read_list(reader, value)
			      : read_words(reader, value);
}

static int read_all(struct reader *reader)
{
	struct slice line;

	while (next_line(reader, &line)) {
		int number = reader->number;
		int result;

		line = trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		result = read_entry(reader, line);
		if (result != 0) {
			say_note(reader->tool, "that is line %d: %.*s", number,
				 line.n < FORM_SHOWN ? (int)line.n : FORM_SHOWN,
				 line.p);
			return result;
		}
	}
	return 0;
}

static int write_spec(struct reader *reader, struct json_out *out)
{
	struct spec_fault fault = {0};
	struct reeve_spec spec;
	int result;

	/* Nothing of the editor's surroundings goes into the job. */
	reader->job.place.listed = true;
	if (reader->job.handler.handler && reader->words.count > 0)
		return say_usage(reader->tool, "Leave one of them out",
				 "there is a command, and a handler");
	result = job_args_spec(reader->tool, &reader->job,
			       (int)reader->words.count,
			       (char **)reader->words.items, &spec);
	if (result != 0)
		return result;
	if (spec_write(out, &spec, NULL, &fault) != 0)
		return say_usage(reader->tool, "Like: tag: key=value",
				 "%s: '%s' is not a pair", fault.field,
				 fault.text ? fault.text : "");
	return json_out_ok(out) ? 0 : say_memory(reader->tool);
}

int form_spec(struct tool *tool, struct slice text, int64_t meant_ms,
	      struct json_out *out)
{
	struct reader reader = {
		.tool = tool,
		.job.meant_ms = meant_ms,
		.at = text.p,
		.end = text.p + text.n,
	};
	int result;

	if (!json_utf8(text) || memchr(text.p, '\0', text.n))
		return say_usage(tool, "Save it as UTF-8",
				 "what the editor wrote is not UTF-8 text");
	result = read_all(&reader);
	if (result == 0)
		result = write_spec(&reader, out);
	job_args_fini(&reader.job);
	args_free(&job_args_table, 1, &reader.job);
	free(reader.words.items);
	arena_fini(&reader.arena);
	return result;
}
