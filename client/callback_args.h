#pragma once

/*
 * Callback args: --on-success, --on-failure, --on-done and their companions
 * -url and -call, as lists of jobs for a submission, a group or a queue.
 */

#include "client/args.h"
#include "client/spec.h"
#include "proto/callback.h"

enum callback_args_kind {
	CALLBACK_ARGS_COMMAND, /* 'CMD ARG': words by the shell's quotes */
	CALLBACK_ARGS_URL,
	CALLBACK_ARGS_CALL, /* 'HANDLER', 'HANDLER JSON', 'HANDLER K=V' */
	CALLBACK_ARGS_KINDS,
};

/* What all of them have, where it is said. */
struct callback_terms {
	const char *queue, *timeout, *retries;
};

struct callback_args {
	struct callback_terms terms;
	bool elsewhere; /* others have these terms, too, so they say something */
	struct arg_list given[CALLBACK_WHEN_COUNT][CALLBACK_ARGS_KINDS];
	/* Made by callback_args_read(): lists of JSON; NULL: none; owned. */
	char *lists[CALLBACK_WHEN_COUNT];
};

#define CALLBACK_FLAG(name, at, when, kind, value, help)                       \
	{                                                                      \
		name, 0, ARG_LIST,                                             \
			at + offsetof(struct callback_args,                    \
				      given[when][kind]),                      \
			value, help, 0, NULL                                   \
	}
#define CALLBACK_FLAGS_OF(name, at, when, help)                                \
	CALLBACK_FLAG(name, at, when, CALLBACK_ARGS_COMMAND, "'CMD ARG'",      \
		      help ": run this"),                                      \
		CALLBACK_FLAG(name "-url", at, when, CALLBACK_ARGS_URL, "URL", \
			      help ": tell this server"),                      \
		CALLBACK_FLAG(name "-call", at, when, CALLBACK_ARGS_CALL,      \
			      "'HANDLER JSON'", help ": call this handler")

/* Nine rows of a table of flags. @prefix: "on-"; @at: of the struct above */
#define CALLBACK_FLAGS(prefix, at, success, failure, done)                     \
	CALLBACK_FLAGS_OF(prefix "success", at, CALLBACK_SUCCESS, success),    \
		CALLBACK_FLAGS_OF(prefix "failure", at, CALLBACK_FAILURE,      \
				  failure),                                    \
		CALLBACK_FLAGS_OF(prefix "done", at, CALLBACK_DONE, done)

/* Three more rows. */
#define CALLBACK_TERMS(at)                                                     \
	{"callback-queue",                                                     \
	 0,                                                                    \
	 ARG_TEXT,                                                             \
	 at + offsetof(struct callback_args, terms.queue),                     \
	 "NAME",                                                               \
	 "queue of its callbacks (callbacks)",                                 \
	 0,                                                                    \
	 NULL},                                                                \
		{"callback-timeout",                                           \
		 0,                                                            \
		 ARG_DURATION_TEXT,                                            \
		 at + offsetof(struct callback_args, terms.timeout),           \
		 "TIME",                                                       \
		 "end a callback that runs longer (30s); 0: never",            \
		 0,                                                            \
		 NULL},                                                        \
	{                                                                      \
		"callback-retry", 0, ARG_INT_TEXT,                             \
			at + offsetof(struct callback_args, terms.retries),    \
			"N", "try a callback up to N times more (4)", 0, NULL  \
	}

/**
 * callback_args_read() - make the lists of what was given
 * @prefix:	of the flags, for messages: "on-"
 * @place:	where commands run: the context of this submission; NULL: where
 *		that runs which they follow
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int callback_args_read(struct tool *tool, struct callback_args *args,
				  const char *prefix,
				  const struct reeve_spec *place);

/** callback_args_are_none() - was nothing given, not even terms? */
bool callback_args_are_none(const struct callback_args *args);

/** callback_args_spec() - the lists into a submission, which points to them */
void callback_args_spec(const struct callback_args *args,
			struct reeve_spec *spec);

/** callback_args_write() - the lists as members of an open object */
void callback_args_write(const struct callback_args *args,
			 struct json_out *out);

/** callback_args_fini() - what it made; what was given belongs to args_free()
 */
void callback_args_fini(struct callback_args *args);
