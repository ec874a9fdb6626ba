#pragma once

/*
 * Pool set: all pools, by number. Number 0 is exec; a pool keeps its number as
 * long as one of its processes lives, also when the configuration does not name
 * it any more.
 */

#include "daemon/supervisor/nursery.h"
#include "daemon/supervisor/pool.h"

struct pool_set {
	struct pool *list[POOLS_MAX]; /* by number; NULL: none */
	int64_t next_number;	      /* of a worker */
	struct nursery nursery;
};

enum {
	POOL_SET_E_FULL = 1, /* more pools than numbers are free */
};

/**
 * pool_set_init() - the exec pool
 * @first_number:	greater than any that was ever used on this machine
 */
must_check int pool_set_init(struct pool_set *pools, int exec_workers,
			     int64_t first_number);

/**
 * pool_set_apply() - from now on these, beside exec
 * @config:	copied; names are different
 *
 * A pool that is there and says something else is made anew; one that is not
 * named is removed. All that can fail comes before the first change.
 *
 * Return: 0, POOL_SET_E_FULL or -ENOMEM.
 */
must_check int pool_set_apply(struct pool_set *pools,
			      const struct pools_config *config,
			      int64_t now_ns);

/** pool_set_tidy() - forget the removed ones that have no process any more */
void pool_set_tidy(struct pool_set *pools);

/** pool_set_get() - the pool of that number; NULL: there is none */
struct pool *pool_set_get(const struct pool_set *pools, int64_t number);

/** pool_set_find() - the worker with that pid; NULL: none */
struct pool_worker *pool_set_find(const struct pool_set *pools, pid_t pid,
				  struct pool **ret_pool);

/** pool_set_by_number() - the worker with that number; NULL: none */
struct pool_worker *pool_set_by_number(const struct pool_set *pools,
				       int64_t number, struct pool **ret_pool);

/** pool_set_has_folder() - is a folder below job/ that of a worker? */
bool pool_set_has_folder(const struct pool_set *pools, const char *name);

/** pool_set_template() - the template with that pid; NULL: none */
struct template *pool_set_template(const struct pool_set *pools, pid_t pid,
				   struct pool **ret_pool);

/** pool_set_owed() - does any template owe the answer to a fork? */
bool pool_set_owed(const struct pool_set *pools);

/**
 * pool_set_expect() - may the unknown child @pid be a worker that its template
 * has not announced yet?
 *
 * By its session, which is that of the template; or it has begun one of its
 * own, and runs what its template runs.
 */
bool pool_set_expect(const struct pool_set *pools, pid_t pid);

/** pool_set_living() - processes of all pools, templates too */
int pool_set_living(const struct pool_set *pools);

/** pool_set_fini() - forget all; the workers go on, templates end by themselves */
void pool_set_fini(struct pool_set *pools);
