#include "client/text.h"

#include <stdio.h>

/* One character: its code, bytes taken (at least 1), columns. */
struct glyph {
	uint32_t code;
	size_t bytes;
	size_t columns;
};

static const struct {
	uint32_t first, last;
	size_t columns;
} ranges[] = {
	{0x0300, 0x036f, 0},   {0x0483, 0x0489, 0}, {0x0591, 0x05bd, 0},
	{0x0610, 0x061a, 0},   {0x064b, 0x065f, 0}, {0x093c, 0x093c, 0},
	{0x0941, 0x0948, 0},   {0x0e34, 0x0e3a, 0}, {0x0e47, 0x0e4e, 0},
	{0x1160, 0x11ff, 0},   {0x1ab0, 0x1aff, 0}, {0x1dc0, 0x1dff, 0},
	{0x20d0, 0x20f0, 0},   {0xfe20, 0xfe2f, 0}, {0xe0100, 0xe01ef, 0},
	{0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0}, {0x1100, 0x115f, 2},
	{0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2},
	{0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2}, {0x1f300, 0x1faff, 2},
	{0x20000, 0x3fffd, 2},
};

static size_t columns_of(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return ranges[i].columns;
	}
	return 1;
}

bool text_is_order(uint32_t code)
{
	return code < ' ' || (code >= 127 && code < 0xa0) ||
	       (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

static struct glyph next_glyph(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	struct glyph glyph = {'?', 1, 1};
	size_t more;
	uint32_t code;

	if (at[0] < 0x80) {
		if (!text_is_order(at[0]))
			glyph.code = at[0];
		/* A command of several lines is shown as one. */
		if (at[0] == '\n' || at[0] == '\t')
			glyph.code = ' ';
		return glyph;
	}
	if (at[0] >= 0xc2 && at[0] <= 0xdf) {
		more = 1;
		code = at[0] & 0x1f;
	} else if ((at[0] & 0xf0) == 0xe0) {
		more = 2;
		code = at[0] & 0x0f;
	} else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
		more = 3;
		code = at[0] & 0x07;
	} else {
		return glyph;
	}
	for (size_t i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return glyph;
		code = code << 6 | (at[i] & 0x3f);
	}
	glyph.bytes = more + 1;
	if (text_is_order(code))
		return glyph;
	glyph.code = code;
	glyph.columns = columns_of(code);
	return glyph;
}

size_t text_width(const char *text)
{
	size_t columns = 0;

	while (*text) {
		struct glyph glyph = next_glyph(text);

		columns += glyph.columns;
		text += glyph.bytes;
	}
	return columns;
}

struct writer {
	char *ret;
	size_t bytes;
	size_t n;
};

static void put(struct writer *writer, const char *text, size_t bytes)
{
	if (writer->n + bytes >= writer->bytes)
		return;
	memcpy(writer->ret + writer->n, text, bytes);
	writer->n += bytes;
}

static void put_glyph(struct writer *writer, const char *text,
		      struct glyph glyph)
{
	if (glyph.code == '?' || glyph.code == ' ')
		put(writer, glyph.code == '?' ? "?" : " ", 1);
	else
		put(writer, text, glyph.bytes);
}

void text_fit(const char *text, size_t columns, bool unicode, char *ret,
	      size_t bytes)
{
	struct writer writer = {ret, bytes, 0};
	size_t width = text_width(text);
	const char *mark = unicode ? "\u2026" : "..";
	size_t mark_columns = unicode ? 1 : 2;
	size_t head = columns, tail_from = 0, at = 0;
	bool marked = width <= columns || columns < mark_columns;

	if (columns < mark_columns) {
		tail_from = SIZE_MAX;
	} else if (!marked) {
		size_t room = columns - mark_columns;

		head = room - room / 2;
		tail_from = width - room / 2;
	}
	while (*text) {
		struct glyph glyph = next_glyph(text);

		if (width <= columns || at + glyph.columns <= head ||
		    (marked && at >= tail_from)) {
			put_glyph(&writer, text, glyph);
		} else if (!marked) {
			put(&writer, mark, strlen(mark));
			marked = true;
		}
		at += glyph.columns;
		text += glyph.bytes;
	}
	ret[writer.n] = '\0';
}

void text_clean(char *text)
{
	size_t bytes = strlen(text) + 1;

	/* Never longer than it was: a place-holder takes one byte. */
	for (char *at = text; *at;) {
		struct glyph glyph = next_glyph(at);

		if (glyph.code == '?' || glyph.code == ' ') {
			*at = (char)glyph.code;
			memmove(at + 1, at + glyph.bytes,
				bytes - (size_t)(at - text) - glyph.bytes);
			bytes -= glyph.bytes - 1;
			at++;
			continue;
		}
		at += glyph.bytes;
	}
}

void text_clean_lines(char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char after = text[n];
		size_t left;

		text[n] = '\0';
		text_clean(text);
		if (!after)
			return;
		/* A cleaned line may be shorter. */
		left = strlen(text);
		memmove(text + left + 1, text + n + 1,
			strlen(text + n + 1) + 1);
		text[left] = '\n';
		text += left + 1;
	}
}
