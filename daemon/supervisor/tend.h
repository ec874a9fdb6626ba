#pragma once

/*
 * Tend: the part of the supervisor's loop that looks after the pools: births,
 * time-outs, templates, and what the broker wants and is told of them.
 */

#include "daemon/supervisor/state.h"

#include <poll.h>

#define TEND_POLLS (3 * POOLS_MAX)

/** tend_pools() - who is to be born is born, who is late is ended */
void tend_pools(struct supervisor *supervisor, int64_t now_ns);

/** tend_tell() - a new broker is told of all pools and workers */
void tend_tell(struct supervisor *supervisor, int64_t now_ns);

/** tend_born() - the broker is told of one worker */
void tend_born(struct supervisor *supervisor, const struct pool *pool,
	       const struct pool_worker *worker, int64_t now_ns);

/**
 * tend_order() - what the broker wants of a pool or a worker
 *
 * Return: false when @message is of another kind.
 */
bool tend_order(struct supervisor *supervisor,
		const struct channel_message *message);

/** tend_templates() - hear what all templates say */
void tend_templates(struct supervisor *supervisor, int64_t now_ns);

/** tend_template_died() - it was reaped: what it owes is cancelled */
void tend_template_died(struct supervisor *supervisor, struct pool *pool,
			struct template *template, int status, int64_t now_ns);

/** tend_polls() - the channels of all templates; how many: below TEND_POLLS */
size_t tend_polls(const struct supervisor *supervisor, struct pollfd *ret);
