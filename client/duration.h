#pragma once

/* Duration: "90s", "2h30m", "1d", "500ms" and back, and sizes, for people. */

#include "proto/base.h"

#define DURATION_BYTES 32

/**
 * duration_parse() - text to milliseconds
 *
 * As span_parse(), and at most 100 years.
 *
 * Return: false when it is none.
 */
bool duration_parse(const char *text, int64_t *ret_ms);

/** duration_format() - "840ms", "1.4s", "41s", "2m14s", "3h05m", "2d04h";
 * "-" for a negative one. Return: @buffer */
const char *duration_format(int64_t ms, char buffer[DURATION_BYTES]);

/**
 * duration_bytes_parse() - "512", "64K", "1.5G", "2GiB" to bytes
 *
 * Units K, M, G and T are 1024, its square, ...; iB or B may follow.
 *
 * Return: false when it is none, or over 8 EiB.
 */
bool duration_bytes_parse(const char *text, int64_t *ret);

/** duration_bytes() - "812 B", "3.4 MiB". Return: @buffer */
const char *duration_bytes(int64_t bytes, char buffer[DURATION_BYTES]);
