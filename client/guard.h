#pragma once

/*
 * Guard: a process that ends groups of processes when we are gone, however that
 * came about. It knows that by the end of a pipe.
 */

#include "proto/base.h"

#include <sys/types.h>

#define GUARD_GROUPS 1024 /* watched at a time */

struct guard {
	int fd; /* -1: there is none */
};

/** guard_start() - 0 or negative errno; before there are other children */
must_check int guard_start(struct guard *guard);

/** guard_add() - the group is to end with us */
void guard_add(const struct guard *guard, pid_t group);

/** guard_drop() - it has ended */
void guard_drop(const struct guard *guard, pid_t group);

/** guard_end() - nothing is left to be ended */
void guard_end(struct guard *guard);
