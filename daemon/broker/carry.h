#pragma once

/*
 * Carry: the descriptors that came with submissions, from their message to the
 * worker that has begun the job. They are in this process and nowhere else: a
 * job that waits without them can never be started, and fails.
 */

#include <uthash.h>

#include "daemon/base/rights.h"
#include "daemon/broker/entry.h"

struct broker;
struct call;

/* Of one job that waits, or that a worker has and has not begun. */
struct carried {
	UT_hash_handle hh; /* by job */
	int64_t job;
	struct parcel *parcel;
};

/* What happened to a job that waits for descriptors nobody has: JSON. */
#define CARRY_LOST_TYPE "DescriptorsLost"
extern const struct slice carry_lost_failure;

/**
 * carry_refuses() - is something wrong with what came, whatever the job says?
 *
 * Return: true: the call was answered.
 */
bool carry_refuses(struct call *call);

/**
 * carry_check() - does a submission claim each that came with it, once?
 *
 * Return: 0 or ENTRY_E_REFUSED.
 */
must_check int carry_check(const struct call *call, const struct spec *spec,
			   const char *path, struct entry_fault *ret_fault);

/**
 * carry_committed() - new jobs of the batch get what came with their calls
 *
 * Before its claims are delivered. Without memory the job fails when its turn
 * comes.
 */
void carry_committed(struct broker *broker, struct batch *batch);

/** carry_find() - what a job was given; NULL: nothing, or it is gone */
struct parcel *carry_find(const struct broker *broker, int64_t job);

/** carry_drop() - the job has begun or ended: others have them, or nobody */
void carry_drop(struct broker *broker, int64_t job);

/** carry_lost() - a claimed job whose descriptors are gone: it fails */
void carry_lost(struct broker *broker, const struct store_claim *claim);

/** carry_fini() - close all */
void carry_fini(struct broker *broker);
