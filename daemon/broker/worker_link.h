#pragma once

/*
 * Worker link: one dialled connection of a worker, and the statements on it
 * (ARCHITECTURE.md, "Worker protocol").
 */

#include <sys/queue.h>

#include "daemon/broker/fleet.h"
#include "daemon/broker/sock.h"
#include "proto/arena.h"
#include "proto/frame.h"

struct worker_link {
	TAILQ_ENTRY(worker_link) link;
	struct broker *broker;
	struct sock sock;
	struct frame frame;
	struct worker *worker; /* NULL until it is known who it is */
	int64_t contexts
		[64]; /* ids sent last, a ring: told once a connection */
	size_t context_count;
	pid_t peer_pid; /* from the kernel */
	int64_t since_ns;
	/* What it said in `ready`. */
	bool ready, leaving, refused;
	uint32_t
		prefetch; /* how many jobs it takes, 1 .. SCHED_CONCURRENT_MAX */
	int64_t stated_id;
	uint8_t secret[CHANNEL_SECRET_BYTES];
	struct arena arena;    /* holds `holding` while the link is parked */
	struct slice holding;  /* raw list */
	struct slice handlers; /* raw list */
	bool settling;	       /* a settled statement is being written */
	uint32_t silent;       /* ticks since it last said anything */
};

/** worker_link_accept() - from the listening event */
void worker_link_accept(struct broker *broker, int fd);

/** worker_link_free() - close; the worker, if any, is away */
void worker_link_free(struct worker_link *link);

/** worker_link_settings() - tell the worker the configuration as it is now */
void worker_link_settings(struct worker_link *link);

/** worker_link_parked() - try `ready` again: the fleet has grown
 *
 * Return: false when the link was closed: its worker cannot be used. */
bool worker_link_parked(struct worker_link *link);

/** worker_link_job() - deliver a claim
 * @lane:	tells handler and queue
 * @parcel:	the descriptors that go with it; NULL: none */
void worker_link_job(struct worker_link *link, const struct lane *lane,
		     const struct store_claim *claim, struct parcel *parcel);

/** worker_link_settled() - a result is committed; worker_link_settle_end() */
void worker_link_settled(struct worker_link *link, int64_t token);
void worker_link_settle_end(struct worker_link *link);

/** worker_link_cancel() - end a job
 * @grace_ms:	negative: the daemon's own
 * @timeout:	because it ran too long, not because somebody asked */
void worker_link_cancel(struct worker_link *link, int64_t job, int64_t token,
			int64_t grace_ms, bool timeout);
/** worker_link_drain() - finish what you have begun, and leave */
void worker_link_drain(struct worker_link *link);
/** worker_link_ping() - is it still with us? */
void worker_link_ping(struct worker_link *link);
/** worker_link_recall() - give a job back that has not begun */
void worker_link_recall(struct worker_link *link, int64_t job, int64_t token);
