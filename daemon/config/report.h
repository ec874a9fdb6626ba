#pragma once

/*
 * Report: settings as JSON: for `Config`, `Reload` and --check=json, which all
 * say the same in the same words. Members are written into an open object.
 */

#include "daemon/config/settings.h"

/** report_settings() - "files" and "settings" */
void report_settings(struct json_out *out, const struct settings *settings);

/** report_problems() - "problems": as many as were kept */
void report_problems(struct json_out *out, const struct settings *settings);

/**
 * report_changes() - "changed", "needs_restart" and "changes" from @old to @new
 *
 * Return: how many settings differ.
 */
size_t report_changes(struct json_out *out, const struct settings *old,
		      const struct settings *new);
