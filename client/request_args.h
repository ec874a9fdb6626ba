#pragma once

/* Request args: --http and its companions, as arguments of the handler `http`.
 */

#include "client/job_args.h"

#define REQUEST_ARGS_WORDS 5

struct request_args {
	const char *method; /* NULL: it is no request */
	struct arg_list headers;
	const char *body; /* a text, @FILE or @- */
	const char *secret;
	/* Made by request_args_read(); owned. */
	char *words[REQUEST_ARGS_WORDS];
	size_t word_count;
	char *name;
};

/**
 * request_args_read() - make a call of @job, with what @argv names: the URL
 *
 * Arguments of the handler that @job was given besides stay.
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int request_args_read(struct tool *tool,
				 struct request_args *request,
				 struct job_args *job, int argc, char **argv);

/**
 * request_args_name() - "POST https://host/path", for lists
 * @url:	with a scheme
 * @ret:	free() it; NULL: it would be too long, or is no text
 *
 * A user's password and a query are left out.
 *
 * Return: 0 or -ENOMEM.
 */
must_check int request_args_name(const char *method, const char *url,
				 char **ret);

/** request_args_fini() - what it made; the list belongs to args_free() */
void request_args_fini(struct request_args *request);
