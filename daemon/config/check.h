#pragma once

/* Check: `reeved --check` tells people, or programs, what settings are like. */

#include "daemon/config/settings.h"

/**
 * check_tell() - on stdout that all is well, on stderr each problem
 * and each warning; with SETTINGS_CHECK_JSON one object on stdout: "ok",
 * "problems", "warnings", and without any problem "files" and "settings"
 *
 * Return: are there no problems?
 */
bool check_tell(const struct settings *settings);

/** check_problems() - each on stderr, with the program's name in front */
void check_problems(const struct settings *settings);
