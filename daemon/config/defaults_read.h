#pragma once

/*
 * Defaults read: from the keys `defaults.*` and `queues.NAME.*` of all files to
 * settings->defaults.
 */

#include "daemon/config/settings.h"

/**
 * defaults_read() - fill settings->defaults from settings->named
 *
 * What is wrong goes to the problems, with its place. Return: 0 or -ENOMEM.
 */
must_check int defaults_read(struct settings *settings);
