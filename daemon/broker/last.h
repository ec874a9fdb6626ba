#pragma once

/*
 * Last: the job that somebody submitted last. Ids do not tell: those of jobs
 * that begin before their commit are from a supply that was set aside earlier.
 * In memory only: a new broker takes the highest id until somebody submits.
 */

#include <stddef.h>
#include <stdint.h>

struct call;

#define LAST_USERS 8

struct lasts {
	struct {
		uint32_t uid;
		int64_t id; /* 0: this one is free */
	} users[LAST_USERS];
	size_t next; /* whose place is given to another one */
};

/** last_submitted() - by this call; ids that are 0 were not taken */
void last_submitted(struct call *call, int64_t id);
