#include "client/handler_args.h"

#include "client/say.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdio.h>

#define SHOWN_BYTES 24 /* of what is wrong, in a message */
#define JSON_HINT                                                              \
	"Like: '{\"path\":\"a.png\",\"width\":200}', or: path=a.png "          \
	"width:=200"

void handler_args_fini(struct handler_args *args)
{
	free(TAKE(args->json));
}

int handler_args_json(struct tool *tool, const char *what, struct slice text)
{
	struct json_fault fault = {0};
	size_t line = 1, column = 1, n;

	if (json_check(text, &fault) == 0)
		return 0;
	for (size_t i = 0; i < fault.offset && i < text.n; i++) {
		column++;
		if (text.p[i] == '\n') {
			line++;
			column = 1;
		}
	}
	n = fault.offset < text.n ? text.n - fault.offset : 0;
	if (n > SHOWN_BYTES)
		n = SHOWN_BYTES;
	return say_usage(tool, JSON_HINT,
			 "%s is not JSON: %s at line %zu, column %zu%s%.*s",
			 what, fault.message, line, column,
			 n ? ": " : ", where it ends", (int)n,
			 text.p + fault.offset);
}

static int read_stream(struct tool *tool, FILE *file, const char *name,
		       struct json_out *out)
{
	char buffer[16384];
	size_t n;

	while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0) {
		json_out_append(out, (struct slice){buffer, n});
		if (out->n > LIMIT_SPEC_BYTES)
			return say_fail(tool, EXIT_REFUSED,
					"Put it into a file, and give its name",
					"%s holds more than the %d bytes that "
					"a job can be given",
					name, LIMIT_SPEC_BYTES);
	}
	if (ferror(file))
		return say_fail(tool, EXIT_FAILED, "Is it a file?",
				"cannot read %s: %s", name, strerror(errno));
	return json_out_ok(out) ? 0 : say_memory(tool);
}

static int read_file(struct tool *tool, const char *name, struct json_out *out)
{
	FILE *file;
	int result;

	if (strcmp(name, "-") == 0)
		return read_stream(tool, stdin, "stdin", out);
	file = fopen(name, "re");
	if (!file)
		return say_fail(tool, EXIT_FAILED,
				"Check the spelling and the rights",
				"cannot open %s: %s", name, strerror(errno));
	result = read_stream(tool, file, name, out);
	fclose(file);
	return result;
}

static int need_object(struct tool *tool, const char *what, struct slice text)
{
	int result = handler_args_json(tool, what, text);

	if (result == 0 && json_kind(json_trim(text)) != JSON_OBJECT)
		result =
			say_usage(tool,
				  "Put it into one: '{\"args\":[...]}' is what "
				  "a Python handler takes as positions",
				  "%s is JSON, and not an object", what);
	return result;
}

static bool is_object(const char *word)
{
	return word[strspn(word, " \t\r\n")] == '{';
}

/* The members of an object that was checked. */
static int add_members(struct tool *tool, struct json_out *out,
		       struct slice object)
{
	struct json_iter iter = json_enter(json_trim(object));
	struct arena arena = {0};
	struct slice key, value, name;

	while (json_member(&iter, &key, &value)) {
		/* With its quotes a key is a string. */
		struct slice quoted = {key.p - 1, key.n + 2};

		if (json_string(&arena, quoted, &name) != 0) {
			arena_fini(&arena);
			return say_memory(tool);
		}
		json_out_key_slice(out, name);
		json_out_raw(out, value);
	}
	arena_fini(&arena);
	return 0;
}

static int add_word(struct tool *tool, struct json_out *out, const char *word)
{
	const char *equals = strchr(word, '=');
	struct slice name = {word, equals ? (size_t)(equals - word) : 0};
	bool raw = name.n > 1 && equals[-1] == ':';
	int result;

	if (is_object(word)) {
		result = need_object(tool, "the argument", slice_of(word));
		return result ? result : add_members(tool, out, slice_of(word));
	}
	name.n -= raw;
	if (name.n == 0)
		return say_usage(tool, JSON_HINT,
				 "'%s' is neither a JSON object nor NAME=TEXT "
				 "nor NAME:=JSON",
				 word);
	if (!json_utf8(slice_of(word)))
		return say_usage(tool, "Give it in UTF-8",
				 "an argument is not UTF-8 text, and JSON "
				 "carries nothing else");
	json_out_key_slice(out, name);
	if (!raw) {
		json_out_string(out, slice_of(equals + 1));
		return 0;
	}
	result = handler_args_json(tool, word, slice_of(equals + 1));
	if (result == 0)
		json_out_raw(out, json_trim(slice_of(equals + 1)));
	return result;
}

/* All keys were written by the same writer: equal ones look alike. */
static int check_names(struct tool *tool, struct slice object)
{
	struct json_iter iter = json_enter(object), rest;
	struct slice key, value, other;

	while (json_member(&iter, &key, &value)) {
		rest = iter;
		while (json_member(&rest, &other, &value)) {
			if (other.n == key.n &&
			    memcmp(other.p, key.p, key.n) == 0)
				return say_usage(tool, "Leave one of them out",
						 "%.*s is given twice",
						 (int)key.n, key.p);
		}
	}
	return 0;
}

int handler_args_join(struct tool *tool, const char *const *words, size_t count,
		      struct json_out *out)
{
	int result = 0;

	json_out_object(out);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = add_word(tool, out, words[i]);
	json_out_object_end(out);
	if (result == 0 && !json_out_ok(out))
		result = say_memory(tool);
	if (result == 0 && count > 1)
		result = check_names(tool, json_out_slice(out));
	return result;
}

static int read_words(struct tool *tool, struct handler_args *args,
		      const char *const *words, struct json_out *out)
{
	struct arg_list all = {0};
	int result = 0;

	for (size_t i = 0; result == 0 && i < args->args.count; i++)
		result = args_add(&all, args->args.items[i]) ? 0 : -ENOMEM;
	for (; result == 0 && words && *words; words++)
		result = args_add(&all, *words) ? 0 : -ENOMEM;
	result = result ? say_memory(tool)
			: handler_args_join(tool, all.items, all.count, out);
	free(all.items);
	return result;
}

int handler_args_read(struct tool *tool, struct handler_args *args,
		      const char *const *words)
{
	const char *first = words ? words[0] : NULL;
	bool all = first && strcmp(first, "-") == 0 && !words[1];
	const char *file = all ? "-" : args->file;
	struct json_out out = {0};
	int result;

	if (!first && !file && args->args.count == 0)
		return 0;
	if (file &&
	    (args->args.count > 0 || (first && !all) || (all && args->file)))
		result = say_usage(tool, "Give one of them",
				   "%s is all of the arguments",
				   all ? "-" : "--args-file");
	else if (file)
		result = read_file(tool, file, &out);
	else
		result = read_words(tool, args, words, &out);
	if (result == 0 && file)
		result = need_object(tool,
				     strcmp(file, "-") == 0 ? "stdin" : file,
				     json_out_slice(&out));
	if (result == 0)
		json_out_byte(&out, '\0');
	if (result == 0 && !json_out_ok(&out))
		result = say_memory(tool);
	if (result == 0)
		args->json = TAKE(out.p);
	else
		json_out_fini(&out);
	return result;
}
