#pragma once

/*
 * Breakdown: what the broker does when the store fails. Who waits is told,
 * what workers told is kept, and what cannot be mended here ends the broker.
 */

#include "daemon/broker/batch.h"

struct broker;

/**
 * breakdown_retry() - write the batch once more, if that may help
 *
 * Somebody looks at the database with another program: each try waits for some
 * seconds by itself (store.h).
 *
 * Return: is it with the writer again?
 */
bool breakdown_retry(struct broker *broker, struct batch *batch);

/**
 * breakdown_refused() - nothing of the batch happened
 *
 * Its calls are answered with an error; ends that workers told go into the
 * batch that gathers. Unless the disk is only full, memory short or the
 * database locked, the broker ends, for the next one to open the file anew.
 */
void breakdown_refused(struct broker *broker, struct batch *batch);

/** breakdown_tick() - once a second: is the store still there, and whole? */
void breakdown_tick(struct broker *broker, int64_t now_ns);
