#pragma once

/*
 * Preload: the templates of a pool. The one in use is replaced when it died,
 * and when the pool is made anew: by the next one, once that is ready. The old
 * one ends when it owes no fork any more. Workers outlive their template.
 */

#include "daemon/supervisor/pool.h"

/**
 * preload_wants() - is a template to be started now?
 * @ret_wake_ns:	with false: when to ask again, 0: when something changes
 */
bool preload_wants(const struct pool *pool, int64_t now_ns,
		   int64_t *ret_wake_ns);

/** preload_ready() - `next` said READY: it is the one in use */
void preload_ready(struct pool *pool, int64_t now_ns);

/**
 * preload_check() - end those that are too late or not needed any more
 * @ret_wake_ns:	when to come again; 0: when something changes
 */
void preload_check(struct pool *pool, int64_t now_ns, int64_t *ret_wake_ns);

/** preload_find() - the template with that pid; NULL: none of this pool */
struct template *preload_find(struct pool *pool, pid_t pid);

/**
 * preload_died() - it was reaped, and what it had said was read
 *
 * The workers that it was asked for and never answered are to be cancelled by
 * the caller.
 */
void preload_died(struct pool *pool, struct template *template, int status,
		  int64_t now_ns);

/**
 * preload_listen() - the workers that it forks cannot begin: hear why
 *
 * What they write goes where their template writes to, so another template
 * is made, whose errors are kept.
 */
void preload_listen(struct pool *pool, int64_t now_ns);

/**
 * preload_renew() - make the pool anew: the next template, or the next birth,
 * is of a new generation
 */
void preload_renew(struct pool *pool);

/** preload_end() - the pool is removed: no template any more */
void preload_end(struct pool *pool, int64_t now_ns);
