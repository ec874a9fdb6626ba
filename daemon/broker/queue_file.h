#pragma once

/*
 * Queue file: what the configuration says of a queue itself, its max_length
 * and overflow. It is written to the queue whenever we are told it, at the
 * start and by each reload, and outdoes what is asked for at run time: that is
 * refused. What the files stop to say stays as it was, and can be set again.
 */

#include "daemon/store/store.h"

struct broker;

/**
 * queue_file_set() - settings of a queue: in memory at once, then on disk
 * @set:	copied
 *
 * Return: 0, QUEUE_E_TOO_MANY, or -ENOMEM.
 */
must_check int queue_file_set(struct broker *broker,
			      const struct store_queue *set);

/** queue_file_take() - the defaults were told, the store's queues are loaded */
void queue_file_take(struct broker *broker);

/**
 * queue_file_holds() - which key of it the files have in their hands
 * @length, @overflow:	the one, the other one is to be set
 *
 * Return: the name of the key, or NULL.
 */
const char *queue_file_holds(const struct broker *broker, struct slice name,
			     bool length, bool overflow);
