#pragma once

/*
 * Pool reason: why the births of a pool fail, in words for people. It is shown
 * with the pool, and with the jobs that wait for it.
 */

#include "daemon/supervisor/pool.h"

/* What our role exits with when it cannot begin, or its filter does not. */
#define POOL_EXIT_BIRTH 2

/** pool_explain() - it is this */
void pool_explain(struct pool *pool, const char *fmt, ...) printf_like(2, 3);

/**
 * pool_explain_end() - it is that a process ended
 * @what:	"worker", "template"
 * @when:	" before it was ready", or ""
 * @said:	its words; NULL or "": none
 */
void pool_explain_end(struct pool *pool, const char *what, int status,
		      const char *when, const char *said);

/** pool_quote() - add what the one that ended said; NULL or "": nothing */
void pool_quote(struct pool *pool, const char *said);
