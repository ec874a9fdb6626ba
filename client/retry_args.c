#include "client/retry_args.h"

#include "client/args.h"
#include "client/duration.h"
#include "client/say.h"
#include "proto/share.h"

#include <stdio.h>

#define CAUSES "exit, signal, timeout, memory, handler and exec"

/* The causes that can be tried again; the others are no failures of the job. */
static bool is_cause(const char *word)
{
	static const enum reeve_cause causes[] = {
		REEVE_CAUSE_EXIT,   REEVE_CAUSE_SIGNAL,	 REEVE_CAUSE_TIMEOUT,
		REEVE_CAUSE_MEMORY, REEVE_CAUSE_HANDLER, REEVE_CAUSE_EXEC,
	};

	for (size_t i = 0; i < ARRAY_COUNT(causes); i++) {
		if (strcmp(word, reeve_cause_name(causes[i])) == 0)
			return true;
	}
	return false;
}

static int read_causes(struct tool *tool, struct retry_args *args)
{
	size_t n = 0;
	char *rest = args->words, *word;

	if (strlen(args->on) >= sizeof(args->words))
		return say_usage(tool, "They are: " CAUSES,
				 "--retry-on takes causes, joined by commas");
	memcpy(args->words, args->on, strlen(args->on) + 1);
	while ((word = strsep(&rest, ","))) {
		if (!is_cause(word))
			return say_usage(tool, "They are: " CAUSES,
					 "'%s' is no cause of a failure that "
					 "can be tried again",
					 word);
		if (n == RETRY_ARGS_CAUSES_MAX)
			return say_usage(tool, "Name each once",
					 "--retry-on names too many causes");
		args->causes[n++] = word;
	}
	return 0;
}

/* A whole number of @bytes; 0: it is none that an exit code could be. */
static int read_code(const char *text, size_t bytes)
{
	char digits[8];
	int64_t code;

	if (bytes >= sizeof(digits))
		return 0;
	memcpy(digits, text, bytes);
	digits[bytes] = 0;
	return args_int(digits, &code) && code > 0 && code < 256 ? (int)code
								 : 0;
}

/* "75,100-111" */
static int read_exits(struct tool *tool, struct retry_args *args)
{
	const char *at = args->exits;
	size_t n = 0;

	for (;;) {
		size_t bytes = strcspn(at, ","), first = strcspn(at, "-,");
		int code = read_code(at, first), last = code;

		if (first < bytes)
			last = read_code(at + first + 1, bytes - first - 1);
		if (!code || last < code)
			return say_usage(tool, "Like: --retry-exit 75,100-111",
					 "--retry-exit takes exit codes from 1 "
					 "to 255, not '%.*s'",
					 (int)bytes, at);
		for (; code <= last; code++) {
			if (n == RETRY_ARGS_EXITS_MAX)
				return say_usage(
					tool,
					"Without it all exit codes are tried "
					"again",
					"--retry-exit takes at most %d exit "
					"codes",
					RETRY_ARGS_EXITS_MAX);
			args->codes[n++] = code;
		}
		if (!at[bytes])
			return 0;
		at += bytes + 1;
	}
}

static int read_jitter(struct tool *tool, const struct retry_args *args,
		       struct reeve_spec *spec)
{
	struct slice rest;

	if (!share_read(slice_of(args->jitter), &spec->jitter, &rest) || rest.n)
		return say_usage(tool, "Like: --retry-jitter 20%",
				 "--retry-jitter takes a part of the wait, 0%% "
				 "to 100%%, not '%s'",
				 args->jitter);
	if (spec->jitter == 0)
		spec->jitter = -1;
	return 0;
}

/* "1s..10m": from the first to the longest; "1s": the first. */
static int read_backoff(struct tool *tool, const struct retry_args *args,
			struct reeve_spec *spec)
{
	const char *dots = strstr(args->backoff, "..");
	char first[DURATION_BYTES];
	size_t bytes = dots ? (size_t)(dots - args->backoff)
			    : strlen(args->backoff);
	bool good = bytes < sizeof(first);

	if (good) {
		memcpy(first, args->backoff, bytes);
		first[bytes] = 0;
		good = duration_parse(first, &spec->backoff_ms) &&
		       (!dots ||
			duration_parse(dots + 2, &spec->backoff_max_ms));
	}
	if (!good)
		return say_usage(tool, "Like: --backoff 1s..10m",
				 "--backoff takes a time, or two with .. "
				 "between them, not '%s'",
				 args->backoff);
	if (dots && spec->backoff_max_ms < spec->backoff_ms)
		return say_usage(tool, "The longer one comes last",
				 "--backoff begins with more than it ends "
				 "with");
	return 0;
}

int retry_args_spec(struct tool *tool, struct retry_args *args,
		    struct reeve_spec *spec)
{
	int64_t retries = 0;
	int result = 0;

	if (args->retries &&
	    (!args_int(args->retries, &retries) || retries < 0))
		return say_usage(tool, "See --help",
				 "--retry takes a whole number from 0 on, not "
				 "'%s'",
				 args->retries);
	if (!retries &&
	    (args->on || args->exits || args->backoff || args->jitter))
		return say_usage(tool, "Add it, like: --retry 5",
				 "%s says nothing without --retry",
				 args->on	 ? "--retry-on"
				 : args->exits	 ? "--retry-exit"
				 : args->backoff ? "--backoff"
						 : "--retry-jitter");
	if (!args->retries)
		return 0;
	spec->max_attempts = retries + 1;
	if (args->on)
		result = read_causes(tool, args);
	if (result == 0 && args->exits)
		result = read_exits(tool, args);
	if (result == 0 && args->backoff)
		result = read_backoff(tool, args, spec);
	if (result == 0 && args->jitter)
		result = read_jitter(tool, args, spec);
	if (result != 0)
		return result;
	spec->retry_causes = args->on ? args->causes : NULL;
	spec->retry_exits = args->exits ? args->codes : NULL;
	return 0;
}
