#pragma once

/* Pools http: what only pools of kind http say in files, and what they do not. */

#include "daemon/config/pools.h"
#include "daemon/config/settings.h"

/**
 * pools_http_read() - its settings, as the words of its `run`
 *
 * What cannot be is a problem of the settings. Return: 0 or -ENOMEM.
 */
must_check int pools_http_read(struct settings *settings,
			       struct pool_config *pool);

/** pools_http_none() - another pool says nothing of it, or that is a problem */
void pools_http_none(struct settings *settings, const struct pool_config *pool);
