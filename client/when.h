#pragma once

/* When: points in time as people write them, in local time. */

#include <stdbool.h>
#include <stdint.h>

enum when_odd {
	WHEN_PLAIN,
	WHEN_SKIPPED, /* clocks go forward over it: so much later is meant */
	WHEN_TWICE,   /* clocks go back over it: the first is meant */
};

struct when {
	int64_t ms; /* UTC */
	enum when_odd odd;
};

/**
 * when_read() - what somebody says of when
 * @now_ms:	UTC, what "tomorrow" is reckoned from
 *
 *	14:30   14:30:05   9am   9:30 pm	the next time it is that late
 *	noon   midnight
 *	today 18:00   tomorrow   tomorrow 9:00   noon tomorrow
 *	monday   fri 17:15   9am friday		the next such day, today if the
 *						time is still to come
 *	next monday				never today
 *	dec 24   24 december 18:00		the next such day
 *	2026-11-22   2026-11-22 09:00   2026-11-22T09:00:30
 *	2026-11-22T09:00Z   2026-11-22T09:00+02:00
 *	+90s   +2h30m   now   now + 1 hour	so much later
 *	@1760000000				seconds since 1970
 *
 * A day without a time begins at 00:00. The result may be over already.
 *
 * Return: false when it is none of these.
 */
bool when_read(const char *text, int64_t now_ms, struct when *ret);

/** when_parse() - only the moment of it */
bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

/** when_why() - why when_read() refused that. Return: words, not a sentence */
const char *when_why(const char *text);

/** when_since() - a point in time that has been: as when_parse(), where a time
 * of day or a day of the week is the last one, or how long ago: "5m"
 *
 * Return: false when it is none of these. */
bool when_since(const char *text, int64_t now_ms, int64_t *ret_ms);
