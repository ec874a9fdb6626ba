#pragma once

/* A Filter on the wire as the store's filter. */

#include "daemon/store/store.h"
#include "proto/schema.h"

struct call;

/**
 * filter_read() - decode; answers the call itself when something is wrong
 * @object:	raw Filter; null: every job
 * @steering:	an empty filter is refused: `all` must be said
 * @ret:	lives in the call's arena
 *
 * Return: false when the call was answered with an error.
 */
bool filter_read(struct call *call, struct slice object, bool steering,
		 struct store_filter *ret);

/** filter_ids() - a list of ids as an array in the arena; 0 or -ENOMEM */
must_check int filter_ids(struct arena *arena, struct slice list,
			  const int64_t **ret, size_t *ret_count);
