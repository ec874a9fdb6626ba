#pragma once

/*
 * HTTP args: what a job of the handler `http` asks for, read from its JSON and
 * checked, so that nothing in it can be more than what it says: no header hides
 * in another one, and no URL leads to anything but http and https.
 */

#include "proto/arena.h"

#define HTTP_ARGS_URL_BYTES 8192
#define HTTP_ARGS_HEADERS 64
#define HTTP_ARGS_HEADER_BYTES 8192
#define HTTP_ARGS_OK 32
#define HTTP_ARGS_TIMEOUT_MS 30000
#define HTTP_ARGS_FAULT_BYTES 256

struct http_header {
	const char *name, *value;
};

struct http_args {
	const char *url;
	const char *shown;  /* for messages: without user, password, query */
	const char *method; /* in capitals */
	struct http_header headers[HTTP_ARGS_HEADERS];
	size_t header_count;
	struct slice body; /* p NULL: none */
	const char *type;  /* Content-Type, if no header says it; NULL: none */
	int64_t timeout_ms;
	const char *secret; /* its name; NULL: not signed */
	int follow;	    /* redirects */
	bool insecure, truncate;
	bool callback; /* it tells of the end of a job or group */
	int ok[HTTP_ARGS_OK];
	size_t ok_count; /* 0: 200 to 299 */
};

enum {
	HTTP_ARGS_E_BAD = 1, /* the fault says why */
};

/**
 * http_args_read() - decode and check
 * @arena:	takes what @ret points to; @json has to live as long
 * @json:	checked JSON
 *
 * Return: 0, HTTP_ARGS_E_BAD or -ENOMEM.
 */
must_check int http_args_read(struct arena *arena, struct slice json,
			      struct http_args *ret,
			      char ret_fault[HTTP_ARGS_FAULT_BYTES]);

/**
 * http_args_check() - would http_args_read() take it? Of one not run yet
 * @callback:	what it follows will be in it then
 * @ret_field:	of the arguments, which is wrong; "": not one alone
 *
 * Return: as http_args_read(); the fault is without the field's name.
 */
must_check int http_args_check(struct slice json, bool callback,
			       const char **ret_field,
			       char ret_fault[HTTP_ARGS_FAULT_BYTES]);

/** http_args_header() - does the job say this header itself? */
bool http_args_header(const struct http_args *args, const char *name);

/** http_args_ok() - is an answer with this status a success? */
bool http_args_ok(const struct http_args *args, long status);
