#pragma once

/* Callbacks served: warns of those of files that no pool is there for. */

#include "daemon/config/settings.h"

/**
 * callbacks_served() - look at each once settings->pools is filled
 *
 * No problem: a pool may come later, and consumers are in no file. Return: 0
 * or -ENOMEM.
 */
must_check int callbacks_served(struct settings *settings);
