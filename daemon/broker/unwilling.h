#pragma once

/*
 * Unwilling: workers that put back what they were given, unasked, and do none
 * of it. Each would get its job again at once, for ever. So such a worker rests
 * after the second one in a row, each time for longer (core/backoff), until it
 * does a job; a pool whose workers are all like that is degraded.
 */

#include "daemon/broker/worker.h"

struct given;
struct served_pool;

/** unwilling_put_back() - before given_result(); @given: what came back */
void unwilling_put_back(struct broker *broker, struct worker *worker,
			const struct given *given, int64_t now_ns);

/** unwilling_worked() - it has done a job */
void unwilling_worked(struct broker *broker, struct worker *worker);

/** unwilling_tick() - who has rested goes on; how the pools are */
void unwilling_tick(struct broker *broker, int64_t now_ns);
