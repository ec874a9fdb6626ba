#include "daemon/base/quantity.h"

#include "proto/span.h"

#define QUANTITY_MAX (INT64_C(1) << 53)

/* Digits only: no sign, no space, no fraction. Moves @text behind them. */
static bool digits(const char **text, int64_t *ret)
{
	const char *p = *text;
	int64_t n = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (*p - '0');
		if (n > QUANTITY_MAX)
			return false;
	}
	*text = p;
	*ret = n;
	return true;
}

static bool times(int64_t n, int64_t factor, int64_t *ret)
{
	if (n > QUANTITY_MAX / factor)
		return false;
	*ret = n * factor;
	return true;
}

bool quantity_duration_ms(const char *text, int64_t *ret)
{
	return span_parse(text, ret);
}

static bool scaled(const char *text, int64_t base, int64_t *ret)
{
	static const char letters[] = "KMGT";
	const char *p = text, *letter;
	int64_t n, factor = 1;

	if (!digits(&p, &n))
		return false;
	if (*p != '\0') {
		letter = strchr(letters, *p >= 'a' ? *p - 'a' + 'A' : *p);
		if (!letter || p[1] != '\0')
			return false;
		for (ptrdiff_t i = letter - letters; i >= 0; i--)
			factor *= base;
	}
	return times(n, factor, ret);
}

bool quantity_bytes(const char *text, int64_t *ret)
{
	return scaled(text, 1024, ret);
}

bool quantity_count(const char *text, int64_t *ret)
{
	return scaled(text, 1000, ret);
}
