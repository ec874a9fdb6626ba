#pragma once

/*
 * Staff: how many workers the pools of handlers get, and who leaves
 * (core/pool.h decides). The supervisor makes them; a worker that is worn
 * serves on until its replacement does.
 *
 *	serving --RETIRE--> retiring --one more than wanted serves--> drained
 */

#include <sys/types.h>

#include "proto/base.h"

struct broker;
struct worker;

/** staff_look() - with each batch: does a pool need more? */
void staff_look(struct broker *broker, int64_t now_ns);

/** staff_tick() - once a second: who is worn, who is too many, what waits for
 * a pool that has no workers and may fail for it */
void staff_tick(struct broker *broker, int64_t now_ns);

/** staff_worked() - it ended a job: were these as many as it is to do? */
void staff_worked(struct broker *broker, struct worker *worker);

/** staff_ready() - a worker said ready: one that it replaces may leave */
void staff_ready(struct broker *broker, struct worker *worker);

/** staff_rss_kib() - resident memory of a process; 0: not known */
int64_t staff_rss_kib(pid_t pid);

/** staff_resize() - other limits, at once; min <= max */
void staff_resize(struct broker *broker, uint32_t pool, uint32_t min,
		  uint32_t max);
