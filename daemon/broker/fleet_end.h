#pragma once

/*
 * The end of a worker: its last words are read, what it left in results/ is
 * taken, and every attempt that it held is decided. Only the first one in the
 * order of delivery had started, so only that one is charged.
 */

#include "daemon/broker/batch.h"
#include "daemon/broker/fleet.h"

/** fleet_died() - the supervisor reaped it: read its last words, then decide */
void fleet_died(struct broker *broker, const struct channel_message *message);

/** fleet_end_watch() - tell by its pidfd when an adopted worker dies */
must_check int fleet_end_watch(struct broker *broker, struct worker *worker);

/** fleet_end() - decide everything; frees it unless a batch names it */
void fleet_end(struct broker *broker, struct worker *worker);

/** fleet_end_release() - free a dead worker that no batch names any more */
void fleet_end_release(struct broker *broker, struct worker *worker);

/**
 * fleet_lost() - an outcome for an attempt whose worker is gone
 * @charged:	it had started
 * @cause:	CAUSE_WORKER_LOST or CAUSE_HOST_LOST
 * @status:	as waitpid() has it; -1: unknown
 *
 * If the worker left a result in results/, that is the outcome.
 */
must_check int fleet_lost(struct broker *broker, struct batch *batch,
			  int64_t job, int64_t token, bool charged,
			  enum job_cause cause, int status);
