#pragma once

/*
 * Pools: what the configuration says of each. Number 0 is `exec`, which runs
 * commands and is always there; the others serve handlers.
 */

#include "proto/base.h"

#define POOLS_MAX 64
#define POOL_NAME_BYTES 64

enum pool_kind {
	POOL_COMMAND, /* one process a job */
	POOL_PLUGIN,  /* a C shared object, loaded in a template */
	POOL_WORKER,  /* a program that speaks the worker protocol */
	POOL_LINES,   /* a filter: one JSON line in, one out */
	POOL_HTTP,    /* our own: many requests at once in one process */
};

/* When its workers cannot be made: what becomes of its waiting jobs. */
enum pool_broken { POOL_BROKEN_WAIT, POOL_BROKEN_FAIL };

struct pool_config {
	char name[POOL_NAME_BYTES];
	enum pool_kind kind;
	/* Program, or shared object, and arguments; of POOL_HTTP its settings,
	 * as daemon/worker/http_settings has them. NULL behind. */
	char **run;
	char **handles; /* names of the handlers it serves; NULL behind */
	int workers_min, workers_max; /* 0 <= min <= max, 1 <= max <= 4096 */
	bool preload;	  /* of POOL_WORKER: start it once, let it fork */
	int64_t idle_ms;  /* without work so long it shrinks to the minimum */
	int64_t ready_ms; /* to be ready in, or its birth has failed */
	int64_t ping_ms;  /* without a word so long it is asked */
	/* A worker retires after so much; 0: never. Each with its jitter. */
	int64_t retire_jobs, retire_age_ms, retire_kib;
	double retire_jitter; /* 0.1: up to a tenth earlier */
	enum pool_broken broken;
};

/* It is there without a word in any file. */
#define POOL_HTTP_NAME "http"

struct pools_config {
	struct pool_config *list; /* by number */
	size_t count;
};

/** pool_kind_concurrent() - does a worker of it run all that it has at once? */
static inline bool pool_kind_concurrent(enum pool_kind kind)
{
	return kind == POOL_HTTP;
}

/** pools_config_server() - the one that serves @handler; NULL: none does */
const struct pool_config *pools_config_server(const struct pools_config *pools,
					      struct slice handler);

/** pool_config_copy() - all of it; 0 or -ENOMEM */
must_check int pool_config_copy(struct pool_config *ret,
				const struct pool_config *from);

/** pool_config_equal() - do both say the same? */
bool pool_config_equal(const struct pool_config *a,
		       const struct pool_config *b);

/** pool_config_free() - what it points to; then it is empty */
void pool_config_free(struct pool_config *config);
