#pragma once

/*
 * Quantity: the words for times, sizes and counts that flags take. Nothing is
 * rounded and nothing overflows: what does not fit is refused.
 */

#include "proto/base.h"

/**
 * quantity_duration_ms() - "500ms", "10s", "1.5h", "7d", "1w", "1h30m"
 *
 * As span_parse(): the tool's grammar. The result is 0 .. 2^53 milliseconds.
 * Return: false, and @ret untouched, when the text is something else.
 */
bool quantity_duration_ms(const char *text, int64_t *ret);

/** quantity_bytes() - "4096", "64K", "1G": powers of 1024; 0 .. 2^53 */
bool quantity_bytes(const char *text, int64_t *ret);

/** quantity_count() - "5000", "10K", "1M": powers of 1000; 0 .. 2^53 */
bool quantity_count(const char *text, int64_t *ret);
