#pragma once

/*
 * One UTF-8 character at a time, strictly (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). Inline, for the reader and the writer.
 */

#include "proto/base.h"

#define UTF8_ELLIPSIS "\xe2\x80\xa6"

/** utf8_bytes() - length of the character at @p, 1 to 4; 0 when it is invalid */
static inline size_t utf8_bytes(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t left = (size_t)(end - p);
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (left == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;

	n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;

	if (left < n || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

/** utf8_cut() - how many bytes of @text to show, at most @max: whole characters */
static inline size_t utf8_cut(struct slice text, size_t max)
{
	size_t n = text.n < max ? text.n : max;

	while (n && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/** utf8_encode() - write @code (at most 0x10ffff) to @ret; how many bytes */
static inline size_t utf8_encode(uint32_t code, char ret[4])
{
	if (code < 0x80) {
		ret[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		ret[0] = (char)(0xc0 | code >> 6);
		ret[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		ret[0] = (char)(0xe0 | code >> 12);
		ret[1] = (char)(0x80 | (code >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | code >> 18);
	ret[1] = (char)(0x80 | (code >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (code >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}
