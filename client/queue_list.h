#pragma once

/* Queue list: the table of queues. */

#include "client/counts.h"
#include "client/duration.h"
#include "client/table.h"
#include "proto/arena.h"

/** queue_list_table() - an empty one for `args`
 *
 * Return: 0, or the exit code, with the error said. */
must_check int queue_list_table(struct table *table, struct tool *tool,
				const struct table_args *args);

/** queue_list_print() - a row for each of @queues, a list of type Queue
 *
 * Return: 0, or the exit code, with the error said. */
must_check int queue_list_print(struct table *table, struct arena *arena,
				struct slice queues);

/** queue_list_waiting() - all that has not begun */
int64_t queue_list_waiting(const struct counts *counts);

/** queue_list_latency() - how long the first of those that could start has
 * waited already */
const char *queue_list_latency(struct slice queue, char text[DURATION_BYTES]);
