#pragma once

/*
 * Handler args: which handler a job calls, and the JSON object that it is
 * given: whole, from a file, or member by member: NAME=TEXT, NAME:=JSON.
 */

#include "client/args.h"
#include "proto/json_in.h"
#include "proto/json_out.h"

struct handler_args {
	const char *handler, *file;
	struct arg_list args;
	char *json; /* owned; made by handler_args_read() */
};

/**
 * handler_args_read() - make `json` of --args, --args-file and @words
 * @words:	ends with NULL; "-": what stdin holds
 *
 * `json` stays NULL when there is none of them.
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int handler_args_read(struct tool *tool, struct handler_args *args,
				 const char *const *words);
void handler_args_fini(struct handler_args *args);

/**
 * handler_args_join() - an object with the members that words give
 * @words:	of @count; each NAME=TEXT, NAME:=JSON or a JSON object
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int handler_args_join(struct tool *tool, const char *const *words,
				 size_t count, struct json_out *out);

/**
 * handler_args_json() - is @text JSON? If not, say where not
 * @what:	it is: "stdin", "--args"
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int handler_args_json(struct tool *tool, const char *what,
				 struct slice text);
