#include "proto/json_in.h"

#include <errno.h>
#include <locale.h>
#include <math.h>

#include "proto/json_text.h"
#include "proto/utf8.h"

/* Longest text of a number that json_float() reads; doubles need 17 digits. */
#define FLOAT_BYTES 128

struct slice json_trim(struct slice checked)
{
	const char *p = checked.p;
	const char *end = slice_end(checked);

	p = json_skip_space(p, end);
	while (end > p && json_is_space(end[-1]))
		end--;
	return (struct slice){p, (size_t)(end - p)};
}

enum json_kind json_kind(struct slice value)
{
	if (value.n == 0)
		return JSON_NULL;
	switch (value.p[0]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/*
 * From here on the text was checked. Bounds are looked at all the same: a text
 * that was not checked gives nonsense, never a read beyond its end.
 */

/* Bytes that mean something while a value is skipped. */
static const bool marks[256] = {
	['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
};

/* @p at the opening quote; behind the closing one. */
static inline const char *string_end(const char *p, const char *end)
{
	p++;
	for (;;) {
		/* Most strings are short: a call of memchr() costs more. */
		p += json_unmarked_bytes(p, end);
		if (p == end)
			return end;
		if (*p == '"')
			return p + 1;
		/* A backslash takes the next byte with it. */
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	}
}

/* @p at the first byte of an array or object; behind its last. */
static const char *container_end(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (!marks[(unsigned char)*p]) {
			p++;
			continue;
		}
		if (*p == '"') {
			p = string_end(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else
			depth--;
		p++;
		if (depth == 0)
			return p;
	}
	return end;
}

/* @p at the first byte of a value; behind its last. */
static inline const char *value_end(const char *p, const char *end)
{
	if (p == end)
		return end;
	if (*p == '"')
		return string_end(p, end);
	if (*p == '{' || *p == '[')
		return container_end(p, end);
	while (p < end && *p != ',' && *p != '}' && *p != ']' &&
	       !json_is_space(*p))
		p++;
	return p;
}

struct json_iter json_enter(struct slice value)
{
	if (value.n < 2 || (value.p[0] != '{' && value.p[0] != '['))
		return (struct json_iter){value.p, value.p};
	return (struct json_iter){value.p + 1, value.p + value.n - 1};
}

/* To the first byte of what comes next, over white space and one comma. */
static bool iter_next(struct json_iter *iter)
{
	iter->at = json_skip_space(iter->at, iter->end);
	if (iter->at < iter->end && *iter->at == ',')
		iter->at = json_skip_space(iter->at + 1, iter->end);
	return iter->at < iter->end;
}

bool json_member(struct json_iter *iter, struct slice *ret_key,
		 struct slice *ret_value)
{
	const char *key, *key_end, *p;

	if (!iter_next(iter))
		return false;
	key = iter->at + 1;
	key_end = string_end(iter->at, iter->end);
	p = json_skip_space(key_end, iter->end);
	if (p >= iter->end)
		return false;
	p = json_skip_space(p + 1, iter->end);

	*ret_key = (struct slice){key, (size_t)(key_end - key - 1)};
	iter->at = value_end(p, iter->end);
	*ret_value = (struct slice){p, (size_t)(iter->at - p)};
	return true;
}

bool json_item(struct json_iter *iter, struct slice *ret_value)
{
	const char *p;

	if (!iter_next(iter))
		return false;
	p = iter->at;
	iter->at = value_end(p, iter->end);
	*ret_value = (struct slice){p, (size_t)(iter->at - p)};
	return iter->at > p;
}

size_t json_count(struct slice value)
{
	struct json_iter iter = json_enter(value);
	struct slice key, item;
	size_t count = 0;

	if (json_kind(value) == JSON_OBJECT) {
		while (json_member(&iter, &key, &item))
			count++;
	} else {
		while (json_item(&iter, &item))
			count++;
	}
	return count;
}

int json_int(struct slice value, int64_t *ret)
{
	bool negative = value.n && value.p[0] == '-';
	int64_t n = 0;

	if (json_kind(value) != JSON_NUMBER)
		return JSON_E_KIND;
	for (size_t i = negative; i < value.n; i++) {
		int digit = value.p[i] - '0';

		if (!json_is_digit(value.p[i]))
			return JSON_E_RANGE;
		/* Down from 0, because INT64_MIN has no positive twin. */
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, digit, &n))
			return JSON_E_RANGE;
	}
	if (!negative && n == INT64_MIN)
		return JSON_E_RANGE;
	*ret = negative ? n : -n;
	return 0;
}

int json_float(struct slice value, double *ret)
{
	char text[FLOAT_BYTES + 1];
	locale_t locale;
	double n;

	if (json_kind(value) != JSON_NUMBER)
		return JSON_E_KIND;
	if (value.n > FLOAT_BYTES)
		return JSON_E_RANGE;
	memcpy(text, value.p, value.n);
	text[value.n] = 0;

	/* A program that uses the library may have a locale with a comma. For
	 * "C" glibc gives out its own constant: no allocation. */
	locale = newlocale(LC_ALL_MASK, "C", NULL);
	n = strtod_l(text, NULL, locale);
	freelocale(locale);
	if (!isfinite(n))
		return JSON_E_RANGE;
	*ret = n;
	return 0;
}

int json_bool(struct slice value, bool *ret)
{
	if (json_kind(value) != JSON_BOOL)
		return JSON_E_KIND;
	*ret = value.p[0] == 't';
	return 0;
}

/* At a backslash of a checked string: its character; how much text it took. */
static size_t unescape(const char *p, const char *end, char ret[4],
		       size_t *ret_bytes)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int32_t code, low;

	*ret_bytes = 1;
	ret[0] = '?';
	if (end - p < 2)
		return (size_t)(end - p);
	found = p[1] ? strchr(from, p[1]) : NULL;
	if (found) {
		ret[0] = to[found - from];
		return 2;
	}
	if (end - p < 6)
		return (size_t)(end - p);
	code = json_hex4(p + 2);
	if (code < 0)
		return 6;
	if (json_is_high(code) && end - p >= 12) {
		low = json_hex4(p + 8);
		if (json_is_low(low)) {
			code = 0x10000 + ((code - 0xd800) << 10) +
			       (low - 0xdc00);
			*ret_bytes = utf8_encode((uint32_t)code, ret);
			return 12;
		}
	}
	*ret_bytes = utf8_encode((uint32_t)code, ret);
	return 6;
}

int json_string(struct arena *arena, struct slice value, struct slice *ret)
{
	const char *p, *end, *back;
	char *copy;
	size_t n = 0;

	if (json_kind(value) != JSON_STRING || value.n < 2)
		return JSON_E_KIND;
	p = value.p + 1;
	end = value.p + value.n - 1;
	back = memchr(p, '\\', (size_t)(end - p));
	if (!back) {
		*ret = (struct slice){p, (size_t)(end - p)};
		return 0;
	}

	/* Decoded text is never longer than its escapes. */
	copy = arena_alloc(arena, (size_t)(end - p) + 1);
	if (!copy)
		return -ENOMEM;
	while (back) {
		char character[4];
		size_t bytes;

		memcpy(copy + n, p, (size_t)(back - p));
		n += (size_t)(back - p);
		p = back + unescape(back, end, character, &bytes);
		memcpy(copy + n, character, bytes);
		n += bytes;
		back = p < end ? memchr(p, '\\', (size_t)(end - p)) : NULL;
	}
	memcpy(copy + n, p, (size_t)(end - p));
	*ret = (struct slice){copy, n + (size_t)(end - p)};
	return 0;
}

bool json_key_is(struct slice raw_key, const char *name)
{
	const char *p = raw_key.p;
	const char *end = slice_end(raw_key);

	while (p < end) {
		char character[4] = {*p};
		size_t bytes = 1;

		if (*p == '\\')
			p += unescape(p, end, character, &bytes);
		else
			p++;
		/* Names are ASCII: one byte, or it is another key. */
		if (bytes != 1 || character[0] != *name || *name == 0)
			return false;
		name++;
	}
	return *name == 0;
}

bool json_find(struct slice object, const char *name, struct slice *ret_value)
{
	struct json_iter iter = json_enter(object);
	struct slice key, value;

	if (json_kind(object) != JSON_OBJECT)
		return false;
	while (json_member(&iter, &key, &value)) {
		if (json_key_is(key, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* Value of a base64 digit; -1 when it is none. */
static int digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (json_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int json_base64(struct arena *arena, struct slice text, struct slice *ret)
{
	size_t padding = 0, n = 0;
	uint32_t bits = 0;
	char *copy;

	if (text.n % 4)
		return JSON_E_SYNTAX;
	while (padding < 2 && padding < text.n &&
	       text.p[text.n - 1 - padding] == '=')
		padding++;

	copy = arena_alloc(arena, text.n / 4 * 3 + 1);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < text.n - padding; i++) {
		int digit = digit64(text.p[i]);

		if (digit < 0)
			return JSON_E_SYNTAX;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 0)
			continue;
		/* 6 bits are new; 8 go out, and 2, 4 or 6 stay over. */
		copy[n++] = (char)(bits >> (6 - i % 4 * 2));
		bits &= (1U << (6 - i % 4 * 2)) - 1;
	}
	/* Bits behind the last byte must be zero: one text for one value. */
	if (bits)
		return JSON_E_SYNTAX;
	*ret = (struct slice){copy, n};
	return 0;
}
