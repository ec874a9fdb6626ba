#pragma once

/*
 * Pools read: from the keys `pools.NAME.*` of all files to settings->pools,
 * with everything checked that can be checked without starting anything.
 */

#include "daemon/config/settings.h"

/**
 * pools_read() - fill settings->pools from settings->named
 *
 * In the order in which the names came first. What is wrong goes to the
 * problems, with its place. Return: 0 or -ENOMEM.
 */
must_check int pools_read(struct settings *settings);
