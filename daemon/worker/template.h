#pragma once

/*
 * Template: the role that loads a plugin and its data once, and forks the
 * workers of its pool, which share that memory until somebody writes to it.
 *
 * What it says and hears is in daemon/base/template.h. It has one thread when
 * it forks, or does not fork; it forks twice, so that the worker becomes the
 * supervisor's own child.
 */

#include "daemon/config/config.h"

/**
 * template_main() - be a template, and in each fork a worker
 * @run:	the plugin and its arguments, NULL behind
 *
 * Descriptor 3 is the channel. REEVE_POOL in the environment names the pool.
 *
 * Return: for exit(); of the template 0 at the end of the channel, or
 *         TEMPLATE_EXIT_FAILED; of a worker enum worker_exit.
 */
int template_main(const struct config *config, char **run);
