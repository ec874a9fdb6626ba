#pragma once

/* Counts: how many jobs are in each state. */

#include "client/tool.h"

#define COUNTS_BYTES 256
#define COUNTS_STATES (REEVE_CANCELLED + 1)

struct counts {
	int64_t of[COUNTS_STATES]; /* by enum reeve_state */
	int64_t total;
};

/** counts_parse() - from an object {"ready":3,...}; unknown words are left */
void counts_parse(struct counts *counts, struct slice object);

/** counts_load() - all jobs; 0 or an enum reeve_code */
must_check int counts_load(struct tool *tool, struct counts *ret);

/** counts_say() - "2 running, 1 waiting, 1 failed; 118 done" */
void counts_say(const struct counts *counts, char ret[COUNTS_BYTES]);
