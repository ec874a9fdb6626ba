#include "proto/json_out.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "proto/json_text.h"
#include "proto/utf8.h"

#define FIRST_BYTES 256

/* Room for @bytes more; NULL, and failed for good, when there is none. */
static char *reserve(struct json_out *out, size_t bytes)
{
	size_t need, capacity = out->capacity ? out->capacity : FIRST_BYTES;
	char *p;

	if (out->failed)
		return NULL;
	if (__builtin_add_overflow(out->n, bytes, &need) ||
	    need > SIZE_MAX / 4) {
		out->failed = true;
		return NULL;
	}
	if (need <= out->capacity)
		return out->p + out->n;

	while (capacity < need)
		capacity *= 2;
	p = realloc(out->p, capacity);
	if (!p) {
		out->failed = true;
		return NULL;
	}
	out->p = p;
	out->capacity = capacity;
	return p + out->n;
}

static void put(struct json_out *out, struct slice text)
{
	char *p = reserve(out, text.n);

	if (!p || text.n == 0)
		return;
	memcpy(p, text.p, text.n);
	out->n += text.n;
}

static void put_char(struct json_out *out, char c)
{
	char *p = reserve(out, 1);

	if (!p)
		return;
	*p = c;
	out->n++;
}

/* Before each value or key. */
static void separate(struct json_out *out)
{
	if (out->comma)
		put_char(out, ',');
	out->comma = true;
}

void json_out_fini(struct json_out *out)
{
	free(out->p);
	*out = (struct json_out){0};
}

void json_out_reset(struct json_out *out)
{
	out->n = 0;
	out->comma = false;
	out->failed = false;
}

static void open_with(struct json_out *out, char bracket)
{
	separate(out);
	put_char(out, bracket);
	out->comma = false;
}

static void close_with(struct json_out *out, char bracket)
{
	put_char(out, bracket);
	out->comma = true;
}

void json_out_object(struct json_out *out)
{
	open_with(out, '{');
}

void json_out_object_end(struct json_out *out)
{
	close_with(out, '}');
}

void json_out_array(struct json_out *out)
{
	open_with(out, '[');
}

void json_out_array_end(struct json_out *out)
{
	close_with(out, ']');
}

void json_out_key(struct json_out *out, const char *name)
{
	size_t n = strlen(name);
	char *p;

	separate(out);
	p = reserve(out, n + 3);
	if (!p)
		return;
	p[0] = '"';
	memcpy(p + 1, name, n);
	p[n + 1] = '"';
	p[n + 2] = ':';
	out->n += n + 3;
	out->comma = false;
}

void json_out_key_slice(struct json_out *out, struct slice name)
{
	json_out_string(out, name);
	put_char(out, ':');
	out->comma = false;
}

void json_out_null(struct json_out *out)
{
	separate(out);
	put(out, SLICE("null"));
}

void json_out_bool(struct json_out *out, bool value)
{
	separate(out);
	put(out, value ? SLICE("true") : SLICE("false"));
}

void json_out_int(struct json_out *out, int64_t value)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char text[24];
	char *p = text + sizeof(text);

	do {
		*--p = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0)
		*--p = '-';
	separate(out);
	put(out, (struct slice){p, (size_t)(text + sizeof(text) - p)});
}

void json_out_float(struct json_out *out, double value)
{
	locale_t c, before;
	char text[32];

	if (!isfinite(value)) {
		json_out_null(out);
		return;
	}
	/* A program that uses the library may have a locale with a comma. */
	c = newlocale(LC_ALL_MASK, "C", NULL);
	before = uselocale(c);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	uselocale(before);
	freelocale(c);
	separate(out);
	put(out, slice_of(text));
}

/* One byte that a string cannot hold as it is. */
static void put_escaped(struct json_out *out, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	const char *found = c ? strchr(from, c) : NULL;
	char text[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};

	if (!found) {
		put(out, (struct slice){text, sizeof(text)});
		return;
	}
	put_char(out, '\\');
	put_char(out, to[found - from]);
}

void json_out_string(struct json_out *out, struct slice text)
{
	const char *p = text.p;
	const char *end = slice_end(text);

	separate(out);
	put_char(out, '"');
	while (p < end) {
		size_t n = json_plain_bytes(p, end);

		if (n == 0 && (unsigned char)*p >= 0x80) {
			n = utf8_bytes(p, end);
			if (n == 0) {
				put(out, SLICE("\xef\xbf\xbd"));
				p++;
				continue;
			}
		}
		if (n == 0) {
			put_escaped(out, *p++);
			continue;
		}
		put(out, (struct slice){p, n});
		p += n;
	}
	put_char(out, '"');
}

void json_out_base64(struct json_out *out, struct slice bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = (const unsigned char *)bytes.p;
	char *p;

	separate(out);
	p = bytes.n > SIZE_MAX / 4 ? reserve(out, SIZE_MAX)
				   : reserve(out, (bytes.n + 2) / 3 * 4 + 2);
	if (!p)
		return;
	*p++ = '"';
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t bits = (uint32_t)from[i] << 16;

		if (left > 1)
			bits |= (uint32_t)from[i + 1] << 8;
		if (left > 2)
			bits |= from[i + 2];
		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*p++ = left > 2 ? digits[bits & 63] : '=';
	}
	*p++ = '"';
	out->n = (size_t)(p - out->p);
}

void json_out_raw(struct json_out *out, struct slice value)
{
	size_t begin;

	separate(out);
	begin = out->n;
	put(out, value);
	if (out->failed)
		return;
	/* A checked string holds no raw newline, so each one is white space. */
	for (size_t i = begin; i < out->n; i++) {
		if (out->p[i] == '\n' || out->p[i] == '\r')
			out->p[i] = ' ';
	}
}

void json_out_member_int(struct json_out *out, const char *name, int64_t value)
{
	json_out_key(out, name);
	json_out_int(out, value);
}

void json_out_member_bool(struct json_out *out, const char *name, bool value)
{
	json_out_key(out, name);
	json_out_bool(out, value);
}

void json_out_member_string(struct json_out *out, const char *name,
			    struct slice text)
{
	json_out_key(out, name);
	json_out_string(out, text);
}

void json_out_member_text(struct json_out *out, const char *name,
			  const char *text)
{
	json_out_member_string(out, name, slice_of(text));
}

void json_out_member_raw(struct json_out *out, const char *name,
			 struct slice value)
{
	json_out_key(out, name);
	json_out_raw(out, value);
}

void json_out_member_bytes(struct json_out *out, const char *name,
			   struct slice bytes)
{
	if (json_utf8(bytes)) {
		json_out_member_string(out, name, bytes);
		return;
	}
	separate(out);
	put_char(out, '"');
	put(out, slice_of(name));
	put(out, SLICE("64\":"));
	out->comma = false;
	json_out_base64(out, bytes);
}

void json_out_byte(struct json_out *out, char byte)
{
	put_char(out, byte);
	out->comma = false;
}

void json_out_append(struct json_out *out, struct slice messages)
{
	put(out, messages);
	out->comma = false;
}

bool json_out_ok(const struct json_out *out)
{
	return !out->failed;
}

struct slice json_out_slice(const struct json_out *out)
{
	return (struct slice){out->p, out->n};
}

bool json_utf8(struct slice text)
{
	const char *p = text.p;
	const char *end = slice_end(text);

	while (p < end) {
		uint64_t word;
		size_t n;

		if (end - p >= 8) {
			memcpy(&word, p, 8);
			if (!(word & UINT64_C(0x8080808080808080))) {
				p += 8;
				continue;
			}
		}
		n = utf8_bytes(p, end);
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}
