#pragma once

/*
 * Queues: what the broker knows of a queue beyond its jobs, as the store has
 * committed it or is about to. A queue without settings is not here: it exists
 * by its jobs (lane.h).
 */

#include <uthash.h>

#include "daemon/store/store.h"

struct queue {
	UT_hash_handle hh;
	/* As the store has it; its name points behind this struct. */
	struct store_queue set;
	char *callbacks; /* owned, what the set has; NULL: none */
	char text[];
};

struct queues {
	struct queue *by_name;
	size_t count;
	size_t blocking; /* of them, that let submissions wait for room */
	bool loaded;	 /* the store's are here */
};

enum {
	QUEUE_E_TOO_MANY = 1, /* LIMIT_LANES have settings */
};

/** queue_name_good() - not empty, no control characters, not too long */
bool queue_name_good(struct slice name);
#define QUEUE_NAME_RULE                                                        \
	"a queue's name is not empty and holds no control characters"

/** queues_fini() - forget all settings */
void queues_fini(struct queues *queues);

/** queue_find() - NULL: it has no settings */
struct queue *queue_find(const struct queues *queues, struct slice name);

/** queue_settings() - all zero but for the name when it has none */
struct store_queue queue_settings(const struct queues *queues,
				  struct slice name);

/**
 * queue_set() - take over settings; the name is copied
 *
 * All zero means: none, it is forgotten.
 *
 * Return: 0, QUEUE_E_TOO_MANY, or -ENOMEM.
 */
must_check int queue_set(struct queues *queues, const struct store_queue *set);
