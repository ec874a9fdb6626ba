#pragma once

/*
 * JSON writer: one growing buffer, commas by itself.
 *
 * Errors are sticky: write a whole message, then look once with
 * json_out_take() or json_out_ok(). What is written is always one line.
 */

#include "proto/base.h"

struct json_out {
	char *p; /* owned */
	size_t n;
	size_t capacity;
	bool comma;  /* the next value or key needs one first */
	bool failed; /* out of memory: everything after it is dropped */
};

/** json_out_fini() - free the buffer; the writer may be used again */
void json_out_fini(struct json_out *out);

/** json_out_reset() - keep the buffer, forget the text */
void json_out_reset(struct json_out *out);

/* Each writes its comma by itself where one is due. */
void json_out_object(struct json_out *out);	/* { */
void json_out_object_end(struct json_out *out); /* } */
void json_out_array(struct json_out *out);	/* [ */
void json_out_array_end(struct json_out *out);	/* ] */

/** json_out_key() - "name":  (plain ASCII without quotes and backslashes) */
void json_out_key(struct json_out *out, const char *name);
/** json_out_key_slice() - any key, escaped */
void json_out_key_slice(struct json_out *out, struct slice name);

/* The plain values. */
void json_out_null(struct json_out *out);
void json_out_bool(struct json_out *out, bool value);
void json_out_int(struct json_out *out, int64_t value);
/** json_out_float() - shortest text that reads back the same; null if not finite */
void json_out_float(struct json_out *out, double value);

/**
 * json_out_string() - @text as a string
 *
 * Control characters, quotes and backslashes are escaped. Bytes that are not
 * UTF-8 become U+FFFD, so that the text is always valid; whoever must keep the
 * bytes asks json_utf8() first and writes base64.
 */
void json_out_string(struct json_out *out, struct slice text);
void json_out_base64(struct json_out *out, struct slice bytes);

/** json_out_raw() - a checked JSON value; newlines between tokens become spaces */
void json_out_raw(struct json_out *out, struct slice value);

/** Shorthands: key and value. */
void json_out_member_int(struct json_out *out, const char *name, int64_t value);
void json_out_member_bool(struct json_out *out, const char *name, bool value);
void json_out_member_string(struct json_out *out, const char *name,
			    struct slice text);
void json_out_member_text(struct json_out *out, const char *name,
			  const char *text);
void json_out_member_raw(struct json_out *out, const char *name,
			 struct slice value);
/** json_out_member_bytes() - as "name" when UTF-8, else as "name64" */
void json_out_member_bytes(struct json_out *out, const char *name,
			   struct slice bytes);

/** json_out_append() - whole messages that were written elsewhere, as they are */
void json_out_append(struct json_out *out, struct slice messages);

/** json_out_byte() - one byte between messages, a newline or NUL */
void json_out_byte(struct json_out *out, char byte);

/** json_out_ok() - false after the first failed allocation */
bool json_out_ok(const struct json_out *out);

/** json_out_slice() - what was written; valid until the next write */
struct slice json_out_slice(const struct json_out *out);

/** json_utf8() - is it valid UTF-8 (no surrogates, no overlong forms)? */
bool json_utf8(struct slice text);
