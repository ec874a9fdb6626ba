#pragma once

/*
 * The model of the broker: gathers, plans with the real scheduler, hands whole
 * batches to the store, and lets nothing out before they are durable.
 */

#include "daemon/core/overrun.h"
#include "daemon/core/sched.h"
#include "tests/sim/sim_worker.h"

enum sim_phase {
	BROKER_DOWN,
	BROKER_STARTING, /* its first batch, what it adopted, is under way */
	BROKER_SERVING,
};

enum sim_flight { FLIGHT_NONE, FLIGHT_SENT, FLIGHT_DURABLE, FLIGHT_FAILED };

/* A job that a worker was given. */
struct sim_given {
	struct sched_job sched; /* first */
	LIST_ENTRY(sim_given) all;
	bool sent; /* on the way to the worker, or there */
	bool once;
	bool begun;  /* the worker said so when it dialled in */
	bool cancel; /* it is to be ended, and the worker must hear it */
	struct overrun overrun; /* of handlers */
};

/* What the broker knows of the worker with the same index. */
struct sim_hand {
	bool used;
	int64_t id;
	struct sched_worker sched;
	bool scheduled;
	bool linked; /* said ready on the connection that is open */
	bool blind;  /* nobody knows what it did since we last heard */
	bool row_known;
	bool dead; /* judged; only wants under way keep it */
	bool leaving;
	struct sched_jobs adopted; /* until it dials in */
	int64_t since_ns;	   /* that this broker knows it */
};

struct sim_broker {
	enum sim_phase phase;
	uint64_t generation;
	int64_t born_ns;
	bool useful;
	struct sched sched;
	struct sched_lane lanes[SIM_LANES];
	uint32_t waited
		[SIM_LANES]; /* jobs of others, since it could be served */
	bool paused[SIM_LANES];
	struct sim_hand hands[SIM_WORKERS];
	LIST_HEAD(, sim_given) given;
	struct sim_batch *gathering, *flying;
	enum sim_flight flight;
};

/** sim_broker_start() - a new one, nothing in memory */
void sim_broker_start(struct sim *sim);
/** sim_broker_die() - at once; what is under way may be durable or not */
void sim_broker_die(struct sim *sim);
/** sim_broker_act() - one thing that a living broker does */
void sim_broker_act(struct sim *sim);
/** sim_broker_fini() - frees what a dead one left */
void sim_broker_fini(struct sim *sim);

/** sim_broker_born() - the supervisor announces a worker */
void sim_broker_born(struct sim *sim, struct sim_worker *worker);
/** sim_broker_close_link() - it closes a connection and knows less */
void sim_broker_close_link(struct sim *sim, struct sim_worker *worker);
/** sim_broker_add() - an outcome for the batch that gathers */
void sim_broker_add(struct sim *sim, const struct sim_outcome *outcome);
/** sim_broker_gone() - the row of a worker is to be forgotten */
void sim_broker_gone(struct sim *sim, int64_t worker);

/* sim_fleet.c: what it does with workers. */

/** sim_fleet_read() - the next statement of a worker, if there is one */
bool sim_fleet_read(struct sim *sim, struct sim_worker *worker);
/** sim_fleet_notice() - somebody died: ends it once all was read */
void sim_fleet_notice(struct sim *sim, struct sim_worker *worker);
/** sim_fleet_give() - a claim is durable */
void sim_fleet_give(struct sim *sim, const struct sim_claim *claim);
/** sim_fleet_cancel() - the end of a running job was asked for, durably */
void sim_fleet_cancel(struct sim *sim, const struct sim_outcome *signal);
/** sim_fleet_recall() - jobs behind a long one are asked back */
void sim_fleet_recall(struct sim *sim);
/** sim_fleet_head() - what it runs, as far as the broker knows, or NULL */
struct sim_given *sim_fleet_head(struct sim_hand *hand, int64_t *ret_since_ns);

/* sim_overrun.c: handlers that run too long, or were cancelled. */

/** sim_overrun_begin() - a job of a handler is given, or was found to run */
void sim_overrun_begin(struct sim *sim, struct sim_given *given);
/** sim_overrun_ask() - somebody cancelled it */
void sim_overrun_ask(struct sim *sim, struct sim_given *given);
/** sim_overrun_look() - do what is due, for one worker */
void sim_overrun_look(struct sim *sim, struct sim_hand *hand);
/** sim_overrun_judge() - what a failure, or the death of its worker, means */
bool sim_overrun_judge(const struct sim_given *given,
		       struct sim_outcome *outcome);

/** sim_fleet_adopt() - what was running, at the start of a broker */
void sim_fleet_adopt(struct sim *sim);
/** sim_fleet_find() - by id, or NULL */
struct sim_hand *sim_fleet_find(struct sim *sim, int64_t id);
/** sim_fleet_clear() - takes everything out of the scheduler */
void sim_fleet_clear(struct sim *sim);
