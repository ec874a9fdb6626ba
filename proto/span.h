#pragma once

/* Span: a length of time in words, of flags and of the configuration alike. */

#include "proto/base.h"

#define SPAN_MAX_MS (INT64_C(1) << 53)

/**
 * span_parse() - "90s", "2h30m", "1.5h", "500ms" to milliseconds
 *
 * Numbers with units w, d, h, m, s, ms, from the largest to the smallest; a
 * fraction only in the last of them. A number without a unit is seconds, and
 * stands alone: 1h30 could be meant in two ways. Nothing is rounded.
 *
 * Return: false, and @ret untouched, when it is none or over SPAN_MAX_MS.
 */
bool span_parse(const char *text, int64_t *ret_ms);
