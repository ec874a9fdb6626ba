#pragma once

/*
 * Log: one line per decision, with fields, to stderr (a terminal, a file, or
 * the journal: then with the <N> prefix of sd-daemon(3) and without a time).
 *
 *	2026-02-01T09:30:00.123Z info supervisor worker started slot=0 pid=71
 *
 * proto and core never log; they return. Each failure is logged once, by
 * whoever decides what to do, and says ", continuing" or ", ignored" when it is
 * not the end. Never log arguments, environments or payloads.
 */

#include "proto/base.h"

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

/** log_init() - @role is static text: "supervisor", "broker", "worker" */
void log_init(const char *role, enum log_level most);

/**
 * log_line() - write one line
 * @fmt:	"what happened key=%s ..."; control characters in what comes out
 *		are replaced, lines are cut at 2 KiB
 */
void log_line(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/** log_level_parse() - "error", "warning", "info", "debug" */
bool log_level_parse(const char *text, enum log_level *ret);
