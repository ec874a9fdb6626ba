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
 *
 * A varint has seven bits a byte, low ones first; the top bit says that more
 * follow. So an event of a batch of neighbours takes four bytes.
 */

#include "proto/base.h"
#include "proto/names.h"

struct event_pack {
	unsigned char *p; /* owned */
	size_t n, capacity;
	int64_t count;
	int64_t last_job;
};

struct event {
	enum event_kind kind;
	enum job_cause cause;
	int64_t job;
	uint32_t attempt;
};

/** event_pack_add() - 0 or -ENOMEM */
must_check int event_pack_add(struct event_pack *pack,
			      const struct event *event);
/** event_pack_clear() - forget the events, keep the memory */
void event_pack_clear(struct event_pack *pack);
void event_pack_fini(struct event_pack *pack);

/**
 * event_unpack() - take the next event off @packed
 * @last_job:	0 before the first; kept between calls
 *
 * Return: false when nothing is left, or what is left is not an event.
 */
bool event_unpack(struct slice *packed, int64_t *last_job, struct event *ret);
