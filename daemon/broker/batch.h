#pragma once

/*
 * Batch: what arrived since the last one left, as one transaction. It owns its
 * bytes. One gathers while the other is with the writer.
 *
 * Indices stay good while it grows; pointers into its arrays do not.
 */

#include <sys/queue.h>

#include "daemon/broker/lane.h"
#include "daemon/core/sched.h"
#include "daemon/store/store.h"

struct call;

struct batch {
	struct store_batch store; /* as store_write() wants it */
	struct arena arena;	  /* all bytes, in and out */
	uint64_t serial;	  /* never the same twice */
	bool busy; /* it gathers, is with the writer or is being answered */
	size_t room_lanes, room_contexts, room_workers, room_gone,
		room_outcomes, room_steers, room_groups, room_queues,
		room_edits, room_entries, room_wants;
	struct sched_want *plan; /* one for each want, same order */
	size_t room_plan;
	struct lane **lanes; /* one for each lane, same order */
	size_t room_lane_pointers;
	int64_t *outcome_workers; /* row id to settle with; 0: nobody */
	size_t room_outcome_workers;
	int64_t *gone;	/* store.gone_workers, writable */
	uint32_t units; /* all-or-none calls so far */
	TAILQ_HEAD(batch_calls, call)
	calls;			   /* to answer when it is through, in order */
	struct slice last_context; /* as the client wrote it */
	uint32_t last_context_index;
	size_t queued_bytes; /* input held, for back-pressure */
	/* Outcomes and entries that may wait a moment, see below. */
	size_t patient_count;
	bool hurry;		  /* somebody waits for them after all */
	int64_t patient_since_ns; /* the first of them, monotonic */
	/* After the writer. */
	int result;	/* of store_write() */
	unsigned tries; /* that met a locked database */
	struct store_fault fault;
	int64_t commit_ns; /* how long it took */
};

/** batch_init() - empty, with serial 0 */
void batch_init(struct batch *batch);
/** batch_fini() - free its bytes; no call may wait for it any more */
void batch_fini(struct batch *batch);

/** batch_reset() - empty it for the next round; memory is kept in part */
void batch_reset(struct batch *batch, uint64_t serial);

/** batch_empty() - nothing that needs the writer */
bool batch_empty(const struct batch *batch);

/**
 * batch_patient() - the outcome or entry that was added last may wait for others
 *
 * The worker has enough to do meanwhile, or nobody waits for the commit. Short
 * jobs end one by one, and a commit for each takes the processor that the next
 * ones need.
 */
void batch_patient(struct batch *batch, int64_t now_ns);

/** batch_waits() - until when, if there is nothing in it but such; else 0 */
#define BATCH_PATIENCE_NS (2 * 1000 * 1000)
int64_t batch_waits(const struct batch *batch);

/** batch_lane() - the lane's index in this batch; 0 or -ENOMEM */
must_check int batch_lane(struct batch *batch, struct lane *lane,
			  uint32_t *ret);

/** batch_context() - the context's index; the text is copied once */
must_check int batch_context(struct batch *batch, struct slice text,
			     uint32_t *ret);

/*
 * Each adds one zeroed element and gives its index; -ENOMEM leaves the batch
 * as it was. Look it up again after every other call.
 */
must_check int batch_add_entry(struct batch *batch, size_t *ret);
must_check int batch_add_steer(struct batch *batch, size_t *ret);
must_check int batch_add_group(struct batch *batch, size_t *ret);
/** @name: copied; the element has it */
must_check int batch_add_queue(struct batch *batch, struct slice name,
			       size_t *ret);
must_check int batch_add_edit(struct batch *batch, size_t *ret);
must_check int batch_add_worker(struct batch *batch, size_t *ret);
/** @worker: row id of who waits for the settlement, 0: nobody */
must_check int batch_add_outcome(struct batch *batch, int64_t worker,
				 size_t *ret);
must_check int batch_add_gone(struct batch *batch, int64_t worker);

/**
 * batch_add_want() - this is wanted, by sched_ask(); before batch_plan()
 * @tag:	for the claims that it brings; 0 or -ENOMEM, then not
 */
must_check int batch_add_want(struct batch *batch, struct lane *lane,
			      const struct sched_want *want, void *tag);

/**
 * batch_plan() - ask the scheduler for claims, as the last thing before it
 * leaves; on -ENOMEM all that is wanted is to be taken back
 */
must_check int batch_plan(struct batch *batch, struct sched *sched,
			  size_t worker_count);

/** batch_forget_wants() - they were taken back: it claims nothing */
void batch_forget_wants(struct batch *batch);
