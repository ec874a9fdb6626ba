#pragma once

/*
 * Pool: how many workers a pool is to have, and which of them have served long
 * enough. Pure: time and load come in, numbers go out.
 *
 * It grows at once with load, and shrinks when so much was not needed for a
 * while: what counts is the highest need of the last idle_ns to 2 * idle_ns.
 * A worker that is worn is replaced first and leaves then: who has said ready
 * is never fewer than what is wanted because of it.
 */

#include "proto/base.h"

/* Births at a time: as many as there are, at least so many. */
#define POOL_BIRTHS_MIN 4

struct pool_rule {
	uint32_t min, max; /* min <= max, max at least 1 */
	int64_t idle_ns;
	/* A worker is worn after so much; 0: never. */
	int64_t retire_jobs, retire_age_ns, retire_kib;
	double jitter; /* 0 .. 1: up to that part earlier */
};

/* What is asked with, and about. */
struct pool_load {
	uint64_t open;	   /* jobs that wait, and no worker has credit for */
	uint32_t busy;	   /* serving workers that have a job */
	uint32_t serving;  /* said ready, and were not told to leave */
	uint32_t retiring; /* of these: are being replaced */
};

struct pool_size {
	uint32_t wanted;
	uint64_t need, need_before; /* highest of this time, and the last */
	int64_t turn_ns;	    /* when this time ends; 0: at once */
};

/**
 * pool_wanted() - look at the load; size->wanted is how many there should be
 *
 * Return: true when that is another number than before.
 */
bool pool_wanted(struct pool_size *size, const struct pool_rule *rule,
		 const struct pool_load *load, int64_t now_ns);

/** pool_excess() - workers that are to go, and get no replacement */
uint32_t pool_excess(const struct pool_size *size,
		     const struct pool_load *load);

/** pool_leavers() - workers that are being replaced and may go now */
uint32_t pool_leavers(const struct pool_size *size,
		      const struct pool_load *load);

/** pool_retire_room() - so many more may be replaced at the same time */
uint32_t pool_retire_room(const struct pool_size *size,
			  const struct pool_load *load);

enum pool_wear { POOL_FRESH, POOL_WORN_JOBS, POOL_WORN_AGE, POOL_WORN_MEMORY };

/**
 * pool_worn() - has it served long enough?
 * @kib:	resident memory, 0: not known
 * @seed:	the worker's number: its own share of the jitter
 */
enum pool_wear pool_worn(const struct pool_rule *rule, int64_t jobs,
			 int64_t age_ns, int64_t kib, uint64_t seed);
