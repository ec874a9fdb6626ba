#pragma once

/*
 * Handle: struct reeve behind the public header. What the files of the library
 * share, and nobody else includes.
 */

#include "client/link.h"
#include "client/reeve.h"
#include "proto/json_out.h"

#define PATIENCE_MS 5000

struct reeve {
	char path[108];		/* sockaddr_un's room; "": never connected */
	bool ours;		/* ... and where this user's own daemon is */
	struct link link;	/* for calls; a stream may take it over */
	struct json_out out;	/* the message being sent */
	struct json_out reply;	/* the reply given to the caller, terminated */
	struct json_out params; /* parameters that the library writes itself */
	struct reeve_error error;
	int64_t missing; /* the job of the last NoSuchJob; 0: untold */
	int64_t patience_ms;
	const volatile sig_atomic_t *interrupt; /* NULL: none */
	const int *fds; /* go with the call that is being sent; the caller's */
	size_t fd_count;
	char nonce[32];	   /* "" until the first key is made */
	pid_t nonce_owner; /* a forked child makes another */
	uint64_t key_counter;
	bool repeated; /* the last call may have been done before it was */
	bool existed;  /* what the last submission came to was there before */
};

/* handle_fail() - fill the error; @hint may be NULL. Return: @code. */
int handle_fail(struct reeve *r, enum reeve_code code, const char *hint,
		const char *format, ...) printf_like(4, 5);

/* handle_link_fail() - the error of a LINK_E_* or negative errno */
int handle_link_fail(struct reeve *r, int result);

/*
 * handle_dial() - connect @link to r->path
 * @deadline_ms: go on trying until then when nobody answers; 0: once
 *
 * Return: 0 or an enum reeve_code, with the error filled.
 */
must_check int handle_dial(struct reeve *r, struct link *link,
			   int64_t deadline_ms);

/*
 * handle_message() - put a call into r->out
 * @flag:	"more" or NULL
 */
must_check int handle_message(struct reeve *r, const char *method,
			      struct slice parameters, const char *flag);

/*
 * handle_reply() - take a message apart
 * @message:	as received, not checked yet
 * @ret_parameters: slice of @message, "{}" when there are none
 * @ret_continues: may be NULL
 *
 * Return: 0; the code of an error reply; REEVE_E_PROTOCOL.
 */
must_check int handle_reply(struct reeve *r, struct slice message,
			    struct slice *ret_parameters, bool *ret_continues);

/*
 * handle_call() - one call with its reply
 * @repeatable:	it may be sent a second time
 * @ret:	checked; lives until the next call
 */
must_check int handle_call(struct reeve *r, const char *method,
			   struct slice parameters, bool repeatable,
			   struct slice *ret);

/* handle_interrupted() - is the caller's flag set? */
bool handle_interrupted(const struct reeve *r);

/* handle_params() - begin to write parameters: r->params, empty */
struct json_out *handle_params(struct reeve *r);

/* handle_params_take() - what was written, or REEVE_E_MEMORY */
must_check int handle_params_take(struct reeve *r, struct slice *ret);
