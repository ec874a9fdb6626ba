#pragma once

/*
 * Pool: the workers of one pool that live, one a slot, and the rules by which
 * they are replaced. A worker that died is replaced at once; when replacements
 * die too they come one by one and later each time, until one proves good. Of a
 * pool that serves handlers, one goes ahead until it was ready: an initializer
 * that fails is not tried by all.
 *
 * Makes no process: daemon/supervisor/birth does.
 */

#include "daemon/base/channel.h"
#include "daemon/config/pools.h"
#include "daemon/core/backoff.h"
#include "daemon/supervisor/reap.h"
#include "daemon/supervisor/template.h"
#include "daemon/supervisor/words.h"

#define POOL_EXEC "exec" /* the name of number 0 */
/* A replacement that lives this long lets the others follow. */
#define POOL_PROOF_NS (1000 * INT64_C(1000000))
/* After the machine refused a birth. */
#define POOL_REFUSED_NS (1000 * INT64_C(1000000))

struct pool_worker {
	int64_t number; /* unique for ever; 0: the slot is empty */
	pid_t pid;	/* 0: a template was asked for it */
	pid_t template; /* the one that was asked; 0: born without */
	int64_t start_ticks, born_ns, generation;
	bool useful;   /* it finished a job */
	bool ready;    /* the broker took it */
	bool retiring; /* it leaves, and its replacement is another's slot */
	bool ordered;  /* the broker had it ended */
	bool late;     /* it was not ready in time */
	bool refused;  /* the broker had it ended, and said why */
	bool cut_off;  /* it ended because its broker had died */
	struct words *words; /* owned; NULL: its errors are not kept */
	const char *said;    /* its last lines, at its end; NULL: unknown */
	uint8_t secret[CHANNEL_SECRET_BYTES];
	char folder[32]; /* below job/; "": without cgroups */
};

struct pool {
	struct pool_config config; /* owned; of a pool that is: with a name */
	int number;
	struct pool_worker *workers; /* by slot */
	int size;		     /* twice the most that are wanted */
	int min, max, wanted;
	bool removed; /* from the configuration: no birth any more */
	bool proved;  /* one was ready: the others need not wait for it */
	int64_t generation;
	struct backoff backoff;
	int64_t retry_ns; /* a start that the machine refused; 0: none */
	char reason[CHANNEL_REASON_BYTES]; /* why its births fail; "" */
	struct channel_message told;	   /* the last CHANNEL_POOL */
	/* Of a pool that preloads: in use, to be used, to be gone. */
	struct template template, next, old;
	struct backoff preload;
	int64_t preload_ns; /* no template starts before */
	bool stale;	    /* the next template is of a new generation */
};

/** pool_init() - an empty pool; 0 or -ENOMEM
 * @config:	copied
 */
must_check int pool_init(struct pool *pool, int number,
			 const struct pool_config *config);

/** pool_reserve() - slots for @max workers and those that replace them
 *
 * Workers move in memory. 0 or -ENOMEM.
 */
must_check int pool_reserve(struct pool *pool, int max);

/** pool_resize() - so many at least and at most; 0 or -ENOMEM */
must_check int pool_resize(struct pool *pool, int min, int max);

/** pool_scale() - so many are wanted, within its bounds */
void pool_scale(struct pool *pool, int64_t wanted);

/** pool_forks() - are its workers forked by a template? */
bool pool_forks(const struct pool *pool);

/**
 * pool_next_slot() - which slot may be filled now; -1: none
 * @ret_wake_ns:	with -1: when to ask again, 0: when something changes
 */
int pool_next_slot(const struct pool *pool, int64_t now_ns,
		   int64_t *ret_wake_ns);

/**
 * pool_next_late() - a worker that was not ready in time, once
 * @serving_ns:	since when a broker listens to workers; 0: none does
 * @ret_wake_ns:	with NULL: when to ask again, 0: when something changes
 */
struct pool_worker *pool_next_late(struct pool *pool, int64_t serving_ns,
				   int64_t now_ns, int64_t *ret_wake_ns);

/** pool_ready() - the broker took this worker */
void pool_ready(struct pool *pool, struct pool_worker *worker);

/** pool_retire() - it is going to leave; @shrink: nobody comes for it */
void pool_retire(struct pool *pool, struct pool_worker *worker, bool shrink);

/** pool_unborn() - its birth failed before there was a process */
void pool_unborn(struct pool *pool, struct pool_worker *worker, int64_t now_ns);

/** pool_died() - it was reaped: account for it and empty its slot */
void pool_died(struct pool *pool, struct pool_worker *worker,
	       const struct reap_end *end, int64_t now_ns);

/** pool_listens() - are the errors of its next process to be kept? */
bool pool_listens(const struct pool *pool);

/** pool_degraded() - does it wait because its births fail? */
bool pool_degraded(const struct pool *pool, int64_t now_ns);

void pool_fini(struct pool *pool);
