#pragma once

/*
 * The model of a worker: it runs what it is given in the order of delivery,
 * keeps results until they are settled, and dials in again.
 */

#include "daemon/core/backoff.h"
#include "tests/sim/sim_store.h"

enum { SIM_WORKERS = 24, SIM_TASKS = 256 };

enum sim_word {
	WORD_READY,    /* to the broker; what it holds is in the link */
	WORD_DONE,     /* to the broker */
	WORD_PUT_BACK, /* to the broker */
	WORD_JOB,      /* to the worker */
	WORD_CANCEL,
	WORD_RECALL,
	WORD_SETTLED,
};

struct sim_message {
	enum sim_word word;
	struct sim_outcome as;
	uint32_t attempt;
};

/* First in, first out; grows. */
struct sim_queue {
	struct sim_message *messages;
	size_t first, count, room;
};

struct sim_task {
	struct sim_outcome as;
	uint32_t attempt;
	bool begun;
	int64_t begun_ns, ends_ns;
	bool cancelled;
};

struct sim_held_result {
	struct sim_outcome as;
	bool sent;  /* on this connection */
	bool filed; /* in results/ */
};

/* A process; what is left of a dead one is what its connection still holds. */
struct sim_worker {
	bool used, alive;
	int64_t id;
	int pid;
	int64_t start_ticks, born_ns;
	uint32_t boot, slot;
	uint64_t generation; /* of its supervisor */
	bool useful;	     /* it finished a job */
	struct sim_task tasks[SIM_TASKS];
	size_t task_count;
	struct sim_held_result results[SIM_TASKS * 2];
	size_t result_count;

	bool connected;	  /* as the worker sees it */
	bool peer_closed; /* the broker's end is gone */
	int64_t away_ns;  /* since when it has no broker */
	struct sim_queue to_broker, to_worker;
	struct sim_holding {
		int64_t token;
		bool begun;
	} holding[SIM_TASKS * 3];
	size_t holding_count;
};

void sim_queue_push(struct sim_queue *queue, const struct sim_message *message);
bool sim_queue_pop(struct sim_queue *queue, struct sim_message *ret);

/** sim_worker_born() - a new one in a slot; false: no room for it */
bool sim_worker_born(struct sim *sim, uint32_t slot);
/** sim_worker_act() - one thing that a living worker does */
void sim_worker_act(struct sim *sim, struct sim_worker *worker);
/** sim_worker_die() - at once, whatever it does */
void sim_worker_die(struct sim *sim, struct sim_worker *worker);
/** sim_worker_leaving() - its supervisor is gone */
bool sim_worker_leaving(const struct sim *sim, const struct sim_worker *worker);
