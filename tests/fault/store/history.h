#pragma once

/*
 * A random history of batches on one store, and what was acknowledged of it.
 * After a crash the store is opened again and compared.
 */

#include "tests/unit/store/fixture.h"

enum { HISTORY_JOBS = 4096, HISTORY_BATCH = 8 };

struct history {
	struct fixture f;
	unsigned int seed;
	int round;
	/* By job id; ids are given out from 1. */
	bool acked[HISTORY_JOBS];
	enum job_state state[HISTORY_JOBS]; /* acknowledged */
	bool rule[HISTORY_JOBS];	    /* tried again when it fails */
	bool owes[HISTORY_JOBS];	    /* callbacks, one for each end */
	int ends[HISTORY_JOBS];
	int64_t last;  /* highest id that was acknowledged */
	int64_t token; /* highest token */
	struct store_claim claims[HISTORY_BATCH];
	size_t claim_count;
	/* The batch that was not acknowledged. */
	size_t open_entries;
	int64_t open_ends[HISTORY_BATCH];
	size_t open_end_count;
	int64_t open_retry; /* 0: none */
};

/* One random batch; false: the store failed. */
bool history_step(struct history *history);

/*
 * What must hold of the opened store: the invariants, every acknowledged job in
 * its state, all or nothing of the last batch. Returns how many acknowledged
 * jobs are lost (or are not what was said of them).
 */
int history_lost(struct history *history);
