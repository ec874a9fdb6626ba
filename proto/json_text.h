#pragma once

/*
 * Bytes of JSON text: white space, digits, \u escapes, runs of plain bytes.
 * Inline; for the reader and the writer only.
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

/** json_unmarked_bytes() - how many bytes at @p are no quote and no backslash */
static inline size_t json_unmarked_bytes(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const char *begin = p;

	while (end - p >= 8) {
		uint64_t word, quote, back;

		memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		quote = word ^ ones * '"';
		quote = (quote - ones) & ~quote;
		back = word ^ ones * '\\';
		back = (back - ones) & ~back;
		word = (quote | back) & ones * 0x80;
		if (word)
			return (size_t)(p - begin) +
			       (size_t)__builtin_ctzll(word) / 8;
		p += 8;
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - begin);
}

/**
 * json_plain_bytes() - how many bytes at @p a JSON string takes as they are
 *
 * Eight at a time: printable ASCII without quote and backslash.
 */
static inline size_t json_plain_bytes(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const char *begin = p;

	while (end - p >= 8) {
		uint64_t word, quote, back, control;

		memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		/* The lowest high bit that is set marks the first such byte;
		 * borrows spoil only what comes after it. */
		quote = word ^ ones * '"';
		quote = (quote - ones) & ~quote;
		back = word ^ ones * '\\';
		back = (back - ones) & ~back;
		control = (word - ones * 0x20) & ~word;
		word = (quote | back | control | word) & ones * 0x80;
		if (word)
			return (size_t)(p - begin) +
			       (size_t)__builtin_ctzll(word) / 8;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= 0x20 &&
	       (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - begin);
}
