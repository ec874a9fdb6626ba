#include "client/bar.h"

#include <stdio.h>

#define BAR_LEFT_MAX_MS (INT64_C(1000) * 86400 * 365)

static int part_of(double share, int all)
{
	if (!(share > 0))
		return 0;
	return share < 1 ? (int)(share * all + 1e-9) : all;
}

const char *bar_write(double share, int columns, bool unicode,
		      char ret[BAR_BYTES])
{
	const char *full = unicode ? "\u2588" : "#";
	const char *empty = unicode ? "\u2591" : "-";
	int filled = part_of(share, columns);
	size_t n = 0;

	require(columns <= BAR_COLUMNS_MAX);
	ret[0] = '\0';
	for (int i = 0; i < columns; i++)
		n += (size_t)snprintf(ret + n, BAR_BYTES - n, "%s",
				      i < filled ? full : empty);
	return ret;
}

int bar_percent(double share)
{
	return part_of(share, 100);
}

int64_t bar_left_ms(double share, int64_t ran_ms)
{
	double left;

	if (!(share > 0) || ran_ms <= 0)
		return -1;
	if (share >= 1)
		return 0;
	left = (double)ran_ms * (1 - share) / share;
	return left < (double)BAR_LEFT_MAX_MS ? (int64_t)left : -1;
}
