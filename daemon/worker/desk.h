#pragma once

/*
 * Desk: what the worker owes to the broker. The queue of delivered attempts,
 * the running one, the results that are not settled; and the statements both
 * ways (ARCHITECTURE.md, "Worker protocol").
 *
 * A job begins only when every result before it is out of the worker's hands,
 * on the wire to a broker or on disk: at the worker's death exactly the first
 * unanswered attempt had started.
 */

#include "daemon/base/channel.h"
#include "daemon/config/config.h"
#include "daemon/worker/results.h"
#include "daemon/worker/runner.h"
#include "daemon/worker/uplink.h"
#include "daemon/worker/worker.h"

/* So long without a broker, and results go to disk. */
#define DESK_AWAY_NS 1000000000
/* The supervisor holds the listening socket: when nobody has listened for so
 * long it was gone before we could look at it. */
#define DESK_REFUSED_NS 30000000000
/* So long jobs that end at once may follow each other in one turn. */
#define DESK_TURN_NS 5000000
/* So long a leaving worker tries to give back what it did not begin. */
#define DESK_PUT_BACK_NS 5000000000

struct desk {
	struct config *config; /* the caller's; hello changes it */
	const struct channel_message *birth; /* the caller's */
	struct uplink link;
	struct places places; /* of this connection */
	struct order_list queue;
	size_t queue_count;
	int64_t last_token; /* the highest that was delivered */
	struct results results;
	struct runner *runner;	 /* the caller's */
	char *socket;		 /* as hello said */
	bool leaving;		 /* takes nothing new */
	enum worker_exit status; /* when it leaves */
	int64_t idle_ns;	 /* leaving, and nothing runs, since; 0 */
	int64_t spool_ns;	 /* not before: the last try failed */
	bool hopeless; /* leaving, and the folder of results is gone */
	bool warned;   /* one log line for each connection that goes wrong */
};

/** desk_init() - owes nothing yet, and dials at once */
void desk_init(struct desk *desk, struct config *config,
	       const struct channel_message *birth, struct runner *runner,
	       int64_t now_ns);
/** desk_fini() - what is not settled must be on disk by now */
void desk_fini(struct desk *desk);

/** desk_receive() - the socket is readable */
void desk_receive(struct desk *desk, int64_t now_ns);

/** desk_leave() - take nothing new, put back what has not begun */
void desk_leave(struct desk *desk, enum worker_exit status);

/**
 * desk_turn() - dial, report, begin the next job, spool, write
 *
 * Return: true when the worker is to exit.
 */
bool desk_turn(struct desk *desk, int64_t now_ns);

/** desk_due_ns() - when desk_turn() wants to be called at the latest */
int64_t desk_due_ns(const struct desk *desk);
