#pragma once

/*
 * Limits: what the daemon's processes need of this machine, looked at before
 * anything starts. A broker that dies of a limit can only be started again, and
 * dies again.
 */

#include "proto/base.h"

struct limits_fault {
	char message[256]; /* what, why, what to do */
};

enum {
	LIMITS_E_SMALL = 1, /* and may not be raised */
};

/**
 * limits_raise() - soft limits that are too small are raised, up to the hard
 * @workers:	of all pools, at least 1
 *
 * Return: 0 or LIMITS_E_SMALL.
 */
must_check int limits_raise(int workers, struct limits_fault *ret_fault);
