#pragma once

/*
 * JSON reader: check once, then pull.
 *
 * json_check() walks untrusted bytes once (RFC 8259, UTF-8, depth, string
 * length; no recursion, no allocation). Everything after it takes slices of
 * text that was checked, and so cannot fail on syntax: iterators hand out
 * members and items as raw slices, in place, in one pass. There is no tree.
 *
 * Not for: names, types and required members; proto/schema.h does those.
 */

#include "proto/arena.h"
#include "proto/base.h"

#define JSON_DEPTH_MAX 64

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

enum {
	JSON_E_SYNTAX = 1, /* not JSON, or not UTF-8 */
	JSON_E_DEPTH,	   /* nested deeper than JSON_DEPTH_MAX */
	JSON_E_SHORT,	   /* the text ends inside the value */
	JSON_E_RANGE,	   /* a fraction, an exponent, or outside int64 */
	JSON_E_KIND,	   /* another kind of value */
};

struct json_fault {
	size_t offset;	     /* of the first byte that is wrong */
	const char *message; /* static text: what was expected */
};

/**
 * json_check() - is this exactly one JSON value, with white space around it?
 * @text:	untrusted
 * @ret_fault:	set when the result is positive
 *
 * Numbers of any size are accepted here; json_int() is the one to refuse them.
 * Escaped lone surrogates and unescaped control characters are refused.
 *
 * Return: 0, JSON_E_SYNTAX, JSON_E_DEPTH or JSON_E_SHORT.
 */
must_check int json_check(struct slice text, struct json_fault *ret_fault);

/** json_trim() - checked text without the white space around it */
struct slice json_trim(struct slice checked);

/** json_kind() - of a checked, trimmed value */
enum json_kind json_kind(struct slice value);

struct json_iter {
	const char *at;
	const char *end;
};

/** json_enter() - begin to walk an array or object; other kinds are empty */
struct json_iter json_enter(struct slice value);

/**
 * json_member() - the next member of an object
 * @ret_key:	raw, without its quotes, escapes not decoded
 * @ret_value:	raw, trimmed
 *
 * Return: false at the end.
 */
bool json_member(struct json_iter *iter, struct slice *ret_key,
		 struct slice *ret_value);

/** json_item() - the next item of an array; false at the end */
bool json_item(struct json_iter *iter, struct slice *ret_value);

/** json_count() - members or items of a checked object or array */
size_t json_count(struct slice value);

/** json_int() - as a signed 64-bit integer; 0, JSON_E_KIND, or JSON_E_RANGE */
must_check int json_int(struct slice value, int64_t *ret);

/** json_float() - a checked number as a double; 0, JSON_E_KIND, JSON_E_RANGE */
must_check int json_float(struct slice value, double *ret);

/** json_bool() - 0 or JSON_E_KIND */
must_check int json_bool(struct slice value, bool *ret);

/**
 * json_string() - decode a checked string
 * @arena:	takes the copy; not used when the string has no escape
 * @ret:	a slice of @value, or of the arena; may hold NUL bytes
 *
 * Return: 0, JSON_E_KIND, or -ENOMEM.
 */
must_check int json_string(struct arena *arena, struct slice value,
			   struct slice *ret);

/**
 * json_key_is() - does the raw key, once decoded, equal @name?
 *
 * @name is plain ASCII without quotes and backslashes. A key that is written
 * with escapes ("\u0069d") is the same key.
 */
bool json_key_is(struct slice raw_key, const char *name);

/** json_find() - value of the first such member; false when there is none */
bool json_find(struct slice object, const char *name, struct slice *ret_value);

/**
 * json_base64() - decode a string of base64 (RFC 4648, padded, no white space)
 *
 * Return: 0, JSON_E_SYNTAX, or -ENOMEM; @text is decoded already.
 */
must_check int json_base64(struct arena *arena, struct slice text,
			   struct slice *ret);
