#pragma once

/*
 * Tally: what one transaction adds to the counters of groups and contexts, by
 * id, so that each of them is updated once a batch and not once a job. Pure.
 */

#include "proto/base.h"
#include "proto/names.h"

struct tally_entry {
	int64_t id;
	int64_t add[STATE_COUNT]; /* a context uses the first only */
	int mark;		  /* the owner's; 0 at first */
};

struct tally {
	struct tally_entry *entries; /* in the order of their first use */
	size_t count;
	size_t capacity;
	uint32_t *slots;   /* index + 1 into entries, 0: free */
	size_t slot_count; /* a power of two, or 0 */
};

/**
 * tally_at() - the entry of @id, made when it is not there
 * @ret:	valid until the next call
 *
 * Return: 0 or -ENOMEM.
 */
must_check int tally_at(struct tally *tally, int64_t id,
			struct tally_entry **ret);

/** tally_find() - the entry of @id, or NULL; valid until the next tally_at() */
const struct tally_entry *tally_find(const struct tally *tally, int64_t id);

/** tally_clear() - forget all entries, keep the memory */
void tally_clear(struct tally *tally);
void tally_fini(struct tally *tally);
