#pragma once

/*
 * Reserve: a file of a few MiB beside the database that holds nothing. When the
 * disk is full it is given up, so that ends, cancels and purges still fit; it
 * is made again when there is space. Until then new work is refused.
 */

#include "proto/base.h"

struct reserve {
	char *path; /* owned; NULL: none is wanted */
	int64_t bytes;
	bool held;
	int64_t tried_ms; /* when it was last tried, wall clock */
};

/**
 * reserve_init() - and make the file, if there is space for it
 * @bytes:	0: none is wanted, and it always counts as held
 *
 * Return: 0 or -ENOMEM; a full disk is not an error, see held.
 */
must_check int reserve_init(struct reserve *reserve, const char *directory,
			    int64_t bytes);
void reserve_fini(struct reserve *reserve);

/** reserve_release() - give the space up; false when it is gone already */
bool reserve_release(struct reserve *reserve);

/** reserve_make() - try to have it again, at most once in 200 ms; is it held? */
bool reserve_make(struct reserve *reserve, int64_t now_ms);
