#pragma once

/*
 * Order: an attempt as it was delivered, from its arrival until it has run.
 */

#include <sys/queue.h>

#include "daemon/base/rights.h"
#include "daemon/worker/place.h"
#include "proto/base.h"

struct order {
	TAILQ_ENTRY(order) link;
	int64_t id, token, attempt, group;
	int64_t timeout_ms; /* 0: none */
	int64_t grace_ms;
	int64_t uid;		     /* whose it is, if not the daemon's; 0 */
	int64_t started_ms;	     /* of one that runs beside others */
	bool keep;		     /* `orphans: keep` */
	struct place *place;	     /* one reference; NULL: of a handler */
	struct slice spec;	     /* raw, checked; n 0: none was sent */
	struct slice handler, queue; /* raw strings; n 0: of a command */
	struct parcel *parcel; /* owned; NULL: no descriptors came with it */
	char line[];	       /* what `spec` points into */
};

TAILQ_HEAD(order_list, order);

enum {
	ORDER_E_BAD = 1, /* not a job statement */
	ORDER_E_PLACE,	 /* it names a context that was not sent */
};

/**
 * order_new() - from a job statement
 * @line:	checked JSON, an object; copied
 * @default_grace_ms: when the statement has none
 *
 * Return: 0, ORDER_E_BAD, ORDER_E_PLACE, or -ENOMEM.
 */
must_check int order_new(struct order **ret, struct slice line,
			 struct places *places, int64_t default_grace_ms);

/** order_free() - NULL is allowed */
void order_free(struct order *order);
