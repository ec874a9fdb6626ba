#include "client/callback_args.h"

#include "client/context.h"
#include "client/duration.h"
#include "client/handler_args.h"
#include "client/request_args.h"
#include "client/say.h"
#include "client/shell_words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define FLAG_BYTES 40
#define SHOWN_BYTES 24 /* of what is wrong, in a message */
#define WORDS_HINT "Quote it, or give it to a shell: \"sh -c '...'\""

struct reading {
	struct tool *tool;
	const struct reeve_spec *place;
	const struct callback_terms *terms;
	char flag[FLAG_BYTES]; /* "on-failure-url" */
	struct json_out *out;
};

static const char *const whens[CALLBACK_WHEN_COUNT] = {
	[CALLBACK_SUCCESS] = "success",
	[CALLBACK_FAILURE] = "failure",
	[CALLBACK_DONE] = "done",
};

static const char *const kinds[CALLBACK_ARGS_KINDS] = {
	[CALLBACK_ARGS_COMMAND] = "",
	[CALLBACK_ARGS_URL] = "-url",
	[CALLBACK_ARGS_CALL] = "-call",
};

static int words_fail(const struct reading *reading, int result, const char *at)
{
	int n = (int)strnlen(at, SHOWN_BYTES);

	switch (result) {
	case SHELL_WORDS_E_QUOTE:
		return say_usage(reading->tool, "Close it: 'it is \"so\"'",
				 "--%s: a quote is not closed: %.*s",
				 reading->flag, n, at);
	case SHELL_WORDS_E_BACKSLASH:
		return say_usage(reading->tool, "Double it to mean itself",
				 "--%s: nothing follows the backslash at the "
				 "end",
				 reading->flag);
	case SHELL_WORDS_E_SHELL:
		return say_usage(reading->tool, WORDS_HINT,
				 "--%s is run without a shell, and only a "
				 "shell knows what %c does here: %.*s",
				 reading->flag, *at, n, at);
	case SHELL_WORDS_E_EMPTY:
		return say_usage(reading->tool, "Like: './notify.sh me'",
				 "--%s names no command", reading->flag);
	default:
		return say_memory(reading->tool);
	}
}

static int context_fail(const struct reading *reading, int result,
			const struct spec_fault *fault)
{
	if (result == SPEC_E_FOLDER)
		return say_usage(reading->tool, "Change to one that exists",
				 "--%s: the current folder cannot be told; it "
				 "was removed, or is hidden from you",
				 reading->flag);
	return say_usage(reading->tool, "Look at --cwd, --env and --limit",
			 "--%s: %s cannot be said", reading->flag,
			 fault->field ? fault->field : "where it runs");
}

/* They were looked at when they were parsed. */
static void end_object(const struct reading *reading)
{
	const struct callback_terms *terms = reading->terms;
	struct json_out *out = reading->out;
	int64_t number = 0;
	char rule[256];

	if (terms->queue)
		json_out_member_text(out, "queue", terms->queue);
	if (terms->timeout && duration_parse(terms->timeout, &number))
		json_out_member_int(out, "timeout_ms", number);
	if (terms->retries && args_int(terms->retries, &number)) {
		snprintf(rule, sizeof(rule),
			 "{\"max_attempts\":%" PRId64 "," CALLBACK_RETRY_REST,
			 number + 1);
		json_out_member_raw(out, "retry", slice_of(rule));
	}
	json_out_object_end(out);
}

static int add_command(const struct reading *reading, const char *text)
{
	struct spec_fault fault = {0};
	const char *at;
	char **words;
	int result = shell_words(text, &words, &at);

	if (result != 0)
		return words_fail(reading, result, at);
	json_out_object(reading->out);
	json_out_key(reading->out, "argv");
	json_out_array(reading->out);
	for (char **word = words; *word; word++)
		json_out_string(reading->out, slice_of(*word));
	json_out_array_end(reading->out);
	free(words);
	if (reading->place)
		result = context_write(reading->out, reading->place, &fault);
	end_object(reading);
	return result ? context_fail(reading, result, &fault) : 0;
}

static int add_url(const struct reading *reading, const char *text)
{
	char *name;

	if (strncmp(text, "http://", 7) != 0 &&
	    strncmp(text, "https://", 8) != 0)
		return say_usage(reading->tool,
				 "Like: https://example.org/hook",
				 "--%s: '%s' begins with neither http:// nor "
				 "https://",
				 reading->flag, text);
	if (request_args_name("POST", text, &name) != 0)
		return say_memory(reading->tool);
	json_out_object(reading->out);
	json_out_member_text(reading->out, "handler", "http");
	if (name)
		json_out_member_text(reading->out, "name", name);
	free(name);
	json_out_key(reading->out, "args");
	json_out_object(reading->out);
	json_out_member_text(reading->out, "url", text);
	json_out_object_end(reading->out);
	end_object(reading);
	return 0;
}

/* JSON as it stands, whose quotes are its own; else words, K=V. */
static int add_arguments(const struct reading *reading, const char *text)
{
	struct json_out args = {0};
	const char *one[] = {text, NULL}, *at;
	char **words = NULL;
	const char *const *given = one;
	size_t count = 0;
	int result = 0;

	if (*text != '{') {
		result = shell_words(text, &words, &at);
		if (result != 0)
			return words_fail(reading, result, at);
		given = (const char *const *)words;
	}
	while (given[count])
		count++;
	result = handler_args_join(reading->tool, given, count, &args);
	if (result == 0)
		json_out_member_raw(reading->out, "args",
				    json_out_slice(&args));
	json_out_fini(&args);
	free(words);
	return result;
}

