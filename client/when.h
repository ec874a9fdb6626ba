#pragma once

/* When: points in time as people write them, in local time. */

#include <stdbool.h>
#include <stdint.h>

/**
 * when_parse() - text to UTC milliseconds
 * @now_ms:	UTC, what "tomorrow" is reckoned from
 *
 *	14:30   14:30:05   noon   midnight	the next time it is that late
 *	today 18:00   tomorrow   tomorrow 9:00
 *	monday   fri 17:15			the next such day, today if the
 *						time is still to come
 *	2026-11-22   2026-11-22 09:00   2026-11-22T09:00:30
 *	2026-11-22T09:00Z   2026-11-22T09:00+02:00
 *	+90s   +2h30m				so much later
 *	@1760000000				seconds since 1970
 *
 * A day without a time begins at 00:00. The result may be over already.
 *
 * Return: false when it is none of these.
 */
bool when_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

/** when_since() - a point in time that has been: as when_parse(), where a time
 * of day or a day of the week is the last one, or how long ago: "5m"
 *
 * Return: false when it is none of these. */
bool when_since(const char *text, int64_t now_ms, int64_t *ret_ms);
