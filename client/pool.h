#pragma once

/*
 * Pool behind the public header: calls under way, in slots. Submissions are
 * gathered into batches, of which two may be unanswered; a stream of the group
 * tells the ends, many in a reply, some of them before the reply with the ids.
 * When a connection broke, what was not answered is sent again with the same
 * keys, and from then on ends are asked for by id.
 */

#include "client/group_hold.h"
#include "client/stream.h"
#include "client/submit.h"

#define POOL_BATCH_JOBS 1000
#define POOL_BATCH_BYTES (1024 * 1024)
#define POOL_UNDER_WAY 2
#define POOL_EARLY (POOL_UNDER_WAY * POOL_BATCH_JOBS)
#define POOL_WATCHES 16
#define POOL_NONE UINT32_MAX

enum pool_state {
	POOL_FREE,
	POOL_SENT,
	POOL_WAITING,
	POOL_EARLY_END,
	POOL_ENDED
};

struct pool_slot {
	enum pool_state state;
	uint32_t next;	       /* of the free ones, of the ended ones */
	int64_t id;	       /* 0: not told yet */
	struct reeve_job *job; /* owned; when it has ended */
	void (*on_result)(void *data, const struct reeve_job *job);
	void (*on_error)(void *data, const struct reeve_job *job);
	void *data;
};

struct pool_batch {
	struct json_out out; /* the message, so far */
	uint32_t slots[POOL_BATCH_JOBS];
	size_t count;
	bool complete; /* its message has its end */
};

struct reeve_pool {
	struct reeve *r;
	struct json_out head; /* of each message */
	int64_t group;
	struct group_hold hold;
	struct link calls;
	struct reeve_stream *ends;		   /* NULL: by id */
	struct reeve_watch *watches[POOL_WATCHES]; /* when by id */
	size_t watch_count;
	struct pool_batch *gather;		      /* NULL: nothing in it */
	struct pool_batch *under_way[POOL_UNDER_WAY]; /* the oldest first */
	size_t under_way_count;
	/* Slots: `most` for tasks, behind them POOL_EARLY for early ends. */
	struct pool_slot *slots;
	size_t most, left; /* tasks that were not handed out */
	uint32_t free, early_free, ended_first, ended_last;
	size_t early;
	uint32_t *order; /* slots in the order of put(); NULL: as they end */
	size_t order_first, order_count;
	uint32_t *ids; /* hash: slots by id */
	size_t id_mask;
	uint64_t heard; /* answers and ends, so far */
	bool by_id, closed, broken, calling;
};

/* pool_new() - as reeve_pool_new()
 * @group:	parameters of OpenGroup; NULL: the name of @defaults */
must_check int pool_new(struct reeve *r, const struct reeve_spec *defaults,
			size_t outstanding, bool ordered, const char *group,
			struct reeve_pool **ret);

/* ---- pool_ids.c ---- */

must_check int pool_slots_init(struct reeve_pool *pool, size_t most,
			       bool ordered);
void pool_slots_fini(struct reeve_pool *pool);
/* pool_find() - POOL_NONE: nobody has that id */
uint32_t pool_find(const struct reeve_pool *pool, int64_t id);
void pool_ids_add(struct reeve_pool *pool, uint32_t slot);
void pool_ids_remove(struct reeve_pool *pool, uint32_t slot);
/* pool_take() - a free slot, at the end of the order; POOL_NONE: none is */
uint32_t pool_take(struct reeve_pool *pool);
/* pool_early() - one for an end that was too quick; POOL_NONE: none is */
uint32_t pool_early(struct reeve_pool *pool);
void pool_early_drop(struct reeve_pool *pool, uint32_t slot);
/* pool_end() - the task of a slot has ended; owns @job */
void pool_end(struct reeve_pool *pool, uint32_t slot, struct reeve_job *job);
/* pool_first() - whose turn it is to be handed out; POOL_NONE: none yet */
uint32_t pool_first(const struct reeve_pool *pool);
/* pool_release() - the slot of pool_first() is free; its job is the caller's */
struct reeve_job *pool_release(struct reeve_pool *pool, uint32_t slot);

/* pool_forget() - the data of all tasks that were not handed out */
void pool_forget(const struct reeve_pool *pool, void (*forget)(void *data));

/* ---- pool_wire.c ---- */

/* pool_open() - a group, and both connections
 * @group:	parameters of OpenGroup; NULL: only the name (NULL: none) */
must_check int pool_open(struct reeve_pool *pool, const char *name,
			 const char *group);
/* pool_send() - what was gathered, if another batch may be under way */
must_check int pool_send(struct reeve_pool *pool);
/* pool_turn() - receive what is there; wait for it at most @timeout_ms */
must_check int pool_turn(struct reeve_pool *pool, int64_t timeout_ms);
/* pool_refuse() - end a task of which the daemon says nothing */
must_check int pool_refuse(struct reeve_pool *pool, uint32_t slot,
			   const char *state, const char *cause,
			   const char *type, const char *message);
