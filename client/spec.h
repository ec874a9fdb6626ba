#pragma once

/* Spec: a submission of the public header as JSON of type Spec. */

#include "client/handle.h"

enum {
	SPEC_E_UTF8 = 1, /* a text is not UTF-8, the wire has no place for it */
	SPEC_E_EMPTY,	 /* neither argv nor shell, or both */
	SPEC_E_HANDLER, /* what commands have, for a handler; or args without one */
	SPEC_E_ARGS,	  /* args is no JSON object */
	SPEC_E_TAG,	  /* a tag or variable without "=" */
	SPEC_E_NUMBER,	  /* a umask or limit that is no number */
	SPEC_E_FOLDER,	  /* the current folder is not there any more */
	SPEC_E_CALLBACKS, /* on_success, ... is no JSON list */
};

#define SPEC_ESCAPED_BYTES 160

struct spec_fault {
	const char *field; /* static: "argv" */
	const char *text;  /* the caller's, which is wrong; may be NULL */
	const char *why;   /* ARGS, CALLBACKS: static, what was expected */
	size_t offset;	   /* ... and where */
};

#define SPEC_DESCRIPTORS 4
/** spec_descriptors() - those that go with it, in the order of their numbers
 *
 * Return: how many. */
size_t spec_descriptors(const struct reeve_spec *spec,
			int ret[SPEC_DESCRIPTORS]);

/** spec_write() - one whole submission as an object
 * @key:	NULL: none */
must_check int spec_write(struct json_out *out, const struct reeve_spec *spec,
			  const char *key, struct spec_fault *ret_fault);

/** spec_write_defaults() - what the jobs of one call have in common */
must_check int spec_write_defaults(struct json_out *out,
				   const struct reeve_spec *spec,
				   struct spec_fault *ret_fault);

/** spec_write_item() - what differs: argv, shell or args, name, stdin, key
 * @defaults:	of the same call */
must_check int spec_write_item(struct json_out *out,
			       const struct reeve_spec *defaults,
			       const struct reeve_spec *spec, const char *key,
			       struct spec_fault *ret_fault);

/** spec_handler() - who runs it; NULL: it is a command */
const char *spec_handler(const struct reeve_spec *spec);

/** spec_check_args() - is it one JSON object? 0, SPEC_E_ARGS */
must_check int spec_check_args(const char *args, struct spec_fault *ret_fault);

/** spec_escape() - bytes of any kind as text for a message, cut if need be */
void spec_escape(const char *text, char ret[SPEC_ESCAPED_BYTES]);
