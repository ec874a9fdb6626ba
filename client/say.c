#include "client/say.h"

#include "client/hint.h"
#include "client/text.h"
#include "client/wire_words.h"
#include "proto/json_out.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define SAY_BYTES 1024

/* Names and messages may come from other users: nothing may move the cursor. */
static void clean(const struct tool *tool, char *text)
{
	if (!tool->json)
		text_clean_lines(text);
}

static void print_json(const char *code, const char *message, const char *hint)
{
	struct json_out out = {0};
	struct slice text;

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	json_out_key(&out, "error");
	json_out_object(&out);
	json_out_member_text(&out, "code", code);
	json_out_member_text(&out, "message", message);
	json_out_member_text(&out, "hint", hint);
	json_out_object_end(&out);
	json_out_object_end(&out);
	json_out_byte(&out, '\n');
	text = json_out_slice(&out);
	if (json_out_ok(&out))
		fwrite(text.p, 1, text.n, stdout);
	json_out_fini(&out);
}

/* What ends a sentence that does not end itself. */
static const char *stop(const char *sentence)
{
	size_t n = strlen(sentence);

	return n > 0 && strchr(".?", sentence[n - 1]) ? "" : ".";
}

static void print_error(const struct tool *tool, const char *code,
			const char *message, const char *hint)
{
	const char *red = tool->err.colour ? "\033[31m" : "";
	const char *plain = tool->err.colour ? "\033[0m" : "";

	if (tool->said) {
		snprintf(tool->said, tool->said_bytes, "%s", message);
		return;
	}
	if (tool->json) {
		print_json(code, message, hint);
		return;
	}
	fflush(stdout);
	fprintf(stderr, "%sreeve:%s %s%s", red, plain, message, stop(message));
	/* A command keeps its letters. */
	if (hint[0])
		fprintf(stderr, " %c%s%s",
			strncmp(hint, "reeve ", 6) == 0
				? hint[0]
				: toupper((unsigned char)hint[0]),
			hint + 1, stop(hint));
	fputc('\n', stderr);
}

/* The word for programs: stable, where the message may change. */
static const char *code_word(int code)
{
	switch (code) {
	case EXIT_USAGE:
		return "usage";
	case EXIT_MISSING:
		return "not_found";
	case EXIT_REFUSED:
		return "refused";
	case EXIT_UNREACHABLE:
		return "unreachable";
	case EXIT_TIMEOUT:
		return "timeout";
	case EXIT_FAILED:
		return "failed";
	default:
		return "internal";
	}
}

int say_usage(const struct tool *tool, const char *hint, const char *format,
	      ...)
{
	char message[SAY_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	clean(tool, message);
	print_error(tool, "usage", message, hint ? hint : "");
	return tool->speaks_for_job ? EXIT_INTERNAL : EXIT_USAGE;
}

int say_fail(const struct tool *tool, int code, const char *hint,
	     const char *format, ...)
{
	char message[SAY_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	clean(tool, message);
	print_error(tool, code_word(code), message, hint ? hint : "");
	if (tool->speaks_for_job && code < EXIT_UNREACHABLE)
		return EXIT_INTERNAL;
	return code;
}

int say_exit_code(const struct tool *tool, enum reeve_code code)
{
	bool job = tool->speaks_for_job;

	switch (code) {
	case REEVE_OK:
	case REEVE_E_END:
		return EXIT_FINE;
	case REEVE_E_UNREACHABLE:
	case REEVE_E_LOST:
		return EXIT_UNREACHABLE;
	case REEVE_E_NOT_FOUND:
		return job ? EXIT_INTERNAL : EXIT_MISSING;
	case REEVE_E_REFUSED:
	case REEVE_E_FULL:
		return job ? EXIT_INTERNAL : EXIT_REFUSED;
	case REEVE_E_INVALID:
		return job ? EXIT_INTERNAL : EXIT_USAGE;
	case REEVE_E_TIMEOUT:
		return EXIT_TIMEOUT;
	case REEVE_E_INTERRUPTED:
		return 128 + SIGINT;
	case REEVE_E_PROTOCOL:
	case REEVE_E_MEMORY:
	case REEVE_E_SYSTEM:
	default:
		return EXIT_INTERNAL;
	}
}

int say_error(const struct tool *tool)
{
	struct reeve_error error = *reeve_error(tool->r);
	struct tool plain = *tool;
	char buffer[SAY_BYTES];
	const char *word;

	clean(tool, error.message);
	clean(tool, error.hint);
	plain.speaks_for_job = false;
	word = code_word(say_exit_code(&plain, error.code));
	print_error(tool, error.name[0] ? error.name : word,
		    wire_words(error.message, buffer, sizeof(buffer)),
		    hint_of(&error));
	return say_exit_code(tool, error.code);
}

void say_hint(const struct tool *tool, const char *format, ...)
{
	char message[SAY_BYTES];
	va_list arguments;

	if (!tool->err.terminal || tool->quiet || tool->json)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	text_clean_lines(message);
	fprintf(stderr, "%s%s%s\n", tool->err.colour ? "\033[2m" : "", message,
		tool->err.colour ? "\033[0m" : "");
}

void say_note(const struct tool *tool, const char *format, ...)
{
	char message[SAY_BYTES];
	va_list arguments;

	if (tool->quiet)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	text_clean_lines(message);
	fflush(stdout);
	fprintf(stderr, "reeve: %s\n", message);
}

int say_memory(const struct tool *tool)
{
	return say_fail(tool, EXIT_INTERNAL, NULL, "out of memory");
}
