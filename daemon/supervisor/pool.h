#pragma once

/*
 * Pool: the workers that live, one a slot. A slot whose worker died is filled
 * at once; when replacements die too they come one by one and later each time,
 * until one proves good.
 */

#include "daemon/base/channel.h"
#include "daemon/core/backoff.h"
#include "daemon/supervisor/cgroup_tree.h"
#include "daemon/supervisor/reap.h"

#define POOL_NAME "exec"
/* A replacement that lives this long lets the others follow. */
#define POOL_PROOF_NS (1000 * INT64_C(1000000))

struct pool_worker {
	int64_t number; /* unique for ever; 0: the slot is empty */
	pid_t pid;
	int64_t start_ticks, born_ns;
	bool useful; /* it finished a job */
	uint8_t secret[CHANNEL_SECRET_BYTES];
	char folder[32]; /* below job/; "": without cgroups */
};

struct pool {
	struct pool_worker *workers; /* by slot */
	int size;
	struct backoff backoff;
	int64_t next_number;
	int64_t retry_ns;    /* a start that the machine refused; 0: none */
	char *const *flags;  /* of the workers, not owned */
	const char *program; /* for spawn_role() */
	uint64_t nofile;     /* soft limit for jobs */
};

/** pool_init() - an empty pool; 0 or -ENOMEM
 * @first_number:	greater than any that was ever used on this machine
 */
must_check int pool_init(struct pool *pool, int size, int64_t first_number);

/**
 * pool_next_slot() - which slot may be filled now
 * @ret_wake_ns:	with -1: when to ask again, 0: when something changes
 *
 * Return: the slot, or -1.
 */
int pool_next_slot(const struct pool *pool, int64_t now_ns,
		   int64_t *ret_wake_ns);

/**
 * pool_start() - start the worker of an empty slot
 *
 * What the machine refuses is logged and tried again a second later.
 *
 * Return: the worker, or NULL.
 */
struct pool_worker *pool_start(struct pool *pool, int slot,
			       const struct cgroup_tree *tree, int64_t now_ns);

/** pool_find() - the worker with that pid; NULL: none */
struct pool_worker *pool_find(const struct pool *pool, pid_t pid);

/** pool_by_number() - the worker with that number; NULL: none */
struct pool_worker *pool_by_number(const struct pool *pool, int64_t number);

/** pool_has_folder() - is a folder below job/ that of a living worker? */
bool pool_has_folder(const struct pool *pool, const char *name);

/** pool_died() - it was reaped: account for it and empty its slot
 * @ret:	the CHANNEL_DIED for the broker
 */
void pool_died(struct pool *pool, struct pool_worker *worker,
	       const struct reap_end *end, int64_t now_ns,
	       struct channel_message *ret);

/** pool_born_message() - the CHANNEL_BORN of a living worker */
void pool_born_message(const struct pool *pool,
		       const struct pool_worker *worker,
		       struct channel_message *ret);

/** pool_state_message() - the CHANNEL_POOL as it stands */
void pool_state_message(const struct pool *pool, int64_t now_ns,
			struct channel_message *ret);

/** pool_fini() - forget the workers; they go on */
void pool_fini(struct pool *pool);
