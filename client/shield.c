#include "client/shield.h"

#include "client/text.h"
#include "proto/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static uint32_t code_of(const char *at, size_t bytes)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)at[0] & first[bytes];

	for (size_t i = 1; i < bytes; i++)
		code = code << 6 | ((unsigned char)at[i] & 0x3f);
	return code;
}

static void put(struct json_out *ret, const char *at, size_t bytes)
{
	uint32_t code = code_of(at, bytes);
	char text[8];

	if (code >= ' ' && text_is_order(code)) {
		snprintf(text, sizeof(text), "\\u%04x", code & 0xffff);
		json_out_append(ret, slice_of(text));
		return;
	}
	json_out_append(ret, (struct slice){at, bytes});
}

/* How long the character at @c is to be, by its first byte. */
static size_t length_of(char c)
{
	unsigned char first = (unsigned char)c;

	return first < 0xc2 || first > 0xf4 ? 1
	       : first < 0xe0		    ? 2
	       : first < 0xf0		    ? 3
					    : 4;
}

/* One more byte; characters that are none become '?'. */
static void take(struct shield *shield, char byte, struct json_out *ret)
{
	bool goes_on = ((unsigned char)byte & 0xc0) == 0x80;

	if (shield->n > 0 && !goes_on) {
		json_out_append(ret, SLICE("?"));
		shield->n = 0;
	}
	shield->held[shield->n++] = byte;
	if (shield->n < length_of(shield->held[0]))
		return;
	if (utf8_bytes(shield->held, shield->held + shield->n) == shield->n)
		put(ret, shield->held, shield->n);
	else
		json_out_append(ret, SLICE("?"));
	shield->n = 0;
}

void shield_write(struct shield *shield, struct slice text,
		  struct json_out *ret)
{
	size_t plain = 0;

	while (text.n > 0) {
		/* Nearly all is ASCII. */
		for (plain = 0; shield->n == 0 && plain < text.n &&
				text.p[plain] != 127 &&
				(unsigned char)text.p[plain] < 0x80;)
			plain++;
		if (plain > 0)
			json_out_append(ret, (struct slice){text.p, plain});
		else
			take(shield, text.p[plain++], ret);
		text.p += plain;
		text.n -= plain;
	}
}

/* ---- As a stream ---- */

static ssize_t write_all(const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(STDOUT_FILENO, text, bytes);

		if (n < 0 && errno != EINTR)
			return 0;
		if (n > 0) {
			text += n;
			bytes -= (size_t)n;
		}
	}
	return 1;
}

/* Return: @bytes, or 0 with errno, as fopencookie(3) has it. */
static ssize_t on_write(void *cookie, const char *text, size_t bytes)
{
	struct json_out out = {0};
	ssize_t result = 0;

	shield_write(cookie, (struct slice){text, bytes}, &out);
	if (!json_out_ok(&out))
		errno = ENOMEM;
	else if (write_all(out.p, out.n))
		result = (ssize_t)bytes;
	json_out_fini(&out);
	return result;
}

void shield_stdout(void)
{
	static struct shield shield;
	FILE *stream = fopencookie(&shield, "w",
				   (cookie_io_functions_t){.write = on_write});

	if (!stream)
		return;
	setvbuf(stream, NULL, _IOLBF, 0);
	stdout = stream;
}
