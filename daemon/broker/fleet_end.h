#pragma once

/*
 * The end of a worker: its last words are read, what it left in results/ is
 * taken, and every attempt that it held is decided (core/adopt.h).
 */

#include "daemon/broker/batch.h"
#include "daemon/broker/fleet.h"
#include "daemon/core/adopt.h"

/** fleet_died() - the supervisor reaped it: read its last words, then decide */
void fleet_died(struct broker *broker, const struct channel_message *message);

/** fleet_end_watch() - tell by its pidfd when an adopted worker dies */
must_check int fleet_end_watch(struct broker *broker, struct worker *worker);

/** fleet_end() - decide everything; frees it unless a batch names it */
void fleet_end(struct broker *broker, struct worker *worker);

/** fleet_end_release() - free a dead worker that no batch names any more */
void fleet_end_release(struct broker *broker, struct worker *worker);

enum {
	FLEET_END_E_NONE = 1, /* it left no result */
};

/**
 * fleet_end_result() - take the result that its worker left in results/
 *
 * Return: 0: an outcome was added; FLEET_END_E_NONE; or -ENOMEM.
 */
must_check int fleet_end_result(struct broker *broker, struct batch *batch,
				int64_t job, int64_t token);

/**
 * fleet_end_lost() - an outcome for an attempt that left no result
 * @verdict:	not ADOPT_WAIT or ADOPT_KEEP
 * @status:	of the worker, as waitpid() has it; -1: unknown
 */
must_check int fleet_end_lost(struct batch *batch, int64_t job, int64_t token,
			      enum adopt_verdict verdict, int status);
