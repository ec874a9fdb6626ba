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

#include "daemon/base/channel.h"
#include "daemon/broker/worker.h"
#include "daemon/store/store.h"

struct batch;
struct broker;
struct lane;

struct fleet {
	struct worker *by_id;
	size_t count; /* that can get jobs */
	int listen_fd;
	struct event *listen_event;
	TAILQ_HEAD(, worker_link) links;
	char boot_id[40];
};

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

/** fleet_tell() - who listens is told that it is here, or gone; once */
void fleet_tell(struct broker *broker, struct worker *worker, bool up);

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
