#pragma once

/*
 * Events: the numbered history, one row of table event a batch.
 *
 * A row has the number of its first event, how many there are, and the time of
 * the batch, which is that of each of its events. `packed` holds them one
 * behind the other, each
 *
 *	kind	one byte, enum event_kind
 *	cause	one byte, enum job_cause
 *	job	zigzag varint: job id minus that of the event before (of 0)
 *	attempt	varint
 *	lane	varint: of the job, when it happened
 *	group	zigzag varint: of the job (0: none) minus that of the event before
 *
 * A varint has seven bits a byte, low ones first; the top bit says that more
 * follow. So an event of a batch of neighbours takes six bytes.
 */

#include "proto/base.h"
#include "proto/names.h"

struct event_pack {
	unsigned char *p; /* owned */
	size_t n, capacity;
	int64_t count;
	int64_t last_job, last_group;
};

struct event {
	enum event_kind kind;
	enum job_cause cause;
	int64_t job;
	uint32_t attempt;
	int32_t lane;
	int64_t group; /* 0: none */
};

/* Where an unpacking is; zero but for `left` before the first event. */
struct event_walk {
	struct slice left;
	int64_t last_job, last_group;
};

/** event_pack_add() - 0 or -ENOMEM */
must_check int event_pack_add(struct event_pack *pack,
			      const struct event *event);
/** event_pack_clear() - forget the events, keep the memory */
void event_pack_clear(struct event_pack *pack);
void event_pack_fini(struct event_pack *pack);

/**
 * event_unpack() - take the next event off @walk
 *
 * Return: false when nothing is left, or what is left is not an event.
 */
bool event_unpack(struct event_walk *walk, struct event *ret);
