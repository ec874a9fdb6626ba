#pragma once

/*
 * struct broker: the parts of the broker side by side, each initialised and
 * owned by its module. Modules reach each other through it.
 */

#include <event2/event.h>

#include "daemon/broker/advance.h"
#include "daemon/broker/batch.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/config_link.h"
#include "daemon/broker/conn.h"
#include "daemon/broker/defaults.h"
#include "daemon/broker/direct.h"
#include "daemon/broker/drain.h"
#include "daemon/broker/examiner.h"
#include "daemon/broker/fleet.h"
#include "daemon/broker/follow.h"
#include "daemon/broker/group_hold.h"
#include "daemon/broker/lane.h"
#include "daemon/broker/last.h"
#include "daemon/broker/leases.h"
#include "daemon/broker/link.h"
#include "daemon/broker/pools.h"
#include "daemon/broker/queue.h"
#include "daemon/broker/reader.h"
#include "daemon/broker/reserve.h"
#include "daemon/broker/room.h"
#include "daemon/broker/sock.h"
#include "daemon/broker/subscribe.h"
#include "daemon/broker/waits.h"
#include "daemon/broker/writer.h"
#include "daemon/config/config.h"
#include "daemon/core/sched.h"
#ifdef REEVE_TEST_HOOKS
#include "proto/certification.h"
#endif

enum broker_stop { BROKER_RUNS, BROKER_DRAINS, BROKER_KILLS, BROKER_STOPS };

/* One gathers, one is with the writer, one is being answered. */
#define BROKER_BATCHES 3

struct broker {
	const struct config *config; /* in force: own_config */
	struct config own_config;
	struct event_base *base;
	struct sock_loop socks;
	struct event *tick; /* once a second */

	struct sched sched;
	struct lanes lanes;
	struct queues queues;		/* that have settings */
	struct drains drains;		/* calls that wait for empty queues */
	struct rooms rooms;		/* submissions that wait for room */
	struct pools pools;		/* who serves what */
	struct fleet fleet;		/* workers */
	struct leases leases;		/* what consumers have */
	struct reserves reserves;	/* what they wait for */
	struct link link;		/* to the supervisor */
	struct config_link config_link; /* what is configured */
	struct defaults defaults;	/* what jobs get by their queue */
	struct direct direct;	    /* jobs that begin before their commit */
	char *callback_rules;	    /* of every job, JSON; NULL: none */
	char *callback_queues;	    /* of queues in files, JSON; NULL: none */
	struct carried *carried;    /* by job: descriptors that wait with it */
	struct advances advances;   /* of jobs that say how far they are */
	struct event *advance_turn; /* what is to be told of them later */

	struct batch batches[BROKER_BATCHES];
	struct batch *gathering;
	uint64_t serial;	/* of the last batch that began to gather */
	struct event *kick;	/* end of the turn: the batch may leave */
	struct event *patience; /* the kick, when nothing was urgent */
	struct event *soon;	/* the next due job or recall */
	struct writer writer;
	struct reader reader;
	struct examiner examiner;
	struct store *write_store, *read_store;
	bool store_full;	 /* new jobs are refused until there is room */
	bool store_failed;	 /* the last batch was refused */
	bool store_broken;	 /* the handle is lost: answer, then exit */
	bool store_awaited;	 /* it cannot be opened: answer, try again */
	int64_t opening_ns;	 /* of the last beat while it opens; 0: none */
	char store_message[384]; /* why */
	int64_t next_due_ms; /* earliest scheduled job, wall clock; 0: none */
	int64_t purge_at_ns; /* monotonic: when to look again */

	struct conns conns;
	struct waits waits;
	struct lasts lasts;
	struct group_holds holds; /* closed when nobody holds them */
	struct follows follows;
	struct subscribe subscribe; /* who is told of events */

	enum broker_stop stop;
	bool ending;		/* commit what is there, then leave the loop */
	struct call *stop_call; /* Shutdown that waits for it, or NULL */
	int64_t stop_at_ns;	/* its patience, monotonic; 0: endless */
	int64_t since_ms;
	int64_t refused_batches; /* StorageFailed since the start */
	struct json_out scratch; /* for texts that are copied at once */
	int exit_status;
	int64_t born_ns;	 /* monotonic; 0: long ago */
	int64_t linger_until_ns; /* store_broken: answer until then; 0: no */
#ifdef REEVE_TEST_HOOKS
	struct certification certification;
#endif
};
