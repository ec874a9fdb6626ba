#pragma once

/*
 * Room: submissions to a full queue whose overflow is `block`. The store has
 * refused them; they wait, unanswered, until the queue has room, and are tried
 * again in the order in which they came. Nobody else waits for them.
 */

#include <sys/queue.h>

#include "proto/base.h"

struct batch;
struct broker;
struct call;

#define ROOMS_MAX 1024
#define ROOMS_BYTES_MAX (64 * 1024 * 1024)

/* One that waits; embedded in the call's state, zeroed at first. */
struct room {
	TAILQ_ENTRY(room) link;
	struct call *call;
	struct slice queue; /* the caller's; lives as long as this */
	int64_t need;	    /* jobs that must fit, at least 1 */
	size_t bytes;	    /* that the call keeps in memory for it */
	uint64_t order;	    /* of its first wait; 0: none yet */
	bool waiting;
	/* There is room for @room jobs, or no sense in waiting: try again. */
	void (*again)(struct call *call, int64_t room);
};

struct rooms {
	TAILQ_HEAD(room_list, room) list; /* by order */
	size_t count, bytes;
	uint64_t last_order;
};

/** rooms_init() - nobody waits */
void rooms_init(struct rooms *rooms);

/**
 * room_wait() - wait until @room->need jobs fit into @room->queue
 *
 * Everything but link, order and waiting is the caller's to set. The call is
 * kept until again() is called or its connection closes.
 *
 * Return: false: too many wait, or nobody listens: answer now.
 */
bool room_wait(struct room *room);

/**
 * rooms_look() - after a commit: who fits now goes on
 * @batch:	what it changed is looked at; NULL: look at everything
 *
 * When the daemon is being stopped all go on, to be told so; and who waits for
 * a queue that now refuses, or is too short for it, goes on to be refused.
 */
void rooms_look(struct broker *broker, const struct batch *batch);
