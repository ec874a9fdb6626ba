#pragma once

/* Named rows: the keys below a name, and those that queues share with
 * `defaults`, each once. */

#include "proto/base.h"

/* The name stands for the star. Keys of one section stand together. Those of
 * defaults are in the order of the queues', from PRIORITY on. */
enum named_key {
	NAMED_DEFAULT_PRIORITY,
	NAMED_DEFAULT_EXPIRE,
	NAMED_DEFAULT_ORPHANS,
	NAMED_DEFAULT_RETRY_ATTEMPTS,
	NAMED_DEFAULT_RETRY_BACKOFF,
	NAMED_DEFAULT_RETRY_BACKOFF_MAX,
	NAMED_DEFAULT_RETRY_JITTER,
	NAMED_DEFAULT_RETRY_ON,
	NAMED_QUEUE_TIMEOUT,
	NAMED_QUEUE_GRACE,
	NAMED_QUEUE_CRASH_LIMIT,
	NAMED_QUEUE_PRIORITY,
	NAMED_QUEUE_EXPIRE,
	NAMED_QUEUE_ORPHANS,
	NAMED_QUEUE_RETRY_ATTEMPTS,
	NAMED_QUEUE_RETRY_BACKOFF,
	NAMED_QUEUE_RETRY_BACKOFF_MAX,
	NAMED_QUEUE_RETRY_JITTER,
	NAMED_QUEUE_RETRY_ON,
	NAMED_QUEUE_MAX_LENGTH,
	NAMED_QUEUE_OVERFLOW,
	NAMED_QUEUE_ON_SUCCESS,
	NAMED_QUEUE_ON_FAILURE,
	NAMED_QUEUE_ON_DONE,
	NAMED_CALLBACKS_ALL,
	NAMED_POOL_KIND,
	NAMED_POOL_RUN,
	NAMED_POOL_HANDLES,
	NAMED_POOL_WORKERS,
	NAMED_POOL_PRELOAD,
	NAMED_POOL_IDLE,
	NAMED_POOL_READY,
	NAMED_POOL_PING,
	NAMED_POOL_RETIRE_JOBS,
	NAMED_POOL_RETIRE_AGE,
	NAMED_POOL_RETIRE_MEMORY,
	NAMED_POOL_RETIRE_JITTER,
	NAMED_POOL_BROKEN,
	/* Of kind http, and of no other. */
	NAMED_POOL_CONCURRENCY,
	NAMED_POOL_ALLOW_PRIVATE,
	NAMED_POOL_MAX_ANSWER,
	NAMED_POOL_SECRETS,
	NAMED_POOL_INSECURE_CALLBACKS,
	NAMED_POOL_PROXY,
	NAMED_POOL_PROXY_LOGIN,
	NAMED_POOL_NO_PROXY,
	NAMED_KEYS,
};

enum named_kind {
	NAMED_WORD,	 /* one of `words` */
	NAMED_CALLBACKS, /* a list of sections, as JSON: callback_rule */
	NAMED_LIST,	/* texts, or of `words`; a single one may stand alone */
	NAMED_RANGE,	/* MIN..MAX, or N for both; "cpus" for a number */
	NAMED_NUMBER,	/* may be below 0 */
	NAMED_COUNT,	/* with K, M, G, T of 1000 */
	NAMED_BYTES,	/* with K, M, G, T of 1024 */
	NAMED_DURATION, /* milliseconds; with `words` also that: 0 */
	NAMED_BACKOFF,	/* TIME, or TIME..TIME */
	NAMED_SHARE,	/* 10% or 0.1, as thousandths */
};

struct named_row {
	const char *key; /* "pools.*.kind"; without a star it has no name */
	enum named_kind kind;
	int64_t min, max;     /* of numbers, in their unit */
	const char *fallback; /* as people write it; NULL: it must be given, or
				 is as in defaults */
	const char *words;    /* that are allowed, "wait fail"; NULL: any */
	const char *like;     /* an example, for messages */
};

/* What a key of a queue is that no file names. */
#define NAMED_INHERITED "as for all jobs"
/* The same of what is no default of jobs. */
#define NAMED_AT_RUN_TIME "as set at run time"

extern const struct named_row named_rows[NAMED_KEYS];

/** named_unsaid() - what it is that no file says; "": it must be given */
const char *named_unsaid(enum named_key key);
