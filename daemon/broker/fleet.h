#pragma once

/*
 * Fleet: the workers as the broker sees them. One is here from the moment that
 * the supervisor announces it, or that its row is found at the start, until it
 * is dead and everything it held is decided.
 *
 *	announced --ready--> serving --disconnect--> away --ready--> serving
 *	adopted   --ready--> leaving              any --died--> gone
 *
 * Adopted: its supervisor is gone; it finishes what it has and gets nothing.
 */

#include <event2/event.h>
#include <stddef.h>
#include <uthash.h>

#include "daemon/base/channel.h"
#include "daemon/broker/sock.h"
#include "daemon/core/sched.h"
#include "daemon/store/store.h"

struct batch;
struct broker;
struct lane;

struct worker {
	UT_hash_handle hh; /* by id */
	struct broker *broker;
	int64_t id; /* the supervisor's number, the row's id */
	struct sched_worker sched;
	uint32_t pool; /* number; SCHED_POOL_NONE: one that is not there */
	char pool_name[CHANNEL_POOL_BYTES];
	bool commands;	    /* its jobs are processes: it times them itself */
	int64_t generation; /* of its pool, when it was born */
	struct worker_link *link; /* its connection, NULL: away */
	bool announced;		  /* a child of the living supervisor */
	bool scheduled;		  /* sched_worker_add() was called */
	bool row_known;		  /* its row is committed, or in a batch */
	bool counted;		  /* in fleet.count: it can get jobs */
	bool dead;		  /* only kept for batches that name it */
	bool proved;		  /* finished a job: the supervisor was told */
	bool heard;		  /* dialled in, and no word was lost since */
	bool accepted;		  /* the supervisor was told that it is ready */
	bool recycle;		  /* somebody asked for another in its place */
	bool retiring;		  /* its replacement was asked for, it serves */
	bool drained;		  /* it was told to leave, or will be */
	int64_t died_ns; /* told dead, last words still to be read; 0: lives */
	int status;	 /* as waitpid() has it; -1: unknown */
	pid_t pid;
	int slot;
	int64_t start_ticks;
	uint8_t secret_hash[32];
	int pidfd; /* of adopted ones; -1 */
	struct event *pidfd_event;
	/* Found running in the store, until it dials in and tells. */
	struct sched_jobs adopted_jobs;
	int64_t since_ns; /* it is here, monotonic */
	int64_t since_ms, jobs_done, cpu_us;
	int64_t rss_kib; /* when it was looked at last; 0: never */
};

struct fleet {
	struct worker *by_id;
	size_t count; /* that can get jobs */
	int listen_fd;
	struct event *listen_event;
	TAILQ_HEAD(, worker_link) links;
	char boot_id[40];
};

/** worker_of() - whose part of the scheduler's picture it is */
static inline struct worker *worker_of(struct sched_worker *sched)
{
	return (struct worker *)((char *)sched -
				 offsetof(struct worker, sched));
}

/** fleet_init() - no workers; not listening yet; 0 or negative errno */
must_check int fleet_init(struct broker *broker, int listen_fd);
/** fleet_fini() - forget them all; nothing is written to the store */
void fleet_fini(struct broker *broker);

/** fleet_find() - NULL when there is none */
struct worker *fleet_find(struct fleet *fleet, int64_t id);

/** fleet_born() - the supervisor announced a worker */
void fleet_born(struct broker *broker, const struct channel_message *message);

/** fleet_adopt() - a worker of an earlier supervisor that lives; owns @pidfd */
must_check int fleet_adopt(struct broker *broker,
			   const struct store_worker *row, int pidfd,
			   struct worker **ret);

/**
 * fleet_ready() - a connection said who it is
 *
 * Return: NULL: nobody we know, or it is not known yet whose it is; with
 *	   link->refused it does not serve what its pool must.
 */
struct worker *fleet_ready(struct broker *broker, struct worker_link *link);

/** fleet_row() - it is about to get a job: its row goes before; 0 or -ENOMEM */
must_check int fleet_row(struct broker *broker, struct batch *batch,
			 struct worker *worker);

/** fleet_signal() - TERM or KILL, by who may: the supervisor, or a pidfd */
void fleet_signal(struct broker *broker, const struct worker *worker,
		  int signal);

/** fleet_parked() - who is here changed: ask the parked connections again */
void fleet_parked(struct broker *broker);

/** fleet_leaving() - it wants nothing new */
void fleet_leaving(struct broker *broker, struct worker *worker);

/** fleet_away() - its connection is gone; it will dial again, or has died */
void fleet_away(struct broker *broker, struct worker *worker);

/** fleet_free() - forget a worker that holds nothing and that no batch names */
void fleet_free(struct broker *broker, struct worker *worker);

/** fleet_listen() - let workers dial in */
void fleet_listen(struct broker *broker);

/**
 * fleet_tick() - once a second: deaths whose last words never came, links that
 * never spoke, workers that do not answer any more
 */
void fleet_tick(struct broker *broker, int64_t now_ns);

/** fleet_busy() - attempts that any worker holds */
size_t fleet_busy(const struct fleet *fleet);
