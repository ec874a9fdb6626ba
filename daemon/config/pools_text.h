#pragma once

/*
 * Pools as text: how the supervisor, which reads the configuration, tells the
 * broker of them (CHANNEL_POOLS). A JSON list of objects, each with its number:
 * a pool keeps its number as long as one of its workers lives.
 */

#include "daemon/config/pools.h"
#include "proto/json_out.h"

/** pools_kind_name() - "command", "plugin", "worker", "lines", "http" */
const char *pools_kind_name(enum pool_kind kind);

/** pools_text_write() - the list, by number; entries without a name are holes */
void pools_text_write(struct json_out *out, const struct pools_config *pools);

enum {
	POOLS_TEXT_E_FORM = 1, /* not what pools_text_write() writes */
};

/**
 * pools_text_read() - what pools_text_write() wrote
 * @text:	checked JSON
 * @ret:	owned: pools_text_free(); entries without a name are holes. What
 *		the broker needs not (run, preload, ready_ms) is not in it
 *
 * Return: 0, POOLS_TEXT_E_FORM, or -ENOMEM.
 */
must_check int pools_text_read(struct slice text, struct pools_config *ret);

/** pools_text_free() - the list and all that it points to; then it is empty */
void pools_text_free(struct pools_config *pools);
