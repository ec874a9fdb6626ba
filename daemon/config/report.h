#pragma once

/*
 * Report: settings as JSON: for `Config`, `Reload` and --check=json, which all
 * say the same in the same words. Members are written into an open object.
 */

#include "daemon/config/settings.h"

/*
 * What is in force: the first settings, those of the start, in the keys that
 * need a restart, and the last that were loaded in the others. Both may be one.
 */
struct report_force {
	const struct settings *first, *last;
};

/** report_settings() - "files" and "settings" */
void report_settings(struct json_out *out, const struct report_force *force);

/** report_problems() - "problems": as many as were kept */
void report_problems(struct json_out *out, const struct settings *settings);

/** report_warnings() - "warnings": as many as were kept */
void report_warnings(struct json_out *out, const struct settings *settings);

/** report_changes() - "changed", "needs_restart", "changes", "warnings" if @new
 * were loaded
 *
 * Return: how many settings differ.
 */
size_t report_changes(struct json_out *out, const struct report_force *force,
		      const struct settings *new);

/** report_error() - "file", "line", "column", "message", "problems" */
void report_error(struct json_out *out, const struct settings *settings);
