#pragma once

/*
 * Ending what a job started. Only children of the worker that were not reaped
 * yet, and the process groups that they lead or are in, are ever signalled:
 * their numbers cannot have been given to anybody else.
 */

#include "proto/base.h"

/**
 * run_signal_group() - to all of the main process's group
 * @main:	a child that was not reaped; leader of its group
 */
void run_signal_group(int32_t main, int signal);

/**
 * run_kill_children() - one round: SIGKILL to every child of the worker and
 * to their groups
 *
 * Their own children become the worker's, so it takes a round for each level:
 * call it until run_reap() finds nothing left.
 */
void run_kill_children(void);
