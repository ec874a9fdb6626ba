#include "client/duration.h"

#include "proto/span.h"

#include <inttypes.h>
#include <stdio.h>

#define DURATION_MAX_MS (INT64_C(100) * 365 * 24 * 3600 * 1000)

static bool read_number(const char **text, int64_t *ret_whole,
			int64_t *ret_thousandths)
{
	const char *at = *text;
	int64_t scale = 100;

	*ret_whole = *ret_thousandths = 0;
	if (*at < '0' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		*ret_whole = *ret_whole * 10 + (*at - '0');
		if (*ret_whole > INT64_MAX / 16)
			return false;
	}
	if (*at == '.') {
		if (*++at < '0' || *at > '9')
			return false;
		for (; *at >= '0' && *at <= '9'; at++, scale /= 10)
			*ret_thousandths += (*at - '0') * scale;
	}
	*text = at;
	return true;
}

bool duration_parse(const char *text, int64_t *ret_ms)
{
	int64_t ms;

	if (!span_parse(text, &ms) || ms > DURATION_MAX_MS)
		return false;
	*ret_ms = ms;
	return true;
}

bool duration_bytes_parse(const char *text, int64_t *ret)
{
	static const char units_of_bytes[] = "KMGT";
	int64_t whole, thousandths, unit = 1;
	const char *at;

	if (!read_number(&text, &whole, &thousandths))
		return false;
	at = *text ? strchr(units_of_bytes, *text & ~0x20) : NULL;
	if (at) {
		unit <<= 10 * (at - units_of_bytes + 1);
		text++;
		if (*text == 'i' && text[1] == 'B')
			text++;
	} else if (thousandths) {
		return false;
	}
	if (*text == 'B')
		text++;
	return !*text && !__builtin_mul_overflow(whole, unit, ret) &&
	       !__builtin_add_overflow(*ret,
				       thousandths * (unit / 1000) +
					       thousandths * (unit % 1000) /
						       1000,
				       ret);
}

const char *duration_format(int64_t ms, char buffer[DURATION_BYTES])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(buffer, DURATION_BYTES, "-");
	else if (ms < 1000)
		snprintf(buffer, DURATION_BYTES, "%" PRId64 "ms", ms);
	else if (s < 10)
		snprintf(buffer, DURATION_BYTES, "%" PRId64 ".%" PRId64 "s", s,
			 ms % 1000 / 100);
	else if (s < 60)
		snprintf(buffer, DURATION_BYTES, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(buffer, DURATION_BYTES, "%" PRId64 "m%02" PRId64 "s",
			 s / 60, s % 60);
	else if (s < 24 * 3600)
		snprintf(buffer, DURATION_BYTES, "%" PRId64 "h%02" PRId64 "m",
			 s / 3600, s % 3600 / 60);
	else
		snprintf(buffer, DURATION_BYTES, "%" PRId64 "d%02" PRId64 "h",
			 s / 86400, s % 86400 / 3600);
	return buffer;
}

const char *duration_bytes(int64_t bytes, char buffer[DURATION_BYTES])
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1024 && i + 1 < ARRAY_COUNT(names)) {
		value /= 1024;
		i++;
	}
	snprintf(buffer, DURATION_BYTES, i == 0 ? "%.0f %s" : "%.1f %s", value,
		 names[i]);
	return buffer;
}
