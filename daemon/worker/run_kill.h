#pragma once

/*
 * Ending what a job started. Only children of the worker that were not reaped
 * yet, the process groups that they lead or are in, and what is held by a pidfd
 * and was found below them, are ever signalled: their numbers cannot have been
 * given to anybody else.
 */

#include "proto/base.h"

/**
 * run_signal_group() - to all of the main process's group
 * @main:	a child that was not reaped; leader of its group
 */
void run_signal_group(int32_t main, int signal);

/**
 * run_kill_children() - one round: SIGKILL to all that is below the worker
 *
 * It is stopped first, until nobody new is found: whoever starts processes
 * faster than rounds come would outrun them. What a round misses becomes the
 * worker's child: call it until run_reap() finds nothing left.
 */
void run_kill_children(void);
