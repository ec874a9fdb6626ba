#pragma once

/*
 * Pool message: what the broker is told of a pool and its workers.
 */

#include "daemon/supervisor/pool.h"

/** pool_born_message() - the CHANNEL_BORN of a living worker */
void pool_born_message(const struct pool *pool,
		       const struct pool_worker *worker,
		       struct channel_message *ret);

/** pool_died_message() - the CHANNEL_DIED, before pool_died() */
void pool_died_message(const struct pool *pool,
		       const struct pool_worker *worker,
		       const struct reap_end *end, struct channel_message *ret);

/** pool_state_message() - the CHANNEL_POOL as it stands */
void pool_state_message(const struct pool *pool, int64_t now_ns,
			struct channel_message *ret);
