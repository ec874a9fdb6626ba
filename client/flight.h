#pragma once

/*
 * Flight: the jobs of a `map` that are on their way, with the item of each, and
 * the watches that tell their ends. By id, and in the order of submission for
 * --keep-order.
 */

#include "client/reeve.h"
#include "proto/base.h"

#define FLIGHT_WATCHES 64

struct flight_item {
	int64_t id;
	char *text;   /* owned */
	char *result; /* owned; of a handler that succeeded; NULL: none */
	bool ended;   /* told */
	bool dropped; /* nobody needs it any more */
	bool has_output;
};

struct flight {
	struct reeve *r;
	struct flight_item *items; /* in the order of submission */
	size_t first;		   /* those before it were dropped */
	size_t count, capacity;	   /* of items */
	size_t kept;		   /* not dropped */
	size_t limit;		   /* most that may be running */
	size_t running;		   /* not ended */
	struct reeve_watch *watches[FLIGHT_WATCHES];
	size_t watch_count;
};

/** flight_init() - @limit: most that can be on their way, 1 .. 10000
 *
 * Return: 0 or -ENOMEM. */
must_check int flight_init(struct flight *flight, struct reeve *r,
			   size_t limit);
void flight_fini(struct flight *flight);

/** flight_room() - how many more there may be */
size_t flight_room(const struct flight *flight);

/**
 * flight_add() - a job that was submitted; all of one call, then flight_watch()
 *
 * Return: 0 or -ENOMEM.
 */
must_check int flight_add(struct flight *flight, int64_t id, const char *text);

/** flight_watch() - wait for @ids, too; 0 or an enum reeve_code */
must_check int flight_watch(struct flight *flight, const int64_t *ids,
			    size_t count);

/**
 * flight_next() - a job that has ended, without waiting
 * @ret_item:	of it; lives until flight_add()
 *
 * Return: 0, REEVE_E_TIMEOUT when there is none now, or another code.
 */
must_check int flight_next(struct flight *flight, struct reeve_job **ret,
			   struct flight_item **ret_item);

/** flight_drop() - forget an ended one */
void flight_drop(struct flight *flight, struct flight_item *item);

/** flight_first() - the oldest that was not dropped if it has ended, else NULL */
struct flight_item *flight_first(struct flight *flight);

/** flight_fds() - what to poll; returns how many; -1 where to look again soon */
size_t flight_fds(const struct flight *flight, int fds[FLIGHT_WATCHES]);