static int add_call(const struct reading *reading, const char *text)
{
	size_t n = strcspn(text, " \t\n");
	size_t skip = n + strspn(text + n, " \t\n");
	int result = 0;

	if (n == 0 || text[0] == '{')
		return say_usage(reading->tool,
				 "Like: --%s 'notify {\"to\":\"me\"}'",
				 "--%s names no handler", reading->flag);
	json_out_object(reading->out);
	json_out_key(reading->out, "handler");
	json_out_string(reading->out, (struct slice){text, n});
	if (text[skip])
		result = add_arguments(reading, text + skip);
	end_object(reading);
	return result;
}

static int add(const struct reading *reading, enum callback_args_kind kind,
	       const char *text)
{
	if (!json_utf8(slice_of(text)))
		return say_usage(reading->tool, "Write it in UTF-8",
				 "--%s is not UTF-8 text, and the protocol "
				 "carries nothing else",
				 reading->flag);
	switch (kind) {
	case CALLBACK_ARGS_URL:
		return add_url(reading, text);
	case CALLBACK_ARGS_CALL:
		return add_call(reading, text);
	case CALLBACK_ARGS_COMMAND:
	case CALLBACK_ARGS_KINDS:
	default:
		return add_command(reading, text);
	}
}

static int read_when(struct tool *tool, struct callback_args *args,
		     const char *prefix, enum callback_when when,
		     const struct reeve_spec *place)
{
	struct json_out out = {0};
	struct reading reading = {tool, place, &args->terms, "", &out};
	size_t count = 0;
	int result = 0;

	json_out_array(&out);
	for (size_t kind = 0; kind < CALLBACK_ARGS_KINDS; kind++) {
		const struct arg_list *list = &args->given[when][kind];

		snprintf(reading.flag, sizeof(reading.flag), "%s%s%s", prefix,
			 whens[when], kinds[kind]);
		count += list->count;
		for (size_t i = 0; result == 0 && i < list->count; i++)
			result = add(&reading, (enum callback_args_kind)kind,
				     list->items[i]);
	}
	json_out_array_end(&out);
	json_out_byte(&out, '\0');
	if (result == 0 && count > LIMIT_CALLBACKS)
		result = say_usage(tool, "Let one of them do more",
				   "--%s%s is given %zu times, and %d are "
				   "allowed",
				   prefix, whens[when], count, LIMIT_CALLBACKS);
	if (result == 0 && !json_out_ok(&out))
		result = say_memory(tool);
	if (result == 0 && count > 0)
		args->lists[when] = TAKE(out.p);
	else
		json_out_fini(&out);
	return result;
}

static bool has_lists(const struct callback_args *args)
{
	for (size_t when = 0; when < CALLBACK_WHEN_COUNT; when++) {
		for (size_t kind = 0; kind < CALLBACK_ARGS_KINDS; kind++) {
			if (args->given[when][kind].count > 0)
				return true;
		}
	}
	return false;
}

/* The flag of the first term that was given; NULL: none was. */
static const char *first_term(const struct callback_terms *terms)
{
	return terms->queue	? "queue"
	       : terms->timeout ? "timeout"
	       : terms->retries ? "retry"
				: NULL;
}

static int check_terms(struct tool *tool, const struct callback_args *args)
{
	const char *term = first_term(&args->terms);

	if (term && !args->elsewhere && !has_lists(args))
		return say_usage(
			tool, "Add one, like: --on-done './told.sh'",
			"--callback-%s says nothing without a callback", term);
	if (args->terms.queue && !json_utf8(slice_of(args->terms.queue)))
		return say_usage(tool, "Write it in UTF-8",
				 "--callback-queue is not UTF-8 text, and the "
				 "protocol carries nothing else");
	return 0;
}

int callback_args_read(struct tool *tool, struct callback_args *args,
		       const char *prefix, const struct reeve_spec *place)
{
	int result = check_terms(tool, args);

	for (size_t when = 0; result == 0 && when < CALLBACK_WHEN_COUNT; when++)
		result = read_when(tool, args, prefix, (enum callback_when)when,
				   place);
	return result;
}

bool callback_args_are_none(const struct callback_args *args)
{
	return !has_lists(args) && !first_term(&args->terms);
}

void callback_args_spec(const struct callback_args *args,
			struct reeve_spec *spec)
{
	spec->on_success = args->lists[CALLBACK_SUCCESS];
	spec->on_failure = args->lists[CALLBACK_FAILURE];
	spec->on_done = args->lists[CALLBACK_DONE];
}

void callback_args_write(const struct callback_args *args, struct json_out *out)
{
	for (size_t when = 0; when < CALLBACK_WHEN_COUNT; when++) {
		if (args->lists[when])
			json_out_member_raw(
				out,
				callback_when_name((enum callback_when)when),
				slice_of(args->lists[when]));
	}
}

void callback_args_fini(struct callback_args *args)
{
	for (size_t when = 0; when < CALLBACK_WHEN_COUNT; when++)
		free(TAKE(args->lists[when]));
}
