#pragma once

/*
 * Leases: the attempts that consumers outside the pools have, by core/lease.
 * To the store one worker has them all, whose row stays for ever: nobody's
 * death is told, so a clock decides. Whoever knows the token has the lease, on
 * whatever connection.
 */

#include <sys/queue.h>
#include <uthash.h>

#include "daemon/broker/advance.h"
#include "daemon/broker/unread.h"
#include "daemon/core/lease.h"
#include "daemon/store/store.h"

struct batch;
struct lane;

/* The row of all consumers; the supervisor's numbers are far above it. */
#define LEASES_WORKER 1
#define LEASES_POOL "consumer"

/* A connection that reserves; its leases may outlive it. */
struct consumer {
	unsigned refs;
	uint32_t held;	 /* leases that came by it and did not end, or ... */
	uint32_t lapsed; /* ... did in silence: who hangs gets no more */
	uint32_t spoke;	 /* how often that was forgiven */
	uint64_t told;	 /* the last reply to it with leases in it */
};

struct leased {
	UT_hash_handle hh;  /* by job */
	int64_t job, group; /* group 0: none, or not known */
	struct lease lease;
	struct consumer *consumer; /* NULL: of before this broker */
	uint64_t told;		   /* the reply of its connection with it */
	bool adopted, once;	   /* adopted: of before this broker */
	bool heard;		   /* somebody has spoken of it since */
	bool lapsed;		   /* counted in its consumer's, ... */
	uint32_t spoke;		   /* ... unless that has spoken since */
	struct advance *advance;   /* owned; NULL: it has said nothing */
	const struct lane *lane;   /* stays while it runs; NULL: not known */
	/* Claimed, and not told yet: both only for one turn. */
	TAILQ_ENTRY(leased) fresh;
	const struct store_claim *claim;
};

struct leases {
	struct leased *by_job;
	struct unread *unread;
	bool row_known; /* the row is committed, or in a batch */
};

/** consumer_unref() - one less knows it; NULL is nobody */
void consumer_unref(struct consumer *consumer);
/** consumer_speaks() - it is there: what lapsed holds up nothing any more */
void consumer_speaks(struct consumer *consumer);
/** leases_fini() - forget them; nothing is written to the store */
void leases_fini(struct leases *leases);

/** leases_row() - the first claim comes: the row goes before; 0 or -ENOMEM */
must_check int leases_row(struct broker *broker, struct batch *batch);
/** leases_is_row() - is it that of the consumers? */
bool leases_is_row(const struct store_worker *row);

/**
 * leases_take() - a claim is committed: it is the consumer's for @lease_ns
 * @consumer:	NULL: of nobody
 *
 * Return: the lease; NULL: no memory.
 */
struct leased *leases_take(struct broker *broker,
			   const struct store_claim *claim,
			   struct consumer *consumer, int64_t lease_ns);

/** leases_adopt() - an attempt that was running when the broker ended */
must_check int leases_adopt(struct broker *broker,
			    const struct store_running *running,
			    const struct lane *lane);

/** leases_find() - held now; its consumer has spoken. NULL: it is lost */
struct leased *leases_find(struct broker *broker, int64_t job, int64_t token);

/**
 * leases_end() - an outcome for it in the gathering batch
 * @outcome:	without job and token; its texts in the batch's arena
 *
 * Return: 0, or -ENOMEM, then it is held as before.
 */
must_check int leases_end(struct broker *broker, struct leased *leased,
			  const struct store_outcome *outcome);

/** leases_take_back() - the last @count ends of the gathering batch go */
void leases_take_back(struct broker *broker, size_t count);

/** leases_put_back() - it reached nobody: it goes back and is forgotten */
void leases_put_back(struct broker *broker, struct leased *leased);
/** leases_settled() - the end of an attempt that had one is committed */
void leases_settled(struct broker *broker, const struct store_outcome *outcome);

/** leases_refused() - the store took no batch: they are held again */
void leases_refused(struct broker *broker, const struct batch *batch);

/** leases_cancel() - somebody asks for its end; told when it is asked */
void leases_cancel(struct broker *broker, const struct store_signal *signal);
/** leases_tick() - those whose deadline has passed are lost */
void leases_tick(struct broker *broker, int64_t now_ns);
/** leases_deadline() - as wall clock, milliseconds */
int64_t leases_deadline(const struct leased *leased, int64_t now_ns);

/** leases_advances() - whoever has it says how far it is; 0 or -ENOMEM */
must_check int leases_advances(struct broker *broker, struct leased *leased,
			       const struct advance_word *word);

/** leases_advance() - what a running job has said so far; NULL: nothing */
const struct advance *leases_advance(const struct leases *leases,
				     const struct store_row *row);
