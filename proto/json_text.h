#pragma once

/*
 * Bytes of JSON text: white space, digits, \u escapes. Inline; for json_check.c
 * and json_in.c only.
 */

#include "proto/base.h"

static inline bool json_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool json_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && json_is_space(*p))
		p++;
	return p;
}

/* Four hexadecimal digits; -1 when they are not. */
static inline int32_t json_hex4(const char *p)
{
	int32_t code = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (json_is_digit(c))
			code = code * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			code = code * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			code = code * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return code;
}

static inline bool json_is_high(int32_t code)
{
	return code >= 0xd800 && code < 0xdc00;
}

static inline bool json_is_low(int32_t code)
{
	return code >= 0xdc00 && code < 0xe000;
}
