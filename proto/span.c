#include "proto/span.h"

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"w", 7 * 24 * 3600 * 1000},
	{"d", 24 * 3600 * 1000},
	{"h", 3600 * 1000},
	{"ms", 1},
	{"m", 60 * 1000},
	{"s", 1000},
};

/* Milliseconds of the unit at @text, 0: there is none of that name. */
static int64_t take_unit(const char **text)
{
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*text, units[i].name, n) != 0)
			continue;
		*text += n;
		return units[i].ms;
	}
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, and perhaps a fraction of up to three: no sign, no space. */
static bool take_number(const char **text, int64_t *ret_whole,
			int64_t *ret_thousandths)
{
	const char *at = *text;
	int64_t scale = 100;

	*ret_whole = *ret_thousandths = 0;
	if (!is_digit(*at))
		return false;
	for (; is_digit(*at); at++) {
		*ret_whole = *ret_whole * 10 + (*at - '0');
		if (*ret_whole > SPAN_MAX_MS)
			return false;
	}
	if (*at == '.') {
		if (!is_digit(*++at))
			return false;
		for (; is_digit(*at) && scale > 0; at++, scale /= 10)
			*ret_thousandths += (*at - '0') * scale;
	}
	*text = at;
	return true;
}

bool span_parse(const char *text, int64_t *ret_ms)
{
	int64_t total = 0, last_unit = INT64_MAX;
	bool first = true;

	do {
		int64_t whole, thousandths, unit;

		if (!take_number(&text, &whole, &thousandths))
			return false;
		unit = first && !*text ? 1000 : take_unit(&text);
		if (unit == 0 || unit >= last_unit ||
		    whole > SPAN_MAX_MS / unit || (thousandths && *text) ||
		    thousandths * unit % 1000 != 0)
			return false;
		total += whole * unit + thousandths * unit / 1000;
		if (total > SPAN_MAX_MS)
			return false;
		last_unit = unit;
		first = false;
	} while (*text);
	*ret_ms = total;
	return true;
}
