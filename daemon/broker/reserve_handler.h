#pragma once

/*
 * Reserve handler: the names that consumers ask for, or have asked for since
 * the broker began. So many are kept; the oldest of those that nobody asks for
 * any more make room.
 */

#include <sys/queue.h>
#include <uthash.h>

#include "proto/base.h"

struct reserve_interest;

struct reserve_handler {
	UT_hash_handle hh;			  /* by name, oldest first */
	TAILQ_HEAD(, reserve_interest) interests; /* next to be served first */
	char name[];
};

struct reserve_handlers {
	struct reserve_handler *by_name;
	size_t count;
};

enum {
	RESERVE_HANDLER_E_TOO_MANY = 1, /* all that may be are asked for */
};

/** reserve_handlers_fini() - forget them; nobody asks for any */
void reserve_handlers_fini(struct reserve_handlers *handlers);

/** reserve_handler_find() - by its name; NULL: nobody ever asked for it */
struct reserve_handler *
reserve_handler_find(const struct reserve_handlers *handlers,
		     struct slice name);

/**
 * reserve_handler_get() - find or make
 *
 * Return: 0, RESERVE_HANDLER_E_TOO_MANY or -ENOMEM.
 */
must_check int reserve_handler_get(struct reserve_handlers *handlers,
				   struct slice name,
				   struct reserve_handler **ret);
