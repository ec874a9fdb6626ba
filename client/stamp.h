#pragma once

/* Stamp: points in time, for people (local) and for programs (UTC). */

#include <stdint.h>

#define STAMP_BYTES 64

/** stamp_local() - "2026-02-01 09:00:41"; "-" for 0. Return: @buffer */
const char *stamp_local(int64_t utc_ms, char buffer[STAMP_BYTES]);

/** stamp_zoned() - with its zone: "2026-02-01 09:00:41 CET". Return: @buffer */
const char *stamp_zoned(int64_t utc_ms, char buffer[STAMP_BYTES]);

/** stamp_utc() - "2026-02-01T08:00:41Z", as RFC 3339 has it; "-" for 0.
 * Return: @buffer */
const char *stamp_utc(int64_t utc_ms, char buffer[STAMP_BYTES]);
