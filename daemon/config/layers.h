#pragma once

/*
 * Layers: reads them one over the other into settings, each value with its
 * source. What is wrong is gathered there, not told.
 */

#include "daemon/config/settings.h"

/**
 * layers_read() - defaults, files, environment, flags
 *
 * Return: 0, also with problems in files and values; CONFIG_E_USAGE when the
 *         flags themselves cannot be told apart, with the problem;
 *         CONFIG_E_HELP, CONFIG_E_VERSION; -ENOMEM.
 */
must_check int layers_read(struct settings *settings,
			   const struct settings_ask *ask);

/** layers_problem() - one that belongs to no file */
void layers_problem(struct settings *settings, const char *fmt, ...)
	printf_like(2, 3);

/** layers_problem_at() - one with the place of an entry */
void layers_problem_at(struct settings *settings,
		       const struct named_entry *entry, const char *message);

/** layers_warning_at() - likewise, of what may come right by itself */
void layers_warning_at(struct settings *settings,
		       const struct named_entry *entry, const char *message);

/** layers_home() - $HOME, else what the system knows; NULL: nothing */
const char *layers_home(void);
