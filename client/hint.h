#pragma once

/*
 * Hint: what to do next at a terminal. The daemon's own hints speak to whoever
 * writes calls; libreeve hands them on as they are.
 */

#include "client/reeve.h"

/** hint_of() - what to tell of @error; its own hint, unless that names a call */
const char *hint_of(const struct reeve_error *error);
