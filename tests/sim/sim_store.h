#pragma once

/*
 * The model of the store: rows in memory that change only in whole batches, and
 * the folder of results. What is here survives everything.
 */

#include "daemon/core/job.h"
#include "daemon/core/sched.h"

struct sim;

enum { SIM_LANES = 6, SIM_OUTCOMES = 4096, SIM_WANTS = 256 };

/* A job: its durable row, and what the world knows of it beside. */
struct sim_row {
	struct job_facts facts;
	uint32_t lane;
	int32_t priority;
	uint64_t seq;
	int64_t token, worker; /* 0 unless running */
	enum job_cause cause;
	int64_t expire_ms; /* wall clock; 0: never */
	/* It came with descriptors: generation of the broker that got them,
	 * and has them until it starts. 0: with none. */
	uint64_t carried;
	/* What it does when it runs. */
	int64_t run_ns;	      /* INT64_MAX: until it is cancelled */
	uint8_t fails, kills; /* percent of its attempts; its worker */
	bool deaf;	      /* as a handler: it hears of no cancel */
	int64_t timeout_ns;   /* as a handler; 0: none */
	/* What was seen of it. */
	uint32_t starts;
	bool seen;
	enum job_state seen_state;
};

enum sim_fate { FATE_OPEN, FATE_ENDED, FATE_LOST, FATE_PUT_BACK };

/* A claim that was ever made; its index is the token. */
struct sim_token {
	int64_t job, worker;
	enum sim_fate fate;
	bool started;
	uint64_t answered; /* generation of the broker that has the result */
	uint64_t claimed;  /* and of the one that gave it to the worker */
};

struct sim_worker_row {
	int64_t id, start_ticks;
	int pid;
	uint32_t boot;
};

/* A result as worker, broker and results/ know it. */
struct sim_outcome {
	int64_t job, token, worker;
	enum job_event event;
	enum job_cause cause;
	int64_t run_ns;
	bool by_worker; /* it said so itself: settle it */
};

struct sim_entry {
	uint64_t call;
	struct sim_row row;
	int64_t delay_ms;
	int64_t expire_ms; /* after it is entered */
	bool hold;
	bool carries; /* descriptors come with it */
};

struct sim_steer {
	enum job_event event;
	int64_t job;
	int64_t delay_ms; /* of RETRY and CHANGE */
};

struct sim_claim {
	struct sim_outcome as; /* job, token, worker */
	uint32_t lane, attempt;
	bool once;
};

struct sim_batch {
	struct sim_entry entries[32];
	struct sim_steer steers[32];
	struct sim_outcome outcomes[SIM_OUTCOMES];
	struct sched_want wants[SIM_WANTS];
	int64_t want_workers[SIM_WANTS]; /* ids */
	struct sim_worker_row workers[SIM_WANTS];
	int64_t gone[64];
	size_t entry_count, steer_count, outcome_count, want_count;
	size_t worker_count, gone_count;
	bool strand; /* what waits for descriptors of an earlier broker */
	/* out */
	struct sim_claim claims[SIM_OUTCOMES];
	struct sim_outcome signals[32];
	int64_t ended[SIM_OUTCOMES + 256];
	size_t claim_count, signal_count, ended_count;
};

struct sim_store {
	struct sim_row *rows; /* id - 1 is the index */
	size_t row_count, row_room;
	int64_t *live; /* ids that have not ended */
	size_t live_count, live_room;
	struct sim_token *tokens; /* [0] is nobody's */
	size_t token_count, token_room;
	uint64_t *charged; /* by worker id: attempts charged at its death */
	size_t charged_room;
	int64_t *calls; /* by number of the call: the job's id, or 0 */
	size_t call_room;
	struct sim_worker_row workers[64];
	size_t worker_count;
	struct sim_outcome results[1024]; /* the folder */
	size_t result_count;
	uint64_t counts[STATE_COUNT];
	uint64_t ready[SIM_LANES];
	uint64_t next_seq;
	uint64_t begun;	    /* generation of the broker that stranded last */
	uint64_t begun_seq; /* next_seq then: what waits since is newer */
};

/** sim_store_commit() - the batch becomes durable, whole */
void sim_store_commit(struct sim *sim, struct sim_batch *batch);
struct sim_row *sim_store_row(struct sim *sim, int64_t job);
/** sim_store_result() - what results/ holds of a token, or NULL */
struct sim_outcome *sim_store_result(struct sim *sim, int64_t token);
void sim_store_forget_result(struct sim *sim, int64_t token);
struct sim_worker_row *sim_store_worker(struct sim *sim, int64_t id);
void sim_store_fini(struct sim_store *store);
